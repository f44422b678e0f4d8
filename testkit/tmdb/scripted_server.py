"""A real HTTP server on 127.0.0.1 that answers every page of a list as a test scripts it."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Answer:
    """The server's response to one request. `declared` is a false Content-Length; `reset` resets the connection."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0
    declared: int | None = None
    reset: bool = False

    def encoded(self) -> bytes:
        length = len(self.body) if self.declared is None else self.declared
        head = [f"HTTP/1.1 {self.status} Scripted", f"Content-Length: {length}"]
        head += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*head, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True)
class Seen:
    """A request as it arrived; `at` is `time.monotonic()`."""

    page: int
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: float
    client: tuple[str, int]


def page_body(
    number: int, rows: Sequence[str], total_pages: int | None, total_results: int | None = None
) -> bytes:
    """A page as TMDB writes it; `rows` are JSON texts, kept as they are."""
    totals = {"total_pages": total_pages, "total_results": total_results}
    told = "".join(f',"{name}":{value}' for name, value in totals.items() if value is not None)
    return f'{{"page":{number},"results":[{",".join(rows)}]{told}}}'.encode()


def rows_of(number: int, count: int = 3) -> list[str]:
    """A page's rows, with ids that no other page has."""
    return [json.dumps({"id": number * 100 + i, "name": f"Show {number}.{i}"}) for i in range(count)]


def error_body(code: int, message: str = "Something is wrong.") -> bytes:
    """An error body as TMDB writes it."""
    return json.dumps({"status_code": code, "status_message": message, "success": False}).encode()


class ScriptedServer:
    """Serves `total_pages` good pages; `script[page]` are answers given first, one a request.

    `always[page]` is given from then on. `seen` holds every request that arrived, in order.
    """

    def __init__(self, total_pages: int = 3) -> None:
        self.total_pages = total_pages
        self.script: dict[int, list[Answer]] = {}
        self.always: dict[int, Answer] = {}
        self.latency_seconds = 0.0
        self.seen: list[Seen] = []
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def url(self) -> str:
        return f"{self.root}/3"

    def asked_for(self, page: int) -> list[Seen]:
        return [seen for seen in self.seen if seen.page == page]

    def answer(self, seen: Seen) -> Answer:
        with self._lock:
            self.seen.append(seen)
            if self.script.get(seen.page):
                return self.script[seen.page].pop(0)
        return self.always.get(seen.page) or Answer(self.good(seen.page))

    def good(self, page: int) -> bytes:
        rows = rows_of(page) if page <= self.total_pages else []
        return page_body(page, rows, self.total_pages, self.total_pages * 3)


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignores clients that hang up: tests do so on purpose."""


def _handler(server: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(url.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            page, now = int(query.get("page", "1")), time.monotonic()
            answer = server.answer(Seen(page, url.path, query, headers, now, self.client_address))
            time.sleep(server.latency_seconds + answer.delay_seconds)
            if answer.reset:
                # Closing with zero linger sends RST instead of FIN.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
                self.close_connection = True
                return
            # One write: two would wait for each other (Nagle's algorithm and delayed acknowledgement).
            self.wfile.write(answer.encoded())
            self.close_connection = answer.declared is not None

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    return Handler
