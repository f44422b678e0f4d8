"""All series known to TMDB, by popularity, from its daily export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pyarrow.compute as pc
from pydantic import Field

from tally_pipeline.checks.check import SHOWN, Findings
from tally_pipeline.contracts import lines
from tally_pipeline.datasets.daily_export import DailyExport, Export
from tally_pipeline.datasets.dataset import Capture, CheckContext, Options, PublishedHistory, Shown, rows
from tally_pipeline.datasets.series import checks, refinement
from tally_pipeline.datasets.series.refinement import Counts, Refined
from tally_pipeline.lake.parquet import BronzeRef
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.previews import PREVIEW_ROWS, Bars, distribution
from tally_pipeline.tmdb import exports

NAME = "series_export"


class SeriesFooter(msgspec.Struct, frozen=True, kw_only=True):
    """The footer of a file of series."""

    bronze: tuple[BronzeRef, ...]
    contract_version: str
    source: str | None
    ingestion_timestamp: str | None
    counts: Counts


class RefineOptions(Options):
    """Options of refining a day, set in the launchpad."""

    accept_volume: bool = Field(
        default=False,
        description="Publish although the number of series is over 20 % off the day before's.",
    )


class SeriesExport(DailyExport[Refined]):
    """The export of all series."""

    file = exports.SERIES
    bronze_description = (
        "TMDB's daily file of all series (id, name, popularity), byte for byte, with a receipt beside it. The one"
        f" asset whose past can be fetched: TMDB keeps {exports.DAYS_KEPT} days, so a backfill of them downloads"
        " history. Today's file is there from about 08:00 UTC."
    )
    silver_asset = ("silver_series",)
    silver_op = "silver_series"
    silver_description = (
        "Every series TMDB knows, about 200,000 a day, ranked by popularity. Rejected lines are in quarantine with"
        " every reason. Rebuilds for any day from stored bronze."
    )
    silver_checks = checks.SERIES_CHECKS
    silver_table = TableSpec(
        "silver_series",
        "All series that TMDB knows, one row a series and day, by popularity.",
        "silver/series/dt=*/data.parquet",
        refinement.SILVER,
    )
    quarantine_table = TableSpec(
        "quarantine_series",
        "The lines of the daily exports that broke a rule, with their reasons.",
        "quarantine/series/dt=*/data.parquet",
        lines.QUARANTINE,
    )
    table_name = "silver_series"
    unique = "show_id"
    lineage: Mapping[str, Sequence[str]] = {
        column.name: (column.field,) for column in refinement.SERIES.sourced if column.field
    } | {"rank": ("popularity", "id")}
    footer_type = SeriesFooter
    refine_options = RefineOptions

    def __init__(self) -> None:
        super().__init__(NAME)

    def refine(self, capture: Capture[Export]) -> Refined:
        return refinement.refine(capture.content.body, key=str(capture.key))

    def footer(self, capture: Capture[Export], refined: Refined, source: str) -> SeriesFooter:
        receipt = capture.content.receipt
        return SeriesFooter(
            bronze=(capture.ref,),
            contract_version=refinement.VERSION,
            source=source,
            ingestion_timestamp=receipt.ingestion_timestamp if receipt else None,
            counts=refined.counts,
        )

    def judge(
        self, capture: Capture[Export], refined: Refined, options: Options, against: CheckContext
    ) -> Findings:
        assert isinstance(options, RefineOptions)
        counts, before = refined.counts, against.past.last
        rejected = refined.quarantine.slice(0, SHOWN).select(["line", "reasons", "raw"]).to_pylist()
        sql = checks.rejected_lines(capture.key.dt)
        distinct = pc.count_distinct(refined.silver["show_id"]).as_py()
        volume = checks.volume(counts, before, accepted=options.accept_volume)
        return (
            (
                checks.PASS_RATE,
                checks.pass_rate(counts, against.least_pass_rate, rejected, sql),
            ),
            (checks.SHOW_ID_UNIQUE, checks.show_id_unique(distinct, counts)),
            (checks.ACCOUNTS_FOR_EVERY_LINE, checks.accounts_for_every_line(counts)),
            (checks.VOLUME, volume),
            (checks.ZERO_POPULARITY, checks.zero_popularity(counts, before)),
        )

    def show(self, capture: Capture[Export], refined: Refined, past: PublishedHistory) -> Shown:
        counts = refined.counts
        return {
            "dagster/partition_row_count": counts.silver_rows,
            "lines": counts.lines,
            "quarantined": counts.quarantined,
            "pass rate (%)": counts.pass_rate,
            "popularity of 0 (%)": 100 * counts.zero_share,
            "new fields": list(counts.new_fields),
            "lost fields": list(counts.lost_fields),
            "popularity": Bars.of(distribution(refined.silver["popularity"].to_numpy())),
            "preview": rows(refined.silver, most=PREVIEW_ROWS),
        }


SERIES = SeriesExport()
DATASETS = (SERIES,)
