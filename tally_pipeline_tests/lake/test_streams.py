"""Exports and genres in a real folder: kept once, proven, told apart."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from tally_pipeline.lake import layout, streams
from tally_pipeline.lake.arrivals import FolderArrivals
from tally_pipeline.lake.audit import Audited, audit
from tally_pipeline.lake.lake import Lake, NoCaptureError
from tally_pipeline.lake.layout import BronzeKey, StreamKey, parse_capture
from tally_pipeline.lake.parquet import GenresFooter
from tally_pipeline.lake.store import AlreadyThereError, Store
from tally_pipeline.shows import genres
from tally_pipeline.shows.lists import LISTS
from tally_pipeline.shows.series import Receipt, UnreadableExportError
from tally_pipeline_tests.tmdb.export_server import shows

DAY = "2026-03-13"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Store.in_folder(tmp_path), "sandbox")


def export_key(execution_id: str = "run-1", day: str = DAY) -> StreamKey:
    return StreamKey(layout.SERIES_EXPORT, day, execution_id)


def receipt(
    body: bytes, key: StreamKey, *, at: str = "2026-03-13T08:15:00.000Z", source: str = "sandbox"
) -> Receipt:
    return Receipt(
        dt=key.dt,
        url="http://127.0.0.1/p/exports/x.json.gz",
        bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        headers={},
        ingestion_timestamp=at,
        execution_id=key.execution_id,
        source=source,
        client="tally/test",
        requests=1,
        duration_seconds=0.1,
    )


def keep(lake: Lake, body: bytes, key: StreamKey, **told: str) -> None:
    streams.write_export(lake, key, body, receipt(body, key, **told))


def keep_genres(lake: Lake, execution_id: str, at: str, source: str = "sandbox") -> StreamKey:
    key = StreamKey(layout.GENRES, DAY, execution_id)
    told = genres.Metadata(ingestion_timestamp=at, execution_id=execution_id, source=source, language="en")
    streams.write_genres(lake, key, genres.encode(b'{"genres":[{"id":18,"name":"Drama"}]}', told))
    return key


def problems(lake: Lake) -> dict[str, tuple[str, ...]]:
    return {found.key: found.problems for found in audit(lake) if found.problems}


def test_keys_read_back_what_they_name() -> None:
    export = export_key()
    assert str(export) == f"bronze/tmdb/series_export/dt={DAY}/run-1.json.gz"
    assert export.receipt == f"bronze/tmdb/series_export/dt={DAY}/run-1.json"
    assert StreamKey.parse(str(export)) == export
    told = StreamKey(layout.GENRES, DAY, "run-1")
    assert str(told) == f"bronze/tmdb/genres/dt={DAY}/run-1.json"
    assert parse_capture(str(told)) == told
    shown = BronzeKey("popular_shows", DAY, "run-1")
    assert parse_capture(str(shown)) == shown


@pytest.mark.parametrize(
    "key",
    [
        export_key().receipt,
        "bronze/tmdb/genres/dt=2026-03-13/x.json.gz",
        "bronze/tmdb/series_export/dt=2026-02-30/x.json.gz",
        "bronze/tmdb/movies_export/dt=2026-03-13/x.json.gz",
        "bronze/tmdb/series_export/x.json.gz",
    ],
)
def test_what_is_no_capture_of_a_stream_is_none(key: str) -> None:
    assert parse_capture(key) is None


def test_no_list_is_called_as_a_stream_is() -> None:
    assert not {layout.SERIES_EXPORT, layout.GENRES} & {show_list.name for show_list in LISTS}


def test_a_file_is_kept_byte_for_byte_with_a_receipt_people_can_read(lake: Lake) -> None:
    body = shows(5)
    keep(lake, body, export_key())
    assert lake.store.get(str(export_key())) == body
    told = json.loads(lake.store.get(export_key().receipt))
    assert (told["bytes"], told["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert streams.read_export(lake, export_key()).body == body


def test_a_file_is_never_written_over(lake: Lake) -> None:
    keep(lake, shows(5), export_key())
    for body in (shows(5), shows(6)):
        with pytest.raises(AlreadyThereError):
            keep(lake, body, export_key())
    assert streams.read_export(lake, export_key()).body == shows(5)


def test_an_attempt_that_died_between_receipt_and_file_is_finished_by_the_same_file_only(lake: Lake) -> None:
    body = shows(5)
    lake.store.create(export_key().receipt, b"{}")
    with pytest.raises(UnreadableExportError, match="not the receipt"):
        keep(lake, body, export_key())
    other = export_key("run-2")
    lake.store.create(other.receipt, msgspec.json.encode(receipt(body, other)))
    with pytest.raises(AlreadyThereError):
        keep(lake, shows(6), other)
    keep(lake, body, other, at="2026-03-13T09:00:00.000Z")
    assert streams.read_export(lake, other).body == body


def test_the_latest_whole_file_is_refined_and_the_others_are_named(lake: Lake) -> None:
    keep(lake, shows(5), export_key("zzz"), at="2026-03-13T08:00:00.000Z")
    keep(lake, shows(6), export_key("aaa"), at="2026-03-13T09:00:00.000Z")
    keep(lake, shows(7), export_key("real"), at="2026-03-13T10:00:00.000Z", source="tmdb")
    found = streams.export_to_refine(lake, DAY)
    assert found.key.execution_id == "aaa"
    assert "tmdb data in a lake of sandbox data" in found.passed_over[0]


def test_a_file_that_rotted_is_not_refined(lake: Lake, tmp_path: Path) -> None:
    keep(lake, shows(5), export_key())
    (tmp_path / str(export_key())).write_bytes(shows(6))
    with pytest.raises(NoCaptureError, match=r"its receipt says"):
        streams.export_to_refine(lake, DAY)


def test_a_day_without_a_file_says_what_to_do(lake: Lake) -> None:
    with pytest.raises(NoCaptureError, match=r"nothing at all.*bronze_series_export for 2026-03-13"):
        streams.export_to_refine(lake, DAY)


def test_a_file_that_another_tool_put_there_is_refined_and_counts_as_unproven(lake: Lake) -> None:
    lake.store.create(str(export_key("by-hand")), shows(5))
    assert streams.export_to_refine(lake, DAY).receipt is None
    assert list(audit(lake)) == [Audited(str(export_key("by-hand")), 1, 5, unproven=True)]


def test_the_audit_proves_files_and_genres(lake: Lake) -> None:
    keep(lake, shows(5), export_key())
    keep_genres(lake, "run-1", "2026-03-13T03:00:00Z")
    assert [(found.rows, found.problems, found.unproven) for found in audit(lake)] == [
        (5, (), False),
        (1, (), False),
    ]


def test_the_audit_names_what_does_not_hold(lake: Lake, tmp_path: Path) -> None:
    rotten, alone, moved, tampered = (export_key(name) for name in ("rotten", "alone", "moved", "cut"))
    keep(lake, shows(5), rotten)
    (tmp_path / str(rotten)).write_bytes(shows(6))
    keep(lake, shows(5), alone)
    (tmp_path / str(alone)).unlink()
    keep(lake, shows(5), moved)
    for name in (str(moved), moved.receipt):
        (tmp_path / name).rename(tmp_path / name.replace("moved", "renamed"))
    keep(lake, shows(5)[:-4], tampered)
    genre_key = keep_genres(lake, "run-1", "2026-03-13T03:00:00Z")
    path = tmp_path / str(genre_key)
    path.write_bytes(path.read_bytes().replace(b"Drama", b"Druma"))
    found = problems(lake)
    assert "its receipt says" in found[str(rotten)][0]
    assert "neither a capture" in found[alone.receipt][0]
    assert "execution is moved" in found[str(export_key("renamed"))][0]
    assert "not a whole gzip file" in found[str(tampered)][0]
    assert "does not hash" in found[str(genre_key)][0]
    assert len(found) == 5


def test_the_latest_capture_of_the_genres_is_refined(lake: Lake) -> None:
    keep_genres(lake, "zzz", "2026-03-13T03:00:00Z")
    keep_genres(lake, "aaa", "2026-03-13T05:00:00Z")
    keep_genres(lake, "real", "2026-03-13T06:00:00Z", source="tmdb")
    key, _ = streams.genres_to_refine(lake, DAY)
    assert key.execution_id == "aaa"


def test_the_genres_known_are_the_last_days(lake: Lake) -> None:
    assert streams.latest_genres(lake) == {}
    footer = GenresFooter(
        bronze=(),
        contract_version="1",
        source="sandbox",
        ingestion_timestamp=None,
        counts=genres.Counts(genres=1, silver_rows=1, rejected=0),
    )
    for day, name in (("2026-03-13", "New"), ("2026-03-06", "Old")):
        body = f'{{"genres":[{{"id":18,"name":"{name}"}}]}}'.encode()
        refined = genres.refine(genres.decode(genres.encode(body, genres.Metadata())))
        streams.publish_genres(lake, day, refined.silver, footer)
    assert streams.latest_genres(lake) == {18: "New"}


def test_files_and_genres_arrive_like_captures_of_lists_and_a_receipt_alone_does_not(
    lake: Lake, tmp_path: Path
) -> None:
    arrivals = FolderArrivals(tmp_path)
    _, cursor = arrivals.since(None)
    lake.store.create(export_key("half").receipt, b"{}")
    found, cursor = arrivals.since(cursor)
    assert found == []
    keep(lake, shows(5), export_key())
    genre_key = keep_genres(lake, "run-1", "2026-03-13T03:00:00Z")
    found, cursor = arrivals.since(cursor)
    assert sorted((arrival.data_type, arrival.dt, arrival.keys) for arrival in found) == [
        ("genres", DAY, (genre_key,)),
        ("series_export", DAY, (export_key(),)),
    ]
    assert arrivals.since(cursor)[0] == []
    keep(lake, shows(6), export_key("again"))
    ((arrival,), _) = arrivals.since(cursor)
    assert arrival.keys[-1] == export_key("again")
