"""What version 0.1 called by this name, for files at users' that still say it; nothing new goes here."""
