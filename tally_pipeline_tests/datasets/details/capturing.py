"""Captures details from a server of shows into a lake in a folder, as the asset does, without a run of Dagster."""

from __future__ import annotations

import logging
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from tally_pipeline import clock
from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import Manifest, Reply
from tally_pipeline.datasets.dataset import CaptureSession
from tally_pipeline.datasets.details import DETAILS, CaptureOptions
from tally_pipeline.datasets.shows.contract import SILVER
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.locks import TableLocks
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb.connection import Tmdb
from tally_pipeline.tmdb.settings import TmdbSettings
from testkit.pipeline import row
from testkit.tmdb.show_server import ShowServer


def today() -> str:
    """The day that is captured."""
    return clock.today().isoformat()


@dataclass
class Home:
    """A lake in a folder, with the folder of the journal beside it."""

    folder: Path

    @property
    def lake(self) -> Lake:
        root = self.folder / "lake"
        return Lake(Store.in_folder(root), "sandbox", TableLocks.beside(root))

    @property
    def journal(self) -> list[Path]:
        """The files that a killed capture left."""
        folder = self.folder / "captures"
        return sorted(folder.iterdir()) if folder.exists() else []

    def list_shows(self, *show_ids: int, day: str | None = None) -> None:
        """Let the list of popular shows hold these shows."""
        rows = [
            {
                name: value
                for name, value in {**row(show), "show_id": show, "rank": rank}.items()
                if name in SILVER.names
            }
            for rank, show in enumerate(show_ids, 1)
        ]
        table = pa.Table.from_pylist(rows, schema=SILVER)
        self.lake.store.put(layout.silver_key("popular_shows", day or today()), parquet.encode_table(table))

    def capture(self, server: ShowServer, name: str = "a", **options: Any) -> Manifest:
        """Capture details of today, keeping object after object as they come; returns the manifest."""
        return self.capture_from(server.base_url, name, **options)

    def capture_from(self, base_url: str, name: str = "a", **options: Any) -> Manifest:
        """The same, from a server at an address."""
        key = DETAILS.place.key(today(), name)
        for written, body in self.objects(base_url, name, **options):
            self.lake.write_once(written, body)
        return self.manifest(key)

    def objects(
        self, base_url: str, name: str = "a", *, budget: int = 1000, anew: bool = False, **settings: Any
    ) -> Generator[tuple[str, bytes]]:
        """The objects of a capture of today; `settings` are the client's."""
        quick = {
            "base_url": base_url,
            "backoff_seconds": 0.001,
            "requests_per_second": 5000,
            "attempts": 3,
        }
        tmdb = Tmdb(TmdbSettings(**{**quick, **settings}), False, "sandbox", {}, details_budget=budget)
        session = CaptureSession(tmdb, self.lake, self.folder / "captures", logging.getLogger("details"))
        yield from DETAILS.fetch(session, DETAILS.place.key(today(), name), CaptureOptions(anew=anew))

    def manifest(self, key: BronzeKey) -> Manifest:
        return DETAILS.read(self.lake.store, key).content.manifest

    def replies(self, manifest: Manifest) -> dict[int, bytes]:
        """The replies of a capture that are meant, by show."""
        content = DETAILS.read(self.lake.store, DETAILS.place.key(manifest.dt, manifest.execution_id)).content
        return {
            reply.head.show_id: reply.body for part in manifest.parts for reply in content.read_part(part)
        }

    def all_replies(self) -> list[Reply]:
        """Every reply in the parts of today, those that no manifest means too."""
        parts = self.lake.store.list(DETAILS.place.parts_folder(today()))
        return [one for info in parts for one in details_capture.decode_part(self.lake.store.get(info.key))]
