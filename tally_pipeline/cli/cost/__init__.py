"""`tally cost`: a month on AWS, from runs that are counted."""
