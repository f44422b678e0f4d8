"""Exports and genres in a real folder: kept once, proven, told apart."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import pytest

from tally_pipeline.bronze import genre_reply
from tally_pipeline.bronze.receipt import Receipt
from tally_pipeline.datasets import GENRES, PLACES, SERIES
from tally_pipeline.datasets.captures import NoCaptureError, audit, choose
from tally_pipeline.datasets.daily_export import receipt_key
from tally_pipeline.datasets.dataset import AuditResult
from tally_pipeline.datasets.genres import GenresFooter, refinement
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.object_events import FolderObjectEvents
from tally_pipeline.lake.store import AlreadyThereError, Store
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline.orchestration.assets.products import Fetched
from tally_pipeline.tmdb.lists import LISTS
from testkit.stored_days import keys_of, latest_genres, publish_silver
from testkit.tmdb.export_server import shows

DAY = "2026-03-13"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Store.in_folder(tmp_path), "sandbox")


def export_key(execution_id: str = "run-1", day: str = DAY) -> BronzeKey:
    return SERIES.place.key(day, execution_id)


def receipt(
    body: bytes, key: BronzeKey, *, at: str = "2026-03-13T08:15:00.000Z", source: str = "sandbox"
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


def keep(lake: Lake, body: bytes, key: BronzeKey, **told: str) -> None:
    """As the IO manager keeps an export: the receipt first; what an attempt of the same run wrote may stand."""
    written = {receipt_key(key): msgspec.json.encode(receipt(body, key, **told)), str(key): body}
    fetched = Fetched(day=key.dt, dataset=SERIES, key=key, objects=written.items())
    outcome = LakeIOManager(lake).publish(fetched, {})
    if outcome.failure_reason:
        raise AlreadyThereError(outcome.failure_reason)


def keep_genres(lake: Lake, execution_id: str, at: str, source: str = "sandbox") -> BronzeKey:
    key = GENRES.place.key(DAY, execution_id)
    told = genre_reply.Metadata(
        ingestion_timestamp=at, execution_id=execution_id, source=source, language="en"
    )
    lake.write_once(str(key), genre_reply.encode(b'{"genres":[{"id":18,"name":"Drama"}]}', told))
    return key


def problems(lake: Lake) -> dict[str, tuple[str, ...]]:
    return {found.key: found.problems for found in audit(lake) if found.problems}


def test_keys_read_back_what_they_name() -> None:
    export = export_key()
    assert str(export) == f"bronze/tmdb/series_export/dt={DAY}/run-1.json.gz"
    assert receipt_key(export) == f"bronze/tmdb/series_export/dt={DAY}/run-1.json"
    assert PLACES.parse(str(export)) == export
    told = GENRES.place.key(DAY, "run-1")
    assert str(told) == f"bronze/tmdb/genres/dt={DAY}/run-1.json"
    assert PLACES.parse(str(told)) == told
    shown = BronzeKey("popular_shows", DAY, "run-1")
    assert PLACES.parse(str(shown)) == shown


@pytest.mark.parametrize(
    "key",
    [
        receipt_key(export_key()),
        "bronze/tmdb/genres/dt=2026-03-13/x.json.gz",
        "bronze/tmdb/series_export/dt=2026-02-30/x.json.gz",
        "bronze/tmdb/movies_export/dt=2026-03-13/x.json.gz",
        "bronze/tmdb/series_export/x.json.gz",
    ],
)
def test_what_is_no_capture_of_a_stream_is_none(key: str) -> None:
    assert PLACES.parse(key) is None


def test_no_list_is_called_as_a_stream_is() -> None:
    assert not {SERIES.name, GENRES.name} & {show_list.name for show_list in LISTS}


def test_a_file_is_kept_byte_for_byte_with_a_receipt_people_can_read(lake: Lake) -> None:
    body = shows(5)
    keep(lake, body, export_key())
    assert lake.store.get(str(export_key())) == body
    told = json.loads(lake.store.get(receipt_key(export_key())))
    assert (told["bytes"], told["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())
    assert SERIES.read(lake.store, export_key()).content.body == body


def test_a_file_is_never_written_over(lake: Lake) -> None:
    keep(lake, shows(5), export_key())
    written = [(info.key, info.version) for info in lake.store.list("")]
    keep(lake, shows(5), export_key())
    with pytest.raises(AlreadyThereError, match="what came now is another"):
        keep(lake, shows(6), export_key())
    assert [(info.key, info.version) for info in lake.store.list("")] == written
    assert SERIES.read(lake.store, export_key()).content.body == shows(5)


def test_an_attempt_that_died_between_receipt_and_file_is_finished_by_the_same_file_only(lake: Lake) -> None:
    body = shows(5)
    lake.store.create(receipt_key(export_key()), b"{}")
    with pytest.raises(AlreadyThereError):
        keep(lake, body, export_key())
    other = export_key("run-2")
    lake.store.create(receipt_key(other), msgspec.json.encode(receipt(body, other)))
    with pytest.raises(AlreadyThereError):
        keep(lake, shows(6), other)
    keep(lake, body, other, at="2026-03-13T09:00:00.000Z")
    assert SERIES.read(lake.store, other).content.body == body


def test_the_latest_whole_file_is_refined_and_the_others_are_named(lake: Lake) -> None:
    keep(lake, shows(5), export_key("zzz"), at="2026-03-13T08:00:00.000Z")
    keep(lake, shows(6), export_key("aaa"), at="2026-03-13T09:00:00.000Z")
    keep(lake, shows(7), export_key("real"), at="2026-03-13T10:00:00.000Z", source="tmdb")
    found = choose(lake, SERIES, DAY)
    assert found.key.execution_id == "aaa"
    assert "tmdb data in a lake of sandbox data" in found.passed_over[0]


def test_a_file_that_rotted_is_not_refined(lake: Lake, tmp_path: Path) -> None:
    keep(lake, shows(5), export_key())
    (tmp_path / str(export_key())).write_bytes(shows(6))
    with pytest.raises(NoCaptureError, match=r"its receipt says"):
        choose(lake, SERIES, DAY)


def test_a_day_without_a_file_says_what_to_do(lake: Lake) -> None:
    with pytest.raises(NoCaptureError, match=r"nothing at all.*bronze_series_export for 2026-03-13"):
        choose(lake, SERIES, DAY)


def test_a_file_that_another_tool_put_there_is_refined_and_counts_as_unproven(lake: Lake) -> None:
    lake.store.create(str(export_key("by-hand")), shows(5))
    assert choose(lake, SERIES, DAY).content.receipt is None
    assert list(audit(lake)) == [AuditResult(str(export_key("by-hand")), 1, 5, unproven=True)]


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
    for name in (str(moved), receipt_key(moved)):
        (tmp_path / name).rename(tmp_path / name.replace("moved", "renamed"))
    keep(lake, shows(5)[:-4], tampered)
    genre_key = keep_genres(lake, "run-1", "2026-03-13T03:00:00Z")
    path = tmp_path / str(genre_key)
    path.write_bytes(path.read_bytes().replace(b"Drama", b"Druma"))
    found = problems(lake)
    assert "its receipt says" in found[str(rotten)][0]
    assert "it is no capture" in found[receipt_key(alone)][0]
    assert "execution is moved" in found[str(export_key("renamed"))][0]
    assert "not a whole gzip file" in found[str(tampered)][0]
    assert "does not hash" in found[str(genre_key)][0]
    assert len(found) == 5


def test_the_latest_capture_of_the_genres_is_refined(lake: Lake) -> None:
    keep_genres(lake, "zzz", "2026-03-13T03:00:00Z")
    keep_genres(lake, "aaa", "2026-03-13T05:00:00Z")
    keep_genres(lake, "real", "2026-03-13T06:00:00Z", source="tmdb")
    assert choose(lake, GENRES, DAY).key.execution_id == "aaa"


def test_the_genres_known_are_the_last_days(lake: Lake) -> None:
    assert latest_genres(lake) == {}
    footer = GenresFooter(
        bronze=(),
        contract_version="1",
        source="sandbox",
        ingestion_timestamp=None,
        counts=refinement.Counts(genres=1, silver_rows=1, rejected=0),
    )
    for day, name in (("2026-03-13", "New"), ("2026-03-06", "Old")):
        body = f'{{"genres":[{{"id":18,"name":"{name}"}}]}}'.encode()
        refined = refinement.refine(genre_reply.decode(genre_reply.encode(body, genre_reply.Metadata())))
        publish_silver(lake, "genres", day, refined, footer)
    assert latest_genres(lake) == {18: "New"}


def test_files_and_genres_arrive_like_captures_of_lists_and_a_receipt_alone_does_not(
    lake: Lake, tmp_path: Path
) -> None:
    arrivals = FolderObjectEvents(tmp_path, PLACES)
    _, cursor = arrivals.poll(None)
    lake.store.create(receipt_key(export_key("half")), b"{}")
    found, cursor = arrivals.poll(cursor)
    assert found == []
    keep(lake, shows(5), export_key())
    genre_key = keep_genres(lake, "run-1", "2026-03-13T03:00:00Z")
    found, cursor = arrivals.poll(cursor)
    assert sorted((arrival.data_type, arrival.dt, keys_of(arrival)) for arrival in found) == [
        ("genres", DAY, (genre_key,)),
        ("series_export", DAY, (export_key(),)),
    ]
    assert arrivals.poll(cursor)[0] == []
    keep(lake, shows(6), export_key("again"))
    ((arrival,), _) = arrivals.poll(cursor)
    assert keys_of(arrival)[-1] == export_key("again")
