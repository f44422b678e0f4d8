"""What tests, proofs and benchmarks share: servers like TMDB and AWS, pipelines to try, and rows."""
