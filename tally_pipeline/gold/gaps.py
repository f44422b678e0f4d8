"""What the tables' checks share: missing days have to be told, and what is wrong is a bug."""

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
"""What to do about rows that contradict silver."""


def gaps_finding(wrong: list[dict[str, Any]], gaps: list[str], numbers: Mapping[str, float]) -> Finding:
    """`wrong`: the places that are silent about a gap; `gaps`: the missing days, in words."""
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
