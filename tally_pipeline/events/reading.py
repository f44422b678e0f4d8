"""Reads a line of bronze: an event in the contract's types with its corrected time, or every reason why it is none.

Purely per line: nothing here knows of another line, so that any number of machines read them in any order. Nearly
every line is sound, and msgspec reads those at once. A line that it refuses is diagnosed field by field, which alone
decides. No reason holds a value of the line's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, get_type_hints

import msgspec

from tally_pipeline.events.contract import PROPS, Event, Props
from tally_pipeline.events.lines import Envelope

SKEW_STEP = timedelta(minutes=5)
"""A device's clock is corrected by the time between sending and arrival, to the nearest five minutes: the delay
itself would change from request to request, and put a device's own events out of order
(https://github.com/PostHog/posthog/issues/98250)."""
MOST_AHEAD, OLDEST = timedelta(hours=24), timedelta(days=30)
"""An event after its arrival by more than the one, or as old as the other or older, counts for nothing."""

_ENUM = re.compile(r"^Invalid enum value .*", re.DOTALL)
_NAME = re.compile(r"[a-z][a-z0-9_]{0,59}\Z")
_ODD_NAME = "(a name that no field can have)"


class _StrictEvent(Event, frozen=True, forbid_unknown_fields=True):
    pass


class _Line(Envelope, frozen=True):
    event: _StrictEvent  # type: ignore[assignment]  # read at once, where Envelope leaves it


_line_decoder = msgspec.json.Decoder(_Line)
_envelope_decoder = msgspec.json.Decoder(Envelope)
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


@dataclass(frozen=True)
class Reason:
    """A rule that a line breaks: `field` is a field of the contract's, as in "props.show_id"."""

    field: str
    rule: str


@dataclass(frozen=True)
class Sound:
    """A sound event. `skew` is what its device's clock was behind, `event_at` the corrected time.

    `unknown` are the names of fields that the contract does not know, which are dropped.
    """

    envelope: Envelope
    event: Event
    props: Props
    skew: timedelta
    event_at: datetime
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Broken:
    """A line that is no sound event. `name` and `user_id` are the event's, where those at least can be read."""

    reasons: tuple[Reason, ...]
    name: str | None = None
    user_id: str | None = None


def read(line: bytes) -> Sound | Broken:
    """Read a line, with or without its line end. Raises nothing."""
    try:
        found = _line_decoder.decode(line)
        props = _props_decoder(PROPS[found.event.name, found.event.schema]).decode(found.event.props)
    except (msgspec.DecodeError, KeyError, RecursionError, UnicodeDecodeError):
        return _diagnosed(line)
    return _timed(found, found.event, props, ())


@cache
def _props_decoder(props: type[Props]) -> msgspec.json.Decoder[Props]:
    return msgspec.json.Decoder(
        msgspec.defstruct(props.__name__, [], bases=(props,), frozen=True, forbid_unknown_fields=True)
    )


def _timed(envelope: Envelope, event: Event, props: Props, unknown: tuple[str, ...]) -> Sound | Broken:
    skew = skew_of(envelope.received_at, envelope.sent_at)
    try:
        event_at = event.occurred_at.astimezone(UTC) + skew
        age = envelope.received_at - event_at
    except OverflowError:
        return Broken(
            (Reason("occurred_at", "is beyond the calendar once it is corrected"),), event.name, event.user_id
        )
    if -age > MOST_AHEAD:
        reason = Reason("occurred_at", "is more than 24 hours after the event's arrival")
        return Broken((reason,), event.name, event.user_id)
    if age >= OLDEST:
        reason = Reason("occurred_at", "is 30 days before the event's arrival, or more")
        return Broken((reason,), event.name, event.user_id)
    return Sound(envelope, event, props, skew, event_at, unknown)


def skew_of(received_at: datetime, sent_at: datetime) -> timedelta:
    """The time by which a device's clock was behind at sending, to the nearest five minutes; ahead: negative."""
    return (received_at - sent_at + SKEW_STEP / 2) // SKEW_STEP * SKEW_STEP


# --- lines that msgspec refused ----------------------------------------------------------------------------


def _diagnosed(line: bytes) -> Sound | Broken:
    try:
        envelope = _envelope_decoder.decode(line)
        line.decode("utf-8")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Broken((Reason("line", "is none that the door writes"),))
    event, reasons, unknown = _checked(envelope.event, Event, "")
    name, user_id = event.get("name"), event.get("user_id")
    if "name" in event and "schema" in event and isinstance(event.get("props"), msgspec.Raw):
        declared = PROPS.get((event["name"], event["schema"]))
        if declared is None:
            is_known = any(known == name for known, _ in PROPS)
            reasons.append(
                Reason("schema", "is a number that this event does not have")
                if is_known
                else Reason("name", "is no event of the contract's")
            )
        else:
            props, of_props, unknown_props = _checked(event["props"], declared, "props.")
            reasons += of_props
            unknown += unknown_props
            if not reasons:
                return _timed(envelope, Event(**event), declared(**props), tuple(unknown))
    return Broken(tuple(reasons), name, user_id)


def _checked(
    text: msgspec.Raw, struct: type[msgspec.Struct], prefix: str
) -> tuple[dict[str, Any], list[Reason], list[str]]:
    """The fields of an object that can be read as the struct's, the reasons against the others, and the names of
    fields that the struct has not."""
    try:
        members = _members.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
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
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            reasons.append(Reason(prefix + name, _rule_of(error)))
    unknown = {name if _NAME.match(name) else _ODD_NAME for name in members.keys() - types.keys()}
    return found, reasons, sorted(prefix + name for name in unknown)


def _rule_of(error: Exception) -> str:
    """The broken rule from msgspec's message, which quotes a value only of an enumeration."""
    if not isinstance(error, msgspec.ValidationError):
        return "is no JSON that can be read"
    return "is none of the contract's words" if _ENUM.match(str(error)) else str(error)
