"""A lake of TMDB's data in a temporary folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import Store
from testkit.captures import capture, page, show

DAY = "2025-12-24"


class FolderLake(Lake):
    """A lake whose files tests can get at, past the store."""

    def __init__(self, root: Path, source: str = "tmdb") -> None:
        super().__init__(Store.in_folder(root), source)
        self.root = root

    def path(self, key: BronzeKey | str) -> Path:
        """The file of an object, its folder made if need be."""
        path = self.root / str(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def keep(
        self, execution_id: str, at: str | None = f"{DAY}T03:00:00.000Z", *, shows: int = 3, missing: int = 0
    ) -> BronzeKey:
        """Writes a capture of popular_shows of `DAY`; `missing` pages stayed broken."""
        key = BronzeKey("popular_shows", DAY, execution_id)
        pages = [page(1, [show(number) for number in range(1, shows + 1)])]
        gaps = tuple(range(2, 2 + missing))
        self.write_bronze(key, capture(pages, gaps, execution_id=execution_id, ingestion_timestamp=at))
        return key


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    """An empty lake; its folder is not there yet."""
    return FolderLake(tmp_path / "lake")
