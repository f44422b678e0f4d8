"""Capturing details while TMDB does what it can do wrong: what came is kept, the rest is told and asked for next."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from tally_pipeline import clock
from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import Carried, PartRef
from tally_pipeline.datasets.dataset import CaptureError
from tally_pipeline.datasets.details import DETAILS, RefineOptions, known
from tally_pipeline.datasets.details.refinement import Refined
from tally_pipeline.days import days_before
from tally_pipeline.lake import parquet
from tally_pipeline.tmdb.errors import AuthError
from tally_pipeline.tmdb.sandbox.replies import JSON, Reply, error, html
from tally_pipeline_tests.datasets.details.capturing import Home, today
from testkit import details
from testkit.details import Parts
from testkit.tmdb.show_server import ShowServer, gone, good

SHOWS = range(1, 61)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.list_shows(*SHOWS)
    return home


def test_every_show_is_asked_for_once_in_the_order_of_the_lists_and_kept_byte_for_byte(home: Home) -> None:
    with ShowServer() as server:
        manifest = home.capture(server, connections=1)
        assert [show for show, _ in server.of_shows] == list(SHOWS)
    assert (manifest.verdict, manifest.asked, manifest.requests, manifest.retries) == ("complete", 60, 60, 0)
    assert home.replies(manifest) == {show: good(show).body for show in SHOWS}
    assert DETAILS.audit(home.lake.store, DETAILS.place.key(today(), "a"), "sandbox").problems == ()
    assert home.journal == []


def test_parts_are_cut_as_they_fill(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(details_capture, "PART_REPLIES", 10)
    with ShowServer() as server:
        manifest = home.capture(server, connections=4)
    # Those under way when a part is full go along with it.
    assert 4 <= len(manifest.parts) <= 6
    assert all(len(part.shows) <= 10 + 8 for part in manifest.parts)
    assert sorted(show for part in manifest.parts for show in part.shows) == list(SHOWS)


def test_a_show_that_tmdb_does_not_have_any_more_is_an_answer(home: Home) -> None:
    with ShowServer(lambda show, _: gone() if show in (3, 4) else None) as server:
        manifest = home.capture(server)
        assert server.asked[3] == 1
    assert (manifest.verdict, manifest.gone, manifest.got) == ("complete", (3, 4), 58)
    refined = DETAILS.refine(DETAILS.read(home.lake.store, DETAILS.place.key(today(), "a")))
    assert refined.counts.gone == 2


OTHER = msgspec.json.encode(details.show(999))


@pytest.mark.parametrize(
    ("fault", "tries", "says"),
    [
        (lambda show: html(503), 3, "TMDB answered HTTP 503"),
        (lambda show: error(25, headers={"Retry-After": "0"}), 3, "code 25"),
        (lambda show: html(200), 3, "instead of|JSON|a web page|no JSON"),
        (lambda show: Reply(200, {"Content-Type": JSON}, good(show).body[:-40]), 3, "cannot be read"),
        (lambda show: Reply(200, {"Content-Type": JSON}, good(show).body, ending="cut"), 3, ""),
        (lambda show: Reply(200, {}, b"", ending="reset"), 3, ""),
        (lambda show: Reply(200, {"Content-Type": JSON}, OTHER), 3, "it is of the show 999"),
        (lambda show: Reply(200, {"Content-Type": JSON}, b'{"id":%d}' % show), 3, "watch/providers"),
        (lambda show: error(11, status=200), 3, "code 11"),
        (lambda show: html(404), 1, "TMDB answered HTTP 404"),
    ],
)
def test_shows_that_stay_broken_are_missing_with_their_reason_and_asked_for_by_the_next_capture(
    fault: Callable[[int], Reply], tries: int, says: str, home: Home
) -> None:
    broken = {7, 20}
    with ShowServer(lambda show, _: fault(show) if show in broken else None) as server:
        manifest = home.capture(server)
        assert {server.asked[show] for show in broken} == {tries}
    assert (manifest.verdict, {one.show_id for one in manifest.missing}) == ("partial", broken)
    assert all(re.search(says, one.error) for one in manifest.missing), manifest.missing
    assert (manifest.requests, manifest.retries) == (58 + 2 * tries, 2 * (tries - 1))
    assert set(home.replies(manifest)) == set(SHOWS) - broken
    with ShowServer() as server:
        whole = home.capture(server, "b")
        assert set(server.asked) == broken
    assert (whole.verdict, whole.resumed, whole.missing) == ("complete", 58, ())
    assert home.replies(whole) == {show: good(show).body for show in SHOWS}


def test_an_error_that_passes_costs_a_request_and_nothing_else(home: Home) -> None:
    hit: set[int] = set()

    def first_time(show: int, _: int) -> Reply | None:
        if show % 5 or show in hit:
            return None
        hit.add(show)
        return html(503) if show % 10 else error(25, headers={"Retry-After": "0"})

    with ShowServer(first_time) as server:
        manifest = home.capture(server)
    assert (manifest.verdict, manifest.retries, manifest.missing) == ("complete", 12, ())


def test_a_key_that_is_refused_in_the_middle_ends_the_capture_and_what_came_is_kept(home: Home) -> None:
    with ShowServer(lambda show, before: error(7) if before >= 30 else None) as server:
        manifest = home.capture(server, connections=4)
        assert len(server.requests) <= 30 + 4
    assert (manifest.verdict, manifest.got) == ("partial", 30)
    assert "Invalid API key" in (manifest.stopped_by or "")
    assert len(manifest.missing) == 30
    assert all("Invalid API key" in one.error for one in manifest.missing), {
        one.error for one in manifest.missing
    }
    with ShowServer() as server:
        assert home.capture(server, "b").verdict == "complete"
        assert set(server.asked) == set(SHOWS) - set(home.replies(manifest))


def test_a_key_that_is_refused_from_the_beginning_is_an_error_and_no_capture(home: Home) -> None:
    with (
        ShowServer(lambda show, before: error(7)) as server,
        pytest.raises(AuthError, match="Invalid API key"),
    ):
        home.capture(server)
    assert home.lake.store.list(DETAILS.place.folder) == []


def test_a_day_that_ends_in_the_middle_ends_the_capture(home: Home) -> None:
    day = today()
    midnight = datetime.fromisoformat(f"{day}T00:00:00").replace(tzinfo=UTC) + timedelta(days=1)
    with ShowServer() as server, pytest.MonkeyPatch.context() as patch:
        real = clock.now
        patch.setattr(clock, "now", lambda: midnight if len(server.requests) > 25 else real())
        manifest = home.capture(server, connections=1)
    assert (manifest.verdict, manifest.got) == ("partial", 25)
    assert f"{day} was over (UTC) when TMDB answered" in (manifest.stopped_by or "")
    assert {one.head.received_at[:10] for one in home.all_replies()} == {day}


@pytest.mark.parametrize("written", [0, 1, 3])
def test_a_capture_that_dies_is_taken_up_by_the_next_one_from_its_parts_and_its_journal(
    written: int, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details_capture, "PART_REPLIES", 10)
    with ShowServer() as server:
        objects = home.objects(server.base_url, connections=2)
        for _ in range(written):
            home.lake.write_once(*next(objects))
        next(objects)  # this one never gets into the lake
        objects.close()
        before = server.asked
    assert home.journal
    with ShowServer() as server:
        manifest = home.capture(server, "b")
        assert before + server.asked == dict.fromkeys(SHOWS, 1)
    assert (manifest.verdict, manifest.resumed) == ("complete", len(before))
    assert home.replies(manifest) == {show: good(show).body for show in SHOWS}
    assert home.journal == []


def test_asking_anew_takes_the_newest_reply_of_each_show_and_keeps_the_older_ones(home: Home) -> None:
    with ShowServer() as server:
        home.capture(server)
        manifest = home.capture(server, "b", anew=True)
        assert set(server.asked.values()) == {2}
    assert (manifest.resumed, manifest.got) == (0, 60)
    assert all("/b-" in part.key for part in manifest.parts)
    assert len(home.all_replies()) == 120


def test_a_second_capture_of_a_day_asks_for_nothing_and_shares_the_parts(home: Home) -> None:
    with ShowServer() as server:
        first, second = home.capture(server), home.capture(server, "b")
        assert set(server.asked.values()) == {1}
    assert (second.parts, second.verdict, second.requests) == (first.parts, "complete", 0)


def test_the_same_execution_that_died_goes_on_with_parts_of_other_names(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(details_capture, "PART_REPLIES", 10)
    for anew in (False, True):
        with ShowServer() as server:
            objects = home.objects(server.base_url, "again", anew=anew)
            home.lake.write_once(*next(objects))
            objects.close()
    with ShowServer() as server:
        manifest = home.capture(server, "again", anew=True)
    assert home.replies(manifest) == {show: good(show).body for show in SHOWS}


def test_a_part_of_the_day_that_is_broken_is_told_and_its_shows_are_asked_for_again(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    with ShowServer() as server:
        (part,) = home.capture(server).parts
        path = home.folder / "lake" / part.key
        path.write_bytes(path.read_bytes()[:-9])
        manifest = home.capture(server, "b")
        assert set(server.asked.values()) == {2}
    assert part.key in caplog.text
    assert home.replies(manifest) == {show: good(show).body for show in SHOWS}


def test_a_budget_leaves_the_last_of_the_lists_out_and_says_so(home: Home) -> None:
    with ShowServer() as server:
        manifest = home.capture(server, budget=40)
        assert set(server.asked) == set(range(1, 41))
    assert (manifest.asked, manifest.left_out, manifest.verdict) == (40, 20, "complete")


def test_without_lists_there_is_nothing_to_ask_for_and_the_error_says_what_to_do(tmp_path: Path) -> None:
    with ShowServer() as server, pytest.raises(CaptureError, match="Capture them first: `tally sync`"):
        Home(tmp_path).capture(server)


@pytest.mark.parametrize(("missing", "accepted"), [(3, True), (4, False)])
def test_a_capture_that_lacks_more_than_one_show_in_twenty_is_refined_only_when_told_to(
    missing: int, accepted: bool, home: Home
) -> None:
    with ShowServer(lambda show, _: html(503) if show <= missing else None) as server:
        home.capture(server)
    capture = DETAILS.read(home.lake.store, DETAILS.place.key(today(), "a"))
    assert DETAILS.accepts(capture, RefineOptions()) is accepted
    assert DETAILS.accepts(capture, RefineOptions(allow_partial=True))
    ((_, not_empty), (_, answered), _) = DETAILS.judge_capture(capture)
    assert not_empty.passed
    assert (answered.passed, answered.serious) == (False, not accepted)


def test_the_next_day_knows_what_the_days_before_got_and_asks_for_the_running_season(home: Home) -> None:
    day, before = today(), days_before(today(), 3)
    parts = [details.reply(70), details.reply(71), details.gone(72)]
    part_key = DETAILS.place.part_key(before, "x", 0)
    body = details_capture.encode_part(map(details_capture.encode_reply, parts))
    home.lake.write_once(part_key, body)
    ref = PartRef(key=part_key, sha256=hashlib.sha256(body).hexdigest(), shows=(70, 71, 72))
    manifest = details.manifest(before, [ref], gone=[72], name="x")
    home.lake.write_once(str(DETAILS.place.key(before, "x")), details_capture.encode_manifest(manifest))
    refined = DETAILS.refine(DETAILS.read(home.lake.store, DETAILS.place.key(before, "x")))
    home.lake.store.put(DETAILS.silver_key(before), parquet.encode_table(refined.silver))
    with ShowServer() as server:
        capture = home.capture(server)
        seasons = {show: one.query["append_to_response"].rpartition(",")[2] for show, one in server.of_shows}
    assert capture.chosen == {"in a list": 60, "on air": 2}
    assert [(one.dt, one.part.shows) for one in capture.carried] == [(before, (70, 71))]
    assert (seasons[70], seasons[1]) == ("season/1", "keywords")
    assert capture.dt == day


def test_a_show_whose_replies_stay_broken_stays_in_silver_as_it_was_last_known(home: Home) -> None:
    def refined(name: str) -> Refined:
        capture = DETAILS.read(home.lake.store, DETAILS.place.key(name, "x"))
        made = DETAILS.refine(capture)
        footer = DETAILS.footer(capture, made, "sandbox")
        home.lake.store.put(DETAILS.silver_key(name), parquet.encode(made.silver, footer))
        return made

    days = [days_before(today(), ago) for ago in (3, 2, 1)]
    carried: list[Carried] = []
    for day in days:
        is_first = day == days[0]
        replies = [details.reply(70, None if is_first else details.show(70, name=7)), details.reply(71)]
        parts = Parts()
        ref = parts.put(day, "x", replies)
        home.lake.write_once(ref.key, parts.bodies[ref.key])
        manifest = details.manifest(day, [ref], carried=carried, name="x")
        home.lake.write_once(str(DETAILS.place.key(day, "x")), details_capture.encode_manifest(manifest))
        made = refined(day)
        carried = list(known.carried(home.lake, DETAILS.place, days_before(day, -1)))
        assert made.counts.quarantined == (not is_first)
        assert made.silver.select(["show_id", "seen_on"]).to_pylist() == [
            {"show_id": 70, "seen_on": days[0]},
            {"show_id": 71, "seen_on": day},
        ]
        assert {show: one.dt for one in carried for show in one.part.shows} == {70: days[0], 71: day}


# --- lists first -------------------------------------------------------------------------------------------

_HOLDS = """
import sys
from pathlib import Path
from tally_pipeline.datasets.shows import LISTS_FIRST
from tally_pipeline.lake.locks import TableLocks
with TableLocks.beside(Path(sys.argv[1])).share(LISTS_FIRST):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_while_another_process_captures_a_list_details_ask_for_nothing_and_go_on_after_it(home: Home) -> None:
    lists = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(home.folder / "lake")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with lists, ShowServer() as server, ThreadPoolExecutor(1) as threads:
        assert lists.stdout is not None
        assert lists.stdin is not None
        assert lists.stdout.readline() == "held\n"
        capturing = threads.submit(home.capture, server)
        time.sleep(1)
        assert (server.requests, capturing.done()) == ([], False)
        lists.stdin.write("\n")
        lists.stdin.close()
        assert capturing.result().verdict == "complete"


def test_a_list_that_dies_in_the_middle_holds_nothing_up(home: Home) -> None:
    lists = subprocess.Popen(
        [sys.executable, "-c", _HOLDS, str(home.folder / "lake")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with lists, ShowServer(latency_ms=20) as server:
        assert lists.stdout is not None
        assert lists.stdout.readline() == "held\n"
        lists.kill()
        lists.wait()
        assert home.capture(server).verdict == "complete"
