"""One command a module, declared by `command`. A command imports its code when it runs, so that help and completion
do not wait for Dagster."""
