"""The assets by layer, and the checks beside them. Thin Dagster glue over `shows`, `tmdb`, `lake` and `catalog`."""
