"""Checks, their findings, and the rule for what stops publishing."""
