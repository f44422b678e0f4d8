"""The price of a proof: Athena's megabytes and S3's requests at list prices, without any allowance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from tally_pipeline.cost.activity import GETS_A_FILE, LEAST_MB, RESULT_WRITES
from tally_pipeline.cost.bill import price_list
from tally_pipeline.cost.scans import DATA_TYPE, scans
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb.lists import LISTS

PUTS = 20
"""Puts, deletes and listings of the trials themselves, rather too many than too few."""

KEPT_DAYS = 180
"""Days of the lake that a query without a filter on dt would list."""

_DAYS_BACK = re.compile(r"date_format\(current_date - interval '(\d+)' day, '%Y-%m-%d'\)")
"""A day before today as the sample queries name it; Athena works it out before it lists anything."""


def expected(statements: Sequence[str], today: date) -> float:
    """US dollars beforehand: each query reads what Athena bills at least, and lists what its filter on dt leaves."""
    return billed([0] * len(statements), statements, today)


def billed(scanned: Iterable[int], statements: Iterable[str], today: date) -> float:
    """US dollars for queries that read so many bytes each."""
    each = [max(LEAST_MB, size / 1e6) for size in scanned]
    return _usd(sum(each), len(each), sum(_listings(sql, today) for sql in statements))


def _listings(sql: str, today: date) -> int:
    """The partitions that a query's filters leave, each of which Athena lists."""
    keys = {spec.name: spec.partitions for spec in TABLES}
    listings = 0
    for scan in scans(_DAYS_BACK.sub(lambda found: f"'{today - timedelta(days=int(found[1]))}'", sql)):
        lists = len(LISTS) if DATA_TYPE in keys.get(scan.table, ()) else 1
        listings += scan.days_within(today - timedelta(days=KEPT_DAYS), today) * lists
    return listings


def _usd(scanned_mb: float, queries: int, listings: int) -> float:
    prices = price_list().prices
    return (
        prices["athena"].of(scanned_mb)
        + prices["s3_write"].of(PUTS + listings + queries * RESULT_WRITES)
        + prices["s3_read"].of(listings * GETS_A_FILE)
    )
