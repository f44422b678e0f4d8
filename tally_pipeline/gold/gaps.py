"""The check for gaps that gold tables share: missing days must be marked as missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tally_pipeline.checks.check import SHOWN, Check, Finding
from tally_pipeline.plurals import counted

GAPS_ARE_TOLD = Check(
    "gaps_are_told",
    "Nothing is compared across a missing day without saying so.",
    blocking=True,
)

BUG = "A bug in the table's SQL (tally_pipeline/gold). Nothing is published until it is mended."
"""The remedy for rows that contradict silver."""


def gaps_finding(wrong: list[dict[str, Any]], gaps: list[str], numbers: Mapping[str, float]) -> Finding:
    """`wrong`: the rows that do not mark a gap; `gaps`: the missing days, in words."""
    return Finding(
        passed=not wrong,
        summary=counted(len(wrong), "place is", "places are") + " silent about a missing day"
        if wrong
        else f"every gap is told: {', '.join(gaps)}"
        if gaps
        else "no compared day is missing",
        remedy=BUG,
        numbers={"silent": len(wrong), "gaps": len(gaps), **numbers},
        offenders=wrong[:SHOWN],
    )
