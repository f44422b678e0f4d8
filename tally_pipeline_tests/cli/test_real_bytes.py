"""TMDB's own bytes, from the recordings through `tally sync` into bronze, silver and the table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.query import samples
from tally_pipeline.tmdb import lists
from tally_pipeline.tmdb.sandbox import Recordings, Sandbox
from tally_pipeline_tests.query.conftest import OF_DETAILS
from testkit import tally
from testkit.pipeline import assert_sound, environment
from testkit.tmdb.own_lists import LISTS


class Replayed:
    """A home after `tally sync` of some lists from a snapshot, and what the command said."""

    def __init__(
        self, home: Path, recordings: Path, snapshot: str, lists: Sequence[str] = (), **changes: str
    ) -> None:
        self.home = home
        self._recorded = recordings / snapshot
        names = lists or [one.name for one in LISTS]
        named = [word for name in names for word in ("--list", name)]
        with Sandbox(recordings=Recordings(recordings, snapshot)) as sandbox:
            environ = environment(home, sandbox.base_url, **changes)
            self.ran = tally.run(home, environ, "sync", *named, "--json")

    @property
    def told(self) -> Any:
        return self.ran.json

    def run(self, *argv: str) -> tally.Ran:
        return tally.run(self.home, {"TALLY_HOME": str(self.home)}, *argv)

    @property
    def lake(self) -> Lake:
        return Lake(Store.in_folder(self.home / "sandbox" / "lake"), "sandbox")

    def file(self, name: str, kind: str) -> Path:
        """The file of a list whose key begins with `kind`."""
        (key,) = [key for key in self.told[name]["keys"] if key.startswith(kind)]
        return Path(self.lake.store.root, key)

    def silver(self, name: str) -> pa.Table:
        return pq.read_table(self.file(name, "silver"))

    def rows_of(self, *bodies: str) -> bytes:
        """What stands between the brackets of `results` in recorded bodies, one after the other."""
        texts = [(self._recorded / body).read_bytes() for body in bodies]
        return b",".join(text[text.index(b'"results":[') + 11 : text.rindex(b"]")] for text in texts)

    def holds_exactly(self, name: str, *bodies: str) -> bool:
        """Whether a list's bronze holds the recorded rows, byte for byte, and nothing else before `_metadata`."""
        return (
            self.file(name, "bronze")
            .read_bytes()
            .startswith(b'{"results": [' + self.rows_of(*bodies) + b'], "_metadata": {')
        )


@pytest.fixture(scope="module")
def of_2025(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Replayed:
    home = tmp_path_factory.mktemp("of_2025")
    return Replayed(home, recordings, "2025-12-24", TALLY_PAGES_TRENDING_SHOWS="1")


@pytest.fixture(scope="module")
def of_2022(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Replayed:
    lists = ("popular_shows", "airing_today", "on_the_air")
    pages = {f"TALLY_PAGES_{name.upper()}": "1" for name in lists}
    return Replayed(tmp_path_factory.mktemp("of_2022"), recordings, "2022-11-26", lists, **pages)


@pytest.fixture(scope="module")
def of_2013(tmp_path_factory: pytest.TempPathFactory, recordings: Path) -> Replayed:
    home = tmp_path_factory.mktemp("of_2013")
    return Replayed(home, recordings, "2013-11-26", ("popular_shows",), TALLY_PAGES_POPULAR_SHOWS="1")


def test_2025_is_published_with_its_one_real_repeat(of_2025: Replayed) -> None:
    assert of_2025.ran.code == 0, of_2025.ran.err
    counts = {
        name: (told["pages"], told["rows"], told["repeats"], told["quarantined"], told["silver_rows"])
        for name, told in of_2025.told.items()
    }
    assert counts == {
        "popular_shows": (2, 40, 0, 0, 40),
        "trending_shows": (1, 20, 0, 0, 20),
        "airing_today": (2, 40, 1, 0, 39),
        "on_the_air": (2, 40, 0, 0, 40),
    }
    assert {told["verdict"] for told in of_2025.told.values()} == {"complete"}
    assert_sound(of_2025.lake)


@pytest.mark.parametrize(
    ("name", "bodies"),
    [
        ("popular_shows", ("tv_popular__page-1.json", "tv_popular__page-2.json")),
        ("trending_shows", ("trending_tv_week.json",)),
        ("airing_today", ("tv_airing_today__page-1.json", "tv_airing_today__page-2.json")),
        ("on_the_air", ("tv_on_the_air__page-1.json", "tv_on_the_air__page-2.json")),
    ],
)
def test_2025s_bronze_rows_are_tmdbs_byte_for_byte(
    of_2025: Replayed, name: str, bodies: Sequence[str]
) -> None:
    assert of_2025.holds_exactly(name, *bodies)


def test_2025s_etags_hash_the_bodies_that_bronze_holds(of_2025: Replayed) -> None:
    for name in of_2025.told:
        pages = json.loads(of_2025.file(name, "bronze").read_bytes())["_metadata"]["pages"]
        assert {page["etag_is_body_hash"] for page in pages} == {True}, name


def test_the_audit_proves_real_bronze(of_2025: Replayed, of_2022: Replayed, of_2013: Replayed) -> None:
    # Of 2025 every list was synced, and so the genres as well, unless there are others by now.
    of_genres = len(LISTS) == len(lists.LISTS)
    for replayed, objects in ((of_2025, 4 + of_genres), (of_2022, 3), (of_2013, 1)):
        ran = replayed.run("audit", "--json")
        assert (ran.code, ran.json["objects"], ran.json["broken"]) == (0, objects, {})


def test_silver_is_in_tmdbs_order_and_the_repeat_keeps_its_better_rank(of_2025: Replayed) -> None:
    popular, airing = of_2025.silver("popular_shows"), of_2025.silver("airing_today")
    assert popular["title"][0].as_py() == "Stranger Things"
    assert popular["rank"].to_pylist() == list(range(1, 41))
    missing = set(range(1, 41)) - set(airing["rank"].to_pylist())
    assert len(missing) == 1
    assert missing.pop() > 20


@pytest.mark.parametrize("name", sorted(set(samples.names()) - OF_DETAILS))
def test_every_sample_query_answers_from_real_rows(of_2025: Replayed, name: str) -> None:
    ran = of_2025.run("query", "--sample", name, "--format", "json")
    assert ran.code == 0
    # Nothing is new on a lake's first day.
    assert bool(ran.json) == (name != "new_today")


def test_the_sum_over_the_table_is_silvers(of_2025: Replayed) -> None:
    sql = "SELECT data_type, count(*) AS n FROM silver_shows GROUP BY data_type"
    rows = of_2025.run("query", sql, "--format", "json").json
    assert {row["data_type"]: row["n"] for row in rows} == {
        "popular_shows": 40,
        "trending_shows": 20,
        "airing_today": 39,
        "on_the_air": 40,
    }


def test_2022_is_published_and_its_whole_numbers_are_doubles(of_2022: Replayed) -> None:
    assert of_2022.ran.code == 0, of_2022.ran.err
    for name, path in (
        ("popular_shows", "tv_popular__language-en.json"),
        ("airing_today", "tv_airing_today__language-en.json"),
        ("on_the_air", "tv_on_the_air__language-en.json"),
    ):
        told = of_2022.told[name]
        assert (told["pages"], told["rows"], told["silver_rows"], told["quarantined"]) == (1, 20, 20, 0)
        assert of_2022.holds_exactly(name, path)
        assert of_2022.silver(name).schema.field("vote_average").type == pa.float64()
    votes = [
        row["vote_average"]
        for name in of_2022.told
        for row in json.loads(of_2022.file(name, "bronze").read_bytes())["results"]
    ]
    assert any(isinstance(vote, int) for vote in votes)
    assert_sound(of_2022.lake)


def test_2013_lacks_fields_so_all_of_it_is_quarantined_and_nothing_is_lost(of_2013: Replayed) -> None:
    told = of_2013.told["popular_shows"]
    assert of_2013.ran.code == 1
    assert (told["pages"], told["rows"], told["quarantined"], told["silver_rows"]) == (1, 20, 20, 0)
    assert not told["published"]
    assert "0.00 % of 20 rows keep every rule" in told["error"]
    assert "The day has no file yet" in told["error"]
    assert of_2013.holds_exactly("popular_shows", "tv_popular.json")
    quarantined = pq.read_table(of_2013.file("popular_shows", "quarantine")).to_pylist()
    assert b",".join(row["raw"].encode() for row in quarantined) == of_2013.rows_of("tv_popular.json")
    assert all(row["rules"] == ["field_missing"] for row in quarantined)
    assert all("genre_ids" in " ".join(row["reasons"]) for row in quarantined)
    assert_sound(of_2013.lake)
