"""The collector's server: HTTP on the loopback address, the door, the journal, and the delivery to bronze."""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tally_pipeline import clock
from tally_pipeline.collector import segments
from tally_pipeline.collector.delivery import Delivery, Moved
from tally_pipeline.collector.expiry import expire
from tally_pipeline.collector.journal import Journal, JournalError
from tally_pipeline.events.contract import MOST_BYTES
from tally_pipeline.events.door import Refused, receive
from tally_pipeline.lake import file_lock
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import LakeError
from tally_pipeline.plurals import counted

HOST = "127.0.0.1"
"""It has no TLS, so it is for this machine alone."""
RETRY_AFTER = 5
"""Seconds after which a client may send again what was not taken in."""
PATIENCE = 30.0
"""Seconds for which a request waits for the disk."""
PROGRESS_SECONDS = 60.0
LAST_DELIVERY_SECONDS = 20.0


class CollectorError(Exception):
    """The collector cannot start; the message says why and what to do."""


class Collector:
    """Takes events in and moves them to bronze: the journal's folder, the delivery, and what was counted."""

    def __init__(
        self, folder: Path, lake: Lake, key_hashes: Collection[str], events_days: int = 0, **journal: Any
    ) -> None:
        """`folder` must be locked (`only_one`). Events are removed after `events_days` (0: never), where the lake is
        a folder. `journal`: options of `Journal`."""
        self._key_hashes = key_hashes
        self._lake, self._events_days = lake, events_days
        self._expired_on: date | None = None
        self.events = self.requests = self.objects = 0
        self.refused: Counter[int] = Counter()
        self.delivery = Delivery(lake, self._moved)
        left = segments.found(folder)
        self.journal = Journal(folder, self.delivery.add, **journal)
        for path in left:
            self.journal.took_up(path.stat().st_size)
            self.delivery.add(path)

    def _moved(self, moved: Moved) -> None:
        self.journal.moved(moved.size)
        self.objects += len(moved.keys)

    async def take(self, request: Request) -> Response:
        """`POST /v1/events`."""
        if "origin" in request.headers and not self._key_hashes:
            # Any page in a browser on this machine could send.
            return self._refusal(401, "events of a web page need a key: set TALLY_COLLECT_KEYS")
        try:
            body = await _body(request)
        except ClientDisconnect:
            return Response(status_code=400)
        answer = receive(
            request.headers,
            body,
            key_hashes=self._key_hashes,
            now=clock.now(),
            new_id=lambda: str(uuid.uuid4()),
            takes_invented=self._lake.source == "sandbox",
        )
        if isinstance(answer, Refused):
            return self._refusal(answer.status, answer.error)
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.wrap_future(self.journal.append(answer.lines))
        except JournalError as error:
            return self._refusal(503, f"{error}: send it again later", {"retry-after": str(RETRY_AFTER)})
        except TimeoutError:
            return self._refusal(
                503, "the disk does not answer: send it again later", {"retry-after": str(RETRY_AFTER)}
            )
        self.requests += 1
        self.events += answer.events
        return _json(202, {"accepted": answer.events})

    def _refusal(self, status: int, error: str, headers: Mapping[str, str] | None = None) -> Response:
        self.refused[status] += 1
        return _json(status, {"error": error}, headers)

    async def health(self, _: Request) -> Response:
        """`GET /health`."""
        trouble = self.delivery.trouble
        return _json(
            200,
            {
                "status": "waiting for the lake" if trouble else "ok",
                "trouble": trouble,
                "events": self.events,
                "requests": self.requests,
                "refused": {str(status): count for status, count in sorted(self.refused.items())},
                "journal_bytes": self.journal.stored,
                "objects": self.objects,
            },
        )

    def app(self) -> Starlette:
        """The routes."""
        return Starlette(
            routes=[
                Route("/v1/events", self.take, methods=["POST"]),
                Route("/health", self.health, methods=["GET"]),
            ]
        )

    def expire(self) -> str | None:
        """Remove events whose time is over, once a day; returns a sentence about it, if there is something to say."""
        today = clock.today()
        if self._expired_on == today:
            return None
        try:
            removed = expire(self._lake, self._events_days, today)
        except LakeError as error:
            return str(error)
        self._expired_on = today
        return (
            f"{counted(removed, 'object')} of events older than {self._events_days} days removed."
            if removed
            else None
        )

    def close(self) -> int:
        """Take in nothing more and move what is left; returns the number of files that stay for the next time."""
        self.journal.close()
        return self.delivery.finish(LAST_DELIVERY_SECONDS)

    @property
    def in_words(self) -> str:
        """The counts, in a sentence."""
        refused = sum(self.refused.values())
        by_status = ", ".join(f"{status}: {count:,}" for status, count in sorted(self.refused.items()))
        return (
            f"{counted(self.events, 'event')} in {counted(self.requests, 'request')} taken in,"
            + (f" {counted(refused, 'request')} refused ({by_status})," if refused else "")
            + f" {counted(self.objects, 'object')} written to bronze."
        )


async def _body(request: Request) -> bytes:
    """The body, or the beginning of one that is too large, which the door refuses."""
    parts, size = [], 0
    async for part in request.stream():
        parts.append(part)
        size += len(part)
        if size > MOST_BYTES:
            break
    return b"".join(parts)


def _json(status: int, content: object, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers=headers, media_type="application/json")


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """While this lasts, no other collector has the folder. Raises `CollectorError`, `OSError`."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "collector.lock").open("w") as file:
        if not file_lock.try_to_acquire(file):
            raise CollectorError(
                f"another collector runs on {folder}: stop that one, or give this one a TALLY_HOME of its own"
            )
        yield


def listen(port: int) -> socket.socket:
    """A socket on the port of the loopback address; 0 takes a free one. Raises `CollectorError`."""
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise CollectorError(
            f"port {port} cannot be used: {error.strerror}. Set TALLY_COLLECT_PORT to another one, or stop what"
            " uses it"
        ) from None
    return listening


def serve(collector: Collector, listening: socket.socket, greeting: str, say: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; what is in progress ends.

    `say` is told the greeting once requests are answered, and of progress, a sentence at a time.
    """
    server = _Server(
        uvicorn.Config(
            collector.app(),
            # No line about a request: it has the client's address.
            access_log=False,
            log_level="error",
            lifespan="off",
            server_header=False,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=10,
        ),
        lambda: say(greeting),
    )
    stopped = threading.Event()
    progress = threading.Thread(target=_tell, args=(collector, stopped, say), daemon=True)
    progress.start()
    try:
        server.run(sockets=[listening])
    finally:
        stopped.set()
        progress.join()


def _tell(collector: Collector, stopped: threading.Event, say: Callable[[str], None]) -> None:
    told, trouble = "", None
    wait = 0.0
    while not stopped.wait(wait):
        wait = PROGRESS_SECONDS
        if said := collector.expire():
            say(said)
        if collector.delivery.trouble != trouble:
            trouble = collector.delivery.trouble
            say(f"Events wait on this disk: {trouble}" if trouble else "The lake takes events again.")
        if collector.events and collector.in_words != told:
            told = collector.in_words
            say(told)


class _Server(uvicorn.Server):
    """A server that says when it has started, and only ends on a signal: uvicorn's would send that on, and end this
    process with it."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._says_started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._says_started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        before = {
            number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
