"""What captures look like as bytes, and how each is taken apart to what TMDB sent. Pure."""
