"""A bucket's files, each fetched once, answered from as if they were here."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tally_pipeline.datasets import SERIES
from tally_pipeline.datasets.series import refinement
from tally_pipeline.lake import parquet
from tally_pipeline.lake.store import LakeError, Store
from tally_pipeline.query.cached_duckdb import CachedDuckDbEngine
from tally_pipeline.query.engine import QueryError
from tally_pipeline.query.tables import TABLES

COUNT = "SELECT dt, count(*) AS n FROM silver_series GROUP BY dt ORDER BY dt"


class Counted:
    """A store in a folder that counts what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.store = Store.in_folder(folder, observe=lambda operation, _: self.asked.append(operation))

    def put(self, dt: str, rows: int) -> None:
        table = pa.table(
            {
                "show_id": range(rows),
                "original_name": ["a"] * rows,
                "popularity": [1.0] * rows,
                "rank": range(1, rows + 1),
            }
        ).cast(refinement.SILVER)
        self.store.put(SERIES.silver_key(dt), parquet.encode_table(table))
        self.asked.clear()


@pytest.fixture
def bucket(tmp_path: Path) -> Counted:
    counted = Counted(tmp_path / "bucket")
    for dt, rows in (("2026-01-01", 1), ("2026-01-02", 2)):
        counted.put(dt, rows)
    return counted


@pytest.fixture
def engine(bucket: Counted, tmp_path: Path) -> CachedDuckDbEngine:
    return CachedDuckDbEngine(bucket.store, tmp_path / "mirror", TABLES)


def test_it_answers_from_the_buckets_files(engine: CachedDuckDbEngine) -> None:
    assert engine.query(COUNT).to_pylist() == [{"dt": "2026-01-01", "n": 1}, {"dt": "2026-01-02", "n": 2}]


def test_a_file_is_fetched_once(engine: CachedDuckDbEngine, bucket: Counted) -> None:
    engine.query(COUNT)
    assert bucket.asked.count("GetObject") == 2
    bucket.asked.clear()
    engine.query(COUNT)
    assert bucket.asked == ["ListObjectsV2"]


def test_of_a_query_that_names_its_days_no_other_file_is_fetched_and_none_stays(
    engine: CachedDuckDbEngine, bucket: Counted, tmp_path: Path
) -> None:
    schema = pa.schema([("dt", pa.string()), ("n", pa.int64())])
    rows = engine.rows(COUNT, schema, {"2026-01-02", "2026-01-09"}).to_pylist()
    assert rows == [{"dt": "2026-01-02", "n": 2}]
    assert bucket.asked == ["GetObject", "GetObject"]  # the second day has none
    assert list((tmp_path / "mirror").iterdir()) == []


def test_another_process_finds_what_the_first_one_fetched(
    engine: CachedDuckDbEngine, bucket: Counted, tmp_path: Path
) -> None:
    engine.query(COUNT)
    bucket.asked.clear()
    CachedDuckDbEngine(bucket.store, tmp_path / "mirror", TABLES).query(COUNT)
    assert "GetObject" not in bucket.asked


def test_a_day_that_was_rebuilt_is_fetched_again_even_at_the_same_size(
    engine: CachedDuckDbEngine, bucket: Counted
) -> None:
    engine.query(COUNT)
    bucket.put("2026-01-01", 3)
    assert engine.query(COUNT).to_pylist()[0]["n"] == 3
    same = bucket.store.get(SERIES.silver_key("2026-01-01"))
    bucket.store.put(SERIES.silver_key("2026-01-01"), same)
    bucket.asked.clear()
    engine.query(COUNT)
    assert bucket.asked.count("GetObject") == 1


def test_a_day_that_is_gone_from_the_bucket_is_gone_from_the_answers(
    engine: CachedDuckDbEngine, bucket: Counted, tmp_path: Path
) -> None:
    engine.query(COUNT)
    (tmp_path / "bucket" / SERIES.silver_key("2026-01-01")).unlink()
    assert [row["dt"] for row in engine.query(COUNT).to_pylist()] == ["2026-01-02"]


def test_a_copy_that_was_tampered_with_is_fetched_again(engine: CachedDuckDbEngine, tmp_path: Path) -> None:
    engine.query(COUNT)
    (tmp_path / "mirror" / SERIES.silver_key("2026-01-01")).write_bytes(b"half a fi")
    assert engine.query(COUNT).to_pylist()[0] == {"dt": "2026-01-01", "n": 1}


def test_only_the_tables_that_a_query_names_are_listed(engine: CachedDuckDbEngine, bucket: Counted) -> None:
    engine.query("SELECT count(*) AS n FROM silver_genres")
    assert bucket.asked == ["ListObjectsV2"]


def test_its_columns_are_those_of_the_buckets_files(engine: CachedDuckDbEngine) -> None:
    assert engine.columns(SERIES.silver_table.name)[0] == ("show_id", "bigint")


def test_a_bucket_that_does_not_answer_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / "no-folder"
    file.write_text("a file where the lake should be")
    engine = CachedDuckDbEngine(Store.in_folder(file), tmp_path / "mirror", TABLES)
    with pytest.raises(QueryError, match="cannot be fetched") as raised:
        engine.query(COUNT)
    assert isinstance(raised.value.__cause__, LakeError)
