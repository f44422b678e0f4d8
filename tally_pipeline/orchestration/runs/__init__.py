"""Runs that commands launch or look at, and the Dagster home they are recorded in."""
