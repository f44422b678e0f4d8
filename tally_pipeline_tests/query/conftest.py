"""A small lake of real Parquet files, and the engine over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tally_pipeline.datasets.shows import contract
from tally_pipeline.lake.layout import silver_key
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from testkit.aws.athena_server import athena, athena_url
from testkit.pinned import real_now

__all__ = ["athena", "athena_url"]

OF_DETAILS = {"arrived_this_week", "how_old", "left_this_week", "seasons_complete", "where_to_watch"}
"""The sample queries about details and offers; the others are about lists."""


def days_ago(days: int) -> str:
    """The UTC day so many days before today, as a partition key."""
    # What SQL calls today is DuckDB's: no test sets it.
    return (real_now().date() - timedelta(days=days)).isoformat()


def show(show_id: int, data_type: str = "popular_shows", **changed: Any) -> dict[str, Any]:
    """A silver row; what is not given is the same for every show."""
    row: dict[str, Any] = {
        "show_id": show_id,
        "title": f"Show {show_id}",
        "original_title": f"Show {show_id}",
        "popularity": float(show_id),
        "vote_average": 7.5,
        "vote_count": 1000,
        "first_air_date": None,
        "genre_ids": [18],
        "origin_country": ["US"],
        "poster_path": None,
        "backdrop_path": None,
        "overview": None,
        "original_language": "en",
        "ingestion_date": "2026-01-01",
        "data_type": data_type,
        "rank": show_id,
    }
    return row | changed


class Lake:
    """A folder that tests put silver files into."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.engine = DuckDbEngine(root, TABLES)

    def put(
        self,
        dt: str,
        rows: Sequence[Mapping[str, Any]],
        data_type: str = "popular_shows",
        schema: pa.Schema = contract.SILVER,
    ) -> Path:
        """Writes one day of one list, and returns the file."""
        path = self.root / silver_key(data_type, dt)
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), path, compression="snappy")
        return path

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """What a query answers, row by row."""
        answer: list[dict[str, Any]] = self.engine.query(sql).to_pylist()
        return answer


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """An empty lake."""
    return Lake(tmp_path / "lake")
