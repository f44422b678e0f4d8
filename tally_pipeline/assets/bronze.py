"""`bronze_shows/<list>`: TMDB's bytes, captured today, kept for good."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
from pydantic import Field

from tally_pipeline import clock
from tally_pipeline.assets import common
from tally_pipeline.assets.failures import StepFailedError, StepRetryError, told_in_words
from tally_pipeline.assets.ledger import Outcome, Recorded, check_specs, record
from tally_pipeline.assets.presentation import preview
from tally_pipeline.deployment import Tmdb
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import AlreadyThereError
from tally_pipeline.shows import quality
from tally_pipeline.shows.lists import MAX_PAGES, ShowList
from tally_pipeline.shows.plurals import counted
from tally_pipeline.shows.refine import refine
from tally_pipeline.tmdb.errors import PermanentError, TransientError

RETRY_AFTER_SECONDS = 60
"""The wait before a capture is tried again as a whole; doubled each time."""


class CaptureConfig(dg.Config):
    """How a capture is done; set in the launchpad."""

    pages: int | None = Field(
        default=None,
        ge=1,
        le=MAX_PAGES,
        description="Pages to capture; the list's default depth if not given.",
    )
    retries: int = Field(
        default=0,
        ge=0,
        le=10,
        description="How often to try the whole capture again when TMDB cannot be reached at all, after 1, 2, 4…"
        " minutes. The schedule uses 3. A page that fails is retried by itself in any case.",
    )


def bronze_asset(
    show_list: ShowList, partitions: dg.PartitionsDefinition, source: str
) -> dg.AssetsDefinition:
    """The bronze asset of one list."""
    key = common.bronze_key(show_list)

    @dg.multi_asset(
        name=f"bronze_{show_list.name}",
        specs=[
            common.described(
                key,
                group="bronze",
                source=source,
                kinds={"json", "bronze"},
                description=f"{show_list.title} as TMDB sent it: raw pages of {show_list.path}, byte for byte, one"
                f" object a capture, never changed. {show_list.description} TMDB serves only the present: only"
                " today's partition can be captured.",
                partitions=partitions,
            )
        ],
        check_specs=check_specs(quality.BRONZE_CHECKS, key, partitions),
        can_subset=True,
        backfill_policy=common.BACKFILL,
        pool=common.TMDB_POOL,
    )
    def capture(
        context: dg.AssetExecutionContext,
        config: CaptureConfig,
        lake: dg.ResourceParam[Lake],
        tmdb: dg.ResourceParam[Tmdb],
    ) -> Iterator[Recorded]:
        present = clock.today().isoformat()
        with told_in_words():
            outcomes = [
                _captured(context, config, lake, tmdb, show_list, day)
                if day == present
                else _refused(lake, show_list, day, present)
                for day in context.partition_keys
            ]
        yield from record(context, key, outcomes)

    return capture


def _refused(lake: Lake, show_list: ShowList, day: str, present: str) -> Outcome:
    """Another day than today cannot be captured; what to do instead depends on what bronze holds of it."""
    held = lake.bronze_keys(show_list.name, day)
    if held:
        instead = (
            f"Bronze holds {counted(len(held), 'capture')} of that day: {', '.join(map(str, held[-3:]))}."
            " To rebuild the day"
            f" from them, materialize silver_shows/{show_list.name} and what is below it for {day}."
        )
    else:
        instead = (
            f"Bronze holds nothing of that day, and nobody can fetch it any more. Materialize {present} instead;"
            " the daily schedule keeps the coming days."
        )
    return Outcome(
        day, findings=(), refusal=f"TMDB serves only the present (it is {present} in UTC). {instead}"
    )


def _captured(
    context: dg.AssetExecutionContext,
    config: CaptureConfig,
    lake: Lake,
    tmdb: Tmdb,
    show_list: ShowList,
    day: str,
) -> Outcome:
    key = BronzeKey(show_list.name, day, context.run.run_id)
    if lake.store.exists(str(key)):
        context.log.info(f"This run wrote {key} before; it is used as it is.")
    else:
        _fetch_and_keep(context, config, lake, tmdb, show_list, key)
    return kept(lake, key)


def _fetch_and_keep(
    context: dg.AssetExecutionContext,
    config: CaptureConfig,
    lake: Lake,
    tmdb: Tmdb,
    show_list: ShowList,
    key: BronzeKey,
) -> None:
    depth = config.pages if config.pages is not None else tmdb.depths[show_list.name]
    context.log.info(
        f"Capturing {show_list.name}, {counted(depth, 'page') if depth else 'all pages'}, from {tmdb.source}."
    )
    try:
        with tmdb.client() as client:
            captured = client.capture(
                show_list, depth=depth, on_page=tmdb.on_page, day=date.fromisoformat(key.dt)
            )
    except TransientError as error:
        if context.retry_number < config.retries:
            wait = RETRY_AFTER_SECONDS * 2**context.retry_number
            raise StepRetryError(str(error), most=config.retries, seconds=wait) from None
        raise StepFailedError(str(error)) from None
    except PermanentError as error:
        raise StepFailedError(str(error)) from None
    if captured.stopped_by is not None:
        context.log.error(str(captured.stopped_by))
    if clock.today().isoformat() != key.dt:
        context.log.warning(
            f"The capture went on after the end of {key.dt} (UTC): its last pages may be of the day after."
        )
    try:
        lake.write_bronze(key, captured.to_bronze(context.run.run_id))
    except AlreadyThereError:
        context.log.info(f"{key} was written meanwhile by another attempt of this run; it stays.")


def kept(lake: Lake, key: BronzeKey) -> Outcome:
    """The metadata and check results of a capture in bronze, whether or not a run wrote it.

    Raises `NoSuchObjectError`, `UnreadableBronzeError`.
    """
    bronze = lake.read_bronze(key)
    refined = refine(bronze, data_type=key.data_type, dt=key.dt, key=str(key))
    stated, counts = bronze.metadata, refined.counts
    pages = stated.page_set
    metadata: dict[str, Any] = {
        "preview": preview(refined.silver),
        "dagster/partition_row_count": counts.bronze_rows,
        "dagster/uri": lake.store.uri(str(key)),
        "source": stated.source or "not stated",
        "verdict": stated.verdict or "not stated",
        "pages": len(stated.pages),
        "pages asked": pages.pages_asked if pages else len(stated.pages),
        "repeats": pages.repeats if pages else counts.repeats,
        "totals moved": pages.totals_moved if pages else False,
        "requests": stated.requests or 0,
        "retries": stated.retries or 0,
        "duration (s)": round(stated.duration_seconds or 0.0, 3),
        "bytes": sum(record.bytes for record in stated.pages),
        "sha256": bronze.sha256,
    }
    findings = (
        (quality.NOT_EMPTY, quality.not_empty(stated, counts.bronze_rows)),
        (quality.PAGE_SET_COMPLETE, quality.page_set_complete(stated)),
        (quality.ETAGS_MATCH, quality.etags_match(stated)),
        (quality.FIELDS_KNOWN, quality.fields_known(counts.new_fields, counts.lost_fields)),
    )
    return Outcome(key.dt, findings, metadata)
