"""Reads a line of bronze: a flat row of the contract's types with its corrected time, or every reason why it is none.

Purely per line: nothing here knows of another line, so that any number of machines read them in any order. Nearly
every line is sound, and msgspec reads those at once. A line that is refused there is diagnosed field by field, which
alone decides. No reason holds a value of the line's.

Two things make that fast. What stands around the events of a request is the same in each of its lines, and is read
once. And the patterns of ids are left out of what msgspec reads: it calls Python to search one, which takes longer
than all else, and the ids of a session are the same, so their checks are remembered.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate
from typing import Annotated, Any, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import astuple

from tally_pipeline.events.contract import MOST_EVENTS, PROPS, Event, Props, Uuid, UuidV7, Word
from tally_pipeline.events.lines import EVENT, Envelope, head_of, middle_of

SKEW_STEP = timedelta(minutes=5)
"""A device's clock is corrected by the time between sending and arrival, to the nearest five minutes: the delay
itself would change from request to request, and put a device's own events out of order
(https://github.com/PostHog/posthog/issues/98250)."""
MOST_AHEAD, OLDEST = timedelta(hours=24), timedelta(days=30)
"""An event after its arrival by more than the one, or as old as the other or older, counts for nothing."""


class Row(NamedTuple):
    """A sound event: the columns of `silver/events`, then what only staging needs.

    `…_at` are milliseconds since 1970 in UTC, rounded down. `skew_s` are the seconds that the device's clock was
    behind; `event_at` is `occurred_at` corrected by them. Properties that the event has not are None.
    """

    event_id: str
    name: str
    schema: int
    event_at: int
    occurred_at: int
    sent_at: int
    received_at: int
    skew_s: int
    seq: int
    device_id: str
    session_id: str
    user_id: str | None
    app_id: str
    app_version: str
    os: str
    analytics: bool
    personalisation: bool
    playback_id: str | None
    show_id: int | None
    season: int | None
    episode: int | None
    provider_id: int | None
    position_s: float | None
    played_s: float | None
    duration_s: float | None
    rating: float | None
    surface: str | None
    source: str | None
    words: int | None
    results: int | None
    reason: str | None
    model: str | None
    model_version: str | None
    rank: int | None
    request_id: str
    request_index: int
    """The event's place in its request: of equal events the first by `received_at`, `request_id` and this counts."""
    unknown: tuple[str, ...]
    """Names of fields that the contract does not know, which are dropped."""


PROPERTIES = Row._fields[Row._fields.index("playback_id") : Row._fields.index("request_id")]
"""The columns that are properties of some event."""


@dataclass(frozen=True)
class Reason:
    """A rule that a line breaks: `field` is a field of the contract's, as in "props.show_id"."""

    field: str
    rule: str


@dataclass(frozen=True)
class Broken:
    """A line that is no sound event. `name` and `user_id` are the event's, where those at least can be read."""

    reasons: tuple[Reason, ...]
    name: str | None = None
    user_id: str | None = None


def read(line: bytes) -> Row | Broken:
    """Read a line, with or without its line end. Raises nothing."""
    cut = line.find(EVENT) + len(EVENT)
    comma = line.find(b",", _HEAD_BYTES)
    try:
        sender = _sender(line[:_HEAD_BYTES], line[comma:cut])
        index = _INDEXES[line[_HEAD_BYTES:comma]]
        event = _event_decoder.decode(line[cut : _ENDS[line[-2:]]])
        props = astuple(_PROPS_DECODERS[event.name, event.schema](event.props))
    except (msgspec.DecodeError, KeyError, RecursionError, UnicodeDecodeError):
        return _diagnosed(line)
    request_id, received_at, sent_at, skew_s, device_id, app_id, app_version, os = sender
    occurred_at = _milliseconds(event.occurred_at)
    event_at = occurred_at + skew_s * 1000
    user_id, consent = event.user_id, event.consent
    if not (
        -_MOST_AHEAD_MS <= received_at - event_at < _OLDEST_MS
        and _is_uuid_v7(event.event_id)
        and _is_uuid(event.session_id)
        and (user_id is None or _is_uuid(user_id))
        and (props[0] is None or _is_uuid(props[0]))
    ):
        return _diagnosed(line)
    return _new(
        Row,
        (
            event.event_id,
            event.name,
            event.schema,
            event_at,
            occurred_at,
            sent_at,
            received_at,
            skew_s,
            event.seq,
            device_id,
            event.session_id,
            user_id,
            app_id,
            app_version,
            os,
            "analytics" in consent,
            "personalisation" in consent,
            *props,
            request_id,
            index,
            (),
        ),
    )


def skew_of(received_at: datetime, sent_at: datetime) -> timedelta:
    """The time by which a device's clock was behind at sending, to the nearest five minutes; ahead: negative."""
    return (received_at - sent_at + SKEW_STEP / 2) // SKEW_STEP * SKEW_STEP


# --- at once -----------------------------------------------------------------------------------------------


class _Event(Event, frozen=True, forbid_unknown_fields=True):
    event_id: str
    name: str
    session_id: str
    user_id: str | None


class _Sender(NamedTuple):
    """The columns that all rows of a request share."""

    request_id: str
    received_at: int
    sent_at: int
    skew_s: int
    device_id: str
    app_id: str
    app_version: str
    os: str


_Never = Annotated[int, Meta(ge=1, le=0)]
"""No value: a property of other events, which is none of this one's."""
_REMEMBERED = 8192
"""Checks of a kind that are remembered: a few megabytes at most."""


def _decoder_of(props: type[Props]) -> Callable[[msgspec.Raw], Struct]:
    """A decoder to a struct that has all `PROPERTIES`, in their order; those that the event has not are None.

    `playback_id` may be any text: `read` looks at it.
    """
    types = {**get_type_hints(props, include_extras=True)}
    if "playback_id" in types:
        types["playback_id"] = str
    flat = msgspec.defstruct(
        props.__name__,
        [(name, types[name]) if name in types else (name, _Never, None) for name in PROPERTIES],
        kw_only=True,
        frozen=True,
        gc=False,
        forbid_unknown_fields=True,
    )
    return msgspec.json.Decoder(flat).decode


def _pattern_of(text: object) -> str:
    """The pattern of a type of the contract's."""
    _, meta = get_args(text)
    return str(meta.pattern)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9000, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_MOST_AHEAD_MS, _OLDEST_MS = MOST_AHEAD // _MILLISECOND, OLDEST // _MILLISECOND

_HEAD_BYTES = len(head_of(_EPOCH, str(uuid.UUID(int=0))))
_INDEXES = {str(index).encode(): index for index in range(MOST_EVENTS)}
_ENDS = {b"}\n": -2, b"}}": -1}
"""The place of the brace that closes a line, by the line's last bytes; an event ends in a brace too."""
_new = tuple.__new__
_envelope_decoder = msgspec.json.Decoder(Envelope)
_event_decoder = msgspec.json.Decoder(_Event)
_PROPS_DECODERS = {known: _decoder_of(props) for known, props in PROPS.items()}
_is_uuid_v7 = re.compile(_pattern_of(UuidV7)).match
_is_uuid = lru_cache(_REMEMBERED)(re.compile(_pattern_of(Uuid)).match)


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


@lru_cache(_REMEMBERED)
def _sender(head: bytes, middle: bytes) -> _Sender:
    """The part of a line around its event, if it is to the byte as the door writes it.

    Raises `msgspec.DecodeError` if not: such a line may still be one.
    """
    envelope = _envelope_decoder.decode(b"%b0%bnull}" % (head, middle))
    as_written = (
        head_of(envelope.received_at, envelope.request_id),
        middle_of(envelope.sent_at, envelope.device_id, envelope.app),
    )
    if (head, middle) != as_written:
        raise msgspec.DecodeError("otherwise than the door writes it")
    return _sender_of(envelope)


def _sender_of(envelope: Envelope) -> _Sender:
    """Raises `msgspec.ValidationError` for an arrival so near to the calendar's ends that a corrected time may be
    beyond them."""
    received_at, sent_at, app = envelope.received_at, envelope.sent_at, envelope.app
    if not _EPOCH <= received_at < _LATEST:
        raise msgspec.ValidationError("not a time at which the door was open")
    skew_s = skew_of(received_at, sent_at) // timedelta(seconds=1)
    return _Sender(
        envelope.request_id,
        _milliseconds(received_at),
        _milliseconds(sent_at),
        skew_s,
        envelope.device_id,
        app.id,
        app.version,
        app.os,
    )


# --- lines that were refused there -------------------------------------------------------------------------

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_ODD_NAME = "(a name that no field can have)"
_NO_LINE = Broken((Reason("line", "is none that the door writes"),))
_DEEPEST = 32
"""Brackets within brackets. How deep msgspec can look depends on how deep the caller is: the outcome must not."""
_TEXT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
"""A text of JSON; or, so that no input takes long, one that does not end."""
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_UNREADABLE = (msgspec.DecodeError, RecursionError, UnicodeDecodeError)


def _diagnosed(line: bytes) -> Row | Broken:
    if _depth(line) > _DEEPEST:
        return Broken((Reason("event", f"is nested more than {_DEEPEST} deep"),))
    try:
        line.decode("utf-8")
        envelope = _envelope_decoder.decode(line)
        sender = _sender_of(envelope)
    except _UNREADABLE:
        return _NO_LINE
    event, reasons, unknown = _checked(envelope.event, Event, "")
    props: dict[str, Any] = {}
    if {"name", "schema", "props"} <= event.keys():
        declared = PROPS.get((event["name"], event["schema"]))
        if declared is None:
            reasons.append(_unknown_event(event["name"]))
        else:
            props, of_props, unknown_props = _checked(event["props"], declared, "props.")
            reasons += of_props
            unknown += unknown_props
    if "occurred_at" in event and (untimely := _untimely(event["occurred_at"], sender)):
        reasons.append(untimely)
    if reasons:
        return Broken(tuple(reasons), event.get("name"), event.get("user_id"))
    return _row(sender, envelope.index, event, props, tuple(unknown))


def _depth(line: bytes) -> int:
    brackets = _TEXT.sub(b"", line).translate(None, _NO_BRACKETS)
    return max(accumulate(_STEPS[bracket] for bracket in brackets), default=0)


def _unknown_event(name: str) -> Reason:
    if any(known == name for known, _ in PROPS):
        return Reason("schema", "is a number that this event does not have")
    return Reason("name", "is no event of the contract's")


def _untimely(occurred_at: datetime, sender: _Sender) -> Reason | None:
    age = sender.received_at - _milliseconds(occurred_at) - sender.skew_s * 1000
    if age < -_MOST_AHEAD_MS:
        return Reason("occurred_at", "is more than 24 hours after the event's arrival")
    if age >= _OLDEST_MS:
        return Reason("occurred_at", "is 30 days before the event's arrival, or more")
    return None


def _row(
    sender: _Sender, index: int, event: dict[str, Any], props: dict[str, Any], unknown: tuple[str, ...]
) -> Row:
    occurred_at = _milliseconds(event["occurred_at"])
    own: dict[str, Any] = {
        name: event[name] for name in ("event_id", "name", "schema", "seq", "session_id", "user_id")
    }
    own |= {name: props.get(name) for name in PROPERTIES}
    return Row(
        **own,
        **sender._asdict(),
        event_at=occurred_at + sender.skew_s * 1000,
        occurred_at=occurred_at,
        analytics="analytics" in event["consent"],
        personalisation="personalisation" in event["consent"],
        request_index=index,
        unknown=unknown,
    )


def _checked(
    text: msgspec.Raw, struct: type[Struct], prefix: str
) -> tuple[dict[str, Any], list[Reason], list[str]]:
    """The fields of an object that can be read as the struct's, the reasons against the others, and the names of
    fields that the struct has not."""
    try:
        members = _members.decode(text)
    except _UNREADABLE:
        return {}, [Reason(prefix.rstrip(".") or "event", "is no object")], []
    found: dict[str, Any] = {}
    reasons: list[Reason] = []
    types = get_type_hints(struct, include_extras=True)
    for name, kind in types.items():
        if name not in members:
            reasons.append(Reason(prefix + name, "is missing"))
            continue
        try:
            found[name] = msgspec.json.decode(members[name], type=kind)
        except _UNREADABLE as error:
            reasons.append(Reason(prefix + name, _rule_of(error)))
    unknown = {name if _NAME.match(name) else _ODD_NAME for name in members.keys() - types.keys()}
    return found, reasons, sorted(prefix + name for name in unknown)


_IN_WORDS = {
    _pattern_of(Uuid): "is no UUID in lower case",
    _pattern_of(UuidV7): "is no UUID of version 7 in lower case",
    _pattern_of(get_type_hints(Event, include_extras=True)["name"]): "is no name of an event",
    _pattern_of(Word): "is no word of a program: letters, digits and _.+-, 60 at most",
}


def _rule_of(error: Exception) -> str:
    """The broken rule from msgspec's message, which quotes a value only of an enumeration."""
    if not isinstance(error, msgspec.ValidationError):
        return "is no JSON that can be read"
    message = str(error)
    if message.startswith("Invalid enum value "):
        return "is none of the contract's words"
    return next((words for pattern, words in _IN_WORDS.items() if repr(pattern) in message), message)
