"""A month's quantities from counted runs: what is multiplied by what."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from tally_pipeline.cost import activity
from tally_pipeline.cost.activity import (
    REAL_DETAILS,
    REAL_OFFERS,
    REAL_REPLY,
    REAL_SHOWS,
    CountedQuery,
    Lake,
    Measured,
    Run,
    Usage,
    lines,
    query_usage,
)
from tally_pipeline.cost.bill import charges, price_list
from tally_pipeline.tmdb.lists import LISTS

TODAY = date(2025, 12, 30)
N = len(LISTS)
COUNT = CountedQuery("SELECT count(*) FROM silver_shows WHERE dt = '2025-12-30'")
ALL = CountedQuery("SELECT * FROM silver_shows", unloads=True)
RUN = Run(Usage(writes=10, lists=3, table_lists=2, reads=20, bytes_read=1e6, bytes_written=1e6), (COUNT,))
MEASURED = Measured(
    today=TODAY,
    counted_days=30,
    rows=2_500,
    series=20_000,
    sync=RUN,
    refine=replace(RUN, queries=()),
    export=Run(Usage(writes=4, bytes_read=1e6)),
    genres=Run(Usage(writes=2)),
    watch=Run(Usage(lists=4)),
    details=Run(Usage(writes=15, reads=40, bytes_read=1e6)),
    shows_asked=1_000,
    offers=10_000,
    growth=Usage(reads=3, lists=0.5),
    file_bytes={"silver_shows": 50_000.0},
    layer_bytes={"bronze": 1e6, "export": 1e5, "rebuilt": 2e6, "series": 2e5}
    | {"details": 1e6, "silver details": 3e5, "of shows": 1e5, "of offers": 2e5},
)


def quantity(part: str, price: str, lake: Lake, measured: Measured = MEASURED) -> float:
    (found,) = [one for one in lines(measured, lake) if (one.part, one.price) == (part, price)]
    return found.quantity


def basis(part: str, price: str, lake: Lake) -> str:
    (found,) = [one for one in lines(MEASURED, lake) if (one.part, one.price) == (part, price)]
    return found.basis


def to_pay(lake: Lake) -> float:
    return sum(charge.to_pay for charge in charges(lines(MEASURED, lake), price_list().prices))


MONTH = Lake(days=30, shows=None, sensor_seconds=15)
SYNC = "capture, refine, gold, report"


def test_a_days_run_is_done_thirty_times_and_the_hourly_checks_720_times() -> None:
    assert quantity(SYNC, "s3_write", MONTH) == 30 * (10 + 3 + 2)
    assert quantity(SYNC, "s3_read", MONTH) == 30 * 20
    assert quantity("hourly checks", "s3_write", MONTH) == 720 * 4
    assert basis(SYNC, "s3_write", MONTH) == "measured"


def test_the_sensors_looks_follow_from_its_setting() -> None:
    assert quantity("the sensor's looks", "sqs", MONTH) == 172_800
    assert quantity("the sensor's looks", "sqs", replace(MONTH, sensor_seconds=60)) == 43_200


def test_an_older_lake_asks_more_and_that_is_scaled() -> None:
    older = replace(MONTH, days=365)
    assert quantity(SYNC, "s3_read", older) == 30 * (20 + 335 * 3)
    assert basis(SYNC, "s3_read", older) == "scaled"


def test_a_listing_of_a_table_of_more_than_a_thousand_files_is_several_requests() -> None:
    most = 1000 // N
    assert quantity(SYNC, "s3_write", replace(MONTH, days=most)) == pytest.approx(
        30 * (10 + 3 + 2 + (most - 30) * 0.5)
    )
    assert quantity(SYNC, "s3_write", replace(MONTH, days=most + 1)) == pytest.approx(
        30 * (10 + 3 + 4 + (most + 1 - 30) * 0.5)
    )
    assert quantity("hourly checks", "s3_write", replace(MONTH, days=most + 1)) == 720 * 4


def test_more_shows_are_more_bytes_and_no_more_requests() -> None:
    many = replace(MONTH, shows=200_000)
    for part, price in (
        (SYNC, "s3_write"),
        (SYNC, "s3_read"),
        (f"Athena, for {SYNC}: folders listed", "s3_write"),
    ):
        assert quantity(part, price, many) == quantity(part, price, MONTH)
    assert quantity("bronze", "s3_storage", many) == pytest.approx(
        80 * quantity("bronze", "s3_storage", MONTH)
    )
    assert basis("bronze", "s3_storage", many) == "scaled"
    assert quantity(SYNC, "transfer", many) == pytest.approx(80 * quantity(SYNC, "transfer", MONTH))


def test_the_export_is_that_of_tmdb_whatever_the_sandboxs_was() -> None:
    assert quantity("export of all series", "transfer", MONTH) == pytest.approx(30 * 1e6 * 10 / 1e9)
    assert basis("export of all series", "transfer", MONTH) == "scaled"


def test_what_is_kept_is_kept_as_long_as_deploy_says() -> None:
    old = replace(MONTH, days=400)
    assert quantity("bronze", "s3_storage", old) == pytest.approx(177 * 1e6 / 1e9)
    assert quantity("silver, gold, reports", "s3_storage", old) == pytest.approx(177 * 2e6 / 1e9)
    assert quantity("their replaced versions", "s3_storage", old) == pytest.approx(14 * 2e6 / 1e9)


def test_a_query_lists_each_projected_folder_and_reads_the_files_in_it() -> None:
    one = query_usage(COUNT, MEASURED, MONTH)
    assert (one.lists, one.reads, one.writes) == (
        N,
        N * activity.GETS_A_FILE,
        activity.RESULT_WRITES,
    )
    every = query_usage(ALL, MEASURED, replace(MONTH, days=365))
    assert every.lists == N * 365 + 1
    assert every.reads == N * 365 * activity.GETS_A_FILE + activity.UNLOAD_FILES


def test_a_query_is_billed_ten_megabytes_at_least() -> None:
    assert query_usage(COUNT, MEASURED, MONTH).scanned_mb == 10
    assert query_usage(COUNT, MEASURED, MONTH, factor=100).scanned_mb == pytest.approx(5 * N)
    assert query_usage(ALL, MEASURED, replace(MONTH, days=365)).scanned_mb == pytest.approx(18.25 * N)


def test_genres_are_there_once_a_week() -> None:
    asked = CountedQuery("SELECT * FROM silver_genres")
    usage = query_usage(asked, MEASURED, replace(MONTH, days=70))
    assert (usage.lists, usage.reads) == (70, 10 * activity.GETS_A_FILE)


@pytest.mark.parametrize("days", [1, 30, 365])
def test_more_shows_and_older_lakes_never_cost_less(days: int) -> None:
    lake = replace(MONTH, days=days)
    by_shows = [to_pay(replace(lake, shows=shows)) for shows in (80, 2_500, 200_000)]
    assert by_shows == sorted(by_shows)
    assert to_pay(lake) <= to_pay(replace(lake, days=days + 1))


def test_metrics_alarms_the_dashboard_and_the_queue_cost_nothing() -> None:
    used = [one for one in lines(MEASURED, MONTH) if one.price in ("metrics", "alarms", "dashboards", "sqs")]
    assert {charge.price.what: charge.to_pay for charge in charges(used, price_list().prices)} == {
        "SQS": 0,
        "CloudWatch metrics": 0,
        "CloudWatch alarms": 0,
        "CloudWatch dashboards": 0,
    }


def test_details_are_billed_at_the_size_that_was_recorded_of_tmdbs() -> None:
    """The sandbox's replies are small: shows and offers are scaled to TMDB's, replies counted at their real size."""
    lake = Lake(days=30, shows=None, sensor_seconds=15)
    shows, offers = REAL_SHOWS, REAL_SHOWS * REAL_OFFERS
    a_day = shows * REAL_DETAILS + 1e5 * shows / 1_000 + 2e5 * offers / 10_000
    assert quantity("details: bronze", "s3_storage", lake) == pytest.approx(14 * shows * REAL_REPLY / 1e9)
    assert quantity("details: bronze", "s3_cold", lake) == pytest.approx(16 * shows * REAL_REPLY / 1e9)
    assert quantity("details: bronze", "s3_cold_moves", lake) == 30 * 6
    assert quantity("details: silver and gold", "s3_storage", lake) == pytest.approx(30 * a_day / 1e9)
    assert quantity("details and offers", "s3_write", lake) == 30 * 15
