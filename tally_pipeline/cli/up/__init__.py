"""`tally up`: Dagster's UI with schedule and sensor, the first sync, and a past for the sandbox."""
