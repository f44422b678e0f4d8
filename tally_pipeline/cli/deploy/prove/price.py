"""What a proof costs: Athena's megabytes and S3's requests at list prices, without any allowance."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta

from tally_pipeline.cost.activity import GETS_A_FILE, LEAST_MB, RESULT_WRITES
from tally_pipeline.cost.bill import price_list
from tally_pipeline.cost.scans import DATA_TYPE, scans
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb.lists import LISTS

PUTS = 20
"""Puts, deletes and listings of the trials themselves, rather too many than too few."""


def expected(statements: Iterable[str], today: date) -> float:
    """US dollars beforehand: each query reads what Athena bills at least, and lists what its filter on dt leaves."""
    keys = {spec.name: spec.partitions for spec in TABLES}
    first = today - timedelta(days=365)
    queries = listings = 0
    for sql in statements:
        queries += 1
        for scan in scans(sql):
            lists = len(LISTS) if DATA_TYPE in keys.get(scan.table, ()) else 1
            listings += scan.days_within(first, today) * lists
    return _usd(LEAST_MB * queries, queries, listings)


def billed(scanned: Iterable[int], listings: int = 0) -> float:
    """US dollars for queries that read so many bytes each."""
    each = [max(LEAST_MB, size / 1e6) for size in scanned]
    return _usd(sum(each), len(each), listings)


def _usd(scanned_mb: float, queries: int, listings: int) -> float:
    prices = price_list().prices
    return (
        prices["athena"].of(scanned_mb)
        + prices["s3_write"].of(PUTS + listings + queries * RESULT_WRITES)
        + prices["s3_read"].of(listings * GETS_A_FILE)
    )
