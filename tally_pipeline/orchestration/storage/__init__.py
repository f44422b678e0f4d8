"""Dagster's history in SQLite, and what is used of Dagster's private parts."""
