"""Gold in Dagster: made by day from a lake of the sandbox's captures, held to its checks, published or refused."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from tally_pipeline import gold
from tally_pipeline.datasets import GENRES, named
from tally_pipeline.datasets.captures import choose
from tally_pipeline.datasets.shows import stored
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import refine
from tally_pipeline.gold import data_quality_daily, show_popularity_trends, top_movers
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.retention import Retention
from tally_pipeline.lake.store import Store
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.gold import gold_assets, gold_key
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tables import sources as gold_files
from tally_pipeline.tables.sources import GoldFooter
from tally_pipeline.tables.table import Table
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS
from testkit.pinned import pinned
from testkit.stored_days import publish_silver, write_quarantine

LAST = date(2026, 3, 15)
DEPTHS = {show_list.name: 1 for show_list in LISTS}
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def back(days: int) -> str:
    return (LAST - timedelta(days=days)).isoformat()


@dataclass
class Pipeline:
    """A lake with some days of silver, and gold over it."""

    root: Path
    lake: Lake
    instance: dg.DagsterInstance

    def make(self, *days: str, tables: tuple[Table, ...] = gold.OF_SHOWS) -> dg.ExecuteInProcessResult:
        """Materialize gold of a day, or of a range of days in one run."""
        assets = gold_assets(common.daily(date(2026, 1, 1)), "sandbox")
        job = dg.Definitions(
            assets=assets,
            jobs=[dg.define_asset_job("gold", [gold_key(table) for table in tables])],
            resources={
                "io_manager": LakeIOManager(self.lake),
                "analytics_engine": DuckDbEngine(self.root, TABLES),
            },
            executor=dg.in_process_executor,
        ).resolve_job_def("gold")
        range_tags = {
            "dagster/asset_partition_range_start": days[0],
            "dagster/asset_partition_range_end": days[-1],
        }
        return job.execute_in_process(
            instance=self.instance,
            run_config=QUIET,
            raise_on_error=False,
            partition_key=days[0] if len(days) == 1 else None,
            tags=range_tags if len(days) > 1 else None,
        )

    def files(self) -> dict[str, str]:
        """Every gold file there is, with the hash of its bytes."""
        return {
            info.key: hashlib.sha256(self.lake.store.get(info.key)).hexdigest()
            for info in self.lake.store.list("gold")
        }


@pytest.fixture(scope="module")
def days() -> list[str]:
    """Silver's days: the middle one of five is missing."""
    return [back(4), back(3), back(1), back(0)]


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory, days: list[str]) -> Path:
    """A lake with bronze and silver of those days, for tests to copy."""
    root = tmp_path_factory.mktemp("captured")
    lake = Lake(Store.in_folder(root), "sandbox")
    for key, body in sandbox.captures([date.fromisoformat(day) for day in days], depths=DEPTHS):
        lake.write_bronze(key, body)
        capture = choose(lake, named(key.data_type), key.dt)
        refined = refine(capture.content, data_type=key.data_type, dt=key.dt, key=str(key))
        footer = footer_for((capture.ref,), "complete", "sandbox", refined.counts)
        publish_silver(lake, key.data_type, key.dt, refined, footer)
        write_quarantine(lake, key.data_type, key.dt, refined, footer)
    return root


@pytest.fixture
def pipeline(tmp_path: Path, captured: Path) -> Iterator[Pipeline]:
    root = tmp_path / "lake"
    shutil.copytree(captured, root)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Pipeline(root, Lake(Store.in_folder(root), "sandbox"), instance)


def statuses(result: dg.ExecuteInProcessResult) -> dict[str, bool]:
    return {check.check_name: check.passed for check in result.get_asset_check_evaluations()}


def test_a_day_is_made_checked_and_published_with_what_it_was_made_from(pipeline: Pipeline) -> None:
    result = pipeline.make(back(0))
    assert result.success
    assert set(statuses(result)) == {check.name for table in gold.OF_SHOWS for check in table.checks}
    assert [name for name, passed in statuses(result).items() if not passed] == []
    for table in gold.OF_SHOWS:
        rows = gold_files.read(pipeline.lake, table.name, back(0))
        assert rows.num_rows
        assert rows.schema.names == table.schema.names
        footer = pipeline.lake.footer(layout.gold_key(table.name, back(0)), GoldFooter)
        assert footer is not None
        assert (footer.table, footer.dt, footer.source) == (table.name, back(0), "sandbox")
        assert layout.silver_key("popular_shows", back(0)) in {file.key for file in footer.inputs}


def test_the_same_silver_gives_the_same_bytes(pipeline: Pipeline) -> None:
    pipeline.make(back(0))
    before = pipeline.files()
    pipeline.make(back(0))
    assert len(before) == len(gold.OF_SHOWS)
    assert pipeline.files() == before


def test_the_footer_names_the_days_in_the_window_that_are_there(pipeline: Pipeline, days: list[str]) -> None:
    pipeline.make(back(0), tables=(show_popularity_trends.TABLE,))
    footer = pipeline.lake.footer(layout.gold_key(show_popularity_trends.TABLE.name, back(0)), GoldFooter)
    assert footer is not None
    assert {file.key for file in footer.inputs} == {
        layout.silver_key(show_list.name, day) for show_list in LISTS for day in days
    }
    for file in footer.inputs:
        assert hashlib.sha256(pipeline.lake.store.get(file.key)).hexdigest() == file.sha256


def test_movers_name_the_day_before_and_the_one_seven_days_before(pipeline: Pipeline) -> None:
    for show_list in LISTS:
        week_ago = pipeline.root / layout.silver_key(show_list.name, back(7))
        week_ago.parent.mkdir(parents=True)
        shutil.copyfile(pipeline.root / layout.silver_key(show_list.name, back(4)), week_ago)
    assert pipeline.make(back(0), tables=(top_movers.TABLE,)).success
    footer = pipeline.lake.footer(layout.gold_key(top_movers.TABLE.name, back(0)), GoldFooter)
    assert footer is not None
    assert {file.key for file in footer.inputs} == {
        layout.silver_key(show_list.name, back(ago)) for show_list in LISTS for ago in (0, 1, 7)
    }
    kinds = set(gold_files.read(pipeline.lake, top_movers.TABLE.name, back(0))["kind"].to_pylist())
    assert {"riser_7d", "faller_7d"} <= kinds


def test_a_missing_day_in_the_middle_is_told_by_the_table_and_by_the_check(pipeline: Pipeline) -> None:
    result = pipeline.make(back(1), tables=(show_popularity_trends.TABLE, top_movers.TABLE))
    assert result.success
    trends = gold_files.read(pipeline.lake, show_popularity_trends.TABLE.name, back(1))
    assert set(trends["gap_1d"].to_pylist()) == {True}
    assert trends["change_1d"].null_count == trends.num_rows
    movers = gold_files.read(pipeline.lake, top_movers.TABLE.name, back(1))
    assert set(movers["gap_days"].to_pylist()) == {1}
    said = [check.description for check in result.get_asset_check_evaluations()]
    assert any(back(2) in (text or "") for text in said)


def test_a_day_without_silver_is_refused_and_says_what_to_do(pipeline: Pipeline) -> None:
    result = pipeline.make(back(2), tables=(show_popularity_trends.TABLE,))
    assert not result.success
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert f"there is no silver of {back(2)}; materialize silver_shows" in str(failure.event_specific_data)
    assert pipeline.files() == {}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows: rows.take([0, *range(rows.num_rows)]), "the key (show_id) is not unique"),
        (
            lambda rows: rows.set_column(
                rows.schema.get_field_index("title"), "title", pa.nulls(rows.num_rows, pa.string())
            ),
            "title is null in",
        ),
    ],
)
def test_a_day_that_breaks_its_tables_declaration_is_not_published(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, change: Callable[[pa.Table], pa.Table], says: str
) -> None:
    table, query = show_popularity_trends.TABLE, show_popularity_trends.TABLE.query
    monkeypatch.setattr(table, "query", lambda engine, day, before: change(query(engine, day)))
    result = pipeline.make(back(0), tables=(table,))
    assert not result.success
    assert statuses(result)[table.checks[0].name] is False
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    assert says in str(failure.event_specific_data)
    assert "gold/show_popularity_trends.py" in str(failure.event_specific_data)
    assert pipeline.files() == {}


def test_a_backfill_in_one_run_makes_every_day_and_the_missing_one_fails_alone(pipeline: Pipeline) -> None:
    result = pipeline.make(back(4), back(0), tables=(show_popularity_trends.TABLE,))
    assert not result.success
    assert sorted(pipeline.files()) == [
        layout.gold_key(show_popularity_trends.TABLE.name, back(ago)) for ago in (4, 3, 1, 0)
    ]
    made = pipeline.instance.get_materialized_partitions(gold_key(show_popularity_trends.TABLE))
    assert made == {back(4), back(3), back(1), back(0)}


def test_the_books_are_the_footers_and_a_list_without_a_day_has_a_row_too(pipeline: Pipeline) -> None:
    for key in pipeline.lake.bronze_keys("airing_today", back(0)):
        (pipeline.root / str(key)).unlink()
    for key_of in (layout.silver_key, layout.quarantine_key):
        (pipeline.root / key_of("airing_today", back(0))).unlink()
    assert pipeline.make(back(0), tables=(data_quality_daily.TABLE,)).success
    rows = {
        row["data_type"]: row
        for row in gold_files.read(pipeline.lake, data_quality_daily.TABLE.name, back(0)).to_pylist()
    }
    assert set(rows) == {show_list.name for show_list in LISTS}
    for name, row in rows.items():
        footer = stored.silver_footer(pipeline.lake, name, back(0))
        if name == "airing_today":
            assert (row["rows"], row["published"], row["bronze_objects"]) == (None, False, 0)
            continue
        assert footer is not None
        counts = footer.counts
        assert (row["rows"], row["silver_rows"]) == (counts.bronze_rows, counts.silver_rows)
        assert (row["repeats"], row["quarantined"]) == (counts.repeats, counts.quarantined)
        assert dict(row["quarantined_by_rule"]) == {rule: n for rule, n in counts.by_rule.items() if n}
        assert (row["pass_rate"], row["verdict"]) == (counts.pass_rate, "complete")
        assert row["captured_at"].startswith(f"{back(0)}T03:00:00")
        assert row["hours_since_capture"] == 21.0
        assert (row["published"], row["bronze_objects"]) == (True, 1)


def test_books_of_a_day_that_was_refused_are_the_last_attempts(pipeline: Pipeline) -> None:
    (pipeline.root / layout.silver_key("popular_shows", back(0))).unlink()
    assert pipeline.make(back(0), tables=(data_quality_daily.TABLE,)).success
    rows = gold_files.read(pipeline.lake, data_quality_daily.TABLE.name, back(0)).to_pylist()
    (row,) = (row for row in rows if row["data_type"] == "popular_shows")
    assert row["published"] is False
    assert row["rows"] == row["silver_rows"] + row["repeats"] + row["quarantined"] > 0


def test_a_file_that_other_hands_wrote_stops_the_books_and_keeps_the_last_good_day(
    pipeline: Pipeline,
) -> None:
    pipeline.make(back(0), tables=(data_quality_daily.TABLE,))
    before = pipeline.files()
    path = pipeline.root / layout.silver_key("popular_shows", back(0))
    whole = pa.parquet.read_table(path)
    pa.parquet.write_table(whole.slice(1), path)
    result = pipeline.make(back(0), tables=(data_quality_daily.TABLE,))
    assert not result.success
    assert statuses(result) == {"numbers_agree_with_files": False}
    assert pipeline.files() == before


def test_an_input_that_expired_does_not_make_a_day_stale_and_one_that_was_removed_does(
    pipeline: Pipeline,
) -> None:
    names = [show_list.name for show_list in LISTS]
    # One day among the files that the footer names, and one among those of its digest.
    expired = [pipeline.root / layout.silver_key(name, back(ago)) for name in names for ago in (4, 40)]
    for file in expired:
        if not file.exists():
            file.parent.mkdir(parents=True)
            shutil.copy(file.parents[1] / f"dt={back(4)}" / file.name, file)
    assert pipeline.make(back(0)).success
    for file in expired:
        file.unlink()
    keeps_all = pipeline.lake
    keeps_four = Lake(Store.in_folder(pipeline.root, retention=Retention(4)), "sandbox")
    with pinned(LAST):
        assert keeps_four.store.retention.first_kept(LAST) == LAST - timedelta(days=3)
        for table in (show_popularity_trends.TABLE, top_movers.TABLE):
            assert table.is_current(gold_files.Sources.of(keeps_four, names), back(0))
        assert not show_popularity_trends.TABLE.is_current(gold_files.Sources.of(keeps_all, names), back(0))
        # A day that is kept counts still.
        (pipeline.root / layout.silver_key(names[0], back(1))).unlink()
        assert not show_popularity_trends.TABLE.is_current(gold_files.Sources.of(keeps_four, names), back(0))


def test_every_column_made_from_silver_shows_its_lineage(pipeline: Pipeline) -> None:
    specs = {
        spec.key: spec
        for asset in gold_assets(common.daily(date(2026, 1, 1)), "sandbox")
        for spec in asset.specs
    }
    for table in gold.TABLES:
        spec = specs[gold_key(table)]
        schema = spec.metadata["dagster/column_schema"]
        assert [column.name for column in schema.columns] == [*table.schema.names, "dt"]
        assert all(column.description for column in schema.columns)
        lineage = spec.metadata["dagster/column_lineage"].deps_by_column
        assert set(lineage) == {column.name for column in table.columns if column.sources}
        # To Dagster gold hangs on no genres: see BEFORE_GOLD.
        above = {dep.asset_key for dep in spec.deps} | {common.silver_key(GENRES)}
        assert {dep.asset_key for deps in lineage.values() for dep in deps} <= above
    popularity = (
        specs[gold_key(show_popularity_trends.TABLE)]
        .metadata["dagster/column_lineage"]
        .deps_by_column["popularity"]
    )
    assert {(dep.asset_key, dep.column_name) for dep in popularity} == {
        (common.silver_key(show_list), "popularity") for show_list in LISTS
    }


def test_every_materialization_carries_a_picture(pipeline: Pipeline) -> None:
    pipeline.make(back(0))
    for table in gold.OF_SHOWS:
        latest = pipeline.instance.get_latest_materialization_event(gold_key(table))
        assert latest is not None
        assert latest.asset_materialization is not None
        told = [str(value.value) for value in latest.asset_materialization.metadata.values()]
        assert sum("](data:image/svg+xml;base64," in text for text in told) == 1
