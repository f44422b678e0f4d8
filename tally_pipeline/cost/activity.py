"""A month of a lake on AWS in the quantities that AWS bills, computed from counted runs. Pure arithmetic.

The month has 30 days, each with one capture of every list, one export, and the genres once a week.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date

from tally_pipeline import gold
from tally_pipeline.bronze.details_capture import PART_REPLIES
from tally_pipeline.cost.bill import Basis, Line
from tally_pipeline.cost.scans import DATA_TYPE, scans
from tally_pipeline.datasets import DATASETS
from tally_pipeline.gold.show_popularity_trends import WINDOW_DAYS
from tally_pipeline.metrics.metrics import METRICS
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb.lists import LISTS

DAYS = 30
WEEKS = DAYS / 7
HOURS = 24 * DAYS

# Assumptions that are not measured here; each is rather too high than too low.
REFINES_A_DAY = 2
"""The lists arrive one after the other: the sensor sees them in about two ticks, each of which launches a run."""
GETS_A_FILE = 2
"""Athena's requests for a Parquet file of a few MB: its end, then its columns."""
RESULT_WRITES = 2
"""A query's result as CSV, and Athena's metadata about it."""
UNLOAD_FILES = 4
"""Parquet files that an UNLOAD of a few thousand rows writes; two more objects name them."""
LOG_WRITES_A_RUN = 2
"""A run's printed output: standard output and standard error."""
LEAST_MB = 10
"""Megabytes that Athena bills for any query."""

KEYS_A_LISTING = 1000
"""S3's limit."""

ALARMS, DASHBOARDS = 5, 1
"""As deploy/ makes them."""
EXPORT_LOOKS_A_DAY = 8
LOOKED_BACK = 3
"""Days at which the sensor and a check look again each day."""
LIFE_DAYS, OLD_DAYS = 163, 14
"""Days that objects stay, and then their old versions, to recover from: deploy/'s defaults."""
GOLD_LISTINGS = 6
"""Listings of other folders by which gold's tables name their inputs: genres, details, its own day before."""
COLD_AFTER = 14
"""Days after which bronze of details and exports moves to where storing is cheap: deploy/'s default."""

REAL_SERIES = 200_000
"""Series in TMDB's daily export, about."""

REAL_SHOWS, REAL_OFFERS = 2_700, 190
"""Shows that are asked for a day at the default depths, and offers of each: those of the 34 recorded shows, which are
much-watched ones, so rather too many than too few."""
REAL_REPLY, REAL_DETAILS = 3_370, 700
"""Bytes of a show in bronze and in `silver_details`, put together from what is recorded: in bronze 1,250 for offers
(34 shows in one part), 1,460 for details and 660 for ratings, keywords and ids (by what they add to that part); in
silver 310 for offers, 190 for texts (of 142 rows of lists), and 200 for the rest, of which the sandbox's shows need
70."""


@dataclass(frozen=True)
class CountedQuery:
    """A query of a run; `unloads`: its rows were requested as Parquet."""

    sql: str
    unloads: bool = False


@dataclass(frozen=True)
class Usage:
    """Requests to S3 and the bytes that they carried, and Athena's megabytes as billed.

    `table_lists` are listings of whole tables, `lists` all others: of one list's days, or of one day.
    """

    writes: float = 0
    lists: float = 0
    table_lists: float = 0
    reads: float = 0
    bytes_read: float = 0
    bytes_written: float = 0
    scanned_mb: float = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))

    def __sub__(self, other: Usage) -> Usage:
        return self + other.times(-1)

    def times(self, factor: float) -> Usage:
        return Usage(*(getattr(self, one.name) * factor for one in fields(self)))


@dataclass(frozen=True)
class Run:
    """The requests of one run to the store and to the query engine."""

    store: Usage
    queries: tuple[CountedQuery, ...] = ()


@dataclass(frozen=True)
class Measured:
    """Runs counted on a lake of `counted_days` days, the last of which is today and alone at full depth.

    `details` is a capture of details of `shows_asked` shows with `offers` offers, and what is made from it.
    `growth` is the usage that one more day of age adds to a run of `refine`. `rows` is the number of the day's rows
    of all lists, `series` the number of lines of its export. `file_bytes` is the mean size of a table's file of
    today, by table; `layer_bytes` the bytes that the day added to the lake, by layer: "bronze", "export" (of it),
    "rebuilt", "series", "details" (of bronze), and of what is made from it
    "silver details", "of shows" (a row or more for each show) and "of offers".
    """

    today: date
    counted_days: int
    rows: int
    series: int
    sync: Run
    refine: Run
    export: Run
    genres: Run
    watch: Run
    details: Run
    shows_asked: int
    offers: int
    growth: Usage
    file_bytes: Mapping[str, float]
    layer_bytes: Mapping[str, float]


@dataclass(frozen=True)
class Lake:
    """The lake whose month is computed: its age in days, the shows captured a day (None: as many as were measured),
    and the seconds between two ticks of its sensor."""

    days: int
    shows: int | None
    sensor_seconds: int


def lines(measured: Measured, lake: Lake) -> list[Line]:
    """Everything billed in a month, item by item."""
    factor = 1.0 if lake.shows is None else lake.shows / max(measured.rows, 1)
    return [
        *_of_runs(measured, lake, factor),
        *_of_looking(lake),
        *_of_watching(lake),
        *_of_storage(measured, lake, factor),
    ]


def _of_runs(measured: Measured, lake: Lake, factor: float) -> Iterator[Line]:
    older = measured.growth.times(max(0, lake.days - measured.counted_days))
    # A table has at most one file for each list and day.
    pages = -(-len(LISTS) * lake.days // KEYS_A_LISTING)
    series = REAL_SERIES / max(measured.series, 1)
    details = _real_details(measured) / max(_bytes_of_details(measured), 1)
    parts = (
        ("capture, refine, gold, report", measured.sync, DAYS, older, factor),
        ("the same again, for a later list", measured.refine, DAYS * (REFINES_A_DAY - 1), older, factor),
        ("export of all series", measured.export, DAYS, Usage(), series),
        ("genres", measured.genres, WEEKS, older, factor),
        ("details and offers", measured.details, DAYS, Usage(), details),
        ("hourly checks", measured.watch, HOURS, Usage(), 1.0),
    )
    for part, run, times, added, size in parts:
        usage = run.store + added
        basis: Basis = "scaled" if added != Usage() or (pages > 1 and usage.table_lists) else "measured"
        listings = usage.lists + usage.table_lists * pages
        yield Line(part, "s3_write", (usage.writes + listings) * times, basis)
        yield Line(part, "s3_read", usage.reads * times, basis)
        yield Line(part, "transfer", usage.bytes_read * size * times / 1e9, _of_size(basis, size))
        yield from _of_queries(f"Athena, for {part}", run, times, measured, lake, factor)
    runs = DAYS * (4 + REFINES_A_DAY) + 2 * WEEKS + HOURS
    yield Line("what runs printed", "s3_write", runs * LOG_WRITES_A_RUN, "assumed")


def _of_queries(
    part: str, run: Run, times: float, measured: Measured, lake: Lake, factor: float
) -> Iterator[Line]:
    if not run.queries:
        return
    usage = sum((query_usage(query, measured, lake, factor) for query in run.queries), Usage()).times(times)
    yield Line(part, "athena", usage.scanned_mb, "computed")
    yield Line(f"{part}: folders listed", "s3_write", usage.lists, "computed")
    yield Line(f"{part}: results written", "s3_write", usage.writes, "assumed")
    yield Line(f"{part}: files read", "s3_read", usage.reads, "assumed")
    yield Line(part, "glue", len(run.queries) * times, "computed")


def query_usage(query: CountedQuery, measured: Measured, lake: Lake, factor: float = 1.0) -> Usage:
    """The usage of one query in Athena: one listing for each partition that its filters leave, empty or not, and one
    whole read of each file in them."""
    first = date.fromordinal(measured.today.toordinal() - lake.days + 1)
    keys = {spec.name: spec.partitions for spec in TABLES}
    listings = files = size = 0.0
    for scan in scans(query.sql):
        days = scan.days_within(first, measured.today)
        lists = 1
        if DATA_TYPE in keys.get(scan.table, ()):
            known = {one.name for one in LISTS}
            lists = len(known if scan.lists is None else known & scan.lists)
        listings += days * lists
        partitions = days * lists / (7 if scan.table == "silver_genres" else 1)
        files += partitions
        size += partitions * measured.file_bytes.get(scan.table, 0.0) * factor
    writes = UNLOAD_FILES + RESULT_WRITES if query.unloads else RESULT_WRITES
    return Usage(
        writes=writes,
        lists=listings + query.unloads,
        reads=files * GETS_A_FILE + (UNLOAD_FILES if query.unloads else 0),
        scanned_mb=max(LEAST_MB, size / 1e6),
    )


def _of_looking(lake: Lake) -> Iterator[Line]:
    """The sensor, the daily sweep, and the schedule that looks for an export."""
    others = len(DATASETS) - len(LISTS)
    captures = len(LISTS) * DAYS + DAYS + WEEKS
    yield Line("the sensor's looks", "sqs", DAYS * 86_400 / lake.sensor_seconds, "computed")
    yield Line("events of new objects", "sqs", 3 * captures, "computed")
    yield Line("captures looked up", "s3_write", captures, "computed")
    # The export has a receipt beside each capture.
    listings = sum(
        -(-objects // KEYS_A_LISTING) for objects in (*[lake.days] * len(LISTS), *[2 * lake.days] * others)
    )
    yield Line("the sensor's daily sweep", "s3_write", DAYS * listings, "computed")
    # A gold table lists the folders of the files that it names once more before it is published (`Sources.renewed`).
    pages = -(-len(LISTS) * lake.days // KEYS_A_LISTING)
    again = len(gold.TABLES) * pages + len(LISTS) + GOLD_LISTINGS
    yield Line("inputs of gold looked at again", "s3_write", DAYS * REFINES_A_DAY * again, "computed")
    # By the sensor and by the check: captures peeked at, footers, the month of silver that gold is held against.
    looks = 2 * LOOKED_BACK * len(DATASETS)
    yield Line("the daily look at what is published", "s3_write", DAYS * 2 * (listings + pages), "computed")
    reads = 2 * looks + 2 * (LOOKED_BACK + WINDOW_DAYS) * len(LISTS) + 2 * LOOKED_BACK * len(gold.TABLES)
    yield Line("the daily look at what is published", "s3_read", DAYS * reads, "computed")
    yield Line("looks for the export", "s3_write", DAYS * EXPORT_LOOKS_A_DAY, "computed")


def _of_watching(lake: Lake) -> Iterator[Line]:
    of_lists = len(LISTS) * 2 * REFINES_A_DAY
    of_runs = 2 + REFINES_A_DAY
    yield Line("metrics", "metrics", len(METRICS), "computed")
    yield Line("metrics", "metric_requests", DAYS * (of_lists + of_runs), "computed")
    yield Line("alarms", "alarms", ALARMS, "computed")
    yield Line("dashboard", "dashboards", DASHBOARDS, "computed")


def _of_storage(measured: Measured, lake: Lake, factor: float) -> Iterator[Line]:
    """The storage of the lake at the end of the month."""
    size, series = measured.layer_bytes, REAL_SERIES / max(measured.series, 1)
    basis = _of_size("computed", factor)
    rebuilt = size["rebuilt"] * factor
    days_kept = min(lake.days, LIFE_DAYS + OLD_DAYS)
    yield Line("bronze", "s3_storage", size["bronze"] * factor * days_kept / 1e9, basis)
    yield Line("silver, gold, reports", "s3_storage", rebuilt * days_kept / 1e9, basis)
    replaced = rebuilt * (REFINES_A_DAY - 1) * min(lake.days, OLD_DAYS)
    yield Line("their replaced versions", "s3_storage", replaced / 1e9, basis)
    if measured.shows_asked:
        bronze = REAL_SHOWS * REAL_REPLY
        parts = -(-REAL_SHOWS // PART_REPLIES)
        yield from _until_cold("details: bronze", bronze, parts, lake.days, "scaled")
        rebuilt = _real_details(measured) - bronze
        yield Line("details: silver and gold", "s3_storage", rebuilt * days_kept / 1e9, "scaled")
    yield from _until_cold("exports", size["export"] * series, 1, lake.days, "scaled")
    yield Line("series", "s3_storage", size["series"] * series * days_kept / 1e9, "scaled")
    # Bronze alone is tagged when it is written in time; the export has a receipt beside it.
    yield Line("bronze", "s3_tags", (len(LISTS) + 2 + 1 / 7) * days_kept, "computed")


def _until_cold(part: str, day: float, objects: int, age: int, basis: Basis) -> Iterator[Line]:
    """The storage of `day` bytes in so many objects, every day anew, in a lake of this age in days."""
    days_kept = min(age, LIFE_DAYS + OLD_DAYS)
    yield Line(part, "s3_storage", day * min(days_kept, COLD_AFTER) / 1e9, basis)
    if days_kept > COLD_AFTER:
        yield Line(part, "s3_cold", day * (days_kept - COLD_AFTER) / 1e9, basis)
        yield Line(part, "s3_cold_moves", DAYS * objects, "computed")


def _real_details(measured: Measured) -> float:
    """The bytes that a day of TMDB's details would add: by show and by offer as measured, or as recorded."""
    size = measured.layer_bytes
    of_shows = size["of shows"] * REAL_SHOWS / max(measured.shows_asked, 1)
    of_offers = size["of offers"] * REAL_SHOWS * REAL_OFFERS / max(measured.offers, 1)
    return REAL_SHOWS * (REAL_REPLY + REAL_DETAILS) + of_shows + of_offers


def _bytes_of_details(measured: Measured) -> float:
    """The bytes that the measured day of details added."""
    return sum(measured.layer_bytes[name] for name in ("details", "silver details", "of shows", "of offers"))


def _of_size(basis: Basis, factor: float) -> Basis:
    return basis if factor == 1.0 else "scaled"
