"""What a file of a list's silver or quarantine says about itself."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tally_pipeline.bronze.completeness import Verdict
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.refinement import Counts
from tally_pipeline.lake.parquet import BronzeRef


class Footer(msgspec.Struct, frozen=True, kw_only=True):
    """What a file says about itself: where it comes from, under which contract, and its books.

    `verdict` is bronze's: "partial" only where a person allowed it.
    """

    rows_are_checked: ClassVar[bool] = True
    """Two checks of the table hold its rows against the counts, and say both numbers."""

    bronze: tuple[BronzeRef, ...]
    contract_version: str
    verdict: Verdict | None
    source: str | None
    counts: Counts


def footer_for(
    refs: tuple[BronzeRef, ...], verdict: Verdict | None, source: str | None, counts: Counts
) -> Footer:
    """The footer of a file under today's contract."""
    return Footer(
        bronze=refs, contract_version=contract.VERSION, verdict=verdict, source=source, counts=counts
    )
