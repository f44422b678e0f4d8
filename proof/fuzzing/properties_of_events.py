"""Claims about any request of viewers' events."""

from __future__ import annotations

import gzip
import json
import re
from datetime import UTC, datetime, timedelta

import msgspec

from tally_pipeline.events import reading
from tally_pipeline.events.door import Accepted, hash_of, receive
from tally_pipeline.events.lines import Envelope
from testkit.events import REQUEST_ID

_NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_KEYS = [hash_of("the-key")]
_WORD = re.compile(rb"[A-Za-z0-9]{12,}")
"""Text that an answer could only have from the request."""


def a_request(data: bytes) -> None:
    """A request is taken in, each event to the byte, or refused by status, without a word of its own."""
    kind, body = data[:1], data[1:]
    headers = {"Content-Encoding": "gzip"} if kind >= b"\xc0" else {}
    if b"\x80" <= kind < b"\xa0":
        headers, body = {"Content-Encoding": "gzip"}, gzip.compress(body, mtime=0)
    key = body[:20].decode("latin-1")
    _require_key(body, key)
    answer = receive(headers, body, key_hashes=(), now=_NOW, new_id=lambda: REQUEST_ID)
    if not isinstance(answer, Accepted):
        assert answer.status in (400, 413)
        assert not any(word.decode() in answer.error for word in _WORD.findall(body)), answer.error
        return
    lines = answer.lines.split(b"\n")
    assert lines.pop() == b""
    assert len(lines) == answer.events
    sent = gzip.decompress(body) if headers else body
    events = msgspec.json.decode(sent, type=dict[str, msgspec.Raw])["events"]
    for line, event in zip(lines, msgspec.json.decode(events, type=list[msgspec.Raw]), strict=True):
        kept = bytes(msgspec.json.decode(line, type=Envelope).event)
        assert kept == bytes(event).replace(b"\n", b" ").replace(b"\r", b" ")
        json.loads(line)


def _require_key(body: bytes, key: str) -> None:
    answer = receive(
        {"AUTHORIZATION": f"Bearer {key}"}, body, key_hashes=_KEYS, now=_NOW, new_id=lambda: REQUEST_ID
    )
    if key.strip() != "the-key":
        assert not isinstance(answer, Accepted)
        assert answer.status == 401


def a_line(data: bytes) -> None:
    """A line is a sound event, or has its reasons; none of them holds a word of the line's, and both ways agree."""
    found = reading.read(data)
    if isinstance(found, reading.Broken):
        assert found.reasons
        said = "".join(reason.field + reason.rule for reason in found.reasons)
        assert not any(word.decode() in said for word in _WORD.findall(data)), said
        return
    assert found == reading._diagnosed(data)
    assert abs(found.event_at - found.received_at) <= reading.OLDEST / timedelta(milliseconds=1)
