"""The snippets of the page on AWS run on an emulated bucket."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.fs import S3FileSystem

from tally_pipeline.aws.session import Aws
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import list_named
from tally_pipeline_tests.docs.pages import Block, page

DAY = date(2025, 12, 24)
PUT, READ = (
    block for block in page("docs/aws.md").blocks if block.language == "python" and block.not_run is None
)


def run(block: Block) -> None:
    exec(compile(block.text, block.name, "exec"), {})


@pytest.fixture
def lake(aws: Aws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Lake:
    monkeypatch.setenv("AWS_DEFAULT_REGION", aws.settings.region)
    monkeypatch.chdir(tmp_path)
    return Lake(Store.on_s3(aws, aws.settings.lake_bucket), "sandbox")


def test_a_capture_is_put_once_under_a_key_of_bronze(lake: Lake, tmp_path: Path) -> None:
    ((_, body),) = sandbox.captures([DAY], lists=[list_named("popular_shows")], depths={"popular_shows": 1})
    (tmp_path / "by-hand.json").write_bytes(body)
    run(PUT)
    (key,) = lake.bronze_keys("popular_shows", DAY.isoformat())
    assert lake.store.get(str(key)) == body
    (tmp_path / "by-hand.json").write_bytes(b"{}")
    with pytest.raises(Exception, match="PreconditionFailed"):
        run(PUT)
    assert lake.store.get(str(key)) == body


def test_silver_is_read_by_pandas(
    lake: Lake, moto_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Arrow takes the emulator's address from no variable.
    monkeypatch.setattr("pyarrow.fs.S3FileSystem", partial(S3FileSystem, endpoint_override=moto_url))
    rows = pa.table({"rank": [2, 1], "title": ["Second", "First"], "popularity": [1.0, 2.0]})
    buffer = pa.BufferOutputStream()
    pq.write_table(rows, buffer)
    lake.store.put(f"silver/shows/popular_shows/dt={DAY}/data.parquet", buffer.getvalue().to_pybytes())
    run(READ)
    assert [line.split()[-2] for line in capsys.readouterr().out.splitlines()[1:]] == ["First", "Second"]
