"""The sandbox: a local HTTP server of TMDB's lists, details, genres and exports, for this machine only."""

from __future__ import annotations

import signal
import socket
import socketserver
import struct
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from http.server import BaseHTTPRequestHandler
from types import FrameType, TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tally_pipeline import clock
from tally_pipeline.tmdb.exchange import SANDBOX_HEADER
from tally_pipeline.tmdb.lists import LISTS, ShowList
from tally_pipeline.tmdb.sandbox import exports
from tally_pipeline.tmdb.sandbox.faults import DETAILS, EXPORTS, FAULTS, GENRES, Fault, Request, page_of_show
from tally_pipeline.tmdb.sandbox.recordings import Recordings
from tally_pipeline.tmdb.sandbox.replies import (
    Reply,
    error,
    list_paths,
    page_number,
    respond,
    respond_export,
    show_of,
)

_BASE = "/3"
_LOOPBACK = ("127.0.0.1", "localhost")
_SECRETS = {"authorization", "cookie"}
_PIECES = 10


class SandboxError(RuntimeError):
    """The sandbox cannot start; the message says why and what to do."""


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as received, without its secrets: `at` is `time.monotonic()`, `path` is below `/3` (of an export: the
    whole path).

    `authorized` is true if it had an `Authorization` header or an `api_key`; neither is kept.
    """

    path: str
    query: Mapping[str, str]
    at: float
    headers: Mapping[str, str]
    authorized: bool


class Sandbox:
    """A running sandbox on a port of its own thread's; close it, or use it as a context manager.

    `port` 0 takes any free one. `latency_ms` is added to each reply. `recordings` replay in place of the
    invented world. `day` is the day whose world is served, or a function that returns it (default: today, UTC).
    `lists` are served besides TMDB's own. Raises `SandboxError` when it cannot listen there.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        latency_ms: float = 0,
        faults: Sequence[Fault] = (),
        recordings: Recordings | None = None,
        day: date | Callable[[], date] | None = None,
        host: str = "127.0.0.1",
        lists: Sequence[ShowList] = LISTS,
    ) -> None:
        if host not in _LOOPBACK:
            raise SandboxError(
                f"the sandbox serves this machine only: {host} is not {' or '.join(_LOOPBACK)}"
            )
        self.requests: list[ReceivedRequest] = []
        self._latency = latency_ms / 1000
        self._faults = tuple(faults)
        self._recordings = recordings
        self._day = day
        self._lists = lists
        self._times_hit: Counter[tuple[int, str, int]] = Counter()
        self._hitting = threading.Lock()
        self._closing = threading.Event()
        try:
            self._server = _Server((host, port), self)
        except OSError as problem:
            raise SandboxError(
                f"the sandbox cannot listen on {host}:{port}: {problem.strerror or problem}; "
                f"choose another port with --port, or 0 for any free one"
            ) from problem
        except OverflowError as problem:
            raise SandboxError(
                f"the sandbox cannot listen on port {port}: ports go from 0 to 65535"
            ) from problem
        self.base_url = f"http://{host}:{self._server.server_address[1]}{_BASE}"
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            name="tally-sandbox",
            daemon=True,
        )
        self._thread.start()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops listening, breaks open connections and waits for the server's thread."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def wait(self, seconds: float) -> bool:
        """Sleeps, unless the sandbox closes meanwhile; returns True if it did."""
        return seconds > 0 and self._closing.wait(seconds)

    def answer(self, target: str, headers: Mapping[str, str]) -> Reply:
        """The reply to a GET of `target` (path and query as in the request line), faults included."""
        received = _received(target, headers)
        self.requests.append(received)
        path, query = received.path, received.query
        reply = self._respond(path, query)
        export_day, of_show = exports.day_of(path), show_of(path)
        show = of_show[0] if of_show else None
        page = page_number(query) if show is None else page_of_show(show)
        if page is not None:
            request = Request(page, self._replies_beside(path, query, page))
            list_name = self._list_name(path)
            for number, fault in enumerate(self._faults):
                if fault.concerns(list_name, page, export_day, show) and self._hits(
                    number, fault, path, page
                ):
                    reply = fault.apply(reply, request)
        return replace(
            reply, delay=reply.delay + self._latency, headers={**reply.headers, SANDBOX_HEADER: "1"}
        )

    def _respond(self, path: str, query: Mapping[str, str]) -> Reply:
        if path == "":
            return error(34)
        if self._recordings is not None:
            return self._recordings.respond(path, query)
        now = clock.now()
        day = self._day() if callable(self._day) else self._day or now.date()
        export_day = exports.day_of(path)
        if export_day is not None:
            return respond_export(export_day, today=day)
        return respond(path, query, day=day, at=now, lists=self._lists)

    def _list_name(self, path: str) -> str:
        """The name by which faults know what is at `path`."""
        if exports.day_of(path) is not None:
            return EXPORTS
        if show_of(path) is not None:
            return DETAILS
        return list_paths(self._lists).get(path, GENRES if path == "/genre/tv/list" else "")

    def _replies_beside(self, path: str, query: Mapping[str, str], page: int) -> Callable[[int], Reply]:
        """The replies to requests that differ in the page alone; where shows are the pages, in the show's id."""
        of_show = show_of(path)
        if of_show is None:
            return lambda other: self._respond(path, {**query, "page": str(other)})
        show, part = of_show
        tail = f"/{part}" if part else ""
        return lambda other: self._respond(f"/tv/{show + other - page}{tail}", query)

    def _hits(self, number: int, fault: Fault, path: str, page: int) -> bool:
        if fault.times is None:
            return True
        with self._hitting:
            self._times_hit[number, path, page] += 1
            return self._times_hit[number, path, page] <= fault.times


def run(
    port: int,
    latency_ms: float,
    faults: Sequence[Fault],
    recordings: Recordings | None,
    announce: Callable[[str], None],
) -> None:
    """Serves until Ctrl-C or SIGTERM, then closes; from a program's main thread. Raises `SandboxError`."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with Sandbox(port=port, latency_ms=latency_ms, faults=faults, recordings=recordings) as sandbox:
            shows = f"recordings of {recordings.snapshot}" if recordings else "invented shows"
            announce(f"The sandbox serves {shows} at {sandbox.base_url} until Ctrl-C.")
            for fault in faults:
                announce(f"Fault {fault.name}: {FAULTS[fault.name].description}")
            stop.wait()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _received(target: str, headers: Mapping[str, str]) -> ReceivedRequest:
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    names = {name.lower() for name in headers}
    return ReceivedRequest(
        path=_served_path(parts.path),
        query={name: value for name, value in query.items() if name != "api_key"},
        at=time.monotonic(),
        headers={name: value for name, value in headers.items() if name.lower() not in _SECRETS},
        authorized="authorization" in names or "api_key" in query,
    )


def _served_path(path: str) -> str:
    """The path below `/3`, or the whole path of an export; empty if nothing is served there."""
    if exports.day_of(path) is not None:
        return path
    return path.removeprefix(_BASE) if path.startswith(f"{_BASE}/") else ""


class _Server(socketserver.ThreadingTCPServer):
    # Not `http.server`'s own class: that one looks up the host's name in the DNS when it binds.
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._connected: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connected.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._connected.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        super().server_close()
        for connection in list(self._connected):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that hang up: no error of the server's."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet

    def do_GET(self) -> None:
        reply = self.server.sandbox.answer(self.path, dict(self.headers.items()))
        if self.server.sandbox.wait(reply.delay):
            self.close_connection = True
            return
        if reply.ending == "reset":
            self._reset()
            return
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if reply.declared is None else reply.declared))
        self.end_headers()
        self.close_connection |= reply.declared is not None
        if reply.ending == "cut":
            self.wfile.write(reply.body[: len(reply.body) // 2])
            self.close_connection = True
        else:
            self._write(reply.body, reply.spread)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: a request's line may hold an `api_key`."""

    def _write(self, body: bytes, spread: float) -> None:
        if not spread:
            self.wfile.write(body)
            return
        size = -(-len(body) // _PIECES)
        for start in range(0, len(body), size):
            self.wfile.write(body[start : start + size])
            self.wfile.flush()
            if self.server.sandbox.wait(spread / _PIECES):
                self.close_connection = True
                return

    def _reset(self) -> None:
        # Closing without lingering discards unsent bytes and sends RST.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
