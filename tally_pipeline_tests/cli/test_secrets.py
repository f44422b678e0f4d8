"""A token or key given to Tally is nowhere after runs full of failures: every byte that was written is searched."""

from __future__ import annotations

import base64
import logging
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

import dagster as dg
import pytest

from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from tally_pipeline_tests.assets.pipeline import environment
from tally_pipeline_tests.cli import tally
from tally_pipeline_tests.tmdb.scripted_server import Answer, ScriptedServer, error_body

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ0YWxseS10b2tlbiJ9.c2lnbmF0dXJl+of/it="
KEY = "5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0"
SECRETS = (TOKEN, KEY)

FAULTS = (
    "reset:page=2",
    "unauthorized",
    "html",
    "truncated:page=1",
    "error-body:code=34",
    "server-error:page=2",
)


def forms(secret: str) -> Iterator[bytes]:
    """The ways in which a secret may be written. Its beginning is enough to find it where it was cut."""
    yield secret[:12].encode()
    yield quote(secret, safe="").encode()[:12]
    # In base64 what stands before shifts the letters, by 0, 1 or 2 bytes; the first and last of them are its own.
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + secret[:30].encode())[4:-4]


def echoes(server: ScriptedServer, said: str) -> None:
    """Answers that hold what was sent, as a proxy's error page would."""
    server.always = {
        1: Answer(server.good(1)),
        2: Answer(error_body(11, f"Who is {said}?"), 500),
        3: Answer(f"<html>You asked with {said} and {quote(said, safe='')}</html>".encode()),
        4: Answer(status=302, headers={"Location": f"/3/tv?api_key={said}"}),
        5: Answer(error_body(7, f"{said} is not valid"), 401),
    }


def everything_written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Each file below a folder; of databases each value as well, and unpacked where it is packed."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        yield str(path), path.read_bytes()
        if path.suffix == ".db":
            yield from ((f"{path}: {where}", value) for where, value in _values(path))


def _values(path: Path) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    body = value if isinstance(value, bytes) else str(value).encode()
                    with suppress(zlib.error):
                        body = zlib.decompress(body)
                    yield table, body


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
