"""Tests of what a show is."""
