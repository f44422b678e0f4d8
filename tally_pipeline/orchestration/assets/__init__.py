"""The assets by layer, and the checks beside them. Thin Dagster glue over `datasets`, `gold`, `lake` and `query`."""
