"""Faults on demand: every way TMDB, or what stands between, has been seen or is feared to fail."""

from __future__ import annotations

from tally_pipeline.tmdb.sandbox.faults.changes import (
    EXPORTS,
    FAULTS,
    GENRES,
    Fault,
    FaultKind,
    Request,
    parse_fault,
)

__all__ = ["EXPORTS", "FAULTS", "GENRES", "Fault", "FaultKind", "Request", "parse_fault"]
