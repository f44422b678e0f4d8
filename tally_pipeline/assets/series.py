"""`bronze_series_export` and `silver_series`: every series TMDB knows, day by day, the last 90 days included."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from tally_pipeline import clock
from tally_pipeline.assets import common
from tally_pipeline.assets.failures import told_in_words
from tally_pipeline.assets.ledger import Outcome, Recorded, check_specs, record
from tally_pipeline.assets.presentation import (
    PREVIEW_ROWS,
    arrow_column_schema,
    markdown_table,
    sparkline,
)
from tally_pipeline.deployment import Settings, Tmdb
from tally_pipeline.lake import layout, streams
from tally_pipeline.lake.lake import Lake, NoCaptureError
from tally_pipeline.lake.layout import StreamKey
from tally_pipeline.lake.parquet import SeriesFooter
from tally_pipeline.lake.store import AlreadyThereError
from tally_pipeline.lake.streams import Export
from tally_pipeline.shows import series, series_quality
from tally_pipeline.shows.plots import distribution
from tally_pipeline.shows.quality import SHOWN, Check, Finding
from tally_pipeline.shows.series import Counts, Refined, UnreadableExportError
from tally_pipeline.tmdb.errors import MissingExportError, NoKeyError, TmdbError
from tally_pipeline.tmdb.exports import DAYS_KEPT, ExportClient

HISTORY_DAYS = 7
"""How far back the last published day is looked for, to compare a day with."""

PATIENCE_DAYS = 3
"""After so many days in a row that did not come, though they should be there, the others are not asked for."""


class SeriesConfig(dg.Config):
    """How a day is refined; set in the launchpad."""

    accept_volume: bool = Field(
        default=False,
        description="Publish although the number of series is over 20 % off the day before's.",
    )


# --- bronze ------------------------------------------------------------------------------------------------


def bronze_series_export(partitions: dg.PartitionsDefinition, source: str) -> dg.AssetsDefinition:
    """The daily export of all series, as TMDB serves it."""
    key = common.SERIES_EXPORT

    @dg.multi_asset(
        name="bronze_series_export",
        specs=[
            common.described(
                key,
                group="bronze",
                source=source,
                kinds={"json", "bronze"},
                description="TMDB's daily file of all series (id, name, popularity), byte for byte, with a receipt"
                f" beside it. The one asset whose past can be fetched: TMDB keeps {DAYS_KEPT} days, so a backfill"
                " of them downloads history. Today's file is there from about 08:00 UTC.",
                partitions=partitions,
            )
        ],
        check_specs=check_specs((series_quality.DOWNLOAD_WHOLE,), key, partitions),
        can_subset=True,
        backfill_policy=common.BACKFILL,
        pool=common.TMDB_POOL,
    )
    def download(
        context: dg.AssetExecutionContext, lake: dg.ResourceParam[Lake], tmdb: dg.ResourceParam[Tmdb]
    ) -> Iterator[Recorded]:
        days = sorted(context.partition_keys)
        try:
            with told_in_words(), tmdb.exports() as client:
                outcomes = _download_days(context, lake, client, days)
        except NoKeyError as error:
            outcomes = [Outcome(day, (), refusal=str(error)) for day in days]
        yield from record(context, key, outcomes)

    return download


def _download_days(
    context: dg.AssetExecutionContext, lake: Lake, client: ExportClient, days: Sequence[str]
) -> list[Outcome]:
    """Every day by itself: one that is missing fails alone. A server that is down is not asked for all of them."""
    outcomes: list[Outcome] = []
    in_a_row, last_error = 0, ""
    for number, day in enumerate(days, start=1):
        if in_a_row >= PATIENCE_DAYS:
            gone = f"not asked for, after {PATIENCE_DAYS} days in a row did not come. The last: {last_error}"
            outcomes.append(Outcome(day, (), refusal=gone))
            continue
        try:
            outcome = _downloaded(context, lake, client, day)
            in_a_row = 0
        except TmdbError as error:
            # A missing day says nothing about the others.
            in_a_row = 0 if isinstance(error, MissingExportError) else in_a_row + 1
            last_error = str(error)
            outcome = Outcome(day, (), refusal=last_error)
        context.log.info(f"{day} ({number} of {len(days)}): {outcome.refusal or 'downloaded'}")
        outcomes.append(outcome)
    return outcomes


def _downloaded(context: dg.AssetExecutionContext, lake: Lake, client: ExportClient, day: str) -> Outcome:
    present = clock.today()
    oldest = (present - timedelta(days=DAYS_KEPT)).isoformat()
    if day < oldest:
        return Outcome(day, (), refusal=_too_old(lake, day, oldest))
    key = StreamKey(layout.SERIES_EXPORT, day, context.run.run_id)
    if lake.store.exists(str(key)):
        context.log.info(f"This run wrote {key} before; it is used as it is.")
    else:
        file = client.fetch(date.fromisoformat(day), today=present)
        try:
            streams.write_export(lake, key, file.body, file.receipt(key.execution_id))
        except AlreadyThereError as error:
            return Outcome(
                day,
                (),
                refusal=f"{error}. An attempt of this run died while it wrote, and the file is another now."
                " Materialize the day in a new run.",
            )
    try:
        return kept(lake, key)
    except UnreadableExportError as error:
        return Outcome(day, (), refusal=f"{error}. Materialize the day in a new run.")


def _too_old(lake: Lake, day: str, oldest: str) -> str:
    held = streams.captures(lake, layout.SERIES_EXPORT, day)
    instead = (
        f"Bronze holds {len(held)} of that day: materialize silver_series to rebuild it."
        if held
        else f"Bronze holds none of that day, and nobody can fetch it any more. Select {oldest} or later."
    )
    return f"TMDB keeps its exports for {DAYS_KEPT} days: {oldest} is the oldest there is. {instead}"


def kept(lake: Lake, key: StreamKey) -> Outcome:
    """What is told of an export in bronze. Raises `NoSuchObjectError`, `UnreadableExportError`."""
    export = streams.read_export(lake, key)
    receipt = export.receipt
    told = receipt.headers.get("Content-Length", "") if receipt else ""
    whole = series_quality.download_whole(len(export.body), int(told) if told.isdecimal() else None)
    metadata: dict[str, Any] = {
        "dagster/uri": lake.store.uri(str(export.key)),
        "source": receipt.source if receipt else "not stated",
        "url": receipt.url if receipt else "not stated",
        "bytes": len(export.body),
        "sha256": export.sha256,
        "receipt": lake.store.uri(export.key.receipt),
        "last modified": receipt.headers.get("Last-Modified", "not stated") if receipt else "not stated",
        "requests": receipt.requests if receipt else 0,
        "duration (s)": receipt.duration_seconds if receipt else 0.0,
    }
    return Outcome(export.key.dt, ((series_quality.DOWNLOAD_WHOLE, whole),), metadata)


# --- silver ------------------------------------------------------------------------------------------------


def silver_series(partitions: dg.PartitionsDefinition, source: str) -> dg.AssetsDefinition:
    """All series of a day, by popularity."""
    key, bronze = common.SERIES, common.SERIES_EXPORT

    @dg.multi_asset(
        name="silver_series",
        specs=[
            common.described(
                key,
                group="silver",
                source=source,
                kinds={"parquet", "silver"},
                description="Every series TMDB knows, about 200,000 a day, ranked by popularity. Rejected lines are"
                " in quarantine with every reason. Rebuilds for any day from stored bronze.",
                deps=[bronze],
                metadata={
                    "dagster/column_schema": arrow_column_schema(series.SILVER, unique="show_id"),
                    "dagster/column_lineage": dg.TableColumnLineage(
                        {
                            column.name: [dg.TableColumnDep(bronze, column.field)]
                            for column in series.SERIES.sourced
                            if column.field
                        }
                        | {"rank": [dg.TableColumnDep(bronze, "popularity"), dg.TableColumnDep(bronze, "id")]}
                    ),
                    "dagster/table_name": "silver_series",
                },
                partitions=partitions,
            )
        ],
        check_specs=check_specs(series_quality.SERIES_CHECKS, key, partitions),
        can_subset=True,
        backfill_policy=common.BACKFILL,
    )
    def refine_days(
        context: dg.AssetExecutionContext,
        config: SeriesConfig,
        lake: dg.ResourceParam[Lake],
        settings: dg.ResourceParam[Settings],
    ) -> Iterator[Recorded]:
        with common.turn(context, lake, key):
            history = _History(lake)
            days = sorted(context.partition_keys)
            outcomes = []
            for number, day in enumerate(days, start=1):
                outcome = _refine_day(lake, day, config.accept_volume, settings.min_pass_rate, history)
                context.log.info(f"{day} ({number} of {len(days)}): {outcome.refusal or 'published'}")
                outcomes.append(outcome)
            yield from record(context, key, outcomes)

    return refine_days


class _History:
    """The counts of days already published, read from the files' footers once each."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._known: dict[str, Counts | None] = {}

    def published(self, day: str, counts: Counts) -> None:
        self._known[day] = counts

    def before(self, day: str) -> tuple[str, Counts] | None:
        """The last published day of the seven before `day`, and its counts; None where there is none."""
        for ago in range(1, HISTORY_DAYS + 1):
            past = (date.fromisoformat(day) - timedelta(days=ago)).isoformat()
            if past not in self._known:
                footer = streams.series_footer(self._lake, past)
                self._known[past] = footer.counts if footer else None
            counts = self._known[past]
            if counts is not None:
                return past, counts
        return None


def _refine_day(
    lake: Lake, day: str, accept_volume: bool, least_pass_rate: float, history: _History
) -> Outcome:
    """Refine one day; quarantine is written in any case, silver only when no blocking check fails."""
    try:
        export = streams.export_to_refine(lake, day)
        refined = series.refine(export.body, key=str(export.key))
    except (NoCaptureError, UnreadableExportError) as error:
        nothing = Finding(False, "there is nothing to refine", str(error))
        return Outcome(day, [(series_quality.PASS_RATE, nothing)], refusal=str(error))
    footer = SeriesFooter(
        bronze=(export.ref,),
        contract_version=series.VERSION,
        source=lake.source,
        ingestion_timestamp=export.receipt.ingestion_timestamp if export.receipt else None,
        counts=refined.counts,
    )
    rejected = series_quality.rejected_lines(day)
    findings = _findings(refined, least_pass_rate, history.before(day), accept_volume, rejected)
    failed = [found for check, found in findings if check.blocking and found.serious and not found.passed]
    quarantine = streams.write_series_quarantine(lake, day, refined, footer)
    if failed:
        there = lake.store.exists(layout.series_key(day))
        kept = "The day's last good file stays." if there else "The day has no file yet."
        reasons = " ".join(f"{found.summary}. {found.todo}" for found in failed)
        return Outcome(
            day, findings, refusal=f"{reasons} {kept} Rejected lines: {lake.store.uri(quarantine)}"
        )
    silver = streams.publish_series(lake, day, refined, footer)
    history.published(day, refined.counts)
    return Outcome(day, findings, _metadata(lake, export, refined, silver, quarantine))


def _findings(
    refined: Refined,
    least_pass_rate: float,
    before: tuple[str, Counts] | None,
    accept_volume: bool,
    rejected_sql: str,
) -> list[tuple[Check, Finding]]:
    counts = refined.counts
    rejected = refined.quarantine.slice(0, SHOWN).select(["line", "reasons", "raw"]).to_pylist()
    distinct = pc.count_distinct(refined.silver["show_id"]).as_py()
    volume = series_quality.volume(counts, before, accepted=accept_volume)
    return [
        (series_quality.PASS_RATE, series_quality.pass_rate(counts, least_pass_rate, rejected, rejected_sql)),
        (series_quality.SHOW_ID_UNIQUE, series_quality.show_id_unique(distinct, counts)),
        (series_quality.ACCOUNTS_FOR_EVERY_LINE, series_quality.accounts_for_every_line(counts)),
        (series_quality.VOLUME, volume),
        (series_quality.ZERO_POPULARITY, series_quality.zero_popularity(counts, before)),
    ]


def _metadata(lake: Lake, export: Export, refined: Refined, silver: str, quarantine: str) -> dict[str, Any]:
    counts = refined.counts
    return {
        "dagster/partition_row_count": counts.silver_rows,
        "dagster/uri": lake.store.uri(silver),
        "source": lake.source,
        "lines": counts.lines,
        "quarantined": counts.quarantined,
        "pass rate (%)": counts.pass_rate,
        "popularity of 0 (%)": 100 * counts.zero_share,
        "new fields": list(counts.new_fields),
        "lost fields": list(counts.lost_fields),
        "quarantine": lake.store.uri(quarantine),
        "bronze object": lake.store.uri(str(export.key)),
        "bronze sha256": export.sha256,
        "passed over": list(export.passed_over),
        "popularity": _shape(refined.silver),
        "preview": markdown_table(refined.silver.slice(0, PREVIEW_ROWS).to_pylist()),
    }


def _shape(silver: pa.Table) -> dg.MarkdownMetadataValue:
    return sparkline(distribution(silver["popularity"].to_numpy()))
