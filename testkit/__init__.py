"""Helpers that tests, proofs and benchmarks share: servers like TMDB and AWS, pipelines, and rows."""
