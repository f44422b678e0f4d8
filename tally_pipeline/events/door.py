"""The door: takes the body of one `POST /v1/events` in, or says why not.

One function for the collector on one machine and for the Lambda on AWS: neither decides anything about a request.
It looks at the size, the key, the encoding and the request's own fields. An event is looked into later, in refining,
where a bad one is kept with its reasons and costs no other.

An error's text never holds anything of the request's: it may be a person's.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from tally_pipeline.events.contract import MOST_BYTES, MOST_EVENTS, SANDBOX_APP, Request
from tally_pipeline.events.lines import lines_of

_GZIP = zlib.MAX_WBITS | 16
_decoder = msgspec.json.Decoder(Request)
_AT_FIELD = re.compile(r" - at `\$\.?([a-z_.]*)")
_TOO_MANY = f"more than {MOST_EVENTS} events: send them in several requests"
_TOO_LARGE = (
    f"the body is larger than {MOST_BYTES // 1024} KiB, unpacked: send its events in several requests"
)
_NOT_JSON = "the body is not JSON in UTF-8: see the contract; sending it again will not help"
_FIELDS = "`sent_at`, `device_id`, `app` and `events`"


@dataclass(frozen=True)
class Accepted:
    """The lines for bronze, one an event. To be answered with 202 once they are on disk for good."""

    lines: bytes
    events: int


@dataclass(frozen=True)
class Refused:
    """A request that must not be sent again as it is (400, 401, 413)."""

    status: int
    error: str


def hash_of(key: str) -> str:
    """A key's SHA-256, in hexadecimal: what the door is given instead of the key."""
    # Servers decode headers by Latin-1 or with surrogates: any text has a hash.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def receive(
    headers: Mapping[str, str],
    body: bytes,
    *,
    key_hashes: Collection[str],
    now: datetime,
    new_id: Callable[[], str],
    takes_invented: bool = True,
) -> Accepted | Refused:
    """Take a request in. `key_hashes` are those of the valid keys (`hash_of`); none: no key is asked for.

    `new_id` gives a UUID for the request. With `takes_invented` False the sandbox's events are refused: where real
    ones go, invented ones would pass for them. Raises nothing.
    """
    names = {name.lower(): value for name, value in headers.items()}
    if key_hashes and not _has_key(names.get("authorization", ""), key_hashes):
        return Refused(401, "no valid key: send it as `Authorization: Bearer KEY`")
    unpacked = _unpacked(body, names.get("content-encoding", "").strip().lower())
    if isinstance(unpacked, Refused):
        return unpacked
    request = _read(unpacked)
    if isinstance(request, Refused):
        return request
    if request.app.id == SANDBOX_APP and not takes_invented:
        return Refused(
            400, "events of invented viewers are not taken in here: send them to a sandbox's collector"
        )
    return Accepted(lines_of(request, now, new_id()), len(request.events))


def _has_key(authorization: str, key_hashes: Collection[str]) -> bool:
    scheme, _, key = authorization.strip().partition(" ")
    # All are compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(hash_of(key.strip()), known) for known in key_hashes]
    return scheme.lower() == "bearer" and any(matches)


def _unpacked(body: bytes, encoding: str) -> bytes | Refused:
    if len(body) > MOST_BYTES:
        return Refused(413, _TOO_LARGE)
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        return Refused(
            400, "the body's encoding is unknown: send it as it is, or with `Content-Encoding: gzip`"
        )
    stream = zlib.decompressobj(_GZIP)
    try:
        unpacked = stream.decompress(body, MOST_BYTES + 1)
    except zlib.error:
        return Refused(
            400, "the body is not gzip, as `Content-Encoding` says: sending it again will not help"
        )
    if len(unpacked) > MOST_BYTES:
        return Refused(413, _TOO_LARGE)
    if not stream.eof or stream.unused_data:
        return Refused(400, "the gzip of the body is cut off, or goes on after its end: pack it anew")
    return unpacked


def _read(body: bytes) -> Request | Refused:
    try:
        # Of what it keeps raw, msgspec does not look at the encoding.
        body.decode("utf-8")
        request = _decoder.decode(body)
        request.sent_at.astimezone(UTC)
    except msgspec.ValidationError as error:
        return _of_fields(str(error))
    except OverflowError:
        return Refused(400, "`sent_at` is not what the contract says: in UTC it is beyond the calendar")
    except (ValueError, RecursionError):
        return Refused(400, _NOT_JSON)
    return request


def _of_fields(message: str) -> Refused:
    """From msgspec's message, of which only the field's place is told on: names of fields are the contract's own."""
    place = _AT_FIELD.search(message)
    where = place[1] if place else ""
    if missing := re.search(r"missing required field `([a-z_]+)`", message):
        return Refused(400, f"`{where}.{missing[1]}` is missing".replace("`.", "`"))
    field = where.partition(".")[0]
    if field == "events" and f"<= {MOST_EVENTS}" in message:
        return Refused(413, _TOO_MANY)
    if field not in Request.__struct_fields__:
        return Refused(400, f"the body is not a request: an object with {_FIELDS}")
    return Refused(400, f"`{where}` is not what the contract says")
