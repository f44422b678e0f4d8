"""One day of gold, and the sample queries, over a lake of 365 days, 4 lists and 1,000 shows a list.

Targets: under 10 s for the day, under 3 s for each sample query.
"""

from __future__ import annotations

import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa

from benchmarks.report import Measure, Report, Target
from tally_pipeline import clock, gold
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import Counts
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import quarantine_key, silver_key
from tally_pipeline.lake.parquet import encode
from tally_pipeline.lake.store import Store
from tally_pipeline.orchestration.assets.gold import gold_key, make_day
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline.query import samples
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Table
from tally_pipeline.tmdb.lists import LISTS

DAYS = 365
SHOWS_A_LIST = 1_000
SHOWS_THERE_ARE = 3_000
GOLD_TARGET_SECONDS = 10.0
SAMPLE_TARGET_SECONDS = 3.0

_OVERVIEW = (
    "A synopsis as long as they usually are, so that the files have the size that real ones have. " * 3
)


def write_lake(root: Path, last: date, days: int) -> None:
    """Silver of `days` days up to `last`: shows drift up and down, come and go."""
    random = np.random.default_rng(7)
    popularity = random.lognormal(3.0, 1.5, SHOWS_THERE_ARE)
    genres = random.choice(list(contract.GENRES), (SHOWS_THERE_ARE, 2))
    votes = random.integers(0, 5_000, SHOWS_THERE_ARE)
    rating = np.round(random.uniform(4, 9, SHOWS_THERE_ARE), 3)
    for back in range(days - 1, -1, -1):
        day = (last - timedelta(days=back)).isoformat()
        popularity *= random.normal(1.0, 0.05, SHOWS_THERE_ARE).clip(0.5, 1.5)
        for place, show_list in enumerate(LISTS):
            here = np.argsort(-popularity * ((np.arange(SHOWS_THERE_ARE) + place) % 3 + 1))[:SHOWS_A_LIST]
            rows = _day(here, show_list.name, day, popularity, genres, votes, rating)
            _write(root / silver_key(show_list.name, day), rows)
            if back == 0:
                _write(root / quarantine_key(show_list.name, day), contract.QUARANTINE.empty_table())


def _write(path: Path, rows: pa.Table) -> None:
    counts = Counts(
        bronze_rows=SHOWS_A_LIST,
        silver_rows=SHOWS_A_LIST,
        repeats=0,
        quarantined=0,
        by_rule={},
        nulls={},
        new_fields={},
        lost_fields=(),
        unknown_genres={},
    )
    path.parent.mkdir(parents=True)
    path.write_bytes(encode(rows, footer_for((), "complete", "sandbox", counts)))


def _day(
    shows: np.ndarray,
    data_type: str,
    day: str,
    popularity: np.ndarray,
    genres: np.ndarray,
    votes: np.ndarray,
    rating: np.ndarray,
) -> pa.Table:
    count = len(shows)
    titles = [f"Show {show}" for show in shows]
    columns = {
        "show_id": shows + 1,
        "title": titles,
        "original_title": titles,
        "popularity": np.round(popularity[shows], 4),
        "vote_average": rating[shows],
        "vote_count": votes[shows],
        "genre_ids": [list(dict.fromkeys(ids)) for ids in genres[shows].tolist()],
        "origin_country": [["US"]] * count,
        "overview": [_OVERVIEW] * count,
        "original_language": ["en"] * count,
        "ingestion_date": [day] * count,
        "data_type": [data_type] * count,
        "rank": np.arange(1, count + 1),
    }
    return pa.table(
        [pa.array(columns.get(f.name, [None] * count), f.type) for f in contract.SILVER], contract.SILVER
    )


def measure(runs: int, days: int = DAYS) -> Report:
    """Make the four tables of the newest day, checks and publishing included, and answer every sample query."""
    last = clock.today()
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as folder:
        root = Path(folder)
        write_lake(root, last, days)
        engine, lake = DuckDbEngine(root, TABLES), Lake(Store.in_folder(root), "sandbox")
        by_table = {
            table.sql_name: [_seconds_to_make(lake, engine, table, last.isoformat()) for _ in range(runs)]
            for table in gold.OF_SHOWS
        }
        by_sample = {
            name: [_seconds_to_answer(engine, name) for _ in range(runs)] for name in samples.names()
        }
    whole = [sum(seconds) for seconds in zip(*by_table.values(), strict=True)]
    slowest = [max(seconds) for seconds in zip(*by_sample.values(), strict=True)]
    return Report(
        name="gold",
        title=f"one day over {days} days, {len(LISTS)} lists, {SHOWS_A_LIST:,} shows a list",
        runs=runs,
        measures=[
            Measure("the day's four tables", whole, "s", Target("at most", GOLD_TARGET_SECONDS)),
            *(Measure(name, seconds, "s", indent=True) for name, seconds in by_table.items()),
            Measure("the slowest sample query", slowest, "s", Target("at most", SAMPLE_TARGET_SECONDS)),
            *(Measure(name, seconds, "s", indent=True) for name, seconds in by_sample.items()),
        ],
        notes=[
            "A table is made as the asset makes it: query, checks, publishing. The lake is made beforehand."
        ],
    )


def _seconds_to_make(lake: Lake, engine: DuckDbEngine, table: Table, day: str) -> float:
    started = time.perf_counter()
    sources = Sources.of(lake, [show_list.name for show_list in LISTS])
    outcome = LakeIOManager(lake).publish_now(gold_key(table), make_day(table, sources, engine, day))
    if outcome.failure_reason:
        raise SystemExit(f"{table.sql_name} was not made: {outcome.failure_reason}")
    return _since(started)


def _seconds_to_answer(engine: DuckDbEngine, sample: str) -> float:
    started = time.perf_counter()
    engine.query(samples.read(sample))
    return _since(started)


def _since(started: float) -> float:
    return time.perf_counter() - started
