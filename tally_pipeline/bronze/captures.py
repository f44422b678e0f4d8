"""The parts that all formats of captures share."""

from __future__ import annotations

from datetime import UTC, datetime


class UnreadableCaptureError(ValueError):
    """An object in bronze is not the capture that its key says it is; the message says in what way."""


def moment_of(text: str | None) -> datetime | None:
    """A moment in UTC (which it is in where it names no offset); None if it cannot be read."""
    try:
        moment = datetime.fromisoformat(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
