"""AWS with faults: passes requests on to moto's server, but fails some on demand, as AWS does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests

from testkit.aws.moto_server import REGION

ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
"""AWS's own example of an access key; S3 repeats the caller's in some of its errors."""

NOT_PASSED_ON = {"connection", "content-length", "transfer-encoding", "host", "content-encoding", "expect"}
HANGS_SECONDS = 20


@dataclass(frozen=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def key(self) -> str:
        """The object's key, if the request is about one: paths are /bucket/key."""
        return urlsplit(self.path).path.lstrip("/").partition("/")[2]


@dataclass(frozen=True)
class Fault:
    """AWS's answer to a failing request; `hangs` never answers, `times` is the number of failures (None: always).

    `is_done`: the request is passed on all the same, and only its answer is lost.
    """

    status: int = 0
    code: str = ""
    message: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    hangs: bool = False
    is_done: bool = False
    times: int | None = None
    concerns: Callable[[Request], bool] = lambda request: True


class FaultyAws:
    """The server: `fault` is the present fault; `requests` are those received."""

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.fault: Fault | None = None
        self.requests: list[Request] = []
        self.released = threading.Event()
        self._failed = 0
        self._lock = threading.Lock()

    def fail(self, fault: Fault | None) -> None:
        """Set the fault from here on; None removes it."""
        self.fault, self._failed, self.requests = fault, 0, []

    def fault_of(self, request: Request) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            fault = self.fault
            if fault is None or not fault.concerns(request) or self._failed == fault.times:
                return None
            self._failed += 1
            return fault


@contextmanager
def serving(behind: str) -> Iterator[tuple[FaultyAws, str]]:
    """The server in front of another, and its own address; on a free port of 127.0.0.1."""
    aws = FaultyAws(behind)

    class Handler(_Handler):
        faulty = aws

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield aws, f"http://127.0.0.1:{server.server_port}"
    finally:
        aws.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    faulty: FaultyAws

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, self.path, headers, body)
        fault = self.faulty.fault_of(request)
        if fault is None:
            self._pass_on(request)
        elif fault.is_done:
            self._asked_behind(request)
            self.close_connection = True
        elif fault.hangs:
            self.faulty.released.wait(HANGS_SECONDS)
            self.close_connection = True
        else:
            self._fail(request, fault)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _answer  # noqa: N815 - http.server's names

    def _pass_on(self, request: Request) -> None:
        answer = self._asked_behind(request)
        self._send(answer.status_code, dict(answer.headers), answer.content)

    def _asked_behind(self, request: Request) -> requests.Response:
        kept = {name: value for name, value in request.headers.items() if name not in NOT_PASSED_ON}
        url = self.faulty.behind + request.path
        return requests.request(
            request.method, url, data=request.body, headers=kept, timeout=30, allow_redirects=False
        )

    def _fail(self, request: Request, fault: Fault) -> None:
        if "x-amz-target" in request.headers:
            body = f'{{"__type": "com.amazonaws#{fault.code}", "message": "{fault.message}"}}'
            kind = {
                "Content-Type": "application/x-amz-json-1.0",
                "x-amzn-query-error": f"{fault.code};Sender",
            }
        else:
            body = (
                f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{fault.code}</Code>'
                f"<Message>{fault.message}</Message><AWSAccessKeyId>{ACCESS_KEY}</AWSAccessKeyId>"
                f"<RequestId>4442587FB7D0A2F9</RequestId></Error>"
            )
            kind = {"Content-Type": "application/xml"}
        self._send(fault.status, {**kind, **fault.headers}, body.encode())

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        # A reply to HEAD has the length of GET's body, and no body.
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_response_only(status)
        for name, value in headers.items():
            if name.lower() not in NOT_PASSED_ON:
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing: the tests read `requests`."""


def denied(action: str) -> Fault:
    message = (
        f"User: arn:aws:iam::123456789012:user/x is not authorized to perform: {action} on this resource"
    )
    return Fault(403, "AccessDenied", message)


WRONG_REGION = Fault(
    301,
    "PermanentRedirect",
    "The bucket you are attempting to access must be addressed using the specified endpoint.",
    {"x-amz-bucket-region": "us-west-2" if REGION != "us-west-2" else "eu-central-1"},
)
