"""The token and the key must not show anywhere but in the request itself."""

from __future__ import annotations

import logging
import traceback
from typing import Any

import pytest

from tally_pipeline.tmdb.client import TmdbClient, TmdbSettings
from tally_pipeline.tmdb.errors import SandboxMistakenError, TmdbError
from tally_pipeline_tests.tmdb.capturing import POPULAR, capture, settings
from testkit.tmdb.scripted_server import Answer, ScriptedServer, error_body

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJzZWNyZXQifQ.c2lnbmF0dXJl"
KEY = "0123456789abcdef0123456789abcdef"


def test_a_token_is_sent_in_the_header_alone(server: ScriptedServer) -> None:
    capture(server, token=TOKEN, api_key=KEY)
    assert all(seen.headers["authorization"] == f"Bearer {TOKEN}" for seen in server.seen)
    assert all("api_key" not in seen.query for seen in server.seen)


def test_a_key_is_sent_in_the_query_when_there_is_no_token(server: ScriptedServer) -> None:
    capture(server, api_key=KEY, token="")
    assert all(seen.query["api_key"] == KEY for seen in server.seen)
    assert all("authorization" not in seen.headers for seen in server.seen)


def test_without_credentials_none_are_sent(server: ScriptedServer) -> None:
    capture(server)
    assert all("authorization" not in seen.headers for seen in server.seen)
    assert all("api_key" not in seen.query for seen in server.seen)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(reset=True),
        Answer(b"{", declared=4000),
        Answer(b"?", headers={"Content-Encoding": "gzip"}),
        Answer(delay_seconds=0.3),
        Answer(error_body(7, f"{KEY} is no good, nor is {TOKEN}"), 401),
        Answer(f"<html>You asked {KEY} with {TOKEN}".encode(), 503),
        Answer(f"{KEY} {TOKEN}".encode()),
        Answer(status=302, headers={"Location": f"/elsewhere?api_key={KEY}&t={TOKEN}"}),
    ],
)
@pytest.mark.parametrize("secrets", [{"token": TOKEN, "api_key": KEY}, {"api_key": KEY}])
def test_no_secret_is_in_an_exception_a_capture_or_a_log(
    server: ScriptedServer, answer: Answer, secrets: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    server.always = {2: answer}
    got = capture(server, attempts=2, **secrets)
    server.always = {1: answer}
    with pytest.raises(TmdbError) as raised:
        capture(server, attempts=2, timeout_seconds=0.1, **secrets)

    error = raised.value
    assert error.__cause__ is None
    assert error.__context__ is None
    shown = "".join(traceback.format_exception(error)) + f"{error!r} {vars(error)} {caplog.text}"
    shown += f"{got} {got.to_bronze('run-1').decode()}"
    for secret in secrets.values():
        assert secret[:8] not in shown
    assert "GET /3/tv/popular" in caplog.text


def test_urllib3_logs_the_request_line_with_the_key_masked(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    capture(server, depth=1, api_key=KEY)
    assert "api_key=*** " in caplog.text
    assert KEY not in caplog.text


def test_no_secret_is_in_what_settings_show() -> None:
    shown = repr(TmdbSettings(token=TOKEN, api_key=KEY))
    assert "eyJhbGci" not in shown
    assert "01234567" not in shown


@pytest.mark.parametrize("name", ["token", "api_key"])
@pytest.mark.parametrize("flaw", ["\n", " ", "\u201c"])
def test_a_secret_that_no_request_can_carry_is_refused_without_showing_it(name: str, flaw: str) -> None:
    with pytest.raises(ValueError, match=f"TMDB_API_{'TOKEN' if name == 'token' else 'KEY'}") as raised:
        TmdbSettings(**{name: TOKEN + flaw})  # type: ignore[arg-type]
    assert "eyJhbGci" not in str(raised.value)


def test_a_base_url_with_a_password_is_refused_without_showing_it() -> None:
    with pytest.raises(ValueError, match="TMDB_BASE_URL") as raised:
        TmdbSettings(base_url="https://me:hunter2@api.themoviedb.org/3")
    assert "hunter2" not in str(raised.value)


@pytest.fixture
def at_tmdb(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> TmdbSettings:
    """Settings with which the client takes the scripted server for TMDB: a proxy leads there."""
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", server.root)
    return settings(server, base_url="http://api.themoviedb.org/3", token=TOKEN)


def test_the_sandbox_under_tmdbs_name_is_refused(server: ScriptedServer, at_tmdb: TmdbSettings) -> None:
    server.always[1] = Answer(server.good(1), headers={"X-Tally-Sandbox": "1"})
    with TmdbClient(at_tmdb) as client, pytest.raises(SandboxMistakenError, match="TMDB_BASE_URL"):
        client.capture(POPULAR)
    assert len(server.seen) == 1


def test_netrc_does_not_replace_the_token(
    server: ScriptedServer,
    at_tmdb: TmdbSettings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    netrc = tmp_path_factory.mktemp("home") / "netrc"
    netrc.write_text("machine api.themoviedb.org login someone password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with TmdbClient(at_tmdb) as client:
        assert client.capture(POPULAR).source == "tmdb"
    assert all(seen.headers["authorization"] == f"Bearer {TOKEN}" for seen in server.seen)
