"""`tally sandbox`: a TMDB to try things on, and a past for its lake."""
