"""Dagster's history in SQLite, and the uses of Dagster's private parts."""
