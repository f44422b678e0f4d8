"""`tally cost`: a month on AWS, from counted runs."""
