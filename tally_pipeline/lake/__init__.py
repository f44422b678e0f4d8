"""The lake: the layout of keys, the object store under it, reading from it and publishing to it."""
