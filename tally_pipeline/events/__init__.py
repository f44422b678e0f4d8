"""Viewers' events: their contract, the door that takes them in, their lines in bronze. Pure."""
