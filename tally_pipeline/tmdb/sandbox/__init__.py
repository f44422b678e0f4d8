"""The sandbox: a local server of TMDB's lists and details, with invented shows, recordings, and faults on demand."""

from __future__ import annotations

from tally_pipeline.tmdb.sandbox.details import details_body, shows_on_air
from tally_pipeline.tmdb.sandbox.faults import FAULTS, Fault, parse_fault
from tally_pipeline.tmdb.sandbox.fill import captures, filled_key
from tally_pipeline.tmdb.sandbox.recordings import Recordings, RecordingsError
from tally_pipeline.tmdb.sandbox.replies import error
from tally_pipeline.tmdb.sandbox.server import ReceivedRequest, Sandbox, SandboxError, run

__all__ = [
    "FAULTS",
    "GONE",
    "Fault",
    "ReceivedRequest",
    "Recordings",
    "RecordingsError",
    "Sandbox",
    "SandboxError",
    "captures",
    "details_body",
    "filled_key",
    "parse_fault",
    "run",
    "shows_on_air",
]

GONE = error(34).body
"""The body of the reply about a show that is not there."""
