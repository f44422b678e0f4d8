"""Recordings are replayed byte for byte; what was not recorded is answered as a header says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from tally_pipeline.tmdb.sandbox import Recordings, RecordingsError, Sandbox
from tally_pipeline.tmdb.sandbox.replies import etag

Start = Callable[..., Sandbox]
SNAPSHOTS = ("2013-11-26", "2022-11-26", "2025-12-24")


@pytest.mark.parametrize("snapshot", SNAPSHOTS)
def test_every_recording_is_replayed_byte_for_byte(
    start: Start, session: requests.Session, recordings: Path, snapshot: str
) -> None:
    base = start(recordings=Recordings(recordings, snapshot)).base_url
    lines = (recordings / "index.jsonl").read_text(encoding="utf-8").splitlines()
    entries = [entry for entry in map(json.loads, lines) if entry["snapshot"] == snapshot]
    assert entries
    for entry in entries:
        reply = session.get(base + entry["path"], params=entry["query"])
        recorded = {name.lower(): value for name, value in entry["headers"].items()}
        assert reply.content == (recordings / entry["body"]).read_bytes(), entry
        assert reply.status_code == entry["status"]
        assert reply.headers["X-Tally-Sandbox"] == "1"
        for name in ("ETag", "Date", "Age", "Content-Type"):
            assert reply.headers.get(name) == recorded.get(name.lower()), (entry, name)


def test_a_recording_answers_a_client_that_sends_more_parameters(
    start: Start, session: requests.Session, recordings: Path
) -> None:
    sent = {"page": "1", "language": "en-US", "timezone": "UTC", "api_key": "hush"}
    for snapshot, name in (
        ("2025-12-24", "tv_airing_today__page-1.json"),
        ("2022-11-26", "tv_airing_today__language-en.json"),
    ):
        base = start(recordings=Recordings(recordings, snapshot)).base_url
        reply = session.get(base + "/tv/airing_today", params=sent)
        assert reply.content == (recordings / snapshot / name).read_bytes()


def test_the_language_asked_for_is_preferred(
    start: Start, session: requests.Session, recordings: Path
) -> None:
    url = start(recordings=Recordings(recordings, "2025-12-24")).base_url + "/genre/tv/list"
    danish = session.get(url, params={"language": "da"}).json()["genres"]
    english = session.get(url, params={"language": "en-US"}).json()["genres"]
    assert danish[0]["name"] == "Action og eventyr"
    assert english[0]["name"] == "Action & Adventure"


def test_trending_of_the_day_is_answered_by_the_weeks_and_says_so(
    start: Start, session: requests.Session, recordings: Path
) -> None:
    url = start(recordings=Recordings(recordings, "2025-12-24")).base_url + "/trending/tv/day"
    reply = session.get(url, params={"page": "1"})
    assert reply.content == (recordings / "2025-12-24" / "trending_tv_week.json").read_bytes()
    assert reply.headers["X-Tally-Replay"] == "trending/tv/week"
    beyond = session.get(url, params={"page": "2"})
    assert beyond.json()["results"] == []
    assert beyond.headers["X-Tally-Replay"] == "trending/tv/week; end-of-list"


def test_a_page_that_was_not_recorded_is_the_lists_end(
    start: Start, session: requests.Session, recordings: Path
) -> None:
    url = start(recordings=Recordings(recordings, "2025-12-24")).base_url + "/tv/popular"
    reply = session.get(url, params={"page": "3"})
    assert reply.status_code == 200
    assert reply.json() == {"page": 3, "results": [], "total_pages": 2, "total_results": 40}
    assert reply.headers["X-Tally-Replay"] == "end-of-list"
    assert session.get(url, params={"page": "501"}).json()["status_code"] == 22


def test_a_page_that_was_not_recorded_is_an_error_if_wanted(
    start: Start, session: requests.Session, recordings: Path
) -> None:
    url = start(recordings=Recordings(recordings, "2025-12-24", beyond="error")).base_url + "/tv/popular"
    assert session.get(url, params={"page": "2"}).status_code == 200
    reply = session.get(url, params={"page": "3"})
    assert (reply.status_code, reply.json()["status_code"]) == (404, 34)
    assert reply.headers["X-Tally-Replay"] == "not-recorded"


def test_a_list_of_which_nothing_was_recorded_is_not_found(
    start: Start, session: requests.Session, recordings: Path
) -> None:
    base = start(recordings=Recordings(recordings, "2013-11-26")).base_url
    reply = session.get(base + "/tv/airing_today")
    assert (reply.status_code, reply.json()["status_code"]) == (404, 34)
    assert reply.headers["X-Tally-Replay"] == "not-recorded"


def test_faults_strike_replays_too(start: Start, session: requests.Session, recordings: Path) -> None:
    sandbox = start("new-field", recordings=Recordings(recordings, "2025-12-24"))
    rows = session.get(sandbox.base_url + "/tv/popular").json()["results"]
    assert all(row["mood"] == "wobbly" for row in rows)


def test_a_snapshot_that_is_not_there_names_those_that_are(recordings: Path) -> None:
    with pytest.raises(
        RecordingsError, match=r"no snapshot '2024-01-01' .* 2013-11-26, 2022-11-26, 2025-12-24"
    ):
        Recordings(recordings, "2024-01-01")


def test_a_folder_without_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecordingsError, match=r"no recordings in .*absent: cannot read index.jsonl"):
        Recordings(tmp_path / "absent", "2025-12-24")


def test_an_index_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "index.jsonl").write_text("not json\n", encoding="utf-8")
    with pytest.raises(RecordingsError, match="is not an index of recordings"):
        Recordings(tmp_path, "2025-12-24")
    entry = {"snapshot": "a", "path": "/x", "query": {}, "status": 200, "headers": {}, "body": "gone.json"}
    (tmp_path / "index.jsonl").write_text(json.dumps(entry), encoding="utf-8")
    with pytest.raises(RecordingsError, match=r"cannot read the recorded body .*gone.json"):
        Recordings(tmp_path, "a")


@pytest.mark.parametrize(
    ("show", "appended", "base", "parts", "replay"),
    [
        (
            1396,
            "watch/providers,keywords,season/1",
            "tv_1396.json",
            {
                "watch/providers": "tv_1396_watch_providers.json",
                "keywords": "tv_1396_keywords.json",
                "season/1": "tv_1396_season_1.json",
            },
            "spliced: watch/providers, keywords, season/1",
        ),
        (
            64356,
            "watch/providers",
            None,
            {"watch/providers": "tv_64356_watch_providers.json"},
            "spliced: watch/providers; not-recorded: details",
        ),
        (1668, "watch/providers", "tv_1668.json", {}, "spliced: nothing; not-recorded: watch/providers"),
    ],
)
def test_recorded_parts_are_appended_byte_for_byte(
    start: Start,
    session: requests.Session,
    recordings: Path,
    show: int,
    appended: str,
    base: str | None,
    parts: dict[str, str],
    replay: str,
) -> None:
    url = f"{start(recordings=Recordings(recordings, '2025-12-24')).base_url}/tv/{show}"
    reply = session.get(url, params={"append_to_response": appended, "language": "en-US"})
    folder = recordings / "2025-12-24"
    whole = (folder / base).read_bytes().rstrip() if base else b'{"id":%d}' % show
    assert reply.content.startswith(whole[:-1])
    for part, name in parts.items():
        assert b',"%s":%s' % (part.encode(), (folder / name).read_bytes()) in reply.content
        assert reply.json()[part] == json.loads((folder / name).read_bytes())
    assert reply.headers["X-Tally-Replay"] == replay
    assert reply.headers["ETag"] == etag(reply.content)


def test_details_of_which_nothing_was_recorded_are_not_found(
    start: Start, session: requests.Session, recordings: Path
) -> None:
    base = start(recordings=Recordings(recordings, "2025-12-24")).base_url
    for show, header in ((5, "not-recorded"), (999_999_999, None)):
        reply = session.get(f"{base}/tv/{show}", params={"append_to_response": "watch/providers"})
        assert (reply.status_code, reply.json()["status_code"]) == (404, 34)
        assert reply.headers.get("X-Tally-Replay") == header
