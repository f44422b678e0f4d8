"""Servers that answer as TMDB does, as a test says."""
