"""Evidence that Tally does what it claims, as commands that anyone can run: `python -m proof`."""
