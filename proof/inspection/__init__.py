"""Searches for secrets, markup, and vulnerable dependencies."""
