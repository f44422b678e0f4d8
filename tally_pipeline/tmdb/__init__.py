"""TMDB: the client that captures its lists, and a sandbox that answers like it."""
