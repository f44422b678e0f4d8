"""`tally sandbox` and `tally sandbox fill`: a TMDB to try things on, and a past to go with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Literal

from tally_pipeline import clock
from tally_pipeline.deployment import Settings, SettingsError, deploy
from tally_pipeline.lake.store import AlreadyThereError
from tally_pipeline.tmdb import sandbox


def serve(
    port: int,
    latency_ms: float,
    faults: Sequence[str],
    recordings: Path | None,
    snapshot: str | None,
    beyond: Literal["end", "error"],
) -> int:
    """Serve until interrupted; raises `SandboxError`, `RecordingsError`, `ValueError` for what cannot be served."""
    if (recordings is None) != (snapshot is None):
        raise ValueError(
            "--recordings and --snapshot go together: a folder of recordings and one of its dates"
        )
    replay = sandbox.Recordings(recordings, snapshot, beyond) if recordings and snapshot else None
    sandbox.run(port, latency_ms, [sandbox.parse_fault(text) for text in faults], replay, _say)
    return 0


def fill(settings: Settings, days: int) -> int:
    """Write the last `days` days of bronze, today not among them, as if captured then. What is there stays."""
    if settings.source != "sandbox":
        raise SettingsError(
            "invented shows never go into TMDB's lake: set TALLY_SOURCE=sandbox to fill the sandbox's beside it"
        )
    past = [clock.today() - timedelta(days=ago) for ago in range(days, 0, -1)]
    if past[0] < settings.first_day:
        raise SettingsError(
            f"{days} days reach back to {past[0]}, before the partitions start: set TALLY_FIRST_DAY={past[0]}"
        )
    lake = deploy(settings).lake
    written = there = 0
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
    _say(
        f"{written} captures of {past[0]} to {past[-1]} written into {lake.store.root}"
        + (f", {there} were there already" if there else "")
        + ". The sensor refines them ten days at a time; `tally rebuild`, or a backfill in the UI, all at once."
    )
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
