"""Which days of which tables a query reads, told from its SQL."""

from __future__ import annotations

from datetime import date

import pytest

from tally_pipeline import gold
from tally_pipeline.cost.scans import Scan, scans
from tally_pipeline.tables.table import SqlTable

FIRST, LAST = date(2025, 12, 1), date(2025, 12, 30)


def days(sql: str) -> list[tuple[str, int]]:
    """The tables that are read, in order, and how many of the 30 days of each."""
    return sorted((scan.table, scan.days_within(FIRST, LAST)) for scan in scans(sql))


@pytest.mark.parametrize(
    ("where", "looked_at"),
    [
        ("", 30),
        ("WHERE dt = '2025-12-24'", 1),
        ("WHERE dt = '2024-12-24'", 0),
        ("WHERE dt IN ('2025-12-24', '2025-12-17', '2024-01-01')", 2),
        ("WHERE dt BETWEEN '2025-12-24' AND '2025-12-26'", 3),
        ("WHERE dt <= '2025-12-10'", 10),
        ("WHERE dt < '2025-12-10'", 9),
        ("WHERE dt >= '2025-12-24' AND dt < '2025-12-26' AND rank = 1", 2),
        ("WHERE (dt >= '2025-12-24') AND dt > '2025-12-29'", 1),
        ("WHERE dt = '2025-12-24' OR rank = 1", 30),
        ("WHERE dt = (SELECT max(dt) FROM silver_genres)", 30),
        ("WHERE rank = 1", 30),
    ],
)
def test_the_filter_on_the_day_decides_how_many_are_looked_at(where: str, looked_at: int) -> None:
    assert ("silver_shows", looked_at) in days(f"SELECT * FROM silver_shows {where}")


def test_a_filter_on_the_list_is_seen() -> None:
    (one,) = scans("SELECT * FROM silver_shows WHERE data_type = 'popular_shows' AND dt = '2025-12-24'")
    assert one == Scan("silver_shows", days=frozenset({"2025-12-24"}), lists=frozenset({"popular_shows"}))


def test_what_stands_in_a_with_is_read_wherever_it_is_named() -> None:
    sql = """
    WITH day AS (SELECT * FROM silver_shows WHERE dt = '2025-12-24'), top AS (SELECT * FROM day WHERE rank = 1)
    SELECT * FROM day JOIN top ON day.show_id = top.show_id
    """
    assert days(sql) == [("silver_shows", 1), ("silver_shows", 1)]


def test_a_join_is_filtered_table_by_table() -> None:
    sql = """
    SELECT * FROM silver_shows AS now JOIN silver_shows AS past ON now.show_id = past.show_id
    WHERE now.dt = '2025-12-24' AND past.dt < '2025-12-24'
    """
    assert days(sql) == [("silver_shows", 1), ("silver_shows", 23)]


def test_subqueries_and_unions_are_read_too() -> None:
    assert days(
        "SELECT * FROM silver_shows WHERE dt = '2025-12-24' AND show_id IN (SELECT id FROM silver_genres)"
        " UNION ALL SELECT * FROM quarantine_shows WHERE dt = '2025-12-24'"
    ) == [("quarantine_shows", 1), ("silver_genres", 30), ("silver_shows", 1)]


@pytest.mark.parametrize(
    "table", [table for table in gold.TABLES if isinstance(table, SqlTable)], ids=lambda table: table.name
)
def test_every_query_of_gold_is_understood(table: SqlTable) -> None:
    read = scans(table.statement("2025-12-24"))
    of_shows, of_details = (
        {"silver_shows", "silver_genres"},
        {"silver_details", "silver_offers", "gold_availability"},
    )
    assert {scan.table for scan in read} <= (of_shows if table in gold.OF_SHOWS else of_details)
    assert any(scan.days_within(date(2025, 12, 24), LAST) == 1 for scan in read)
