"""The formats of captures: their bytes, and how TMDB's responses are recovered from them. Pure."""
