"""Real replies of three years, refined."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from tally_pipeline.bronze.list_capture import decode
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.refinement import Refined, refine
from testkit.captures import capture, recorded_list, recorded_pages


def refined(recordings: Path, snapshot: str, path: str, data_type: str) -> Refined:
    whole = capture(recorded_list(recordings, snapshot, path), data_type=data_type)
    return refine(decode(whole), data_type=data_type, dt=snapshot, key="key")


@pytest.mark.parametrize(
    ("path", "data_type", "rows", "repeats"),
    [
        ("/tv/popular", "popular_shows", 40, 0),
        ("/tv/airing_today", "airing_today", 39, 1),
        ("/tv/on_the_air", "on_the_air", 40, 0),
        ("/trending/tv/week", "trending_shows", 20, 0),
        ("/tv/top_rated", "top_rated", 40, 0),
    ],
)
def test_the_lists_of_2025_are_refined_without_a_rejected_row(
    recordings: Path, path: str, data_type: str, rows: int, repeats: int
) -> None:
    counts = refined(recordings, "2025-12-24", path, data_type).counts

    assert (counts.silver_rows, counts.repeats, counts.quarantined) == (rows, repeats, 0)
    assert (counts.new_fields, counts.lost_fields, counts.unknown_genres) == ({}, (), {})


@pytest.mark.parametrize("path", ["/tv/popular", "/tv/airing_today", "/tv/on_the_air", "/tv/top_rated"])
def test_the_lists_of_2022_have_whole_votes_and_a_double_column(recordings: Path, path: str) -> None:
    result = refined(recordings, "2022-11-26", path, "popular_shows")

    assert result.counts.silver_rows == 20
    assert result.counts.quarantined == 0
    assert result.silver.schema.field("vote_average").type == pa.float64()
    assert all(type(vote) is float for vote in result.silver["vote_average"].to_pylist())


def test_the_popular_list_of_2013_lacks_fields_and_ends_in_clear_counts(recordings: Path) -> None:
    result = refined(recordings, "2013-11-26", "/tv/popular", "popular_shows")
    counts = result.counts

    assert counts.bronze_rows == 20 == counts.silver_rows + counts.repeats + counts.quarantined
    assert counts.quarantined == counts.by_rule["field_missing"] == 20
    assert {"genre_ids", "origin_country"} <= set(counts.lost_fields)
    reasons = result.quarantine["reasons"].to_pylist()
    assert all("genre_ids is not there" in row for row in reasons)
    assert all("origin_country is not there" in row for row in reasons)


def test_every_real_row_of_the_last_years_keeps_every_rule(recordings: Path) -> None:
    recorded = [one for one in recorded_pages(recordings) if one.snapshot != "2013-11-26"]

    for one in recorded:
        result = refine(decode(capture([one.read()])), data_type="popular_shows", dt="2025-12-24", key="key")

        assert result.counts.quarantined == 0, one.path
        assert result.silver.schema.equals(contract.SILVER)
