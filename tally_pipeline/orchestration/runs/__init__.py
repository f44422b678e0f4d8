"""Runs of commands, and the Dagster home that records them."""
