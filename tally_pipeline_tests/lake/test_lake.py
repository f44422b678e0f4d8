"""Which capture silver is made from, and what is said when there is none; silver that is published and read."""

from __future__ import annotations

import re

import pyarrow as pa
import pytest

from tally_pipeline.bronze.list_capture import UnreadableBronzeError
from tally_pipeline.datasets import named
from tally_pipeline.datasets.captures import NoCaptureError, choose
from tally_pipeline.datasets.shows import RefineOptions, stored
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import Refined, refine
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.parquet import FOOTER_BYTES, ForeignFileError
from tally_pipeline.lake.store import AlreadyThereError, LakeError, NoSuchObjectError
from tally_pipeline_tests.lake.conftest import DAY, FolderLake
from testkit.captures import bare, capture, page, show, text_of
from testkit.stored_days import publish_silver, write_quarantine

LIST = "popular_shows"


def chosen(lake: FolderLake, *, allow_partial: bool = False) -> str:
    return choose(lake, named(LIST), DAY, RefineOptions(allow_partial=allow_partial)).key.execution_id


# Which capture


def test_the_latest_complete_capture_wins(lake: FolderLake) -> None:
    lake.keep("b", f"{DAY}T09:00:00.000Z")
    lake.keep("a", f"{DAY}T21:00:00.000Z")
    lake.keep("c", f"{DAY}T03:00:00.000Z")

    assert chosen(lake) == "a"


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (f"{DAY}T03:00:00Z", f"{DAY}T03:00:00.500Z"),
        (f"{DAY}T09:00:00+09:00", f"{DAY}T03:00:00Z"),
        (f"{DAY}T03:00:00.000Z", f"{DAY}T04:00:00.000001+00:00"),
        (f"{DAY}T03:00:00", f"{DAY}T03:00:01Z"),
        ("not a time", f"{DAY}T03:00:00Z"),
        (None, f"{DAY}T03:00:00Z"),
    ],
)
def test_times_are_compared_as_times_however_others_write_them(
    lake: FolderLake, earlier: str | None, later: str
) -> None:
    lake.keep("z", earlier)
    lake.keep("a", later)

    assert chosen(lake) == "a"


def test_of_two_captures_of_the_same_moment_one_is_always_taken(lake: FolderLake) -> None:
    for execution in ("b", "c", "a"):
        lake.keep(execution)

    assert chosen(lake) == "c"


def test_a_complete_capture_wins_over_a_newer_partial_one(lake: FolderLake) -> None:
    lake.keep("complete", f"{DAY}T03:00:00.000Z")
    newer = lake.keep("partial", f"{DAY}T09:00:00.000Z", missing=1)

    assert choose(lake, named(LIST), DAY).passed_over == (f"{newer} is partial",)
    assert chosen(lake) == "complete"
    # Allowing a partial capture is for want of a complete one.
    assert chosen(lake, allow_partial=True) == "complete"


def test_a_partial_capture_is_taken_only_when_that_is_allowed(lake: FolderLake) -> None:
    lake.keep("old", f"{DAY}T03:00:00.000Z", missing=1)
    lake.keep("new", f"{DAY}T09:00:00.000Z", missing=2)

    with pytest.raises(NoCaptureError, match=r"old\.json is partial.*launched with allow_partial: true"):
        chosen(lake)
    assert chosen(lake, allow_partial=True) == "new"
    assert choose(lake, named(LIST), DAY, RefineOptions(allow_partial=True)).verdict == "partial"


@pytest.mark.parametrize("allow_partial", [False, True])
def test_an_empty_capture_is_never_taken(lake: FolderLake, allow_partial: bool) -> None:
    lake.keep("empty", shows=0, missing=1)

    with pytest.raises(NoCaptureError, match=r"empty\.json is empty") as caught:
        chosen(lake, allow_partial=allow_partial)
    assert "allow_partial" not in str(caught.value)

    lake.keep("good", f"{DAY}T00:00:00.000Z")
    assert chosen(lake, allow_partial=allow_partial) == "good"


def test_a_day_without_captures_says_so_and_what_to_do(lake: FolderLake) -> None:
    with pytest.raises(NoCaptureError) as caught:
        chosen(lake)

    assert str(caught.value) == (
        f"bronze holds no complete capture of popular_shows for {DAY}. It holds: nothing at all."
        " Materialize bronze_shows/popular_shows on that very day (UTC)."
    )


@pytest.mark.parametrize("body", [b"", b'{"results":[{"id":1}', b"[]", b'{"rows":[]}', b"\xff\xfe"])
def test_an_unreadable_object_is_passed_over_and_named(lake: FolderLake, body: bytes) -> None:
    lake.keep("good")
    bad = lake.path(BronzeKey(LIST, DAY, "bad"))
    bad.write_bytes(body)

    found = choose(lake, named(LIST), DAY)

    assert found.key.execution_id == "good"
    assert len(found.passed_over) == 1
    assert f"{bad} is not a capture: it " in found.passed_over[0]


def test_rows_that_are_no_array_are_passed_over_where_the_object_says_nothing_of_itself(
    lake: FolderLake,
) -> None:
    lake.path(BronzeKey(LIST, DAY, "bad")).write_bytes(b'{"results":{"id":1}}')

    with pytest.raises(NoCaptureError, match="`results` is not a list"):
        chosen(lake)


def test_an_unreadable_object_alone_is_named_as_the_reason(lake: FolderLake) -> None:
    bad = lake.path(BronzeKey(LIST, DAY, "bad"))
    bad.write_bytes(b"<html>")

    with pytest.raises(NoCaptureError, match=f"It holds: {re.escape(str(bad))} is not a capture"):
        chosen(lake)


def test_sandbox_data_in_a_lake_of_real_data_is_refused(lake: FolderLake) -> None:
    key = BronzeKey(LIST, DAY, "invented")
    lake.write_bronze(key, capture([page(1, [show(1)])], source="sandbox"))

    with pytest.raises(NoCaptureError, match=f"{key} is sandbox data in a lake of tmdb data"):
        chosen(lake, allow_partial=True)


def test_real_data_in_a_lake_of_sandbox_data_is_refused(lake: FolderLake) -> None:
    sandbox = FolderLake(lake.root, "sandbox")
    sandbox.keep("real")

    with pytest.raises(NoCaptureError, match="is tmdb data in a lake of sandbox data"):
        chosen(sandbox)


def test_an_object_of_another_tool_is_taken_when_it_holds_rows(lake: FolderLake) -> None:
    lake.path(BronzeKey(LIST, DAY, "lambda")).write_bytes(b'{"results": [' + text_of(show(1)) + b"]}")

    found = choose(lake, named(LIST), DAY)

    assert (found.key.execution_id, found.verdict) == ("lambda", "complete")
    assert lake.bronze_keys(LIST, DAY) == [found.key]


def test_an_object_of_another_tool_without_rows_is_empty(lake: FolderLake) -> None:
    lake.path(BronzeKey(LIST, DAY, "lambda")).write_bytes(b'{"results": []}')

    with pytest.raises(NoCaptureError, match=r"lambda\.json is empty"):
        chosen(lake, allow_partial=True)


def test_files_that_are_no_captures_are_not_in_the_way(lake: FolderLake) -> None:
    lake.keep("good")
    for stray in (".DS_Store", "notes.txt", "good.json#1", "run 2.json", "deeper/run.json"):
        lake.path(f"bronze/tmdb/shows/{LIST}/dt={DAY}/{stray}").write_bytes(b"x")

    assert chosen(lake) == "good"
    assert [key.execution_id for key in lake.bronze_keys(LIST)] == ["good"]


def test_another_days_or_lists_captures_are_not_taken(lake: FolderLake) -> None:
    for key in (BronzeKey(LIST, "2025-12-23", "a"), BronzeKey("airing_today", DAY, "a")):
        lake.write_bronze(key, capture([page(1, [show(1)])]))

    with pytest.raises(NoCaptureError, match="nothing at all"):
        chosen(lake)
    assert lake.bronze_days(LIST) == ["2025-12-23"]


def test_the_capture_names_its_object_and_its_hash(lake: FolderLake) -> None:
    key = lake.keep("a")
    found = choose(lake, named(LIST), DAY)

    assert found.ref.key == str(key)
    assert found.ref.sha256 == stored.read_bronze(lake, key).sha256


def test_bronze_is_written_once(lake: FolderLake) -> None:
    key = lake.keep("a")
    before = lake.path(key).read_bytes()

    with pytest.raises(AlreadyThereError, match="it stays as it is"):
        lake.write_bronze(key, b"other")
    assert lake.path(key).read_bytes() == before


def test_a_capture_that_is_not_there_or_not_readable_is_named(lake: FolderLake) -> None:
    key = BronzeKey(LIST, DAY, "a")
    with pytest.raises(NoSuchObjectError, match=f"{key}$"):
        stored.read_bronze(lake, key)
    lake.path(key).write_bytes(b"{}")
    with pytest.raises(UnreadableBronzeError, match=f"{key} is not a capture: it has no `results`"):
        stored.read_bronze(lake, key)


# Silver


def refined(*ids: int, **changed: object) -> Refined:
    return refine(bare(*(show(show_id, **changed) for show_id in ids), b"5"), data_type=LIST, dt=DAY, key="k")


def publish(lake: FolderLake, made: Refined) -> str:
    return publish_silver(lake, LIST, DAY, made, footer_for((), "complete", "tmdb", made.counts))


def test_published_silver_is_read_back_with_its_books(lake: FolderLake) -> None:
    made = refined(1, 2)

    assert publish(lake, made) == f"silver/shows/{LIST}/dt={DAY}/data.parquet"
    assert lake.read_silver(LIST, DAY).equals(made.silver)
    footer = stored.silver_footer(lake, LIST, DAY)
    assert footer is not None
    assert footer.counts == made.counts
    assert lake.silver_days(LIST) == [DAY]


def test_publishing_again_puts_the_new_file_in_place_of_the_old(lake: FolderLake) -> None:
    publish(lake, refined(1, 2))
    publish(lake, refined(3))

    assert lake.read_silver(LIST, DAY)["show_id"].to_pylist() == [3]


def test_quarantine_is_written_even_when_nothing_was_rejected(lake: FolderLake) -> None:
    made = refine(bare(show(1)), data_type=LIST, dt=DAY, key="k")

    key = write_quarantine(lake, LIST, DAY, made, footer_for((), None, None, made.counts))

    assert key == f"quarantine/shows/{LIST}/dt={DAY}/data.parquet"
    assert lake.read_quarantine(LIST, DAY).num_rows == 0


def test_silver_that_is_not_there_has_no_footer_and_cannot_be_read(lake: FolderLake) -> None:
    assert stored.silver_footer(lake, LIST, DAY) is None
    assert lake.silver_days(LIST) == []
    with pytest.raises(NoSuchObjectError):
        lake.read_silver(LIST, DAY)


def test_a_file_that_is_no_silver_is_named_with_what_to_do(lake: FolderLake) -> None:
    path = lake.path(f"silver/shows/{LIST}/dt={DAY}/data.parquet")
    for body in (b"", b"<html>", b"PAR1" * 3):
        path.write_bytes(body)
        with pytest.raises(ForeignFileError, match=f"{path} is not a .*Materialize"):
            lake.read_silver(LIST, DAY)
        with pytest.raises(ForeignFileError, match=f"{path} is not a .*Materialize"):
            stored.silver_footer(lake, LIST, DAY)


def test_a_footer_longer_than_usual_is_read_whole(lake: FolderLake) -> None:
    made = refined(1, **{"new" + "x" * 10_000 + str(number): 1 for number in range(10)})

    publish(lake, made)

    assert lake.path(f"silver/shows/{LIST}/dt={DAY}/data.parquet").stat().st_size > FOOTER_BYTES
    footer = stored.silver_footer(lake, LIST, DAY)
    assert footer is not None
    assert footer.counts == made.counts


def test_a_store_that_fails_is_not_taken_for_a_day_without_captures(lake: FolderLake) -> None:
    lake.path(BronzeKey(LIST, DAY, "a")).symlink_to(
        lake.path(f"bronze/tmdb/shows/{LIST}/dt={DAY}") / "a.json"
    )

    with pytest.raises(LakeError):
        stored.read_bronze(lake, BronzeKey(LIST, DAY, "a"))


def test_silver_is_an_arrow_table_without_the_partition_column(lake: FolderLake) -> None:
    publish(lake, refined(1))

    table: pa.Table = lake.read_silver(LIST, DAY)
    assert "dt" not in table.column_names
