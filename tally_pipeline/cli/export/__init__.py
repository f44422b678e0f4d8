"""`tally export`: proven copies of the lake."""
