"""Downloading exports, from a real server."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from tally_pipeline.tmdb.errors import (
    MissingExportError,
    NotInSandboxError,
    NotYetThereError,
    PermanentError,
    SandboxMistakenError,
    TmdbError,
    TransientError,
)
from tally_pipeline.tmdb.exports import ExportClient, ExportFile, export_url, gzip_damage
from tally_pipeline.tmdb.sandbox import Sandbox, parse_fault
from tally_pipeline.tmdb.settings import TMDB_EXPORTS_URL, TmdbSettings
from testkit.tmdb.export_server import ExportServer, shows
from testkit.tmdb.scripted_server import Answer

TODAY = date(2026, 3, 14)
DAY = TODAY - timedelta(days=1)
BODY = shows(50)


@pytest.fixture
def files() -> Iterator[ExportServer]:
    with ExportServer() as server:
        server.put(DAY, BODY)
        yield server


def fetch(server: ExportServer, day: date = DAY, **settings: object) -> ExportFile:
    quick = {"base_url": server.url, "backoff_seconds": 0.001, "timeout_seconds": 2.0, **settings}
    with ExportClient(TmdbSettings(**quick)) as client:  # type: ignore[arg-type]
        return client.fetch(day, today=TODAY)


def test_the_file_comes_byte_for_byte_and_its_receipt_says_where_from(files: ExportServer) -> None:
    file = fetch(files)
    receipt = file.receipt("run-1")
    assert file.body == BODY
    assert (receipt.bytes, receipt.sha256) == (len(BODY), hashlib.sha256(BODY).hexdigest())
    assert receipt.url == f"{files.root}/p/exports/tv_series_ids_03_13_2026.json.gz"
    assert (receipt.dt, receipt.execution_id, receipt.source) == ("2026-03-13", "run-1", "sandbox")
    assert receipt.headers == {"Content-Length": str(len(BODY)), "ETag": '"abc"'}


def test_no_key_is_ever_sent(files: ExportServer) -> None:
    fetch(files, token="token-0123456789", api_key="key-0123456789")
    (seen,) = files.seen
    assert "authorization" not in seen.headers
    assert not seen.query
    assert not any("0123456789" in value for value in seen.headers.values())


def test_a_file_that_was_packed_for_the_way_is_kept_as_it_is(files: ExportServer) -> None:
    files.script_for(DAY, Answer(BODY, headers={"Content-Encoding": "gzip"}))
    assert fetch(files).body == BODY


@pytest.mark.parametrize("status", [403, 404])
def test_a_missing_day_is_permanent_names_itself_and_is_asked_for_once(
    files: ExportServer, status: int
) -> None:
    files.absent = Answer(status=status)
    with pytest.raises(MissingExportError, match=r"no export of 2026-03-10.* 90 days") as caught:
        fetch(files, date(2026, 3, 10))
    assert isinstance(caught.value, PermanentError)
    assert len(files.seen) == 1


def test_todays_export_that_is_not_there_yet_is_transient_and_is_not_hammered(files: ExportServer) -> None:
    with pytest.raises(NotYetThereError, match=r"2026-03-14 is not there yet.*08:00") as caught:
        fetch(files, TODAY)
    assert isinstance(caught.value, TransientError)
    assert len(files.seen) == 1


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (Answer(BODY, declared=len(BODY) + 50), "broke off"),
        (Answer(BODY, declared=len(BODY) - 50), "breaks off"),
        (Answer(BODY[:-50]), "breaks off"),
        (Answer(BODY[:200] + bytes(16) + BODY[216:]), "gzip is broken"),
        (Answer(BODY[:-8] + bytes(8)), "gzip is broken"),
        (Answer(BODY + b"more"), "gzip is broken"),
        (Answer(b""), "it is empty"),
        (Answer(b"<html>Welcome</html>"), "it is no gzip; it begins '<html>Welcome"),
        (Answer(status=503), "HTTP 503"),
        (Answer(reset=True), "connection"),
    ],
)
def test_a_download_that_is_not_whole_is_tried_again_and_is_an_error_in_the_end(
    files: ExportServer, broken: Answer, said: str
) -> None:
    files.script_for(DAY, broken)
    assert fetch(files, attempts=2).requests == 2
    files.script_for(DAY, broken, broken)
    with pytest.raises(TransientError, match=said) as caught:
        fetch(files, attempts=2)
    assert "tv_series_ids_03_13_2026.json.gz, after 2 attempts" in str(caught.value)


def test_an_export_that_the_sandbox_does_not_invent_is_not_waited_for(files: ExportServer) -> None:
    with (
        ExportClient(TmdbSettings(base_url=files.url, attempts=1)) as client,
        pytest.raises(NotInSandboxError, match=r"docs/adding-a-dataset\.md"),
    ):
        client.fetch(DAY, today=DAY, file="tv_network_ids")


def test_a_download_that_stands_still_is_given_up(files: ExportServer) -> None:
    files.script_for(DAY, Answer(BODY, delay_seconds=0.6))
    with pytest.raises(TransientError, match=r"within 0.2 s"):
        fetch(files, attempts=1, timeout_seconds=0.2)


def test_it_says_whether_an_export_can_be_had_without_downloading_it(files: ExportServer) -> None:
    with ExportClient(TmdbSettings(base_url=files.url, timeout_seconds=2.0)) as client:
        assert client.is_there(DAY)
        assert not client.is_there(TODAY)
        assert len(files.seen) == 2


def test_where_nobody_answers_no_export_can_be_had() -> None:
    with ExportClient(TmdbSettings(base_url="http://127.0.0.1:1/3", timeout_seconds=2.0)) as client:
        assert not client.is_there(DAY)


def test_a_redirect_is_not_followed(files: ExportServer) -> None:
    files.script_for(DAY, Answer(status=302, headers={"Location": "/elsewhere"}))
    with pytest.raises(PermanentError, match="redirect to /elsewhere"):
        fetch(files)


def test_the_sandboxs_file_never_passes_for_tmdbs() -> None:
    class AtTmdb(TmdbSettings):
        """Settings that take this machine for TMDB."""

        source = "tmdb"

    with Sandbox(day=TODAY) as sandbox, ExportClient(AtTmdb(base_url=sandbox.base_url)) as client:
        for day in (DAY, date(2020, 1, 1)):
            with pytest.raises(SandboxMistakenError):
                client.fetch(day, today=TODAY)


@pytest.mark.parametrize(
    "fault", ["broken-gzip", "truncated", "wrong-length", "missing-export", "server-error"]
)
def test_no_fault_of_the_sandbox_gives_a_file(fault: str) -> None:
    text = f"{fault}:list=series_export,day={DAY}" if ":" not in fault else fault
    with Sandbox(day=TODAY, faults=[parse_fault(text)]) as sandbox:
        settings = TmdbSettings(base_url=sandbox.base_url, attempts=2, backoff_seconds=0.001)
        with ExportClient(settings) as client, pytest.raises(TmdbError):
            client.fetch(DAY, today=TODAY)


def test_exports_are_where_tmdb_has_them_or_beside_a_servers_lists() -> None:
    assert TmdbSettings().exports == TMDB_EXPORTS_URL
    assert TmdbSettings(base_url="http://127.0.0.1:8787/3").exports == "http://127.0.0.1:8787/p/exports"
    own = TmdbSettings(base_url="http://localhost:1/3", exports_url="http://localhost:2/files/")
    assert export_url(own, date(2025, 7, 4)) == "http://localhost:2/files/tv_series_ids_07_04_2025.json.gz"


def test_tmdbs_exports_do_not_go_with_another_servers_lists() -> None:
    with pytest.raises(ValueError, match=r"TMDB_EXPORTS_URL.*both must be TMDB's, or neither"):
        TmdbSettings(base_url="http://127.0.0.1:8787/3", exports_url=TMDB_EXPORTS_URL)
    with pytest.raises(ValueError, match="must hold no user"):
        TmdbSettings(exports_url="https://user:secret@files.tmdb.org/p/exports")


def test_a_file_of_several_gzip_members_is_whole() -> None:
    assert gzip_damage(gzip.compress(b"one\n") + gzip.compress(b"two\n")) is None
