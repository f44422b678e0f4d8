"""The sandbox's exports: as TMDB's, but invented."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from tally_pipeline.contracts import lines
from tally_pipeline.datasets.series import refinement
from tally_pipeline.datasets.series.refinement import Refined
from tally_pipeline.tmdb.exchange import SANDBOX_HEADER
from tally_pipeline.tmdb.sandbox import Sandbox, exports
from tally_pipeline.tmdb.sandbox.faults.bad_exports import BAD_LINES
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID
from tally_pipeline.tmdb.sandbox.replies import list_body
from tally_pipeline_tests.tmdb.sandbox.conftest import DAY

Start = Callable[..., Sandbox]


@pytest.fixture(scope="module")
def refined() -> Refined:
    return refinement.refine(exports.export(DAY), key="k")


def get(session: requests.Session, sandbox: Sandbox, day: Any = DAY) -> requests.Response:
    root = sandbox.base_url.removesuffix("/3")
    return session.get(f"{root}/p/exports/tv_series_ids_{day:%m_%d_%Y}.json.gz", timeout=30)


def test_a_day_has_200_000_series_that_all_hold_the_contract(refined: Refined) -> None:
    assert refined.counts.silver_rows == 200_000
    assert refined.counts.quarantined == 0
    assert 0.05 < refined.counts.zero_share < 0.1


def test_lines_are_as_tmdb_writes_them_and_stand_by_id() -> None:
    lines = gzip.decompress(exports.export(DAY)).splitlines()
    assert lines[0].startswith(b'{"id":7000001,"original_name":"')
    ids = [int(line[6 : line.index(b",")]) for line in lines]
    assert ids == sorted(ids)


def test_the_same_day_is_the_same_bytes_and_another_day_drifts(refined: Refined) -> None:
    exports._export.cache_clear()
    again = refinement.refine(exports.export(DAY), key="k")
    assert again.silver.equals(refined.silver)
    after = refinement.refine(exports.export(DAY + timedelta(days=1)), key="k")
    before, now = (set(export.silver["show_id"].to_pylist()) for export in (refined, after))
    assert 0 < len(now - before) < 100
    assert 0 < len(before - now) < 100
    popularity = [
        dict(zip(t.silver["show_id"].to_pylist(), t.silver["popularity"].to_pylist(), strict=True))
        for t in (refined, after)
    ]
    moved = [show for show in before & now if popularity[0][show] != popularity[1][show]]
    assert len(moved) > 150_000


def test_a_show_of_the_lists_has_the_same_id_and_popularity_in_the_export(refined: Refined) -> None:
    listed = json.loads(list_body("/tv/popular", 1, DAY))["results"]
    rows = {row["show_id"]: row for row in refined.silver.slice(0, 2000).to_pylist()}
    for row in listed:
        assert rows[row["id"]]["popularity"] == row["popularity"]
        assert rows[row["id"]]["original_name"] == row["original_name"]
    assert min(rows) >= FIRST_ID


def test_the_last_90_days_are_served_and_no_other(start: Start, session: requests.Session) -> None:
    sandbox = start()
    oldest = DAY - timedelta(days=90)
    reply = get(session, sandbox, oldest)
    assert (reply.status_code, reply.headers[SANDBOX_HEADER]) == (200, "1")
    assert reply.content == exports.export(oldest)
    assert int(reply.headers["Content-Length"]) == len(reply.content)
    assert get(session, sandbox, oldest - timedelta(days=1)).status_code == 404
    assert get(session, sandbox, DAY + timedelta(days=1)).status_code == 404


@pytest.mark.parametrize(
    "name", ["movie_ids_03_14_2026.json.gz", "tv_series_ids_13_40_2026.json.gz", "", "x"]
)
def test_other_files_are_not_there(start: Start, session: requests.Session, name: str) -> None:
    root = start().base_url.removesuffix("/3")
    assert session.get(f"{root}/p/exports/{name}", timeout=5).status_code == 404


def test_a_fault_of_one_day_spares_the_others(start: Start, session: requests.Session) -> None:
    sandbox = start(f"missing-export:day={DAY - timedelta(days=1)}")
    assert get(session, sandbox, DAY - timedelta(days=1)).status_code == 404
    assert get(session, sandbox).status_code == 200


def test_an_export_can_come_late(start: Start, session: requests.Session) -> None:
    sandbox = start("missing-export:times=2")
    assert [get(session, sandbox).status_code for _ in range(3)] == [404, 404, 200]


def test_faults_of_exports_leave_the_lists_alone(start: Start, session: requests.Session) -> None:
    sandbox = start("broken-gzip", "missing-export", "bad-lines", f"server-error:day={DAY}")
    reply = session.get(f"{sandbox.base_url}/tv/popular", timeout=5)
    assert reply.content == list_body("/tv/popular", 1, DAY)


def test_faults_of_a_list_leave_the_exports_alone(start: Start, session: requests.Session) -> None:
    assert get(session, start("server-error:list=popular_shows")).status_code == 200
    assert get(session, start("server-error:list=series_export")).status_code == 503


def test_broken_gzip_has_its_length_and_does_not_unpack(start: Start, session: requests.Session) -> None:
    reply = get(session, start("broken-gzip"))
    assert len(reply.content) == int(reply.headers["Content-Length"])
    with pytest.raises(lines.UnreadableExportError):
        refinement.refine(reply.content, key="k")


def test_wrong_length_promises_fewer_bytes(start: Start, session: requests.Session) -> None:
    assert get(session, start("wrong-length:bytes=1000")).content == exports.export(DAY)[:-1000]


def test_bad_lines_are_in_a_whole_file_and_each_is_rejected(start: Start, session: requests.Session) -> None:
    refined = refinement.refine(get(session, start("bad-lines:count=9")).content, key="k")
    assert refined.counts.lines == 200_009
    assert [row["raw"].encode() for row in refined.quarantine.to_pylist()] == list(BAD_LINES)


def test_fewer_lines_are_a_whole_file(start: Start, session: requests.Session) -> None:
    refined = refinement.refine(get(session, start("fewer-lines:share=0.25")).content, key="k")
    assert refined.counts.lines == 50_000
