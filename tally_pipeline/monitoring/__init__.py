"""Names of version 0.1 that users' files may still contain; nothing new goes here."""
