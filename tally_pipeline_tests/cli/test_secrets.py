"""A token or key given to Tally is nowhere after runs full of failures: every byte that was written is searched."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import pytest

from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from testkit import tally
from testkit.pipeline import environment
from testkit.secrets import KEY, SECRETS, TOKEN, echoes, everything_written, forms
from testkit.tmdb.scripted_server import Answer, ScriptedServer

FAULTS = (
    "reset:page=2",
    "unauthorized",
    "html",
    "truncated:page=1",
    "error-body:code=34",
    "server-error:page=2",
)


def test_the_search_finds_a_secret_in_each_form() -> None:
    for secret in SECRETS:
        for written in (
            secret,
            f"api_key={quote(secret, safe='')}",
            *(base64.b64encode(before + secret.encode()).decode() for before in (b"", b"a", b":b")),
        ):
            assert any(form in written.encode() for form in forms(secret)), written


@pytest.mark.slow
@pytest.mark.parametrize(
    "secrets",
    [{"TMDB_API_TOKEN": TOKEN, "TMDB_API_KEY": KEY}, {"TMDB_API_KEY": KEY}],
    ids=["token and key", "key alone"],
)
def test_no_secret_is_written_anywhere(
    tmp_path: Path, secrets: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    home, said = tmp_path / "home", []
    command = ("sync", "--list", "popular_shows", "--pages", "5")
    sent = secrets.get("TMDB_API_TOKEN", KEY)

    for fault in FAULTS:
        with Sandbox(faults=[parse_fault(fault)]) as sandbox:
            environ = environment(home, sandbox.base_url, TMDB_ATTEMPTS="1", **secrets)
            said.append(tally.run(tmp_path, environ, *command))
            assert all(request.authorized for request in sandbox.requests)
    with ScriptedServer(total_pages=6) as server:
        environ = environment(home, server.url, TMDB_ATTEMPTS="1", **secrets)
        echoes(server, sent)
        said.append(tally.run(tmp_path, environ, *command))
        for page in (2, 3, 4, 5):
            server.always[1] = server.always[page]
            said.append(tally.run(tmp_path, environ, *command))
        assert any(
            sent in (seen.query.get("api_key"), seen.headers.get("authorization", "")[7:])
            for seen in server.seen
        )
    said.append(tally.run(tmp_path, environ, "status", "--json"))
    said.append(tally.run(tmp_path, environ, "audit", "--json"))

    assert {ran.code for ran in said[:-2]} == {1}
    written = [
        *everything_written(home),
        ("standard output", "".join(ran.out for ran in said).encode()),
        ("standard error", "".join(ran.err for ran in said).encode()),
        ("logs", caplog.text.encode()),
    ]
    found = [where for where, body in written for secret in SECRETS for form in forms(secret) if form in body]
    assert found == []
    # The search looked where the failures are told.
    for told, where in (("HTTP 401", "event_logs"), ("***", "standard error"), ("GET /3/tv/popular", "logs")):
        assert any(told.encode() in body for name, body in written if where in name), told


def test_no_secret_is_in_the_events_that_dagster_gives_back(tmp_path: Path) -> None:
    """With the exceptions that it unpacks."""
    with ScriptedServer() as server:
        server.always[1] = Answer(f"<html>{KEY} and {TOKEN}</html>".encode())
        environ = environment(tmp_path, server.url, TMDB_API_KEY=KEY, TMDB_ATTEMPTS="1")
        ran = tally.run(tmp_path, environ, "sync", "--list", "popular_shows", "--json")
    run_id = ran.json["popular_shows"]["run_id"]
    with dg.DagsterInstance.from_config(str(tmp_path / "sandbox" / "dagster")) as instance:
        told = "".join(map(repr, instance.all_logs(run_id)))
        run = repr(instance.get_run_by_id(run_id))
    assert "not with the page" in told
    assert KEY[:12] not in told + run
