"""`tally sandbox`: a stand-in for TMDB."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from tally_pipeline.tmdb import sandbox


def serve(
    port: int,
    latency_ms: float,
    faults: Sequence[str],
    recordings: Path | None,
    snapshot: str | None,
    beyond: Literal["end", "error"],
) -> int:
    """Serve until interrupted; raises `SandboxError`, `RecordingsError`, `ValueError` if it cannot start."""
    if (recordings is None) != (snapshot is None):
        raise ValueError(
            "--recordings and --snapshot go together: a folder of recordings and one of its dates"
        )
    replay = sandbox.Recordings(recordings, snapshot, beyond) if recordings and snapshot else None
    sandbox.run(port, latency_ms, [sandbox.parse_fault(text) for text in faults], replay, _say)
    return 0


def _say(text: str) -> None:
    print(text, flush=True)
