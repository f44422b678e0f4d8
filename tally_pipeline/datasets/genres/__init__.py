"""TMDB's list of TV genres, captured once a week.

Partitioned by day like every dataset, so that its keys tell the day of capture; only the schedule is weekly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date

import msgspec

from tally_pipeline.bronze import genre_reply
from tally_pipeline.bronze.captures import moment_of
from tally_pipeline.bronze.genre_reply import Genres, UnreadableGenresError
from tally_pipeline.checks.check import Findings
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
from tally_pipeline.datasets.genres import checks, refinement
from tally_pipeline.datasets.genres.refinement import Counts, Refined
from tally_pipeline.lake.layout import BronzeKey, Place
from tally_pipeline.lake.parquet import BronzeRef
from tally_pipeline.lake.store import NoSuchObjectError, Store
from tally_pipeline.lake.tables import TableSpec

NAME = "genres"


class GenresFooter(msgspec.Struct, frozen=True, kw_only=True):
    """The footer of a file of genres."""

    bronze: tuple[BronzeRef, ...]
    contract_version: str
    source: str | None
    ingestion_timestamp: str | None
    counts: Counts


class GenresDataset(Dataset[Genres, Refined]):
    """The list of genres."""

    name = NAME
    cadence = "capture_genres"
    place = Place(NAME)
    bronze_asset = ("bronze_genres",)
    bronze_op = "bronze_genres"
    bronze_description = (
        f"TMDB's list of TV genres, {genre_reply.PATH}, byte for byte, captured weekly. TMDB serves only the present:"
        " only today's partition can be captured."
    )
    silver_asset = ("silver_genres",)
    silver_op = "silver_genres"
    silver_description = (
        "TMDB's TV genres by id. The latest day's are what `genres_known` holds shows against."
    )
    silver_checks = checks.GENRE_CHECKS
    silver_table = TableSpec(
        "silver_genres",
        "TMDB's TV genres, one row a genre and day on which they were captured.",
        "silver/genres/dt=*/data.parquet",
        refinement.SILVER,
    )
    table_name = "silver_genres"
    unique = "id"
    lineage: Mapping[str, Sequence[str]] = {"id": ("id",), "name": ("name",)}
    footer_type = GenresFooter
    comes_first = True

    def fetch(self, session: CaptureSession, key: BronzeKey, options: Options) -> list[tuple[str, bytes]]:
        with session.tmdb.client() as client:
            captured = client.genres(day=date.fromisoformat(key.dt))
        return [(str(key), captured.to_bronze(key.execution_id))]

    def read(self, store: Store, key: BronzeKey) -> Capture[Genres]:
        try:
            genres = genre_reply.decode(store.get(str(key)))
        except UnreadableGenresError as error:
            raise UnreadableGenresError(f"{store.uri(str(key))}: {error}") from error
        metadata = genres.metadata
        captured_at = moment_of(metadata.ingestion_timestamp)
        return Capture(key, genres.sha256, metadata.source, captured_at, "complete", genres)

    def remedy(self, day: str, rejected: Sequence[str]) -> str:
        return "Materialize bronze_genres on that very day (UTC)."

    def judge_capture(self, capture: Capture[Genres]) -> Findings:
        return ()

    def show_capture(self, capture: Capture[Genres]) -> Shown:
        metadata = capture.content.metadata
        return {
            "source": metadata.source or "not stated",
            "language": metadata.language or "not stated",
            "bytes": len(capture.content.reply),
            "sha256": metadata.sha256 or capture.sha256,
        }

    def audit(self, store: Store, key: BronzeKey, source: str) -> AuditResult:
        try:
            genres = self.read(store, key).content
        except (UnreadableGenresError, NoSuchObjectError) as error:
            return AuditResult(str(key), problems=(str(error),))
        metadata = genres.metadata
        problems = differing(key, source, metadata.execution_id, metadata.source)
        if metadata.sha256 not in (None, hashlib.sha256(genres.reply).hexdigest()):
            problems.append("the reply does not hash to the SHA-256 taken when it was received")
        count = refinement.refine(genres).counts.genres
        return AuditResult(str(key), 1, count, tuple(problems), unproven=metadata.sha256 is None)

    def refine(self, capture: Capture[Genres]) -> Refined:
        return refinement.refine(capture.content)

    def footer(self, capture: Capture[Genres], refined: Refined, source: str) -> GenresFooter:
        return GenresFooter(
            bronze=(capture.ref,),
            contract_version=refinement.VERSION,
            source=source,
            ingestion_timestamp=capture.content.metadata.ingestion_timestamp,
            counts=refined.counts,
        )

    def judge(
        self, capture: Capture[Genres], refined: Refined, options: Options, against: CheckContext
    ) -> Findings:
        ids = refined.silver["id"].to_pylist()
        return (
            (checks.GENRE_ID_UNIQUE, checks.genre_id_unique(ids)),
            (
                checks.GENRES_NAMED,
                checks.genres_named(refined.counts.genres, refined.rejected),
            ),
            (checks.GENRES_AS_CONTRACTED, checks.genres_as_contracted(ids)),
        )

    def show(self, capture: Capture[Genres], refined: Refined, past: PublishedHistory) -> Shown:
        return {"dagster/partition_row_count": refined.counts.silver_rows, "genres": rows(refined.silver)}


GENRES = GenresDataset()
DATASETS = (GENRES,)
