"""One rate limit for any number of threads: evenly spaced slots, in order, with pauses."""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tally_pipeline.tmdb.rate import RateLimit


def test_no_slot_comes_before_its_time_however_many_threads_wait() -> None:
    rate = RateLimit(100)

    def waited(_: int) -> float:
        rate.wait()
        return time.monotonic()

    begun = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        starts = sorted(threads.map(waited, range(24)))

    assert all(start >= begun + place / 100 for place, start in enumerate(starts))
    assert starts[-1] < begun + 2


def test_unused_slots_are_not_saved_up() -> None:
    rate = RateLimit(50)
    rate.wait()
    time.sleep(0.2)
    begun = time.monotonic()
    for _ in range(4):
        rate.wait()
    assert time.monotonic() - begun >= 3 / 50


def test_threads_that_are_kept_all_at_once_go_one_by_one_afterwards() -> None:
    rate, waiting, begin = RateLimit(50), 12, threading.Barrier(12)
    starts: list[float] = []

    def wait() -> None:
        begin.wait()
        rate.wait()
        starts.append(time.monotonic())

    threads = [threading.Thread(target=wait) for _ in range(waiting)]
    interval = sys.getswitchinterval()
    try:
        for thread in threads:
            thread.start()
        begin_to_wait = time.monotonic()
        while len(starts) < 2:
            time.sleep(0.001)
        # Nobody else runs meanwhile, as when a library is loaded.
        sys.setswitchinterval(1)
        while time.monotonic() < begin_to_wait + 0.2:
            pass
    finally:
        sys.setswitchinterval(interval)
    for thread in threads:
        thread.join()
    starts.sort()
    most = max(sum(start <= one < start + 0.04 for one in starts) for start in starts)
    assert most <= 4


def test_who_came_first_goes_first() -> None:
    rate, order = RateLimit(100), list[int]()
    rate.wait()

    def wait(number: int) -> None:
        rate.wait()
        order.append(number)

    threads = [threading.Thread(target=wait, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
        time.sleep(0.001)
    for thread in threads:
        thread.join()
    assert order == list(range(8))


def test_a_pause_holds_those_already_waiting_and_spaces_them_afterwards() -> None:
    rate = RateLimit(5)
    rate.wait()
    starts: list[float] = []

    def wait() -> None:
        rate.wait()
        starts.append(time.monotonic())

    waiting = [threading.Thread(target=wait) for _ in range(3)]
    for thread in waiting:
        thread.start()
    paused = time.monotonic()
    rate.pause(0.3)
    holds = time.monotonic()
    for thread in waiting:
        thread.join()

    # On a busy machine the first may have had its turn before the pause.
    after_pause = sorted(start for start in starts if start >= holds)
    assert after_pause
    for place, start in enumerate(after_pause):
        assert start >= paused + 0.3 + place / 5


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    rate = RateLimit(1000)
    begun = time.monotonic()
    rate.pause(0.2)
    rate.pause(0.01)
    rate.wait()
    assert time.monotonic() - begun >= 0.2


def test_a_stop_wakes_those_who_wait() -> None:
    rate, stop = RateLimit(1000), threading.Event()
    rate.pause(60)
    threading.Timer(0.05, stop.set).start()
    begun = time.monotonic()
    rate.wait(stop)
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("rate", [0, -1, float("nan")])
def test_a_rate_that_is_not_above_zero_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        RateLimit(rate)
