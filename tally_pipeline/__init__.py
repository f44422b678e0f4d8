"""Tally: the TV shows of TMDB, captured daily, byte for byte, and refined into tables people trust."""

__version__ = "0.1.0"
