"""The table that people query: one interface, served by DuckDB over a folder or by Athena on AWS."""
