"""Servers that answer like TMDB, scripted by tests."""
