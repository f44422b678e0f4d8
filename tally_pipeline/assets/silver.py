"""`silver_shows/<list>`: the day's capture refined, published only when it is good enough."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pyarrow.compute as pc
from pydantic import Field

from tally_pipeline import clock
from tally_pipeline.assets import common
from tally_pipeline.assets.ledger import Outcome, Recorded, check_specs, record
from tally_pipeline.assets.presentation import (
    column_schema,
    lineage_from_bronze,
    preview,
    sparkline,
)
from tally_pipeline.deployment import Settings
from tally_pipeline.lake import layout, streams
from tally_pipeline.lake.lake import Capture, Lake, NoCaptureError
from tally_pipeline.lake.parquet import ForeignFileError, footer_for
from tally_pipeline.monitoring.metrics import (
    DATA_QUALITY_PASS_RATE,
    QUARANTINED_ROWS,
    TOTAL_SHOWS_INGESTED,
    Datum,
    Metrics,
)
from tally_pipeline.shows import quality
from tally_pipeline.shows.bronze import UnreadableBronzeError
from tally_pipeline.shows.lists import ShowList
from tally_pipeline.shows.plots import distribution
from tally_pipeline.shows.quality import Check, Finding
from tally_pipeline.shows.refine import Counts, Refined, refine

HISTORY_DAYS = 7

NEWS_FOR = timedelta(hours=24)
"""Captures older than this are no news: refining them again sends no metrics, and wakes no alarm."""


class RefineConfig(dg.Config):
    """How a day is refined; set in the launchpad."""

    allow_partial: bool = Field(
        default=False,
        description="Refine a partial capture where there is no complete one, and publish the day however many"
        " rows repeat a show. The file and the UI then say so.",
    )


class _History:
    """The counts of days already published, read from the files' footers once each."""

    def __init__(self, lake: Lake, data_type: str) -> None:
        self._lake = lake
        self._data_type = data_type
        self._known: dict[str, Counts | None] = {}

    def published(self, day: str, counts: Counts) -> None:
        self._known[day] = counts

    def before(self, day: str) -> dict[str, Counts]:
        """The counts of the seven days before `day`, of those that are there."""
        days = [(date.fromisoformat(day) - timedelta(days=n)).isoformat() for n in range(1, HISTORY_DAYS + 1)]
        return {past: counts for past in days if (counts := self._counts(past)) is not None}

    def _counts(self, day: str) -> Counts | None:
        if day not in self._known:
            try:
                footer = self._lake.silver_footer(self._data_type, day)
            except ForeignFileError:
                footer = None
            self._known[day] = footer.counts if footer else None
        return self._known[day]


def silver_asset(
    show_list: ShowList, partitions: dg.PartitionsDefinition, source: str
) -> dg.AssetsDefinition:
    """The silver asset of one list."""
    key, bronze = common.silver_key(show_list), common.bronze_key(show_list)

    @dg.multi_asset(
        name=f"silver_{show_list.name}",
        specs=[
            common.described(
                key,
                group="silver",
                source=source,
                kinds={"parquet", "silver"},
                description=f"{show_list.title}, one row a show, under the contract: typed, without repeats, rejected"
                f" rows in quarantine with every reason. {show_list.description} Rebuilds for any day from stored"
                " bronze.",
                deps=[bronze],
                metadata={
                    "dagster/column_schema": column_schema(),
                    "dagster/column_lineage": lineage_from_bronze(bronze),
                    "dagster/table_name": f"silver_shows (data_type = '{show_list.name}')",
                },
                partitions=partitions,
            )
        ],
        check_specs=check_specs(quality.SILVER_CHECKS, key, partitions),
        can_subset=True,
        backfill_policy=common.BACKFILL,
    )
    def refine_days(
        context: dg.AssetExecutionContext,
        config: RefineConfig,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
        metrics: dg.ResourceParam[Metrics],
    ) -> Iterator[Recorded]:
        with common.turn(context, lake, key):
            history = _History(lake, show_list.name)
            days = sorted(context.partition_keys)
            outcomes = []
            for number, day in enumerate(days, start=1):
                outcome = _refine_day(
                    lake, show_list.name, day, config.allow_partial, settings, history, metrics
                )
                context.log.info(f"{day} ({number} of {len(days)}): {outcome.refusal or 'published'}")
                outcomes.append(outcome)
            yield from record(context, key, outcomes)

    return refine_days


def _refine_day(
    lake: Lake,
    data_type: str,
    day: str,
    allow_partial: bool,
    settings: Settings,
    history: _History,
    metrics: Metrics,
) -> Outcome:
    """Refine one day; quarantine is written in any case, silver only when no blocking check fails."""
    try:
        capture = lake.capture_to_refine(data_type, day, allow_partial=allow_partial)
        refined = refine(capture.bronze, data_type=data_type, dt=day, key=str(capture.key))
    except (NoCaptureError, UnreadableBronzeError) as error:
        nothing = Finding(False, "there is nothing to refine", str(error))
        return Outcome(day, [(quality.PASS_RATE, nothing)], refusal=str(error))
    counts = refined.counts
    footer = footer_for((capture.ref,), capture.bronze.metadata.verdict, lake.source, counts)
    listed = streams.latest_genres(lake) if counts.unknown_genres else {}
    rejected = quality.rejected_rows(data_type, day)
    findings = _findings(
        capture, refined, settings.min_pass_rate, allow_partial, history.before(day), listed, rejected
    )
    failed = [found for check, found in findings if check.blocking and found.serious and not found.passed]
    quarantine = lake.write_quarantine(data_type, day, refined, footer)
    if failed:
        metrics.send(_data(capture, counts, published=0))
        there = lake.store.exists(layout.silver_key(data_type, day))
        kept = "The day's last good file stays." if there else "The day has no file yet."
        reasons = " ".join(f"{found.summary}. {found.todo}" for found in failed)
        return Outcome(day, findings, refusal=f"{reasons} {kept} Rejected rows: {lake.store.uri(quarantine)}")
    silver = lake.publish_silver(data_type, day, refined, footer)
    history.published(day, counts)
    metrics.send(_data(capture, counts, published=counts.silver_rows))
    metadata = _metadata(lake, capture, refined, silver, quarantine)
    return Outcome(day, findings, metadata | _plots(refined, day, history.before(day)))


def _data(capture: Capture, counts: Counts, *, published: int) -> list[Datum]:
    """What is told of a capture, while it is news; `published` are the rows that went to silver."""
    # One that does not say when it was made is of its day.
    at = capture.bronze.metadata.captured_at or datetime.fromisoformat(capture.key.dt).replace(tzinfo=UTC)
    if clock.now() - at > NEWS_FOR:
        return []
    return [
        Datum(TOTAL_SHOWS_INGESTED, published),
        Datum(DATA_QUALITY_PASS_RATE, counts.pass_rate),
        Datum(QUARANTINED_ROWS, counts.quarantined),
    ]


def _findings(
    capture: Capture,
    refined: Refined,
    least_pass_rate: float,
    allow_partial: bool,
    history: Mapping[str, Counts],
    listed: Collection[int],
    rejected_sql: str,
) -> list[tuple[Check, Finding]]:
    counts = refined.counts
    rejected = (
        refined.quarantine.slice(0, quality.SHOWN).select(["page", "place", "reasons", "raw"]).to_pylist()
    )
    distinct = pc.count_distinct(refined.silver["show_id"]).as_py()
    return [
        (quality.PASS_RATE, quality.pass_rate(counts, least_pass_rate, rejected, rejected_sql)),
        (quality.SHOW_ID_UNIQUE, quality.show_id_unique(distinct, counts.silver_rows, counts.repeats)),
        (
            quality.ACCOUNTS_FOR_EVERY_ROW,
            quality.accounts_for_every_row(counts, capture.bronze.metadata.stated_rows),
        ),
        (quality.REPEATS_RARE, quality.repeats_rare(counts, accepted=allow_partial)),
        (quality.VOLUME, quality.volume(counts, history)),
        (quality.NULL_RATES, quality.null_rates(counts, history)),
        (quality.GENRES_KNOWN, quality.genres_known(counts, listed)),
    ]


def _metadata(lake: Lake, capture: Capture, refined: Refined, silver: str, quarantine: str) -> dict[str, Any]:
    counts = refined.counts
    partial = capture.verdict == "partial"
    return {
        "preview": preview(refined.silver),
        "dagster/partition_row_count": counts.silver_rows,
        "dagster/uri": lake.store.uri(silver),
        "source": lake.source,
        "verdict": "PARTIAL: refined because allow_partial was set" if partial else capture.verdict,
        "bronze rows": counts.bronze_rows,
        "repeats": counts.repeats,
        "quarantined": counts.quarantined,
        "pass rate (%)": counts.pass_rate,
        "quarantine": lake.store.uri(quarantine),
        "bronze object": lake.store.uri(str(capture.key)),
        "bronze sha256": capture.bronze.sha256,
        **({"passed over": list(capture.passed_over)} if capture.passed_over else {}),
    }


def _plots(refined: Refined, day: str, history: Mapping[str, Counts]) -> dict[str, Any]:
    past = [(date.fromisoformat(day) - timedelta(days=n)).isoformat() for n in range(HISTORY_DAYS, 0, -1)]
    rows = [float(history[then].silver_rows) if then in history else None for then in past]
    return {
        "rows, last 7 days and today": sparkline([*rows, float(refined.counts.silver_rows)]),
        "shows by popularity (log)": sparkline(distribution(refined.silver["popularity"].to_pylist())),
    }
