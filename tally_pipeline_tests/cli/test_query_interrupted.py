"""Ctrl-C in `tally query`."""

from __future__ import annotations

import os
import signal
import threading
import time

import pytest

from tally_pipeline_tests.cli.conftest import Tally

# Ten seconds and more; one that nothing can stop does end.
NUMBERS = "SELECT x FROM UNNEST(sequence(1, 2500)) AS t (x)"
LONG = f"SELECT count(*) FROM ({NUMBERS}) a, ({NUMBERS}) b, ({NUMBERS}) c WHERE a.x * b.x % 7 < c.x"


@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_a_query_stops_within_a_second_and_one_sentence_says_so(run_tally: Tally, form: str) -> None:
    run_tally("query", "SELECT 1 AS warm")
    asked: list[float] = []

    def ctrl_c() -> None:
        asked.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    threading.Timer(1, ctrl_c).start()
    ran = run_tally("query", LONG, "--format", form)
    assert time.monotonic() - asked[0] < 1
    assert (ran.code, ran.err) == (130, "Interrupted: the query was stopped.\n")
