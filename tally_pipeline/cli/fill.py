"""`tally sandbox fill`: past days of bronze for the sandbox's lake."""

from __future__ import annotations

from datetime import timedelta

from tally_pipeline import clock
from tally_pipeline.assets import found
from tally_pipeline.cli import history
from tally_pipeline.deployment import Settings, SettingsError, deploy, first_day
from tally_pipeline.lake.store import AlreadyThereError
from tally_pipeline.tmdb import sandbox


def fill(settings: Settings, days: int) -> int:
    """Write the `days` days of bronze before today as if captured then, and make them known to Dagster.

    What is there stays. Raises `SettingsError` when the lake is not the sandbox's.
    """
    if settings.source != "sandbox":
        raise SettingsError(
            "invented shows never go into TMDB's lake: unset TMDB_API_TOKEN, TMDB_API_KEY and TMDB_BASE_URL"
        )
    past = [clock.today() - timedelta(days=ago) for ago in range(days, 0, -1)]
    lake = deploy(settings).lake
    history.prepare(settings)
    # Before the first of them is there: a running `tally up` then has partitions for them by the time they are.
    first_day.record(settings, past[0])
    written = there = 0
    names: list[str] = []
    for key, body in sandbox.captures(
        past,
        depths=settings.depths,
        language=settings.tmdb.language,
        timezone=settings.tmdb.timezone,
        window=settings.tmdb.trending_window,
    ):
        try:
            lake.write_bronze(key, body)
            written += 1
        except AlreadyThereError:
            there += 1
        if (written + there) % 40 == 0:
            _say(f"{key.dt}: {written + there} captures")
        names.append(str(key))
    with history.opened(settings) as instance:
        found.record_captures(instance, lake, names, _say, more=lambda: True)
    _say(
        f"{written} captures of {past[0]} to {past[-1]} written into {lake.store.root}"
        + (f", {there} were there already" if there else "")
        + ". A running `tally up` refines them by itself; `tally rebuild` does, and a backfill in the UI."
    )
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
