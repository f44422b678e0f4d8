"""The books: the same captures make the same lake in a folder and in S3, to the last byte, and the same answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tally_pipeline import clock, gold
from tally_pipeline.datasets import GENRES, named
from tally_pipeline.datasets.captures import audit, choose
from tally_pipeline.datasets.shows import stored
from tally_pipeline.datasets.shows.refinement import Counts
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.query import samples
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox import Recordings, Sandbox
from tally_pipeline_tests.aws.lake_on_aws import LakeOnAws, account, made_of, quick_folder
from tally_pipeline_tests.query.conftest import OF_DETAILS
from testkit import tally
from testkit.aws.athena_server import athena_url
from testkit.pipeline import assert_sound, environment

__all__ = ["athena_url"]

pytestmark = pytest.mark.slow

NAMES = [show_list.name for show_list in LISTS]
ROWS = {"popular_shows": 40, "trending_shows": 20, "airing_today": 39, "on_the_air": 40}
"""Of the recordings; one show stands on both pages of airing_today."""


@dataclass(frozen=True)
class Books:
    """A lake in S3 and one in a folder that was made from a copy of its bronze; yesterday and today are in both."""

    on_aws: LakeOnAws
    synced: tally.Ran
    folder: Path
    days: tuple[str, str]

    @property
    def query(self) -> DuckDbEngine:
        return DuckDbEngine(self.folder, TABLES)


@pytest.fixture(scope="module")
def books(moto_url: str, athena_url: str, recordings: Path) -> Iterator[Books]:
    """Yesterday is rebuilt from invented captures, today synced from the recordings of 2025-12-24."""
    before = clock.today() - timedelta(days=1)
    with (
        quick_folder() as home,
        quick_folder() as local,
        account(moto_url, athena_url, home) as aws,
        Sandbox(recordings=Recordings(recordings, "2025-12-24")) as replay,
    ):
        on_aws = LakeOnAws(aws, home, replay.base_url, {"TALLY_PAGES_TRENDING_SHOWS": "1"})
        for key, body in sandbox.captures([before], depths=dict.fromkeys(NAMES, 1)):
            on_aws.lake.write_bronze(key, body)
        rebuilt = on_aws.run("rebuild")
        assert rebuilt.code == 0, rebuilt.err
        synced = on_aws.run("sync", "--json")
        assert synced.code == 0, synced.err
        # Yesterday's genres have names by now.
        assert on_aws.run("rebuild", "--last", before.isoformat()).code == 0
        # A rebuild makes what is of the lists; the genres it reads as they are.
        kept = on_aws.bodies("bronze/") | on_aws.bodies("lake.json") | on_aws.bodies("silver/genres/")
        copied = _rebuilt_from(kept, local)
        yield Books(on_aws, synced, copied, (before.isoformat(), clock.today().isoformat()))


def _rebuilt_from(kept: dict[str, bytes], home: Path) -> Path:
    """A lake in a folder that holds these objects and what `tally rebuild` makes of them."""
    lake = home / "sandbox" / "lake"
    for key, body in kept.items():
        (lake / key).parent.mkdir(parents=True, exist_ok=True)
        (lake / key).write_bytes(body)
    rebuilt = tally.run(home, environment(home, "http://127.0.0.1:1/3"), "rebuild")
    assert rebuilt.code == 0, rebuilt.err
    return lake


def test_the_recordings_are_published_from_s3(books: Books) -> None:
    told = books.synced.json
    assert {name: of_list["silver_rows"] for name, of_list in told.items()} == ROWS
    assert {of_list["verdict"] for of_list in told.values()} == {"complete"}


def test_the_bytes_in_s3_are_the_bytes_that_tmdb_sent(books: Books) -> None:
    audited = list(audit(books.on_aws.lake))
    # Two days of the lists, and what the sync captured of the genres.
    assert len(audited) == 2 * len(LISTS) + 1
    assert [(one.key, one.problems) for one in audited if one.problems or one.unproven] == []


@pytest.mark.parametrize("layer", ["silver", "quarantine", "gold", "reports"])
def test_the_same_bronze_makes_the_same_bytes_in_a_folder_and_in_s3(books: Books, layer: str) -> None:
    here = {
        path.relative_to(books.folder).as_posix(): path.read_bytes()
        for path in (books.folder / layer).rglob("*")
        if path.is_file()
    }
    there = books.on_aws.bodies(f"{layer}/")
    made = {key for day in books.days for key in made_of(day, NAMES)} | {GENRES.silver_key(books.days[1])}
    wanted = {key for key in made if key.startswith(f"{layer}/")}
    assert here.keys() == there.keys() == wanted
    assert [key for key in sorted(here) if here[key] != there[key]] == []


@pytest.mark.parametrize("name", sorted(set(samples.names()) - OF_DETAILS))
def test_every_sample_query_answers_the_same_through_athena(books: Books, name: str) -> None:
    sql = samples.read(name)
    here, there = books.query.query(sql), books.on_aws.athena.query(sql)
    assert there.num_rows > 0
    assert there.equals(here)


@pytest.mark.parametrize("table", [table.name for table in TABLES])
def test_every_table_holds_as_many_rows_of_each_day_through_athena(books: Books, table: str) -> None:
    first, last = books.days
    sql = f"SELECT dt, count(*) AS n FROM {table} WHERE dt BETWEEN '{first}' AND '{last}' GROUP BY dt ORDER BY dt"
    here, there = books.query.query(sql), books.on_aws.athena.query(sql)
    assert there.equals(here)
    if table in ("silver_shows", *(one.sql_name for one in gold.OF_SHOWS)):
        assert last in there["dt"].to_pylist()


def test_a_sync_into_a_folder_captures_and_publishes_the_same_rows(books: Books, recordings: Path) -> None:
    """It is another execution: its files differ from those in S3 in its name and times alone."""
    with quick_folder() as home, Sandbox(recordings=Recordings(recordings, "2025-12-24")) as replay:
        settings = environment(home, replay.base_url, TALLY_PAGES_TRENDING_SHOWS="1")
        assert tally.run(home, settings, "sync").code == 0
        here = Lake(Store.in_folder(home / "sandbox" / "lake"), "sandbox")
        there, day = books.on_aws.lake, books.days[1]
        assert_sound(here)
        for name in NAMES:
            local, remote = choose(here, named(name), day), choose(there, named(name), day)
            assert local.content.rows() == remote.content.rows()
            assert here.read_silver(name, day).equals(there.read_silver(name, day))
            assert _counts(here, name, day) == _counts(there, name, day)


def _counts(lake: Lake, data_type: str, day: str) -> Counts:
    footer = stored.silver_footer(lake, data_type, day)
    assert footer is not None
    return footer.counts
