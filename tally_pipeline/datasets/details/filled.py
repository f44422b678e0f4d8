"""Past days of details for the sandbox, as if its world had been asked on each of them at 03:20 UTC."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time

from tally_pipeline import __version__
from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import APPENDED, Carried, Head, Manifest, PartRef, Reply, verdict
from tally_pipeline.datasets.details.known import carried_from
from tally_pipeline.lake.layout import Place
from tally_pipeline.tmdb import sandbox

_ASKED_AT = time(3, 20, tzinfo=UTC)


class FilledDetails:
    """Makes one day after the other. The same days and shows give the same keys and bytes."""

    def __init__(self, place: Place, language: str) -> None:
        self._place = place
        self._language = language
        self._last: Manifest | None = None

    def capture(self, day: date, shows: Sequence[int]) -> Iterator[tuple[str, bytes]]:
        """The objects of the day's capture of these shows: its parts, then its manifest."""
        dt = day.isoformat()
        key = sandbox.filled_key(self._place.data_type, day)
        at = datetime.combine(day, _ASKED_AT).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        parts: list[PartRef] = []
        gone: list[int] = []
        for first in range(0, len(shows), details_capture.PART_REPLIES):
            replies = [
                _reply(show_id, day, at) for show_id in shows[first : first + details_capture.PART_REPLIES]
            ]
            gone += [reply.head.show_id for reply in replies if reply.is_gone]
            body = details_capture.encode_part(map(details_capture.encode_reply, replies))
            part_key = self._place.part_key(dt, key.execution_id, len(parts))
            digest = hashlib.sha256(body).hexdigest()
            parts.append(
                PartRef(key=part_key, sha256=digest, shows=tuple(reply.head.show_id for reply in replies))
            )
            yield part_key, body
        self._last = Manifest(
            ingestion_timestamp=at,
            execution_id=key.execution_id,
            dt=dt,
            source="sandbox",
            client=f"tally/{__version__}",
            language=self._language,
            verdict=verdict(asked=len(shows), answered=len(shows)),
            chosen={"in a list": len(shows)},
            asked=len(shows),
            gone=tuple(sorted(gone)),
            parts=tuple(parts),
            carried=self._carried(dt),
            requests=len(shows),
        )
        yield str(self._place.key(dt, key.execution_id)), details_capture.encode_manifest(self._last)

    def _carried(self, dt: str) -> tuple[Carried, ...]:
        return tuple(carried_from(self._last, dt)) if self._last else ()


def _reply(show_id: int, day: date, at: str) -> Reply:
    """The sandbox's reply about a show on a day."""
    body = sandbox.details_body(show_id, APPENDED, day)
    status = 200 if body is not None else 404
    body = body if body is not None else sandbox.GONE
    digest = hashlib.sha256(body).hexdigest()
    return Reply(Head(show_id=show_id, status=status, received_at=at, sha256=digest, bytes=len(body)), body)
