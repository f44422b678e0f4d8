"""The sandbox as a server: paths, errors, headers, signals and connections."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from email.utils import parsedate_to_datetime
from time import monotonic

import pytest
import requests

from tally_pipeline import clock
from tally_pipeline.tmdb.lists import LISTS, ShowList
from tally_pipeline.tmdb.sandbox import Sandbox, SandboxError
from tally_pipeline.tmdb.sandbox.invented import GENRES
from tally_pipeline.tmdb.sandbox.replies import list_body
from tally_pipeline_tests.tmdb.sandbox.conftest import DAY

Start = Callable[..., Sandbox]


def test_every_list_of_the_catalogue_is_served(start: Start, session: requests.Session) -> None:
    sandbox = start()
    for entry in LISTS:
        for window in ("day", "week"):
            path = entry.path_for(window)
            reply = session.get(sandbox.base_url + path, params={"page": "2", "language": "en-US"})
            assert reply.status_code == 200
            assert reply.content == list_body(path, 2, DAY)
            assert reply.headers["Content-Type"] == "application/json;charset=utf-8"


def test_a_list_that_is_new_in_the_catalogue_is_served_without_an_edit(
    start: Start, session: requests.Session
) -> None:
    new = ShowList("discovered", "/discover/tv", 3, "Discovered", "Invented for this test.")
    url = start(lists=(*LISTS, new)).base_url + new.path
    pages = [session.get(url, params={"page": str(page)}).json() for page in (1, 2)]
    assert [len(page["results"]) for page in pages] == [20, 20]
    assert pages[0]["results"] != pages[1]["results"]
    assert pages[0] == session.get(url).json()


def test_a_path_that_tmdb_does_not_have_is_404_though_a_list_names_it(
    start: Start, session: requests.Session
) -> None:
    mistaken = ShowList("slow_burners", "/tv/slow_burners", 3, "Slow burners", "Invented for this test.")
    reply = session.get(start(lists=(*LISTS, mistaken)).base_url + mistaken.path)
    assert (reply.status_code, reply.json()["status_code"]) == (404, 34)


def test_the_genres_are_tmdbs(start: Start, session: requests.Session) -> None:
    genres = session.get(start().base_url + "/genre/tv/list").json()["genres"]
    assert {genre["id"]: genre["name"] for genre in genres} == GENRES


def test_every_reply_says_that_it_is_the_sandboxs(start: Start, session: requests.Session) -> None:
    sandbox = start("server-error:page=2")
    for target in ("/tv/popular", "/tv/popular?page=2", "/tv/popular?page=501", "/nowhere"):
        assert session.get(sandbox.base_url + target).headers["X-Tally-Sandbox"] == "1"


def test_unknown_paths_are_404_in_tmdbs_shape(start: Start, session: requests.Session) -> None:
    base = start().base_url
    for url in (f"{base}/configuration", f"{base}/tv/popular/", base.removesuffix("/3") + "/tv/popular"):
        reply = session.get(url)
        assert (reply.status_code, reply.json()["status_code"]) == (404, 34)
        assert reply.json()["success"] is False


@pytest.mark.parametrize("page", ["501", "0", "-1", "two", "1.5", ""])
def test_a_page_outside_1_to_500_is_400_with_code_22(
    start: Start, session: requests.Session, page: str
) -> None:
    reply = session.get(start().base_url + "/tv/popular", params={"page": page})
    assert (reply.status_code, reply.json()["status_code"]) == (400, 22)


def test_a_page_past_the_end_is_empty_under_200(start: Start, session: requests.Session) -> None:
    reply = session.get(start().base_url + "/tv/airing_today", params={"page": "400"})
    assert reply.status_code == 200
    assert reply.json()["results"] == []
    assert reply.json()["page"] == 400
    assert reply.json()["total_results"] > 0


def test_date_and_age_tell_when_tmdbs_cache_got_the_page(start: Start, session: requests.Session) -> None:
    reply = session.get(start().base_url + "/tv/popular")
    cached = parsedate_to_datetime(reply.headers["Date"])
    assert abs((clock.now() - cached).total_seconds() - int(reply.headers["Age"])) < 5
    assert reply.headers["Cache-Control"].startswith("public, max-age=")


def test_without_a_fixed_day_today_is_served(start: Start, session: requests.Session) -> None:
    before = clock.today()
    body = session.get(start(day=None).base_url + "/tv/popular").content
    after = clock.today()
    assert body in (list_body("/tv/popular", 1, before), list_body("/tv/popular", 1, after))


def test_the_day_can_change_while_it_runs(start: Start, session: requests.Session) -> None:
    days = iter((date(2026, 1, 1), date(2026, 1, 2)))
    url = start(day=lambda: next(days)).base_url + "/tv/popular"
    assert session.get(url).content == list_body("/tv/popular", 1, date(2026, 1, 1))
    assert session.get(url).content == list_body("/tv/popular", 1, date(2026, 1, 2))


def test_requests_are_kept_without_their_secrets(start: Start, session: requests.Session) -> None:
    sandbox = start()
    session.get(sandbox.base_url + "/tv/popular?api_key=hush&page=3")
    session.get(sandbox.base_url + "/tv/popular", headers={"Authorization": "Bearer hush", "X-Other": "kept"})
    session.get(sandbox.base_url + "/tv/popular")
    assert [request.authorized for request in sandbox.requests] == [True, True, False]
    assert [request.path for request in sandbox.requests] == ["/tv/popular"] * 3
    assert sandbox.requests[0].query == {"page": "3"}
    assert sandbox.requests[1].headers["X-Other"] == "kept"
    assert "hush" not in repr(sandbox.requests)


def test_a_connection_is_kept_for_many_requests(start: Start) -> None:
    sandbox = start()
    host, port = sandbox.base_url.removesuffix("/3").removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for _ in range(2):
            connection.sendall(b"GET /3/genre/tv/list HTTP/1.1\r\nHost: sandbox\r\n\r\n")
            reply = b""
            while not reply.endswith(b"]}"):
                reply += connection.recv(65536)
            assert reply.startswith(b"HTTP/1.1 200 OK\r\n")


def test_replies_are_served_at_the_same_time(start: Start) -> None:
    url = start(latency_ms=200).base_url + "/genre/tv/list"
    began = monotonic()
    with ThreadPoolExecutor(10) as threads:
        replies = list(threads.map(lambda _: requests.get(url, proxies={"http": ""}), range(10)))
    assert {reply.status_code for reply in replies} == {200}
    assert 0.2 <= monotonic() - began < 1.5


def test_a_port_in_use_is_named(start: Start) -> None:
    port = int(start().base_url.split(":")[2].split("/")[0])
    with pytest.raises(SandboxError, match=rf"cannot listen on 127.0.0.1:{port}: .*--port"):
        Sandbox(port=port)
    with pytest.raises(SandboxError, match="0 to 65535"):
        Sandbox(port=70_000)


def test_nobody_outside_this_machine_is_served() -> None:
    with pytest.raises(SandboxError, match="this machine only"):
        Sandbox(host="0.0.0.0")


def test_closing_ends_replies_under_way_and_leaves_no_thread() -> None:
    before = set(threading.enumerate())
    sandbox = Sandbox(latency_ms=60_000)
    failures: list[requests.RequestException] = []

    def ask() -> None:
        try:
            requests.get(sandbox.base_url + "/genre/tv/list", proxies={"http": ""}, timeout=30)
        except requests.RequestException as failure:
            failures.append(failure)

    client = threading.Thread(target=ask)
    client.start()
    while not sandbox.requests:
        client.join(0.01)
    began = monotonic()
    sandbox.close()
    sandbox.close()
    client.join(5)
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
    assert monotonic() - began < 5
    assert len(failures) == 1
    assert set(threading.enumerate()) <= before


def test_a_client_that_hangs_up_leaves_no_traceback(
    start: Start, session: requests.Session, capfd: pytest.CaptureFixture[str]
) -> None:
    sandbox = start("slow:seconds=0.3,page=1")
    with pytest.raises(requests.RequestException, match="timed out"):
        session.get(sandbox.base_url + "/tv/popular", timeout=(5, 0.02))
    with requests.get(sandbox.base_url + "/tv/popular", stream=True, proxies={"http": ""}) as reply:
        assert reply.raw.read(10)
    assert session.get(sandbox.base_url + "/tv/popular?page=2").status_code == 200
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(1)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_run_serves_until_a_signal_and_ends_cleanly(number: signal.Signals) -> None:
    code = (
        "from tally_pipeline.tmdb.sandbox import run, parse_fault;"
        "run(0, 0, [parse_fault('slow')], None, lambda text: print(text, flush=True))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path)},
    ) as process:
        assert process.stdout is not None
        announced = process.stdout.readline()
        assert "invented shows at http://127.0.0.1:" in announced
        assert "slow" in process.stdout.readline()
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
