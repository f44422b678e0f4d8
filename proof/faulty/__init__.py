"""Faults of the other side, by side."""
