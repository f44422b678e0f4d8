"""Small lakes of silver with everything that days do: shows come and go, lists and days are missing, numbers tie."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tally_pipeline.datasets.shows import contract
from tally_pipeline.lake import parquet
from tally_pipeline.lake.layout import silver_key
from tally_pipeline_tests.gold.second_way import Row
from tally_pipeline_tests.query.conftest import show

LAST = date(2026, 3, 15)
LISTS = ("airing_today", "on_the_air", "popular_shows")
GENRE_IDS = (16, 18, 35, 424242)
GENRE_NAMES = {16: "Animation", 18: "Drama", 35: "Comedy"}


def back(days: int) -> str:
    """The day so many days before the last."""
    return (LAST - timedelta(days=days)).isoformat()


def invent(seed: int) -> dict[str, dict[str, list[Row]]]:
    """Silver's rows by day and list over up to 45 days; about one day in six is missing, and one list in six."""
    dice = random.Random(seed)
    pool = list(range(1, dice.randint(6, 60)))
    history: dict[str, dict[str, list[Row]]] = {}
    for days_ago in range(dice.randint(30, 45), -1, -1):
        if days_ago and dice.random() < 1 / 6:
            continue
        lists = [name for name in LISTS if dice.random() > 1 / 6] or [LISTS[0]]
        history[back(days_ago)] = {name: _invent_list(dice, pool, name) for name in lists}
    return history


def _invent_list(dice: random.Random, pool: list[int], name: str) -> list[Row]:
    chosen = dice.sample(pool, dice.randint(1, len(pool)))
    return [_invent_row(dice, show_id, name, rank) for rank, show_id in enumerate(chosen, start=1)]


def _invent_row(dice: random.Random, show_id: int, name: str, rank: int) -> Row:
    popularity = dice.choice([0.0, 1.5, 7.25, round(dice.uniform(0, 500), 4)])
    changed: dict[str, Any] = {
        "title": f"Show {show_id} in {name}",
        "popularity": popularity,
        "rank": rank,
        "genre_ids": dice.sample(GENRE_IDS, dice.randint(0, 3)),
        "vote_count": dice.choice([None, 0, dice.randint(1, 5000)]),
        "vote_average": dice.choice([None, 0.0, round(dice.uniform(0, 10), 3)]),
    }
    return show(show_id, name, **changed)


def write(root: Path, history: Mapping[str, Mapping[str, list[Row]]]) -> None:
    """Put silver into a lake's folder."""
    for day, lists in history.items():
        for name, rows in lists.items():
            path = root / silver_key(name, day)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(parquet.encode_table(pa.Table.from_pylist(rows, schema=contract.SILVER)))


def write_genres(root: Path, day: str, names: Mapping[int, str], language: str = "en-US") -> None:
    """Put a capture of TMDB's genres into a lake's folder."""
    rows = [{"id": id_, "name": name, "language": language} for id_, name in names.items()]
    schema = pa.schema([("id", pa.int64()), ("name", pa.string()), ("language", pa.string())])
    path = root / f"silver/genres/dt={day}/data.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(parquet.encode_table(pa.Table.from_pylist(rows, schema=schema)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The folder of an empty lake."""
    folder = tmp_path / "lake"
    folder.mkdir()
    return folder
