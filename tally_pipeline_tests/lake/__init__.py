"""Tests of the lake, each on a real folder."""
