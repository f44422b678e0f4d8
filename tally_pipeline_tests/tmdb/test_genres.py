"""Fetching the genres, from a real server."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tally_pipeline.bronze import genre_reply
from tally_pipeline.datasets.genres import refinement
from tally_pipeline.datasets.shows.contract import GENRES
from tally_pipeline.tmdb.client import TmdbClient
from tally_pipeline.tmdb.errors import AuthError, DayOverError, TransientError
from tally_pipeline.tmdb.sandbox import Recordings, Sandbox
from tally_pipeline.tmdb.settings import TmdbSettings
from testkit.pinned import pinned
from testkit.tmdb.scripted_server import Answer, ScriptedServer, error_body

BODY = b'{"genres":[{"id":18,"name":"Drama"},{"id":16,"name":"Animation"}]}'


def client(server: ScriptedServer, **settings: object) -> TmdbClient:
    quick = {"base_url": server.url, "backoff_seconds": 0.001, "token": "token-0123456789", **settings}
    return TmdbClient(TmdbSettings(**quick))  # type: ignore[arg-type]


def test_the_reply_is_kept_byte_for_byte_in_the_language_asked_for(server: ScriptedServer) -> None:
    server.always[1] = Answer(BODY, headers={"ETag": 'W/"x"'})
    with client(server, language="da") as tmdb:
        kept = genre_reply.decode(tmdb.genres().to_bronze("run-1"))
    (seen,) = server.seen
    assert (seen.path, seen.query) == ("/3/genre/tv/list", {"language": "da"})
    assert seen.headers["authorization"] == "Bearer token-0123456789"
    assert kept.reply == BODY
    assert (kept.metadata.language, kept.metadata.etag, kept.metadata.bytes) == ("da", 'W/"x"', len(BODY))


def test_trouble_that_passes_is_tried_again(server: ScriptedServer) -> None:
    server.script[1] = [Answer(status=503), Answer(error_body(25), status=429), Answer(b'{"oops":1}')]
    server.always[1] = Answer(BODY)
    with client(server) as tmdb:
        assert tmdb.genres().reply.body == BODY
    assert len(server.seen) == 4


def test_genres_that_come_after_midnight_are_not_those_of_the_day_before(server: ScriptedServer) -> None:
    server.always[1] = Answer(BODY)
    with pinned(datetime(2027, 1, 1, 0, 0, 1, tzinfo=UTC)), client(server) as tmdb:
        with pytest.raises(DayOverError, match="2026-12-31 was over"):
            tmdb.genres(day=date(2026, 12, 31))
        assert tmdb.genres(day=date(2027, 1, 1)).reply.body == BODY


def test_a_bad_key_stops_at_once(server: ScriptedServer) -> None:
    server.always[1] = Answer(error_body(7), status=401)
    with client(server) as tmdb, pytest.raises(AuthError, match="TMDB_API_TOKEN"):
        tmdb.genres()
    assert len(server.seen) == 1


def test_a_reply_that_never_is_a_list_of_genres_says_so(server: ScriptedServer) -> None:
    server.always[1] = Answer(b"<html></html>")
    with client(server, attempts=2) as tmdb, pytest.raises(TransientError, match="not with the genres"):
        tmdb.genres()


def test_the_recorded_genres_are_the_contracts(recordings: Path) -> None:
    with (
        Sandbox(recordings=Recordings(recordings, "2025-12-24")) as sandbox,
        TmdbClient(TmdbSettings(base_url=sandbox.base_url)) as tmdb,
    ):
        refined = refinement.refine(genre_reply.decode(tmdb.genres().to_bronze("run-1")))
    table = refined.silver.to_pydict()
    assert dict(zip(table["id"], table["name"], strict=True)) == GENRES
