"""`tally sandbox events`: through the real door into the sandbox's bronze, once however often it is run."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from tally_pipeline import clock
from tally_pipeline.cli.sandbox.titles import shelf_of
from tally_pipeline.events.contract import PROPS, Event
from tally_pipeline.events.lines import Envelope
from tally_pipeline.tmdb.sandbox import details_body
from testkit import tally
from testkit.collecting import Collecting, lines
from testkit.running import TALLY, bare

FEW = ("sandbox", "events", "--users", "8", "--days", "2", "--heartbeat", "60")
UNTIL = ("--until", "2026-03-07")


def of(home: Path, **changed: str) -> dict[str, str]:
    return {"TALLY_HOME": str(home), **changed}


def lake(home: Path) -> Path:
    return home / "sandbox" / "lake"


def objects(home: Path) -> dict[str, tuple[bytes, int]]:
    """Each object of bronze with its content and its time."""
    folder = lake(home)
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted((folder / "bronze" / "events").rglob("*.jsonl.gz"))
    }


def test_events_are_lines_of_bronze_of_the_hour_in_which_they_arrived(tmp_path: Path) -> None:
    ran = tally.run(tmp_path, of(tmp_path), *FEW, *UNTIL)
    assert ran.code == 0, ran.err
    count = 0
    for key, (_, _) in objects(tmp_path).items():
        found = re.search(r"dt=(\S+)/hour=(\d\d)/invented-", key)
        assert found
        assert found[1] in ("2026-03-06", "2026-03-07")
    for line in lines(lake(tmp_path)):
        envelope = msgspec.json.decode(line, type=Envelope)
        event = msgspec.json.decode(envelope.event, type=Event)
        msgspec.json.decode(event.props, type=PROPS[event.name, event.schema])
        assert envelope.app.id == "tv.tally.sandbox"
        assert envelope.received_at.date().isoformat() in ("2026-03-06", "2026-03-07")
        count += 1
    assert f"{count} events of 2026-03-06 to 2026-03-07 sent" in ran.out
    assert re.search(r"2026-03-06: \d+ events sent\n2026-03-07: ", ran.out)


def test_run_again_it_changes_nothing_and_more_days_add_to_it(tmp_path: Path) -> None:
    first = tally.run(tmp_path, of(tmp_path), *FEW, *UNTIL)
    before = objects(tmp_path)
    again = tally.run(tmp_path, of(tmp_path), *FEW, *UNTIL)
    assert (first.code, again.code) == (0, 0)
    assert "0 events of" in again.out
    assert "there already" in again.out
    assert objects(tmp_path) == before
    assert tally.run(tmp_path, of(tmp_path), *FEW[:4], "--days", "4", *FEW[6:], *UNTIL).code == 0
    after = objects(tmp_path)
    assert len(after) > len(before)
    assert {key: after[key] for key in before} == before


@pytest.mark.slow
def test_interrupted_and_run_again_it_leaves_the_same_as_at_once(tmp_path: Path) -> None:
    argv = ("sandbox", "events", "--users", "60", "--days", "20", *UNTIL)
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    whole.mkdir()
    broken.mkdir()
    process = subprocess.Popen(
        [TALLY, *argv],
        cwd=broken,
        env=bare({**of(broken), "TALLY_DOTENV": os.devnull}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert "events sent" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command sends the rest" in " ".join(err.split())
    partly = objects(broken)
    for home in (whole, broken):
        assert tally.run(home, of(home), *argv).code == 0
    bodies = {key: body for key, (body, _) in objects(whole).items()}
    assert 0 < len(partly) < len(bodies)
    assert {key: body for key, (body, _) in objects(broken).items()} == bodies


def test_a_lake_of_tmdbs_refuses_by_its_settings_and_by_its_marker(tmp_path: Path) -> None:
    ran = tally.run(tmp_path, of(tmp_path, TALLY_SOURCE="tmdb", TMDB_API_TOKEN="x" * 40), *FEW)
    assert ran.code != 0
    assert "never go into TMDB's lake" in ran.err
    lake(tmp_path).mkdir(parents=True)
    (lake(tmp_path) / "lake.json").write_text('{"source": "tmdb"}')
    ran = tally.run(tmp_path, of(tmp_path), *FEW, *UNTIL)
    assert ran.code != 0
    assert "lake of tmdb data" in " ".join(ran.err.split())
    assert objects(tmp_path) == {}


@pytest.mark.parametrize(
    "to",
    [
        "http://192.168.1.4:8686",
        "https://events.example",
        "http://127.0.0.1.example:1",
        "8686",
        "ftp://[::1]",
    ],
)
def test_it_sends_to_no_other_machine(tmp_path: Path, to: str) -> None:
    ran = tally.run(tmp_path, of(tmp_path), *FEW, "--to", to)
    assert ran.code != 0
    assert "to this machine only" in " ".join(ran.err.split())


def test_days_to_come_and_days_too_old_for_a_collector_are_refused(tmp_path: Path) -> None:
    to_come = (clock.today() + timedelta(days=1)).isoformat()
    assert "still to come" in tally.run(tmp_path, of(tmp_path), *FEW, "--until", to_come).err
    old = tally.run(tmp_path, of(tmp_path), *FEW[:4], "--days", "30", "--to", "http://127.0.0.1:1")
    assert "leave --to out" in " ".join(old.err.split())


def test_where_no_collector_is_it_says_what_to_start(tmp_path: Path) -> None:
    ran = tally.run(tmp_path, of(tmp_path), *FEW, "--to", "http://127.0.0.1:1")
    assert ran.code != 0
    assert "start `tally collect`" in " ".join(ran.err.split())


@pytest.mark.slow
def test_a_running_collector_takes_them_with_its_key_and_their_times_stay_right(tmp_path: Path) -> None:
    key = {"TALLY_COLLECT_KEYS": "a-key-of-sixteen-letters-or-more"}
    collecting = Collecting(tmp_path, key)
    try:
        assert "TALLY_COLLECT_KEYS" in tally.run(tmp_path, of(tmp_path), *FEW, "--to", collecting.url).err
        ran = tally.run(tmp_path, of(tmp_path, **key), *FEW, "--to", collecting.url)
        assert ran.code == 0, ran.err
    finally:
        assert collecting.end(signal.SIGTERM) == 0
    days = set()
    found = list(lines(lake(tmp_path)))
    for line in found:
        envelope = msgspec.json.decode(line, type=Envelope)
        event = msgspec.json.decode(envelope.event, type=Event)
        # By the device's own clock: how long ago it was as it was sent.
        days.add((envelope.received_at - (envelope.sent_at - event.occurred_at)).date())
        assert envelope.received_at > clock.now() - timedelta(minutes=10)
    assert f"{len(found)} events" in ran.out
    assert {clock.today() - timedelta(days=1), clock.today() - timedelta(days=2)} <= days
    assert clock.today() + timedelta(days=1) not in days


def test_what_is_watched_has_the_ids_the_genres_and_the_episodes_of_the_details() -> None:
    day = date(2026, 3, 6)
    for title in list(shelf_of(day.toordinal()).by_id.values())[:40]:
        body = details_body(title.show_id, (), day)
        assert body is not None
        details = msgspec.json.decode(body)
        assert [genre["id"] for genre in details["genres"]] == list(title.genres)
        told = {season["season_number"]: season["episode_count"] for season in details["seasons"]}
        assert all(told[number] >= count for number, count in enumerate(title.episodes, start=1))
