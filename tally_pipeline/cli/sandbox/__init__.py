"""`tally sandbox`: a stand-in for TMDB, and a past for its lake."""
