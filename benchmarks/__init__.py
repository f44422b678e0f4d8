"""What Tally costs, measured: `make bench`, or `python -m benchmarks NAME…`. Results: RESULTS.md beside this."""
