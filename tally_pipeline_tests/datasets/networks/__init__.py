"""Every TV network that TMDB knows, from its daily export: a dataset that Tally does not have.

`test_a_new_dataset` puts this folder beside the others. https://developer.themoviedb.org/docs/daily-id-exports.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
import pyarrow as pa

from tally_pipeline.checks.check import Check, Finding, Findings
from tally_pipeline.contracts import lines
from tally_pipeline.contracts.contract import Column, RowContract
from tally_pipeline.datasets.daily_export import DailyExport, Export
from tally_pipeline.datasets.dataset import Capture, CheckContext, Options, PublishedHistory, Shown, rows
from tally_pipeline.lake.parquet import BronzeRef
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.previews import PREVIEW_ROWS

NETWORK = RowContract(
    (
        Column("network_id", pa.int64(), "id", True, False, "TMDB's id of the network; unique within a day."),
        Column("name", pa.string(), "name", True, False, "The network's name."),
    )
)

PASS_RATE = Check("pass_rate", "Enough lines keep every rule of the contract.", blocking=True)
VOLUME = Check("volume", "There are about as many networks as the day before.")


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    lines: int
    silver_rows: int
    quarantined: int


class Footer(msgspec.Struct, frozen=True, kw_only=True):
    bronze: tuple[BronzeRef, ...]
    contract_version: str
    source: str
    counts: Counts


@dataclass(frozen=True)
class Refined:
    silver: pa.Table
    quarantine: pa.Table
    counts: Counts


class Networks(DailyExport[Refined]):
    file = "tv_network_ids"
    bronze_description = "TMDB's daily file of all TV networks, byte for byte."
    silver_asset = ("silver_networks",)
    silver_op = "silver_networks"
    silver_description = "Every TV network that TMDB knows."
    silver_checks = (PASS_RATE, VOLUME)
    silver_table = TableSpec(
        "silver_networks",
        "All TV networks that TMDB knows, one row a network and day.",
        "silver/networks/dt=*/data.parquet",
        NETWORK.schema,
    )
    quarantine_table = TableSpec(
        "quarantine_networks",
        "The lines of the networks' exports that broke a rule, with their reasons.",
        "quarantine/networks/dt=*/data.parquet",
        lines.QUARANTINE,
    )
    table_name = "silver_networks"
    unique = "network_id"
    lineage = {"network_id": ("id",), "name": ("name",)}  # noqa: RUF012
    footer_type = Footer

    def refine(self, capture: Capture[Export]) -> Refined:
        read = lines.read(capture.content.body, NETWORK, unique="network_id", key=str(capture.key))
        rejected = read.quarantine.num_rows
        counts = Counts(lines=read.lines, silver_rows=read.rows.num_rows, quarantined=rejected)
        return Refined(read.rows, read.quarantine, counts)

    def footer(self, capture: Capture[Export], refined: Refined, source: str) -> Footer:
        return Footer(bronze=(capture.ref,), contract_version="1", source=source, counts=refined.counts)

    def judge(
        self, capture: Capture[Export], refined: Refined, options: Options, against: CheckContext
    ) -> Findings:
        counts, before = refined.counts, against.past.last
        sound = 100 * counts.silver_rows / counts.lines if counts.lines else 0.0
        said = f"{sound:.1f} % of {counts.lines} lines"
        now, then = counts.silver_rows, before[1].silver_rows if before else counts.silver_rows
        return (
            (PASS_RATE, Finding(sound >= against.least_pass_rate, said, "Look at quarantine_networks.")),
            (VOLUME, Finding(abs(now - then) <= then / 10, f"{now} after {then}", "", serious=False)),
        )

    def show(self, capture: Capture[Export], refined: Refined, past: PublishedHistory) -> Shown:
        return {
            "dagster/partition_row_count": refined.counts.silver_rows,
            "preview": rows(refined.silver, most=PREVIEW_ROWS),
        }


DATASETS = (Networks("network_export"),)
