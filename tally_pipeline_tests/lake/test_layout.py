"""Every key is named and read back in one place, and none leads out of the lake."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey

NAMES = st.from_regex(r"[A-Za-z0-9_-]+", fullmatch=True)
DAYS = st.dates().map(lambda day: day.isoformat())
KEY = "bronze/tmdb/shows/popular_shows/dt=2025-12-24/run-1.json"


@given(NAMES, DAYS, NAMES)
def test_a_key_reads_back_as_it_was_named(data_type: str, dt: str, execution_id: str) -> None:
    key = BronzeKey(data_type, dt, execution_id)

    assert BronzeKey.parse(str(key)) == key


def test_the_keys_are_those_that_others_build_on() -> None:
    assert str(BronzeKey("popular_shows", "2025-12-24", "run-1")) == KEY
    assert (
        layout.silver_key("on_the_air", "2025-12-24") == "silver/shows/on_the_air/dt=2025-12-24/data.parquet"
    )
    assert layout.quarantine_key("on_the_air", "2025-12-24") == (
        "quarantine/shows/on_the_air/dt=2025-12-24/data.parquet"
    )
    assert layout.bronze_prefix("on_the_air") == "bronze/tmdb/shows/on_the_air"
    assert layout.bronze_prefix("on_the_air", "2025-12-24") == "bronze/tmdb/shows/on_the_air/dt=2025-12-24"


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/" + KEY,
        KEY + "/",
        KEY + "\n",
        KEY + "#1",
        KEY.replace("bronze", "silver"),
        KEY.replace("popular_shows/", ""),
        KEY.replace("popular_shows", ""),
        KEY.replace("popular_shows", ".."),
        KEY.replace("popular_shows", "a/b"),
        KEY.replace("popular_shows", "popular shows"),
        KEY.replace("popular_shows", "beliebtë"),
        KEY.replace("dt=", ""),
        KEY.replace("12-24", "02-30"),
        KEY.replace("12-24", "13-01"),
        KEY.replace("2025-12-24", "0000-01-01"),
        KEY.replace("2025-12-24", "20251224"),
        KEY.replace("2025-12-24", "2025-12-24T00"),
        KEY.replace("2025-12-24", "٢٠٢٥-١٢-٢٤"),
        KEY.replace("run-1", ""),
        KEY.replace("run-1", "run.1"),
        KEY.replace("run-1", "run\x00"),
        KEY.replace(".json", ".json.gz"),
        KEY.replace(".json", "_json"),
        KEY.replace("/dt", "//dt"),
    ],
)
def test_what_is_no_captures_key_is_not_read_as_one(key: str) -> None:
    assert BronzeKey.parse(key) is None


@given(st.text() | st.text("abz019_=./-\\ ").map(lambda tail: f"bronze/tmdb/shows/{tail}"))
@example("bronze/tmdb/shows/../dt=2025-12-24/a.json")
def test_whatever_is_read_as_a_key_stays_within_the_lake(text: str) -> None:
    key = BronzeKey.parse(text)

    if key is not None:
        assert str(key) == text
        assert PurePosixPath(text).parts[:3] == ("bronze", "tmdb", "shows")
        assert ".." not in PurePosixPath(text).parts


def test_keys_sort_by_list_then_day_then_execution() -> None:
    keys = [
        BronzeKey("b", "2025-01-01", "x"),
        BronzeKey("a", "2025-01-02", "a"),
        BronzeKey("a", "2025-01-01", "z"),
    ]

    assert [str(key) for key in sorted(keys)] == sorted(map(str, keys))
