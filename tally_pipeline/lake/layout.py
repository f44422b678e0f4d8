"""Builds and parses every key of the lake. Nothing else does either.

Keys use only `a-z A-Z 0-9 _ = . / -`, which no S3 event, emulator or file system encodes or folds differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from tally_pipeline.events import batches

BRONZE = "bronze/tmdb/shows"
SILVER = "silver/shows"
QUARANTINE = "quarantine/shows"
GOLD = "gold"
REPORTS = "reports"
STREAMS = "bronze/tmdb"
"""The root of captures from TMDB other than lists of shows."""
OWNERSHIP_MARKER = "lake.json"
"""Names the source of the lake's data; written before anything else."""

WATCHLISTS, PRICES = "inputs/watchlists.json", "inputs/prices.toml"
"""Objects that people put into the lake: wishes by watchlist, and what services cost."""

_PROOFS = "prove"

_NAME = r"[A-Za-z0-9_-]+"
_DAY = r"\d{4}-\d{2}-\d{2}"
_DAY_FOLDER = re.compile(rf"dt=(?P<dt>{_DAY})")

EARLIEST = "2008-01-01"
"""TMDB began in 2008: an object of an earlier day is a mistake, and gets no partition."""


@dataclass(frozen=True, order=True)
class BronzeKey:
    """The key of one capture: its dataset, its day (`YYYY-MM-DD`, UTC), and the execution that wrote it.

    `root` and `suffix` are those of its dataset's `Place`; the defaults are those of a list of shows.
    """

    data_type: str
    dt: str
    execution_id: str
    root: str = BRONZE
    suffix: str = ".json"

    def __str__(self) -> str:
        return f"{self.root}/{self.data_type}/dt={self.dt}/{self.execution_id}{self.suffix}"

    @classmethod
    def parse(cls, key: str) -> BronzeKey | None:
        """Parse the key of a list's capture; None if `key` is none (wrong folder, impossible date)."""
        folder, slash, _ = key.removeprefix(f"{BRONZE}/").partition("/dt=")
        is_name = slash and key.startswith(f"{BRONZE}/") and re.fullmatch(_NAME, folder)
        return Place(folder, BRONZE).parse(key) if is_name else None


@dataclass(frozen=True)
class Place:
    """The place of a dataset's captures: `<root>/<data_type>/dt=<day>/<execution><suffix>`.

    An object kept beside each capture, if any, has the capture's key with the suffix `beside` instead. Captures in
    parts have them in `<root>/<data_type>/dt=<day>/parts/`, each named after its execution, with the suffix `parts`.
    """

    data_type: str
    root: str = STREAMS
    suffix: str = ".json"
    beside: str | None = None
    parts: str | None = None

    @property
    def folder(self) -> str:
        """The folder of all captures. No slash at the end."""
        return f"{self.root}/{self.data_type}"

    def day_folder(self, dt: str) -> str:
        """The folder of one day's captures. No slash at the end."""
        return f"{self.folder}/dt={dt}"

    def key(self, dt: str, execution_id: str) -> BronzeKey:
        return BronzeKey(self.data_type, dt, execution_id, self.root, self.suffix)

    def parse(self, key: str) -> BronzeKey | None:
        """Parse the key of one of its captures; None if `key` is none."""
        match = self._pattern.fullmatch(key)
        return self.key(match["dt"], match["id"]) if match and _is_day(match["dt"]) else None

    def key_beside(self, capture: str) -> str | None:
        """The key of the object beside a capture; None if the dataset keeps none."""
        return capture.removesuffix(self.suffix) + self.beside if self.beside else None

    def parts_folder(self, dt: str) -> str:
        """The folder of the parts of one day's captures. No slash at the end."""
        return f"{self.day_folder(dt)}/parts"

    def part_key(self, dt: str, execution_id: str, number: int) -> str:
        """The key of a part of an execution's capture."""
        return f"{self.parts_folder(dt)}/{execution_id}-{number:04}{self.parts}"

    def is_part(self, key: str) -> bool:
        """True if the key is that of a part of a capture."""
        if self.parts is None or not key.endswith(self.parts):
            return False
        folder, _, name = key.removesuffix(self.parts).rpartition("/parts/")
        return "/" not in name and self.parse(f"{folder}/{name}{self.suffix}") is not None

    def is_beside(self, key: str) -> bool:
        """True if the key is that of an object beside a capture, or of a part of one, existing or not."""
        if self.is_part(key):
            return True
        if self.beside is None or not key.endswith(self.beside):
            return False
        return self.parse(key.removesuffix(self.beside) + self.suffix) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(
            rf"{re.escape(self.folder)}/dt=(?P<dt>{_DAY})/(?P<id>{_NAME}){re.escape(self.suffix)}"
        )


class Places:
    """The places of all datasets, for parsing the key of any capture."""

    def __init__(self, places: Iterable[Place]) -> None:
        self._by_name = {place.data_type: place for place in places}
        self._by_folder = {place.folder: place for place in self._by_name.values()}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._by_name.values())

    def of(self, data_type: str) -> Place:
        """A dataset's place; for an unknown name, that of a list of this name."""
        return self._by_name.get(data_type) or Place(data_type, BRONZE)

    def is_part(self, key: str) -> bool:
        """True if the key is that of a part of a capture."""
        return any(place.is_part(key) for place in self)

    def is_beside(self, key: str) -> bool:
        """True if the key is that of an object beside a capture, or of a part of one."""
        return any(place.is_beside(key) for place in self)

    def parse(self, key: str) -> BronzeKey | None:
        """Parse a capture's key, also that of an unknown list; None if `key` is none."""
        place = self._by_folder.get(key.partition("/dt=")[0])
        return place.parse(key) if place else BronzeKey.parse(key)


def bronze_prefix(data_type: str, dt: str | None = None) -> str:
    """The folder of a list's captures; with `dt` (`YYYY-MM-DD`) the folder of one day's. No slash at the end."""
    return f"{BRONZE}/{data_type}" if dt is None else f"{BRONZE}/{data_type}/dt={dt}"


def silver_key(data_type: str, dt: str) -> str:
    """The key of a list's refined rows of one day."""
    return f"{SILVER}/{data_type}/dt={dt}/data.parquet"


def quarantine_key(data_type: str, dt: str) -> str:
    """The key of a list's rejected rows of one day, with their reasons."""
    return f"{QUARANTINE}/{data_type}/dt={dt}/data.parquet"


def table_key(layer: str, table: str, dt: str) -> str:
    """The key of a day of a table that is one file a day; `layer` is silver or gold."""
    return f"{layer}/{table}/dt={dt}/data.parquet"


def gold_key(table: str, dt: str) -> str:
    """The key of a day of a gold table."""
    return table_key(GOLD, table, dt)


def report_key(dt: str) -> str:
    """The key of the day's report."""
    return f"{REPORTS}/dt={dt}/index.html"


def latest_report_key() -> str:
    """The key of the copy of the newest day's report."""
    return f"{REPORTS}/latest.html"


def proof_key(layer: str, ident: str, name: str) -> str:
    """The key of an object of `tally deploy prove` in a layer: no dataset and no table reads it."""
    return f"{layer}/{_PROOFS}/{ident}/{name}"


def is_proof(key: str) -> bool:
    """True if the key is that of an object of `tally deploy prove`."""
    return key.split("/")[1:2] == [_PROOFS]


def is_batch_of_events(key: str) -> bool:
    """True if the key is below the folder of viewers' events."""
    return key.startswith(f"{batches.FOLDER}/")


def day_of(folder: str) -> str | None:
    """The day in a folder's name (`dt=YYYY-MM-DD`); None without one."""
    match = _DAY_FOLDER.fullmatch(folder)
    return match["dt"] if match and _is_day(match["dt"]) else None


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
