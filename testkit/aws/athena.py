"""Athena on this machine: `python -m testkit.aws.athena --upstream http://127.0.0.1:4566 --port 4567`.

The emulators' own Athena answers nothing (moto) or looks at files without asking Glue (ministack). This one
stands before an emulator: it really runs the queries, over the emulator's Glue and S3, and passes everything
else on. Queries go to the emulator first as well, so that it may refuse them (moto's IAM). boto finds it by
`AWS_ENDPOINT_URL_ATHENA`. For development and tests: it listens on the loopback interface only.

Wire format: https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html and siblings.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import FrameType
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from testkit.aws.athena_sql import Athena, Done, FailedError, Statement, UnreadableError, read
from testkit.aws.athena_text import column_info, texts

PAGE = 1000
"""Rows of a page at most, the header included."""

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}
_REFUSALS = (b"AccessDenied", b"UnrecognizedClient", b"InvalidClientTokenId", b"SignatureDoesNotMatch")


class InvalidRequestError(Exception):
    """An error that Athena reports as InvalidRequestException."""


@dataclass
class Execution:
    """A query and its state."""

    id: str
    sql: str
    database: str
    workgroup: str
    started: float = field(default_factory=time.time)
    ended: float | None = None
    state: str = "QUEUED"
    reason: str | None = None
    done: Done | None = None
    stop: threading.Event = field(default_factory=threading.Event)

    def told(self) -> dict[str, Any]:
        """The query as in a response of GetQueryExecution."""
        status: dict[str, Any] = {"State": self.state, "SubmissionDateTime": self.started}
        if self.reason:
            status["StateChangeReason"] = self.reason
        if self.ended:
            status["CompletionDateTime"] = self.ended
        took = int(1000 * ((self.ended or time.time()) - self.started))
        return {
            "QueryExecutionId": self.id,
            "Query": self.sql,
            "QueryExecutionContext": {"Database": self.database, "Catalog": "awsdatacatalog"},
            "WorkGroup": self.workgroup,
            "Status": status,
            "Statistics": {
                "DataScannedInBytes": self.done.bytes_scanned if self.done else 0,
                "EngineExecutionTimeInMillis": took,
                "TotalExecutionTimeInMillis": took,
            },
        }


class Queries:
    """The queries of one server, each run in a thread of its own."""

    def __init__(self, upstream: str, cache: Path) -> None:
        self._upstream = upstream
        self._cache = cache
        self._known: dict[str, Execution] = {}
        self._regions: dict[str, Athena] = {}
        self._lock = threading.Lock()

    def start(self, asked: Mapping[str, Any], region: str, query_id: str) -> dict[str, Any]:
        try:
            statement = read(asked["QueryString"])
        except UnreadableError as error:
            raise InvalidRequestError(str(error)) from error
        execution = Execution(
            query_id,
            asked["QueryString"],
            asked.get("QueryExecutionContext", {}).get("Database", "default"),
            asked.get("WorkGroup", "primary"),
        )
        self._known[query_id] = execution
        with self._lock:
            if region not in self._regions:
                self._regions[region] = Athena(self._upstream, region, self._cache)
        run = (self._regions[region], execution, statement)
        threading.Thread(target=self._run, args=run, daemon=True).start()
        return {"QueryExecutionId": query_id}

    def execution(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        return {"QueryExecution": self._find(asked).told()}

    def stop(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        self._find(asked).stop.set()
        return {}

    def results(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """A page; the first begins with the columns' names, unless the query explains."""
        execution = self._find(asked)
        if execution.done is None:
            raise InvalidRequestError(
                f"Query did not finish successfully. Final query state: {execution.state}"
                if execution.ended
                else f"Query has not yet finished. Current state: {execution.state}"
            )
        rows = execution.done.rows
        size, first = min(int(asked.get("MaxResults", PAGE)), PAGE), int(asked.get("NextToken", 0))
        header = [] if execution.done.explains else [list(rows.column_names)]
        whole = [*header, *texts(rows)]
        page = whole[first : first + size]
        cells = [{"Data": [{} if text is None else {"VarCharValue": text} for text in row]} for row in page]
        answer: dict[str, Any] = {
            "UpdateCount": 0,
            "ResultSet": {"Rows": cells, "ResultSetMetadata": {"ColumnInfo": column_info(rows.schema)}},
        }
        if first + size < len(whole):
            answer["NextToken"] = str(first + size)
        return answer

    def _find(self, asked: Mapping[str, Any]) -> Execution:
        query_id = asked.get("QueryExecutionId", "")
        if query_id not in self._known:
            raise InvalidRequestError(f"QueryExecution {query_id} was not found")
        return self._known[query_id]

    def _run(self, athena: Athena, execution: Execution, statement: Statement) -> None:
        execution.state = "RUNNING"
        try:
            done = athena.run(statement, execution.database, execution.stop)
            limit = athena.byte_limit(execution.workgroup)
        except FailedError as error:
            state, reason = "FAILED", str(error)
        else:
            state, reason = "SUCCEEDED", ""
            if limit is not None and done.bytes_scanned > limit:
                state, reason = "CANCELLED", "Query cancelled! : Bytes scanned limit was exceeded"
            else:
                execution.done = done
        if execution.stop.is_set():
            state, reason, execution.done = "CANCELLED", "Query cancelled by user", None
        execution.ended, execution.reason = time.time(), reason or None
        # Last: a reader that sees the end finds the rest in place.
        execution.state = state


@dataclass(frozen=True)
class Reply:
    """An HTTP reply."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """Passes every request on, but answers Athena's operations itself."""

    protocol_version = "HTTP/1.1"
    queries: Queries
    upstream: str

    def handle_any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        service, _, operation = self.headers.get("X-Amz-Target", "").partition(".")
        reply = self._forwarded(body)
        if service == "AmazonAthena" and not _refused(reply):
            reply = self._answered(operation, body, reply)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = handle_any  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing."""

    def _answered(self, operation: str, body: bytes, reply: Reply) -> Reply:
        """This server's reply to one of its operations; to others, the emulator's `reply`."""
        asked = json.loads(body or b"{}")
        try:
            match operation:
                case "StartQueryExecution" if reply.status == 200:
                    query_id = json.loads(reply.body).get("QueryExecutionId") or str(uuid4())
                    answer = self.queries.start(
                        asked, _region(self.headers.get("Authorization", "")), query_id
                    )
                case "GetQueryExecution":
                    answer = self.queries.execution(asked)
                case "GetQueryResults":
                    answer = self.queries.results(asked)
                case "StopQueryExecution":
                    answer = self.queries.stop(asked)
                case _:
                    return reply
        except InvalidRequestError as error:
            told = {
                "__type": "InvalidRequestException",
                "AthenaErrorCode": "INVALID_INPUT",
                "Message": str(error),
            }
            return _json(400, told)
        return _json(200, answer)

    def _forwarded(self, body: bytes) -> Reply:
        """The emulator's reply. The headers stay unchanged, the host's too: they are signed."""
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=60)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() != "connection":
                    connection.putheader(name, value)
            connection.endheaders(body)
            reply = connection.getresponse()
            return Reply(reply.status, dict(reply.getheaders()), reply.read())
        except OSError as error:
            return _json(503, {"__type": "ServiceUnavailable", "Message": f"{self.upstream}: {error}"})
        finally:
            connection.close()


def _refused(reply: Reply) -> bool:
    return reply.status == 403 or (reply.status >= 400 and any(word in reply.body for word in _REFUSALS))


def _region(authorization: str) -> str:
    """The region that the request was signed for."""
    found = re.search(r"Credential=[^/]+/\d+/([^/]+)/", authorization)
    return found[1] if found else "us-east-1"


def _json(status: int, body: Mapping[str, Any]) -> Reply:
    return Reply(status, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(body).encode())


@contextmanager
def serving(upstream: str, port: int = 0) -> Iterator[str]:
    """Serves in front of the emulator at `upstream`; yields its own address. Port 0: any free one."""
    with tempfile.TemporaryDirectory(prefix="tally-athena-") as cache:
        handler = type(
            "Handler", (Handler,), {"queries": Queries(upstream, Path(cache)), "upstream": upstream}
        )
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def main() -> None:
    """Serve until told to stop."""
    parser = argparse.ArgumentParser(description="Athena on this machine, in front of an emulator of AWS")
    parser.add_argument("--upstream", required=True, help="the emulator, e.g. http://127.0.0.1:4566")
    parser.add_argument("--port", type=int, default=0, help="the port to listen on; any free one by default")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    with serving(options.upstream, options.port) as url:
        print(f"Athena at {url}, before {options.upstream}", flush=True)
        threading.Event().wait()


def _leave(signal_number: int, frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    main()
