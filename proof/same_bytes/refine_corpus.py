"""`python -P refine_corpus.py TREE CORPUS FOLDER`: refines every input of the corpus by the code of one tree.

Of each input it writes what became of it: the objects of bronze, silver and quarantine, or the text of the error. The
modules are in other places in other trees: `_module` is the one place that knows them.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

DATA_TYPE, DT, KEY = "popular_shows", "2025-12-24", "bronze/tmdb/shows/popular_shows/dt=2025-12-24/a.json"

Made = Iterator[tuple[str, bytes]]
"""Names of objects, and their bytes."""

_PLACES = {
    "bronze": (
        "tally_pipeline.bronze.list_capture",
        "tally_pipeline.datasets.shows.bronze",
        "tally_pipeline.shows.bronze",
    ),
    "refine": (
        "tally_pipeline.datasets.shows.refinement",
        "tally_pipeline.datasets.shows.refine",
        "tally_pipeline.shows.refine",
    ),
    "series": (
        "tally_pipeline.datasets.series.refinement",
        "tally_pipeline.datasets.series.refine",
        "tally_pipeline.shows.series",
    ),
    "genres": (
        "tally_pipeline.datasets.genres.refinement",
        "tally_pipeline.datasets.genres.refine",
        "tally_pipeline.shows.genres",
    ),
    "genre_reply": (
        "tally_pipeline.bronze.genre_reply",
        "tally_pipeline.datasets.genres.refine",
        "tally_pipeline.shows.genres",
    ),
    "parquet": ("tally_pipeline.lake.parquet",),
}


def _module(name: str) -> ModuleType:
    """A module by what it does: at its new place, or else at its old one."""
    for place in _PLACES[name]:
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            if not f"{place}.".startswith(f"{error.name}."):
                raise  # it is there, and something that it needs is not
    raise SystemExit(f"none of {', '.join(_PLACES[name])} is there: add where {name} is now to {__file__}")


def main() -> int:
    tree, corpus, folder = (Path(argument) for argument in sys.argv[1:])
    found = importlib.import_module("tally_pipeline").__file__ or ""
    if not Path(found).resolve().is_relative_to(tree.resolve()):
        sys.exit(f"tally_pipeline is {found}, which is not in {tree}: PYTHONPATH has to begin with that")
    refine = _Refiner()
    ways: Mapping[str, Callable[[bytes], Made]] = {
        "rows": refine.rows,
        "page": refine.page,
        "export": refine.export,
        "genres": refine.genres,
    }
    for path in sorted(corpus.iterdir()):
        kind = path.name.split("-")[1]
        place = folder / path.name
        place.mkdir(parents=True)
        try:
            for name, body in ways[kind](path.read_bytes()):
                (place / name).write_bytes(body)
        except ValueError as error:
            # What the product raises of bytes that it refuses; its name may change, what it says may not.
            (place / "refused.txt").write_text(str(error), encoding="utf-8", errors="surrogateescape")
    return 0


class _Refiner:
    """From bytes to what is kept of them, as the assets do it, without a lake."""

    def __init__(self) -> None:
        self._bronze, self._refine, self._series, self._genres, self._genre_reply, self._parquet = map(
            _module, ("bronze", "refine", "series", "genres", "genre_reply", "parquet")
        )

    def rows(self, data: bytes) -> Made:
        yield from self._refined(self._bronze.decode(data))

    def page(self, data: bytes) -> Made:
        read = self._bronze.read_page(1, data, {"ETag": '"x"', "Date": "Wed, 24 Dec 2025 03:00:00 GMT"})
        body = self._bronze.encode([read], self._bronze.Metadata(data_type=DATA_TYPE, source="tmdb"))
        yield "bronze.json", body
        yield from self._refined(self._bronze.decode(body))

    def export(self, data: bytes) -> Made:
        yield from self._tables(self._series.refine(data, key=KEY))

    def genres(self, data: bytes) -> Made:
        self._genre_reply.check_reply(data)
        body = self._genre_reply.encode(data, self._genre_reply.Metadata(language="en-US"))
        yield "bronze.json", body
        refined = self._genres.refine(self._genre_reply.decode(body))
        yield "silver.parquet", self._parquet.encode_table(refined.silver)
        yield "rejected.json", json.dumps(refined.rejected).encode()

    def _refined(self, bronze: Any) -> Made:
        yield from self._tables(self._refine.refine(bronze, data_type=DATA_TYPE, dt=DT, key=KEY))

    def _tables(self, refined: Any) -> Made:
        """Silver and quarantine with their counts as the footer."""
        yield "silver.parquet", self._parquet.encode(refined.silver, refined.counts)
        yield "quarantine.parquet", self._parquet.encode(refined.quarantine, refined.counts)


if __name__ == "__main__":
    sys.exit(main())
