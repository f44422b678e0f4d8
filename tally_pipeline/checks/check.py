"""A check, its finding, and the rule for what stops publishing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN = 20
"""Offenders named at most."""


@dataclass(frozen=True)
class Check:
    """A check as declared: its name, its subject, and whether a failure keeps downstream assets from being made."""

    name: str
    description: str
    blocking: bool = False


@dataclass(frozen=True)
class Finding:
    """The result of a check: the verdict, one sentence, numbers to plot, up to 20 offenders, the remedy.

    `serious` makes a failure an error rather than a warning. `sql` is a query that shows all the offenders.
    """

    passed: bool
    summary: str
    remedy: str
    serious: bool = True
    numbers: Mapping[str, float] = field(default_factory=dict)
    offenders: Sequence[Mapping[str, Any]] = ()
    sql: str = ""


Findings = Sequence[tuple[Check, Finding]]
"""The findings of a partition's checks."""


def stops_publishing(check: Check, finding: Finding) -> bool:
    """True if a finding keeps downstream assets from being made from this one: the one rule for it."""
    return check.blocking and finding.serious and not finding.passed
