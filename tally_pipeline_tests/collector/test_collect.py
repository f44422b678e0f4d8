"""`tally collect` as a process, over HTTP: what it takes in, what it says, and what it leaves when it is killed."""

from __future__ import annotations

import gzip
import signal
import subprocess
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from tally_pipeline import clock
from tally_pipeline.events.batches import Record, key_of, packed
from testkit import tally
from testkit.collecting import Collecting, Sender, lines, numbers, session
from testkit.events import DEVICE, USER, body, event
from testkit.running import TALLY, bare

KEY = "k3y-of-this-test"


def test_what_was_taken_in_is_in_bronze_once_it_has_ended_and_nothing_personal_is_said(
    tmp_path: Path,
) -> None:
    collecting = Collecting(tmp_path, {"TALLY_COLLECT_KEYS": f"old,{KEY}"})
    http, url = session(), f"{collecting.url}/v1/events"
    headers = {"Authorization": f"Bearer {KEY}"}
    reply = http.post(url, data=body(event(1), event(2)), headers=headers)
    assert (reply.status_code, reply.json()) == (202, {"accepted": 2})
    packed = http.post(
        url, data=gzip.compress(body(event(3))), headers={**headers, "Content-Encoding": "gzip"}
    )
    assert (packed.status_code, packed.json()) == (202, {"accepted": 1})
    assert http.post(url, data=body(event(4))).status_code == 401
    assert http.post(url, data=b"x", headers=headers).status_code == 400
    assert http.post(url, data=bytes(2**20), headers=headers).status_code == 413
    assert http.get(url).status_code == 405
    assert http.get(f"{collecting.url}/").status_code == 404
    health = http.get(f"{collecting.url}/health").json()
    assert (health["status"], health["events"], health["requests"]) == ("ok", 3, 2)
    assert health["refused"] == {"400": 1, "401": 1, "413": 1}

    assert collecting.end(signal.SIGTERM) == 0
    assert numbers(lines(tmp_path / "sandbox" / "lake")) == [1, 2, 3]
    assert (
        "3 events in 2 requests taken in, 3 requests refused (400: 1, 401: 1, 413: 1), 1 object written to bronze."
        in collecting.words
    )
    for secret in (KEY, DEVICE, USER, "show_viewed", "python-requests"):
        assert secret not in collecting.words


def test_an_audit_proves_what_it_wrote_and_sees_a_byte_that_changed(tmp_path: Path) -> None:
    collecting = Collecting(tmp_path)
    session().post(f"{collecting.url}/v1/events", data=body(event(1), event(2)))
    assert collecting.end(signal.SIGINT) == 0
    environment = {"TALLY_HOME": str(tmp_path), "TALLY_DOTENV": "/dev/null"}
    good = tally.run(tmp_path, environment, "audit", "--json")
    assert (good.code, good.json["objects"], good.json["rows"], good.json["broken"]) == (0, 1, 2, {})
    (path,) = (tmp_path / "sandbox" / "lake").rglob("*.jsonl.gz")
    path.write_bytes(path.read_bytes()[:-9] + bytes(9))
    bad = tally.run(tmp_path, environment, "audit")
    assert bad.code == 1
    assert f"{path.name}: its gzip is broken, or was not written by the sink" in bad.out


def test_killed_over_and_over_it_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[int] = []
    in_flight: list[int] = []
    for life in range(4):
        collecting = Collecting(tmp_path)
        stop = threading.Event()
        senders = [Sender(collecting.url, (10 * life + one) * 100_000, stop) for one in range(6)]
        threads = [threading.Thread(target=sender.run) for sender in senders]
        for thread in threads:
            thread.start()
        stop.wait(0.1 + 0.2 * life)
        collecting.end(signal.SIGKILL)
        for thread in threads:
            thread.join()
        acknowledged += [number for sender in senders for number in sender.acknowledged]
        in_flight += [number for sender in senders for number in sender.in_flight]
    last = Collecting(tmp_path)
    assert last.end(signal.SIGINT) == 0
    found = numbers(lines(tmp_path / "sandbox" / "lake"))
    assert len(acknowledged) > 100
    assert set(acknowledged) <= set(found)
    assert len(found) == len(set(found))
    assert set(found) - set(acknowledged) <= set(in_flight)


def test_while_the_lake_takes_nothing_events_wait_on_disk_and_go_there_the_next_time(tmp_path: Path) -> None:
    (tmp_path / "sandbox").mkdir()
    (tmp_path / "sandbox" / "lake").write_text("in the way")
    collecting = Collecting(tmp_path)
    assert session().post(f"{collecting.url}/v1/events", data=body(event(1))).status_code == 202
    assert collecting.end(signal.SIGINT) == 1
    assert "1 file of events could not be written to the lake:" in collecting.words
    assert "They are safe on this disk, and the next `tally collect` writes them." in collecting.words
    (tmp_path / "sandbox" / "lake").unlink()
    assert Collecting(tmp_path).end(signal.SIGINT) == 0
    assert numbers(lines(tmp_path / "sandbox" / "lake")) == [1]


def test_events_of_a_month_ago_are_removed_when_it_starts(tmp_path: Path) -> None:
    lake = tmp_path / "sandbox" / "lake"
    kept, over = (
        lake / key_of("collector-0123456789abcdef", Record("0", clock.now() - timedelta(days=ago), b""))
        for ago in (29, 30)
    )
    for path in (kept, over):
        path.parent.mkdir(parents=True)
        path.write_bytes(packed([Record("0", clock.now(), b"{}\n")]))
    collecting = Collecting(tmp_path)
    until = time.monotonic() + 30
    while over.exists() and time.monotonic() < until:
        time.sleep(0.02)
    assert collecting.end(signal.SIGINT) == 0
    assert kept.exists()
    assert not over.exists()
    assert "1 object of events older than 30 days removed." in collecting.words
    Collecting(tmp_path, {"TALLY_EVENTS_DAYS": "29"}).end(signal.SIGINT)
    Collecting(tmp_path, {"TALLY_EVENTS_DAYS": "0"}).end(signal.SIGINT)
    assert not kept.exists()


def run(home: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = bare({"TALLY_HOME": str(home), "TALLY_DOTENV": "/dev/null", **settings})
    return subprocess.run(
        [TALLY, "collect"], cwd=home, env=environment, capture_output=True, text=True, timeout=60
    )


def test_what_keeps_it_from_starting_is_one_sentence(tmp_path: Path) -> None:
    first = Collecting(tmp_path)
    port = first.url.rsplit(":", 1)[1]
    second = run(tmp_path, TALLY_COLLECT_PORT="0")
    assert (second.returncode, second.stdout) == (2, "")
    assert second.stderr.startswith("tally: another collector runs on ")
    (tmp_path / "other").mkdir()
    other = run(tmp_path / "other", TALLY_COLLECT_PORT=port)
    assert other.returncode == 2
    assert other.stderr == (
        f"tally: port {port} cannot be used: Address already in use. Set TALLY_COLLECT_PORT to another one, or stop"
        " what uses it\n"
    )
    blank = run(tmp_path, TALLY_COLLECT_KEYS="k3y 0ne")
    assert (blank.returncode, blank.stderr.count("\n")) == (2, 1)
    assert "k3y" not in blank.stderr
    assert first.end(signal.SIGINT) == 0


def test_invented_events_do_not_come_into_tmdbs_lake(tmp_path: Path) -> None:
    collecting = Collecting(tmp_path, {"TALLY_SOURCE": "tmdb", "TMDB_API_TOKEN": "a.b.c"})
    invented = body(event(1), app={"id": "tv.tally.sandbox", "version": "1.0", "os": "iOS 19.1"})
    url = f"{collecting.url}/v1/events"
    assert session().post(url, data=invented).status_code == 400
    assert session().post(url, data=body(event(2))).status_code == 202
    assert collecting.end(signal.SIGINT) == 0
    assert numbers(lines(tmp_path / "tmdb" / "lake")) == [2]


@pytest.mark.parametrize("keys", [None, KEY])
def test_a_web_page_sends_nothing_without_a_key(tmp_path: Path, keys: str | None) -> None:
    collecting = Collecting(tmp_path, {"TALLY_COLLECT_KEYS": keys} if keys else {})
    headers = {"Origin": "https://example.org", **({"Authorization": f"Bearer {keys}"} if keys else {})}
    reply = requests.post(f"{collecting.url}/v1/events", data=body(), headers=headers, proxies={"http": ""})
    assert reply.status_code == (202 if keys else 401)
    collecting.end(signal.SIGINT)
