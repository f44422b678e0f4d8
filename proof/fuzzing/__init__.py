"""Fuzz targets, what must hold of each, and what feeds them."""
