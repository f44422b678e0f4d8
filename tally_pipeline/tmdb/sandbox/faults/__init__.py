"""Faults on demand: the ways in which TMDB, or a machine between, has failed or may fail.

A fault is a pure function from the reply that was due to the reply that is sent. catalogue.py declares them,
changes.py has the functions, parsing.py reads faults from text.
"""

from __future__ import annotations

from tally_pipeline.tmdb.sandbox.faults.catalogue import FAULTS
from tally_pipeline.tmdb.sandbox.faults.fault import DETAILS, EXPORTS, GENRES, Fault, page_of_show
from tally_pipeline.tmdb.sandbox.faults.kinds import FaultKind, Request
from tally_pipeline.tmdb.sandbox.faults.parsing import parse_fault

__all__ = [
    "DETAILS",
    "EXPORTS",
    "FAULTS",
    "GENRES",
    "Fault",
    "FaultKind",
    "Request",
    "page_of_show",
    "parse_fault",
]
