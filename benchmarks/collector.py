"""How many events the collector takes in on one core, each on disk for good, beside an endpoint that only appends."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.report import Measure, Report, Target
from testkit.collecting import Collecting
from testkit.events import body, event
from testkit.running import TALLY

EVENTS = 20
"""Events of a request."""
CONNECTIONS = 64
SECONDS = 6.0
"""How long each load lasts."""
LEAST = 5_000
"""Events a second that are asked for."""
BODIES = 500
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def measure(runs: int) -> Report:
    """The server on one core, the load on another; both alternately, `runs` times."""
    server, load = sorted(os.sched_getaffinity(0))[:2]
    os.sched_setaffinity(0, {load})
    requests = [_request(number) for number in range(BODIES)]
    most: dict[str, list[float]] = {"tally": [], "bare": []}
    slowest: dict[str, list[float]] = {"tally": [], "bare": []}
    half: list[float] = []
    for _ in range(runs):
        for name, serve in (("tally", _collector), ("bare", _bare)):
            with (
                tempfile.TemporaryDirectory(prefix="tally-collector-") as folder,
                serve(Path(folder), server) as port,
            ):
                asyncio.run(_as_fast_as_it_goes(port, requests, 1.0))
                taken = asyncio.run(_as_fast_as_it_goes(port, requests, SECONDS))
                most[name].append(taken)
                slowest[name].append(asyncio.run(_p99_at(port, requests, LEAST / 2)))
                if name == "tally":
                    half.append(asyncio.run(_p99_at(port, requests, taken / 2)))
    os.sched_setaffinity(0, {server, load})
    ratios = [ours / bare for ours, bare in zip(most["tally"], most["bare"], strict=True)]
    return Report(
        "collector",
        f"{EVENTS} events a request, {CONNECTIONS} connections, one core",
        runs,
        [
            Measure("events a second: tally collect", most["tally"], "", Target("at least", LEAST)),
            Measure("an endpoint that only appends", most["bare"], "", indent=True),
            Measure("tally collect, as a share of it", ratios, "", indent=True),
            Measure(
                f"slowest of a hundred at {LEAST // 2:,} events a second: tally collect",
                [1000 * seconds for seconds in slowest["tally"]],
                "ms",
                Target("at most", 50),
            ),
            Measure(
                "an endpoint that only appends", [1000 * one for one in slowest["bare"]], "ms", indent=True
            ),
            Measure(
                "tally collect, at half of its own most", [1000 * one for one in half], "ms", indent=True
            ),
        ],
        (
            "The server has a core of its own, and so has the load. `tally collect` looks at key, size, UTF-8 and the"
            " request's fields, syncs its journal before each answer, and moves its files to bronze meanwhile, by"
            " gzip, on the same core.",
            "The endpoint beside it is starlette and uvicorn as well: it appends the body to a file, which is neither"
            " checked nor synced.",
            "Times are from the moment at which a request was due.",
        ),
    )


def _request(number: int) -> bytes:
    sent = body(*(event(number * EVENTS + place) for place in range(EVENTS)))
    return b"POST /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: %d\r\n\r\n%b" % (len(sent), sent)


@contextmanager
def _collector(folder: Path, core: int) -> Iterator[int]:
    collecting = Collecting(folder, command=["taskset", "-c", str(core), TALLY, "collect"])
    try:
        yield int(collecting.url.rsplit(":", 1)[1])
    finally:
        collecting.end(signal.SIGTERM)


@contextmanager
def _bare(folder: Path, core: int) -> Iterator[int]:
    command = [
        "taskset",
        "-c",
        str(core),
        sys.executable,
        "-m",
        "benchmarks.bare_endpoint",
        str(folder / "bodies"),
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.kill()


class _Connection:
    """A connection that is kept."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> _Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, request: bytes) -> None:
        self._writer.write(request)
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = _LENGTH.search(head)
        await self._reader.readexactly(int(length[1]) if length else 0)
        if not head.startswith(b"HTTP/1.1 202"):
            raise RuntimeError(f"not taken in: {head.splitlines()[0]!r}")

    def close(self) -> None:
        self._writer.close()


async def _as_fast_as_it_goes(port: int, requests: Sequence[bytes], seconds: float) -> float:
    """Events a second, each connection sending its next request when it has its answer."""
    connections = [await _Connection.to(port) for _ in range(CONNECTIONS)]
    began = time.perf_counter()

    async def send(place: int) -> int:
        sent = 0
        while time.perf_counter() - began < seconds:
            await connections[place].post(requests[(place + sent * CONNECTIONS) % len(requests)])
            sent += 1
        return sent

    sent = sum(await asyncio.gather(*map(send, range(CONNECTIONS))))
    taken = sent * EVENTS / (time.perf_counter() - began)
    for connection in connections:
        connection.close()
    return taken


async def _p99_at(port: int, requests: Sequence[bytes], events_a_second: float) -> float:
    """The time (s) within which 99 of 100 requests are answered at this rate, from when they were due."""
    connections = [await _Connection.to(port) for _ in range(CONNECTIONS)]
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for connection in connections:
        free.put_nowait(connection)
    apart = EVENTS / events_a_second
    count = int(SECONDS / apart)
    began = time.perf_counter()

    async def send(number: int) -> float:
        due = began + number * apart
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        connection = await free.get()
        await connection.post(requests[number % len(requests)])
        free.put_nowait(connection)
        return time.perf_counter() - due

    took = await asyncio.gather(*map(send, range(count)))
    for connection in connections:
        connection.close()
    return statistics.quantiles(took, n=100)[98]
