"""The footer of a file of a list's silver or quarantine."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from tally_pipeline.bronze.completeness import Verdict
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.refinement import Counts
from tally_pipeline.lake.parquet import BronzeRef


class Footer(msgspec.Struct, frozen=True, kw_only=True):
    """A file's footer: its inputs, its contract, and its row counts.

    `verdict` is bronze's: "partial" only if a person allowed it.
    """

    rows_are_checked: ClassVar[bool] = True
    """Two checks of the table compare its rows with the counts, and show both numbers."""

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
