"""Names every key of the lake, and reads names back. Nothing else builds or takes apart a key.

Keys use only `a-z A-Z 0-9 _ = . / -`, which no S3 event, emulator or file system encodes or folds differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property

BRONZE = "bronze/tmdb/shows"
SILVER = "silver/shows"
QUARANTINE = "quarantine/shows"
GOLD = "gold"
REPORTS = "reports"
STREAMS = "bronze/tmdb"
"""The root of what TMDB serves besides lists of shows."""
OWNERSHIP_MARKER = "lake.json"
"""Says whose data the lake holds; written before anything else."""

_NAME = r"[A-Za-z0-9_-]+"
_DAY = r"\d{4}-\d{2}-\d{2}"
_DAY_FOLDER = re.compile(rf"dt=(?P<dt>{_DAY})")

EARLIEST = "2008-01-01"
"""TMDB began in 2008: an object of a day before is a mistake, and gets no partition."""


@dataclass(frozen=True, order=True)
class BronzeKey:
    """One capture: of which dataset, which day (`YYYY-MM-DD`, UTC), and which execution wrote it.

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
        """The parts of the key of a list's capture, or None when `key` is none (wrong folder, impossible date)."""
        folder, slash, _ = key.removeprefix(f"{BRONZE}/").partition("/dt=")
        is_name = slash and key.startswith(f"{BRONZE}/") and re.fullmatch(_NAME, folder)
        return Place(folder, BRONZE).parse(key) if is_name else None


@dataclass(frozen=True)
class Place:
    """Where the captures of a dataset lie: `<root>/<data_type>/dt=<day>/<execution><suffix>`.

    Where something is kept beside each capture, its key differs from the capture's by the suffix `beside`.
    """

    data_type: str
    root: str = STREAMS
    suffix: str = ".json"
    beside: str | None = None

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
        """The parts of the key of one of its captures, or None when `key` is none."""
        match = self._pattern.fullmatch(key)
        return self.key(match["dt"], match["id"]) if match and _is_day(match["dt"]) else None

    def key_beside(self, capture: str) -> str | None:
        """The key of what is kept beside a capture; None where nothing is."""
        return capture.removesuffix(self.suffix) + self.beside if self.beside else None

    def is_beside(self, key: str) -> bool:
        """Whether the key is of what is kept beside a capture, whether or not that is there."""
        if self.beside is None or not key.endswith(self.beside):
            return False
        return self.parse(key.removesuffix(self.beside) + self.suffix) is not None

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile(
            rf"{re.escape(self.folder)}/dt=(?P<dt>{_DAY})/(?P<id>{_NAME}){re.escape(self.suffix)}"
        )


class Places:
    """The places of all datasets: by them the key of any capture is read."""

    def __init__(self, known: Iterable[Place]) -> None:
        self._by_name = {place.data_type: place for place in known}
        self._by_folder = {place.folder: place for place in self._by_name.values()}

    def __iter__(self) -> Iterator[Place]:
        return iter(self._by_name.values())

    def of(self, data_type: str) -> Place:
        """A dataset's place; of a name that nobody knows, that of a list of this name."""
        return self._by_name.get(data_type) or Place(data_type, BRONZE)

    def is_beside(self, key: str) -> bool:
        """Whether the key is of what is kept beside a capture."""
        return any(place.is_beside(key) for place in self)

    def parse(self, key: str) -> BronzeKey | None:
        """The parts of a capture's key, also of a list that nobody knows; None when `key` is none."""
        place = self._by_folder.get(key.partition("/dt=")[0])
        return place.parse(key) if place else BronzeKey.parse(key)


def bronze_prefix(data_type: str, dt: str | None = None) -> str:
    """The folder of a list's captures; with `dt` (`YYYY-MM-DD`) the folder of one day's. No slash at the end."""
    return f"{BRONZE}/{data_type}" if dt is None else f"{BRONZE}/{data_type}/dt={dt}"


def silver_key(data_type: str, dt: str) -> str:
    """Where a list's refined rows of one day are."""
    return f"{SILVER}/{data_type}/dt={dt}/data.parquet"


def quarantine_key(data_type: str, dt: str) -> str:
    """Where a list's rejected rows of one day are, with their reasons."""
    return f"{QUARANTINE}/{data_type}/dt={dt}/data.parquet"


def gold_key(table: str, dt: str) -> str:
    """Where a day of a gold table is."""
    return f"{GOLD}/{table}/dt={dt}/data.parquet"


def report_key(dt: str) -> str:
    """Where the day's report is."""
    return f"{REPORTS}/dt={dt}/index.html"


def latest_report_key() -> str:
    """Where the newest day's report is once more."""
    return f"{REPORTS}/latest.html"


def day_of(folder: str) -> str | None:
    """The day that a folder's name says (`dt=YYYY-MM-DD`); None when it says none."""
    match = _DAY_FOLDER.fullmatch(folder)
    return match["dt"] if match and _is_day(match["dt"]) else None


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
