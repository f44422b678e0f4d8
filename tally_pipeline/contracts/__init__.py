"""Contracts: columns and rules, rows decoded fast, and the doubtful ones diagnosed. Pure."""
