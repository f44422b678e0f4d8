"""Measures Tally's time and memory: `make bench`, or `python -m benchmarks NAME…`. Results are in RESULTS.md."""
