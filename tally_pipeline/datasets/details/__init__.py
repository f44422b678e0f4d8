"""TMDB's details of many shows, once a day: what a show is, its episodes, where it can be watched."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import pyarrow.compute as pc
from pydantic import Field

from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.captures import moment_of
from tally_pipeline.bronze.details_capture import Manifest, PartRef, Reply, UnreadableDetailsError
from tally_pipeline.checks.check import SHOWN, Findings
from tally_pipeline.datasets.daily_export import differing
from tally_pipeline.datasets.dataset import (
    AuditResult,
    Capture,
    CaptureSession,
    CheckContext,
    Dataset,
    Options,
    PublishedHistory,
    Shown,
    rows,
)
from tally_pipeline.datasets.details import capture, checks, contract, known, refinement
from tally_pipeline.datasets.details.offers import OFFERS
from tally_pipeline.datasets.details.providers import PROVIDERS
from tally_pipeline.datasets.details.refinement import Counts, Refined
from tally_pipeline.datasets.details.seasons import SEASONS
from tally_pipeline.lake.layout import BronzeKey, Place
from tally_pipeline.lake.parquet import BronzeRef
from tally_pipeline.lake.store import NoSuchObjectError, Store
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.previews import PREVIEW_ROWS, Bars, Rows

NAME = "details"

_PREVIEWED = (
    "show_id",
    "title",
    "status",
    "next_episode_date",
    "seasons",
    "episodes",
    "networks",
    "age_days",
)


@dataclass(frozen=True)
class DetailsCapture:
    """A manifest, and the store that holds its parts."""

    manifest: Manifest
    store: Store

    def read_part(self, part: PartRef) -> Iterator[Reply]:
        """The replies of a part that are meant. Raises `UnreadableDetailsError`, `LostPartError`."""
        return known.read_part(self.store, part)


class DetailsFooter(msgspec.Struct, frozen=True, kw_only=True):
    """The footer of a file of details."""

    bronze: tuple[BronzeRef, ...]
    contract_version: str
    source: str | None
    ingestion_timestamp: str | None
    counts: Counts


class CaptureOptions(Options):
    """Options of a capture, set in the launchpad."""

    budget: int | None = Field(
        default=None,
        ge=1,
        le=100_000,
        description="Shows to ask for at most, one request each; TALLY_DETAILS_BUDGET if not given.",
    )
    anew: bool = Field(
        default=False, description="Ask again for shows whose reply of today is in bronze already."
    )
    retries: int = Field(
        default=0,
        ge=0,
        le=10,
        description="How often to try the whole capture again when TMDB cannot be reached at all.",
    )


class RefineOptions(Options):
    """Options of refining a day, set in the launchpad."""

    allow_partial: bool = Field(
        default=False,
        description="Refine a capture that lacks more than 1 of 20 shows. The file then says so.",
    )
    accept_volume: bool = Field(
        default=False, description="Publish although the offers a show are far fewer than the day before's."
    )


class DetailsDataset(Dataset[DetailsCapture, Refined]):
    """The details of shows."""

    name = NAME
    cadence = "capture_details"
    pool = "tmdb_details"
    place = Place(NAME, parts=".jsonl.zst")
    bronze_asset = ("bronze_details",)
    bronze_op = "bronze_details"
    bronze_description = (
        "What TMDB knows about each show, with offers, ids, ratings, keywords and the running season's episodes: one"
        " reply a show, byte for byte, in parts, and a manifest that names them. The shows of the lists, those on"
        " air, and the others in weekly turns. A capture goes on where an earlier one of the day ended."
    )
    silver_asset = ("silver_details",)
    silver_op = "silver_details"
    silver_description = (
        "One row a show: the newest known state as of the day, and how old it is. Status, seasons, next and last"
        " episode, ids, ratings, offers. Offers are JustWatch's, via TMDB. Rejected replies are in quarantine with"
        " every reason. Rebuilds for any day from stored bronze."
    )
    bronze_checks = checks.BRONZE_CHECKS
    silver_checks = checks.SILVER_CHECKS
    silver_table = TableSpec(
        "silver_details",
        "What TMDB knows about each show as of the day, one row a show. Offers are JustWatch's.",
        "silver/details/dt=*/data.parquet",
        contract.SILVER,
    )
    quarantine_table = TableSpec(
        "quarantine_details",
        "Replies about shows that broke a rule, with their reasons.",
        "quarantine/details/dt=*/data.parquet",
        contract.QUARANTINE,
    )
    table_name = "silver_details"
    unique = "show_id"
    nullable = contract.NULLABLE
    lineage: Mapping[str, Sequence[str]] = contract.LINEAGE
    footer_type = DetailsFooter
    capture_options = CaptureOptions
    refine_options = RefineOptions
    gold_looks_back = True
    comes_first = True
    captured_last = True
    derived = (SEASONS, OFFERS, PROVIDERS)

    def fetch(self, session: CaptureSession, key: BronzeKey, options: Options) -> Iterable[tuple[str, bytes]]:
        assert isinstance(options, CaptureOptions)
        budget = options.budget if options.budget is not None else session.tmdb.details_budget
        return capture.capture(session, self.place, key, budget=budget, anew=options.anew)

    def read(self, store: Store, key: BronzeKey) -> Capture[DetailsCapture]:
        body = store.get(str(key))
        try:
            manifest = details_capture.decode_manifest(body)
        except UnreadableDetailsError as error:
            raise UnreadableDetailsError(f"{store.uri(str(key))}: {error}") from error
        return Capture(
            key,
            hashlib.sha256(body).hexdigest(),
            manifest.source,
            moment_of(manifest.ingestion_timestamp),
            manifest.verdict,
            DetailsCapture(manifest, store),
        )

    def accepts(self, capture: Capture[DetailsCapture | None], options: Options) -> bool:
        if capture.content is None or not capture.content.manifest.got:
            return False
        partial = isinstance(options, RefineOptions) and options.allow_partial
        return partial or capture.content.manifest.missing_share <= checks.MISSING_BLOCKS

    def remedy(self, day: str, rejected: Sequence[str]) -> str:
        return "Materialize bronze_details on that very day (UTC)" + (
            "; one that lacks shows is refined when silver_details is launched with allow_partial: true."
            if rejected
            else "."
        )

    def judge_capture(self, capture: Capture[DetailsCapture]) -> Findings:
        manifest = capture.content.manifest
        return (
            (checks.NOT_EMPTY, checks.not_empty(manifest)),
            (checks.EVERY_SHOW_ANSWERED, checks.every_show_answered(manifest)),
            (checks.BUDGET_SUFFICES, checks.budget_suffices(manifest)),
        )

    def show_capture(self, capture: Capture[DetailsCapture]) -> Shown:
        manifest = capture.content.manifest
        carried = {show_id for one in manifest.carried for show_id in one.part.shows}
        here = {show_id for part in manifest.parts for show_id in part.shows}
        return {
            "dagster/partition_row_count": manifest.got,
            "source": manifest.source,
            "verdict": manifest.verdict,
            "asked for": Rows([{"why": why, "shows": shows} for why, shows in manifest.chosen.items()]),
            "gone at TMDB": len(manifest.gone),
            "missing": len(manifest.missing),
            "left out by the budget": manifest.left_out,
            "known from before": len(carried - here),
            "parts": len(manifest.parts),
            "there already": manifest.resumed,
            "requests": manifest.requests,
            "retries": manifest.retries,
            "duration (s)": manifest.duration_seconds,
            "sha256": capture.sha256,
        }

    def audit(self, store: Store, key: BronzeKey, source: str) -> AuditResult:
        try:
            manifest = self.read(store, key).content.manifest
        except (UnreadableDetailsError, NoSuchObjectError) as error:
            return AuditResult(str(key), problems=(str(error),))
        problems = differing(key, source, manifest.execution_id, manifest.source)
        if manifest.dt != key.dt:
            problems.append(f"it says it is of {manifest.dt}, its place says {key.dt}")
        replies = 0
        for part in manifest.parts:
            try:
                for reply in known.read_part(store, part):
                    replies += 1
                    if not reply.is_proven:
                        problems.append(
                            f"the reply about {reply.head.show_id} in {part.key} does not hash to the SHA-256 taken"
                            " when it was received"
                        )
            except UnreadableDetailsError as error:
                problems.append(str(error))
        return AuditResult(str(key), len(manifest.parts), replies, tuple(problems))

    def refine(self, capture: Capture[DetailsCapture]) -> Refined:
        return refinement.refine(capture.content.manifest, capture.content.read_part)

    def footer(self, capture: Capture[DetailsCapture], refined: Refined, source: str) -> DetailsFooter:
        return DetailsFooter(
            bronze=(capture.ref,),
            contract_version=contract.VERSION,
            source=source,
            ingestion_timestamp=capture.content.manifest.ingestion_timestamp,
            counts=refined.counts,
        )

    def judge(
        self, capture: Capture[DetailsCapture], refined: Refined, options: Options, against: CheckContext
    ) -> Findings:
        assert isinstance(options, RefineOptions)
        counts = refined.counts
        rejected = refined.quarantine.slice(0, SHOWN).select(["show_id", "reasons"]).to_pylist()
        sql = (
            "SELECT show_id, rules, reasons, raw FROM quarantine_details"
            f" WHERE dt = '{capture.key.dt}' ORDER BY show_id"
        )
        distinct = pc.count_distinct(refined.silver["show_id"]).as_py()
        return (
            (checks.PASS_RATE, checks.pass_rate(counts, against.least_pass_rate, rejected, sql)),
            (checks.SHOW_ID_UNIQUE, checks.show_id_unique(distinct, counts)),
            (
                checks.ACCOUNTS_FOR_EVERY_REPLY,
                checks.accounts_for_every_reply(counts, capture.content.manifest),
            ),
            (
                checks.OFFERS_PER_SHOW,
                checks.offers_per_show(counts, against.past.last, accepted=options.accept_volume),
            ),
            (checks.TITLES_THERE, checks.titles_there(counts)),
            (checks.FIELDS_KNOWN, checks.fields_known(counts)),
        )

    def show(self, capture: Capture[DetailsCapture], refined: Refined, past: PublishedHistory) -> Shown:
        counts = refined.counts
        ages = refined.silver["age_days"].to_pylist()
        by_age = [float(ages.count(age)) for age in range(counts.oldest_days + 1)]
        return {
            "dagster/partition_row_count": counts.silver_rows,
            "verdict": capture.verdict,
            "fresh": counts.fresh,
            "carried from before": counts.carried,
            "gone at TMDB": counts.gone,
            "quarantined": counts.quarantined,
            "pass rate (%)": counts.pass_rate,
            "offers": counts.offers,
            "offers: source": "JustWatch, via TMDB",
            "shows by the age of what is known (days)": Bars.of(by_age),
            "preview": rows(refined.silver, _PREVIEWED, PREVIEW_ROWS),
        }


DETAILS = DetailsDataset()
DATASETS = (DETAILS,)
