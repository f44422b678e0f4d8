"""The same lake, byte for byte, in a folder and in S3: every query that ships gives the same rows on both engines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tally_pipeline import gold
from tally_pipeline.aws.session import Aws
from tally_pipeline.gold import availability, availability_changes
from tally_pipeline.query import samples
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.duckdb_engine import DuckDbEngine
from tally_pipeline.query.tables import TABLES
from tally_pipeline.tables.table import OF_LISTS, SqlTable
from tally_pipeline_tests.gold import offers
from tally_pipeline_tests.gold.conftest import GENRE_NAMES, back, invent, write, write_genres
from tally_pipeline_tests.gold.offers import OffersLake
from tally_pipeline_tests.query.conftest import OF_DETAILS, Lake, days_ago, show
from testkit.aws.athena_server import upload

BY_SQL = [table for table in gold.TABLES if isinstance(table, SqlTable)]


@pytest.fixture
def recent(lake: Lake, aws: Aws) -> Lake:
    """Two lists over the last days, with ties, gaps, and shows that nobody voted on."""
    for ago in (29, 12, 3, 2, 0):
        for place, name in enumerate(("popular_shows", "on_the_air")):
            rows = [
                show(
                    number,
                    name,
                    popularity=float(number % 7) + place / 3,
                    vote_average=(number * 37 % 100) / 10,
                    vote_count=number * 53,
                    original_language="ja en fr".split()[number % 3],
                    origin_country=["JP", "US", "GB"][: number % 4],
                    rank=number,
                )
                for number in range(1 + ago % 5, 31 + ago)
            ]
            lake.put(days_ago(ago), rows, data_type=name)
    upload(aws, lake.root)
    return lake


@pytest.mark.slow
def test_every_sample_answers_the_same_rows_in_the_same_order(athena: AthenaEngine, recent: Lake) -> None:
    for name in sorted(set(samples.names()) - OF_DETAILS):
        sql = samples.read(name)
        here, there = recent.engine.query(sql), athena.query(sql)
        assert there.num_rows > 0, name
        assert there.equals(here), name


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 4])
def test_every_gold_table_of_shows_is_the_same_to_the_last_bit(
    athena: AthenaEngine, aws: Aws, tmp_path: Path, seed: int
) -> None:
    history = invent(seed)
    write(tmp_path, history)
    write_genres(tmp_path, back(40), GENRE_NAMES)
    upload(aws, tmp_path)
    local = DuckDbEngine(tmp_path, TABLES)
    for day in sorted(history)[-2:]:
        for table in (one for one in BY_SQL if one.follows == OF_LISTS):
            here, there = table.query(local, day), table.query(athena, day)
            assert there.num_rows > 0
            assert there.equals(here, check_metadata=True), (table.name, day)


@pytest.mark.slow
def test_offers_are_the_same_on_both_engines_day_after_day(
    athena: AthenaEngine, aws: Aws, tmp_path: Path
) -> None:
    lake, history = OffersLake(tmp_path), offers.invent(2, days=8)
    before = None
    for day, shows in history.items():
        lake.write_day(day, shows)
        lake.publish(availability.TABLE, day)
        upload(aws, tmp_path)
        for table in (availability.TABLE, availability_changes.TABLE):
            here, there = table.query(lake.engine, day, before), table.query(athena, day, before)
            assert there.equals(here, check_metadata=True), (table.name, day)
        before = day
    assert here.num_rows > 0


def test_an_empty_lake_answers_the_same(athena: AthenaEngine, lake: Lake) -> None:
    for table in BY_SQL:
        assert table.query(athena, back(0)).equals(table.query(lake.engine, back(0)))
