"""The lake: every key's name, the object store under it, what is read from and written to it."""
