"""Loaded by every Python that runs on another day: `time.sleep` that libfaketime does not break.

Python sleeps by `clock_nanosleep` until a moment of the monotonic clock. libfaketime 0.9.10 takes every such moment
for one of its faked clock, and the call fails with EINVAL. With the monotonic clock faked as well it would not, but
then locks and queues with a timeout wait for years: those calls libfaketime does not know.
"""

import select
import time


def _sleep(seconds: float) -> None:
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    select.select([], [], [], seconds)


time.sleep = _sleep
