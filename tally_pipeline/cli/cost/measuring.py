"""Counts the requests of real runs to a store and a query engine, in the sandbox, on a temporary lake."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dagster as dg
import pyarrow as pa

from tally_pipeline import clock
from tally_pipeline.cost.activity import CountedQuery, Measured, Run, Usage
from tally_pipeline.datasets import GENRES, SERIES
from tally_pipeline.datasets.details import DETAILS, known
from tally_pipeline.datasets.details.filled import FilledDetails
from tally_pipeline.datasets.shows import stored
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, Settings, deploy
from tally_pipeline.gold import ALL_TABLES
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import LakeError, Store
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.runs import failures
from tally_pipeline.plurals import noun
from tally_pipeline.query.cached_duckdb import CachedDuckDbEngine
from tally_pipeline.query.engine import Answer, QueryEngine, Remedies, Rows
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES, ROWS_PER_PAGE
from tally_pipeline.tmdb.settings import TmdbSettings

COUNTED_DAYS = 30
"""The age of the oldest lake on which runs are counted: a run depends on at most 28 days before its own, and
otherwise grows evenly."""

_BY_OFFER = ("offers", "providers", "availability", "availability_changes")
"""The tables with a row for each offer, or made of those."""

DEEPEST = 50
"""The most pages of a list that are captured for a requested number of shows; more are extrapolated."""

Say = Callable[[str], None]


def measure(settings: Settings, *, days: int, shows: int | None, say: Say) -> Measured:
    """Run a day's captures, refining and checks at the settings' depths (or as deep as `shows` a day need), on a
    lake that is `days` old, `COUNTED_DAYS` at most; the days before today's are one page deep.

    Raises `LakeError` when a run fails.
    """
    with (
        TemporaryDirectory(prefix="tally-cost-") as folder,
        _Bench.on(Path(folder), settings, shows) as bench,
    ):
        counted = min(days, COUNTED_DAYS)
        say(
            f"Refining {counted - 1} {noun(counted - 1, 'day')} of history in the sandbox, so that"
            " today's runs find what they would."
        )
        bench.fill(counted - 1, until=bench.today - timedelta(days=1))
        say("Counting: sync, genres, the same refined again, export, checks.")
        sync = bench.run("sync")
        genres = bench.captured_and_refined("capture_genres", common.silver_key(GENRES))
        refine = bench.refine_today()
        export = bench.captured_and_refined("capture_export", common.silver_key(SERIES))
        say("Counting: details of shows, and what is made from them.")
        bench.details_of_yesterday()
        details = bench.captured_and_refined("capture_details", common.silver_key(DETAILS))
        watch = bench.run("watch", partitioned=False)
        growth = Usage()
        if days > counted:
            say("Counting once more on a lake one day older.")
            before = bench.refine_today()
            bench.fill(1, until=bench.today - timedelta(days=counted))
            bench.refine_today()  # fetches that day's files, which happens once
            growth = bench.refine_today().store - before.store
        return Measured(
            today=bench.today,
            counted_days=counted,
            rows=bench.rows(),
            series=bench.series(),
            sync=sync,
            refine=refine,
            export=export,
            genres=genres,
            watch=watch,
            details=details,
            shows_asked=bench.rows_of("silver_details"),
            offers=bench.rows_of("silver_offers"),
            growth=growth,
            file_bytes=bench.file_bytes(),
            layer_bytes=bench.layer_bytes(),
        )


class _Bench:
    """A deployment in a folder whose requests and queries are counted."""

    def __init__(self, settings: Settings, instance: dg.DagsterInstance, today: date) -> None:
        self.today = today
        plain = deploy(settings)
        self._requests: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._catalog = _Recorded(plain.query_engine)
        store = Store.in_folder(settings.lake_folder, observe=self._observe)
        # Listings of whole tables are counted separately: they grow with the lake.
        tables = Store.in_folder(
            settings.lake_folder,
            observe=lambda operation, size: self._observe(f"{operation} of a table", size),
        )
        self._deployment: Deployment = replace(
            plain,
            lake=Lake(store, settings.source),
            query_engine=self._catalog,
            # Queries of gold and the report cost requests to the store, and none to Athena.
            analytics_engine=CachedDuckDbEngine(tables, settings.state / "mirror", TABLES),
        )
        self._definitions = build_definitions(self._deployment)
        self._instance = instance

    @classmethod
    @contextmanager
    def on(cls, folder: Path, settings: Settings, shows: int | None) -> Iterator[_Bench]:
        today = clock.today()
        ours = replace(
            settings,
            home=folder,
            aws=None,
            sandbox_embedded=True,
            no_capture=None,
            # The sandbox needs no rate limit.
            tmdb=TmdbSettings(requests_per_second=1000),
            depths=settings.depths if shows is None else _depths(shows),
            first_day=today - timedelta(days=COUNTED_DAYS + 1),
        )
        with dg.DagsterInstance.ephemeral() as instance:
            yield cls(ours, instance, today)

    def fill(self, days: int, *, until: date) -> None:
        """Make a past of `days` days up to `until`, refined and with everything downstream."""
        if not days:
            return
        past = [until - timedelta(days=ago) for ago in range(days)][::-1]
        shallow = {show_list.name: 1 for show_list in LISTS}
        for key, body in sandbox.captures(past, depths=shallow):
            self._deployment.lake.write_bronze(key, body)
        self._execute("refine", self._below(*map(common.silver_key, LISTS)), past[0], past[-1])
        self._taken()

    def run(self, job: str, *, partitioned: bool = True) -> Run:
        """Count a run of a job, of today."""
        self._taken()
        self._execute(job, None, *([self.today, self.today] if partitioned else []))
        return self._taken()

    def refine_today(self) -> Run:
        """Count a run of silver of every list, and everything downstream."""
        self._taken()
        self._execute("refine", self._below(*map(common.silver_key, LISTS)), self.today, self.today)
        return self._taken()

    def captured_and_refined(self, job: str, silver: dg.AssetKey) -> Run:
        """Count a capture of a dataset, and the run that the sensor launches for it."""
        self._taken()
        self._execute(job, None, self.today, self.today)
        self._execute("refine", self._below(silver), self.today, self.today)
        return self._taken()

    def details_of_yesterday(self) -> None:
        """Make the day before, which today's offers are compared with."""
        day = self.today - timedelta(days=1)
        shows = known.listed(self._deployment.lake, str(self.today))
        for key, body in FilledDetails(DETAILS.place, "en-US").capture(day, shows):
            self._deployment.lake.write_once(key, body)
        self._execute("refine", self._below(common.silver_key(DETAILS)), day, day)
        self._taken()

    def rows_of(self, table: str) -> int:
        """The number of rows of today in a table."""
        sql = f"SELECT count(*) AS n FROM {table} WHERE dt = '{self.today}'"
        return int(self._deployment.analytics_engine.query(sql)["n"][0].as_py())

    def rows(self) -> int:
        """The number of rows in the day's captures of all lists."""
        footers = (stored.silver_footer(self._deployment.lake, one.name, str(self.today)) for one in LISTS)
        return sum(footer.counts.bronze_rows for footer in footers if footer)

    def series(self) -> int:
        """The number of refined rows of the day's export."""
        sql = f"SELECT count(*) AS n FROM silver_series WHERE dt = '{self.today}'"
        return int(self._deployment.analytics_engine.query(sql)["n"][0].as_py())

    def file_bytes(self) -> dict[str, float]:
        """The mean size of a file of today, by table."""
        found = {}
        for spec in TABLES:
            sizes = [size for key, size in self._written_today(spec.prefix)]
            found[spec.name] = sum(sizes) / len(sizes) if sizes else 0.0
        return found

    def layer_bytes(self) -> dict[str, float]:
        """The bytes that the day added to the lake, by layer."""
        size = {
            layer: sum(size for _, size in self._written_today(layer))
            for layer in ("bronze", "silver", "quarantine", "gold", layout.REPORTS)
        }
        exports = SERIES.place.folder
        export = sum(size for key, size in self._written_today(exports))
        series = sum(
            size
            for table in (SERIES.silver_table, SERIES.quarantine_table)
            for _, size in self._written_today(table.prefix)
        )
        details = self._size(DETAILS.place.folder)
        silver_details = self._size(DETAILS.silver_table.prefix)
        tables = {
            table.name: self._size(table.file_key("").partition("/dt=")[0])
            for table in ALL_TABLES
            if table.follows == DETAILS.name
        }
        of_offers = sum(tables[name] for name in _BY_OFFER)
        of_shows = sum(tables.values()) - of_offers
        made = size["silver"] + size["quarantine"] + size["gold"] + size[layout.REPORTS]
        return {
            "bronze": size["bronze"] - export - details,
            "export": export,
            "rebuilt": made - series - silver_details - of_offers - of_shows,
            "series": series,
            "details": details,
            "silver details": silver_details,
            "of shows": of_shows,
            "of offers": of_offers,
        }

    def _size(self, folder: str) -> int:
        """The bytes that were written today below a folder."""
        return sum(size for _, size in self._written_today(folder))

    def _written_today(self, folder: str) -> list[tuple[str, int]]:
        day = f"/dt={self.today}/"
        return [(info.key, info.size) for info in self._deployment.lake.store.list(folder) if day in info.key]

    def _observe(self, operation: str, size: int) -> None:
        with self._counting:
            self._requests[operation] += 1
            self._bytes[operation] += size

    def _taken(self) -> Run:
        """The counts since the last call."""
        requests, size = self._requests, self._bytes
        store = Usage(
            writes=requests["PutObject"],
            lists=requests["ListObjectsV2"],
            table_lists=requests["ListObjectsV2 of a table"],
            reads=requests["GetObject"] + requests["GetObject of a table"],
            bytes_read=size["GetObject"] + size["GetObject of a table"],
            bytes_written=size["PutObject"],
        )
        run = Run(store, tuple(self._catalog.asked))
        self._requests.clear()
        self._bytes.clear()
        self._catalog.asked.clear()
        return run

    def _below(self, *assets: dg.AssetKey) -> list[dg.AssetKey]:
        below = dg.AssetSelection.assets(*assets).downstream()
        return sorted(below.resolve(self._definitions.resolve_asset_graph()), key=str)

    def _execute(self, job: str, assets: Sequence[dg.AssetKey] | None, *days: date) -> None:
        """Run a job on the days from the first to the last of `days`, or without a partition."""
        when: dict[str, Any] = {}
        if len(set(days)) == 1:
            when = {"partition_key": str(days[0])}
        elif days:
            ends = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
            when = {"tags": dict(zip(ends, map(str, days), strict=True))}
        result = self._definitions.resolve_job_def(job).execute_in_process(
            instance=self._instance,
            asset_selection=assets,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
            **when,
        )
        if not result.success:
            told = "; ".join(
                f"{name}: {error}" for name, error in failures.by_list(result.all_events).items()
            )
            raise LakeError(
                f"the run that was to be counted failed: {told}. Mend that; then run the same again."
            )


class _Recorded:
    """A `QueryEngine` that records its queries."""

    def __init__(self, engine: QueryEngine) -> None:
        self._engine = engine
        self.asked: list[CountedQuery] = []

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def remedies(self) -> Remedies:
        return self._engine.remedies

    def describe(self) -> str:
        return self._engine.describe()

    def tables(self) -> tuple[str, ...]:
        return self._engine.tables()

    def query(self, sql: str) -> pa.Table:
        self.asked.append(CountedQuery(sql))
        return self._engine.query(sql)

    def stream(self, sql: str) -> Rows:
        self.asked.append(CountedQuery(sql))
        return self._engine.stream(sql)

    def rows(self, sql: str, schema: pa.Schema, days: Collection[str] | None = None) -> pa.Table:
        self.asked.append(CountedQuery(sql, unloads=True))
        return self._engine.rows(sql, schema, days)

    def measure(self, sql: str) -> Answer:
        self.asked.append(CountedQuery(sql))
        return self._engine.measure(sql)

    def columns(self, table: str) -> list[tuple[str, str]]:
        return self._engine.columns(table)

    def differences(self, table: str) -> list[dict[str, str]]:
        return self._engine.differences(table)


def _depths(shows: int) -> dict[str, int | None]:
    """The depth of each list for this number of shows a day."""
    pages = -(-shows // (len(LISTS) * ROWS_PER_PAGE))
    return {show_list.name: min(pages, DEEPEST, MAX_PAGES) for show_list in LISTS}
