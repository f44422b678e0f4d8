"""One command a module: `command` is its one declaration. What it needs is imported when it runs: no help and no
completion waits for Dagster."""
