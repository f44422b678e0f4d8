"""`tally sandbox fill`: past days of bronze for the sandbox's lake."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta

import dagster as dg
import msgspec

from tally_pipeline import clock
from tally_pipeline.bronze import list_capture
from tally_pipeline.cli import terminal
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.datasets.details.filled import FilledDetails
from tally_pipeline.deployment import Settings, SettingsError, deploy, first_day
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import AlreadyThereError
from tally_pipeline.orchestration import automation
from tally_pipeline.orchestration.assets import discovery
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.plurals import counted
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS

DETAILS_FILLED = 200
"""Shows of a past day whose details are filled in: a past day costs a few seconds to make and to refine."""

SAID_EVERY = 40
"""Captures between two progress messages."""


def fill(settings: Settings, days: int) -> int:
    """Write the `days` days of bronze before today as if captured then, and record them in Dagster.

    Existing captures stay. Raises `SettingsError` if the lake is not the sandbox's, `KeyboardInterrupt` if it is
    interrupted, after a message.
    """
    if settings.source != "sandbox":
        raise SettingsError(
            "invented shows never go into TMDB's lake: set TALLY_SOURCE=sandbox to fill the sandbox's beside it"
        )
    today = clock.today()
    past = [today - timedelta(days=ago) for ago in range(days, 0, -1)]
    lake = deploy(settings).lake
    try:
        with dagster_home.opened(settings) as instance, lake.locks.hold(automation.FILLING, (), _say):
            # Before the first of them is written, so that a running `tally up` has partitions for them by then.
            first_day.record(settings, past[0])
            written, there = write(settings, instance, lake, past, _say)
    except KeyboardInterrupt:
        terminal.words().print(
            "[yellow]Interrupted. The captures written before that stay, whole files only;"
            f" `tally sandbox fill --days {days}` writes the rest.[/yellow]"
        )
        raise
    _say(
        f"{counted(written, 'capture')} of {past[0]} to {past[-1]} written into {lake.store.root}"
        + (f", {counted(there, 'was', 'were')} there already" if there else "")
        + ". A running `tally up` refines them by itself; `tally rebuild` does, and a backfill in the UI."
    )
    return 0


def write(
    settings: Settings,
    instance: dg.DagsterInstance,
    lake: Lake,
    past: Sequence[date],
    say: Callable[[str], None],
    pause: Callable[[], None] = lambda: None,
) -> tuple[int, int]:
    """Write bronze of these days and record it; returns the numbers of written and of existing captures."""
    written = there = 0
    names: list[str] = []
    for key, objects in _captures(settings, past):
        pause()
        is_new = [_write(lake, name, body) for name, body in objects]
        written += is_new[-1]
        there += not is_new[-1]
        names.append(str(key))
        # Regularly, not all at the end: the sensor would take a pause for the end.
        if len(names) == SAID_EVERY:
            discovery.record_found(instance, lake, names, say, has_time=lambda: True)
            names.clear()
            say(f"{key.dt}: {counted(written + there, 'capture')}")
    discovery.record_found(instance, lake, names, say, has_time=lambda: True)
    return written, there


def _captures(
    settings: Settings, past: Sequence[date]
) -> Iterator[tuple[BronzeKey, Iterable[tuple[str, bytes]]]]:
    """The captures of these days with their objects, the capture's own last: of each day the lists, then the details
    of the shows that stand highest in them."""
    details = FilledDetails(DETAILS.place, settings.tmdb.language)
    ranks: dict[int, int] = {}
    for key, body in sandbox.captures(
        past,
        depths=settings.depths,
        language=settings.tmdb.language,
        timezone=settings.tmdb.timezone,
        window=settings.tmdb.trending_window,
    ):
        yield key, [(str(key), body)]
        for rank, row in enumerate(list_capture.decode(body).rows()):
            show_id = msgspec.json.decode(row, type=_Id).id
            ranks[show_id] = min(rank, ranks.get(show_id, rank))
        if key.data_type == LISTS[-1].name:
            shows = sorted(ranks, key=lambda show_id: (ranks[show_id], show_id))[:DETAILS_FILLED]
            ranks.clear()
            if settings.details_budget and shows:
                filled = sandbox.filled_key(DETAILS.name, date.fromisoformat(key.dt))
                of_day = DETAILS.place.key(key.dt, filled.execution_id)
                yield of_day, details.capture(date.fromisoformat(key.dt), shows)


class _Id(msgspec.Struct):
    id: int


def _write(lake: Lake, name: str, body: bytes) -> bool:
    """Write an object that is not there yet; returns True if it was written."""
    try:
        lake.write_once(name, body)
    except AlreadyThereError:
        return False
    return True


def _say(text: str) -> None:
    print(text, flush=True)
