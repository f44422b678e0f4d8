"""Captures details: which shows, what is there already, part by part, and the manifest at the end."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from logging import Logger

import msgspec

from tally_pipeline import __version__, clock
from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import (
    Head,
    Manifest,
    MissingShow,
    PartRef,
    Reply,
    UnreadableDetailsError,
)
from tally_pipeline.datasets.dataset import CaptureError, CaptureSession
from tally_pipeline.datasets.details import known
from tally_pipeline.datasets.details.choice import Choice, choose
from tally_pipeline.datasets.details.journal import Journal, Kept
from tally_pipeline.datasets.shows import LISTS_FIRST
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey, Place
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb.capture import PageProgress
from tally_pipeline.tmdb.details import Answered
from tally_pipeline.tmdb.errors import TmdbError

LOCK = "details_capture"
"""The lock of the process that captures details on this machine."""

_LOOKED_EVERY_SECONDS = 0.25


@dataclass(frozen=True)
class _Part:
    """A part of the day in the lake, with what was recorded about its replies."""

    key: str
    sha256: str
    heads: tuple[Head, ...]


@dataclass
class _Outcomes:
    """The outcomes of the requests. `broken` shows did not come, with their last error; `not_asked` ones were left
    when the capture ended early."""

    broken: list[MissingShow] = field(default_factory=list)
    not_asked: list[int] = field(default_factory=list)
    first_error: TmdbError | None = None
    stopped_by: TmdbError | None = None
    requests: int = 0
    retries: int = 0

    def take(self, answer: Answered) -> None:
        self.requests += answer.requests
        self.retries += max(0, answer.requests - 1)
        show_id, outcome = answer.wanted.show_id, answer.outcome
        if isinstance(outcome, Reply):
            return
        if outcome is None:
            self.not_asked.append(show_id)
            return
        self.first_error = self.first_error or outcome
        if outcome.ends_capture:
            self.stopped_by = self.stopped_by or outcome
        self.broken.append(
            MissingShow(
                show_id=show_id,
                error=str(outcome),
                status=outcome.status,
                code=outcome.code,
                reply=outcome.reply,
            )
        )

    @property
    def missing(self) -> tuple[MissingShow, ...]:
        """The shows that did not come. What ended the capture may be told after shows that it left."""
        why = f"not asked for, because of this: {self.stopped_by}"
        left = (MissingShow(show_id=show_id, error=why) for show_id in self.not_asked)
        return *self.broken, *left


def capture(
    session: CaptureSession, place: Place, key: BronzeKey, *, budget: int, anew: bool
) -> Iterator[tuple[str, bytes]]:
    """The objects of a day's capture: parts as they fill, then the manifest.

    What an earlier capture of the day got, or a killed one, is not asked for again, unless `anew`. Raises `TmdbError`
    if nothing came, `CaptureError` if there is nothing to ask for.
    """
    began, started_at, lake, day = time.monotonic(), clock.now(), session.lake, key.dt
    with (
        lake.locks.hold(LOCK, (), session.log.info),
        session.tmdb.client() as client,
        Journal(session.scratch, day) as journal,
    ):
        keys = [info.key for info in lake.store.list(place.parts_folder(day)) if place.is_part(info.key)]
        parts = [] if anew else list(_parts(lake, keys, session.log))
        before = known.carried(lake, place, day)
        choice = choose(
            known.listed(lake, day),
            known.watched(lake, session.log),
            known.known(lake, day, before),
            budget=budget,
        )
        if not choice.wanted:
            raise CaptureError(
                f"there is no show to ask for on {day}: the lists have no silver of the last {known.LISTS_DAYS} days."
                " Capture them first: `tally sync`, or the job sync."
            )
        there = {head.show_id for part in parts for head in part.heads}
        there |= {one.head.show_id for one in journal.kept}
        wanted = [one for one in choice.wanted if one.show_id not in there]
        resumed = len(choice.wanted) - len(wanted)
        _tell(session.log, choice, resumed, session.tmdb.source)
        number, outcomes = _next_number(keys, key), _Outcomes()

        def cut() -> Iterator[tuple[str, bytes]]:
            kept, files = journal.cut()
            part_key = place.part_key(day, key.execution_id, number + len(cuts))
            body = details_capture.encode_part(one.line for one in kept)
            yield part_key, body
            cuts.append(_Part(part_key, hashlib.sha256(body).hexdigest(), _heads(kept)))
            for file in files:
                file.unlink(missing_ok=True)

        cuts: list[_Part] = []
        # Closed before the journal is, should the writing fail: what is under way then is kept as well.
        with closing(
            client.details(
                wanted, day=date.fromisoformat(day), pause=_ListsFirst(lake).wait, keep=journal.add
            )
        ) as answers:
            for done, answer in enumerate(answers, resumed + 1):
                outcomes.take(answer)
                if session.tmdb.on_page:
                    session.tmdb.on_page(
                        PageProgress(place.data_type, done, len(choice.wanted), done, "show")
                    )
                if len(journal.kept) >= details_capture.PART_REPLIES:
                    yield from cut()
        if outcomes.stopped_by is not None:
            session.log.error(str(outcomes.stopped_by))
        if journal.kept:
            yield from cut()
        parts += cuts
        if not parts and outcomes.first_error is not None:
            raise outcomes.first_error from None
        manifest = _manifest(choice, parts, outcomes)
        yield (
            str(key),
            details_capture.encode_manifest(
                msgspec.structs.replace(
                    manifest,
                    ingestion_timestamp=started_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    execution_id=key.execution_id,
                    dt=day,
                    source=session.tmdb.source,
                    language=session.tmdb.settings.language,
                    carried=before,
                    resumed=resumed,
                    duration_seconds=round(time.monotonic() - began, 3),
                )
            ),
        )
        journal.remove()


def _manifest(choice: Choice, parts: Sequence[_Part], outcomes: _Outcomes) -> Manifest:
    """The manifest of what came, without what the session knows."""
    newest = _newest(parts)
    refs = [
        PartRef(
            key=part.key,
            sha256=part.sha256,
            shows=tuple(head.show_id for head in part.heads if newest[head.show_id] is head),
        )
        for part in parts
    ]
    asked, missing = len(choice.wanted), outcomes.missing
    return Manifest(
        ingestion_timestamp="",
        execution_id="",
        dt="",
        source="",
        client=f"tally/{__version__}",
        language="",
        verdict=details_capture.verdict(asked=asked, answered=asked - len(missing)),
        chosen=dict(choice.by_reason),
        asked=asked,
        gone=tuple(sorted(show_id for show_id, head in newest.items() if head.status == 404)),
        missing=missing,
        left_out=choice.left_out,
        parts=tuple(ref for ref in refs if ref.shows),
        requests=outcomes.requests,
        retries=outcomes.retries,
        stopped_by=str(outcomes.stopped_by) if outcomes.stopped_by else None,
    )


def _newest(parts: Sequence[_Part]) -> Mapping[int, Head]:
    """The newest reply of each show, of those that several captures of the day got."""
    newest: dict[int, Head] = {}
    for part in parts:
        for head in part.heads:
            before = newest.get(head.show_id)
            if before is None or head.received_at >= before.received_at:
                newest[head.show_id] = head
    return newest


def _parts(lake: Lake, keys: Sequence[str], log: Logger) -> Iterator[_Part]:
    """The readable ones of these parts, of whole captures and of killed ones."""
    for key in keys:
        body = lake.store.get(key)
        try:
            heads = tuple(reply.head for reply in details_capture.decode_part(body))
        except UnreadableDetailsError as error:
            log.warning(f"{lake.store.uri(key)}: {error}. Its shows are asked for again.")
            continue
        yield _Part(key, hashlib.sha256(body).hexdigest(), heads)


def _next_number(parts: Sequence[str], key: BronzeKey) -> int:
    """The number of the execution's next part: an attempt of it that died may have left some."""
    own = f"/{key.execution_id}-"
    return sum(own in part for part in parts)


def _heads(kept: Sequence[Kept]) -> tuple[Head, ...]:
    return tuple(one.head for one in kept)


def _tell(log: Logger, choice: Choice, resumed: int, source: str) -> None:
    reasons = ", ".join(f"{number} {reason}" for reason, number in choice.by_reason.items())
    log.info(f"Capturing the details of {counted(len(choice.wanted), 'show')} from {source}: {reasons}.")
    if resumed:
        log.info(f"{counted(resumed, 'of them is', 'of them are')} there already, and not asked for again.")
    if choice.left_out:
        log.warning(
            f"{counted(choice.left_out, 'show')} had to be left out: TALLY_DETAILS_BUDGET is too small."
        )


class _ListsFirst:
    """Lets captures of lists go first: while another process captures one, nothing is asked for."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._lock = threading.Lock()
        self._looked = float("-inf")
        self._busy = False

    def wait(self, stop: threading.Event) -> None:
        while self._is_busy() and not stop.wait(_LOOKED_EVERY_SECONDS):
            pass

    def _is_busy(self) -> bool:
        with self._lock:
            if time.monotonic() - self._looked >= _LOOKED_EVERY_SECONDS:
                self._busy = self._lake.locks.is_shared(LISTS_FIRST)
                self._looked = time.monotonic()
            return self._busy
