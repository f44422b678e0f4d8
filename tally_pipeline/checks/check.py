"""What a check and a finding are, and what keeps a day from being published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SHOWN = 20


"""Offenders named at most."""


@dataclass(frozen=True)
class Check:
    """A check as it is declared: its name and what it looks at, and whether failing stops what is below."""

    name: str
    description: str
    blocking: bool = False


@dataclass(frozen=True)
class Finding:
    """What a check found: the verdict, one sentence, numbers to plot, up to 20 offenders, what to do now.

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


"""What the checks of a partition found."""


def stops_publishing(check: Check, finding: Finding) -> bool:
    """Whether a finding keeps what is below from being made from this: the one rule for it."""
    return check.blocking and finding.serious and not finding.passed
