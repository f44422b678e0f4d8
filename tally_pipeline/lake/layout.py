"""Names every key of the lake, and reads names back. Nothing else builds or takes apart a key.

Keys use only `a-z A-Z 0-9 _ = . / -`, which no S3 event, emulator or file system encodes or folds differently.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

BRONZE = "bronze/tmdb/shows"
SILVER = "silver/shows"
QUARANTINE = "quarantine/shows"
GOLD = "gold"
REPORTS = "reports"
STREAMS = "bronze/tmdb"
CLAIM = "lake.json"
"""Says whose data the lake holds; written before anything else."""

SERIES_EXPORT = "series_export"
GENRES = "genres"
STREAM_NAMES = (SERIES_EXPORT, GENRES)
_SUFFIXES = {SERIES_EXPORT: ".json.gz", GENRES: ".json"}

_NAME = r"[A-Za-z0-9_-]+"
_STREAM_KEY = re.compile(
    rf"{STREAMS}/(?P<data_type>{SERIES_EXPORT}|{GENRES})/dt=(?P<dt>\d{{4}}-\d{{2}}-\d{{2}})"
    rf"/(?P<execution_id>{_NAME})(?P<suffix>\.json|\.json\.gz)"
)
_BRONZE_KEY = re.compile(
    rf"{BRONZE}/(?P<data_type>{_NAME})/dt=(?P<dt>\d{{4}}-\d{{2}}-\d{{2}})/(?P<execution_id>{_NAME})\.json"
)
_DAY_FOLDER = re.compile(r"dt=(?P<dt>\d{4}-\d{2}-\d{2})")

EARLIEST = "2008-01-01"
"""TMDB began in 2008: an object of a day before is a mistake, and gets no partition."""


@dataclass(frozen=True, order=True)
class BronzeKey:
    """One capture of one list: which list, which day (`YYYY-MM-DD`, UTC), which execution wrote it."""

    data_type: str
    dt: str
    execution_id: str

    def __str__(self) -> str:
        return f"{bronze_prefix(self.data_type, self.dt)}/{self.execution_id}.json"

    @classmethod
    def parse(cls, key: str) -> BronzeKey | None:
        """The parts of a bronze key, or None when `key` is not one (wrong folder, impossible date, odd name)."""
        match = _BRONZE_KEY.fullmatch(key)
        if match is None or not _is_day(match["dt"]):
            return None
        return cls(match["data_type"], match["dt"], match["execution_id"])


@dataclass(frozen=True, order=True)
class StreamKey:
    """One capture of a stream, which is what TMDB serves besides lists of shows.

    `data_type` is `series_export` (TMDB's daily file of all series) or `genres`; no list has such a name.
    """

    data_type: str
    dt: str
    execution_id: str

    def __str__(self) -> str:
        return f"{stream_prefix(self.data_type, self.dt)}/{self.execution_id}{_SUFFIXES[self.data_type]}"

    @property
    def receipt(self) -> str:
        """Where the receipt of an export is: beside the file."""
        return str(self).removesuffix(".gz")

    @classmethod
    def parse(cls, key: str) -> StreamKey | None:
        """The parts of a stream's key, or None when `key` is not one. A receipt's is none."""
        match = _STREAM_KEY.fullmatch(key)
        if match is None or not _is_day(match["dt"]) or match["suffix"] != _SUFFIXES[match["data_type"]]:
            return None
        return cls(match["data_type"], match["dt"], match["execution_id"])


def parse_capture(key: str) -> BronzeKey | StreamKey | None:
    """The parts of the key of any capture, be it of a list or of a stream; None when `key` is not one."""
    return BronzeKey.parse(key) or StreamKey.parse(key)


def stream_prefix(stream: str, dt: str | None = None) -> str:
    """The folder of a stream's captures; with `dt` the folder of one day's. No slash at the end."""
    return f"{STREAMS}/{stream}" if dt is None else f"{STREAMS}/{stream}/dt={dt}"


def bronze_prefix(data_type: str, dt: str | None = None) -> str:
    """The folder of a list's captures; with `dt` (`YYYY-MM-DD`) the folder of one day's. No slash at the end."""
    return f"{BRONZE}/{data_type}" if dt is None else f"{BRONZE}/{data_type}/dt={dt}"


def captures_prefix(data_type: str) -> str:
    """The folder of the captures of a list or a stream. No slash at the end."""
    return stream_prefix(data_type) if data_type in STREAM_NAMES else bronze_prefix(data_type)


def silver_key(data_type: str, dt: str) -> str:
    """Where a list's refined rows of one day are."""
    return f"{SILVER}/{data_type}/dt={dt}/data.parquet"


def quarantine_key(data_type: str, dt: str) -> str:
    """Where a list's rejected rows of one day are, with their reasons."""
    return f"{QUARANTINE}/{data_type}/dt={dt}/data.parquet"


def series_key(dt: str) -> str:
    """Where the refined series of one day are."""
    return f"silver/series/dt={dt}/data.parquet"


def series_quarantine_key(dt: str) -> str:
    """Where the rejected lines of one day's export are, with their reasons."""
    return f"quarantine/series/dt={dt}/data.parquet"


def genres_key(dt: str) -> str:
    """Where the genres of one day are."""
    return f"silver/genres/dt={dt}/data.parquet"


def refined_key(data_type: str, dt: str) -> str:
    """Where the day of a list or a stream is refined to."""
    if data_type == SERIES_EXPORT:
        return series_key(dt)
    return genres_key(dt) if data_type == GENRES else silver_key(data_type, dt)


def quarantine_of(data_type: str, dt: str) -> str | None:
    """Where what was rejected of the day of a list or a stream is; genres reject nothing there."""
    if data_type == SERIES_EXPORT:
        return series_quarantine_key(dt)
    return None if data_type == GENRES else quarantine_key(data_type, dt)


def gold_key(table: str, dt: str) -> str:
    """Where a day of a gold table is."""
    return f"{GOLD}/{table}/dt={dt}/data.parquet"


def report_key(dt: str) -> str:
    """Where the day's report is."""
    return f"{REPORTS}/dt={dt}/index.html"


def latest_report_key() -> str:
    """Where the newest day's report is once more."""
    return f"{REPORTS}/latest.html"


def table_key(asset: Sequence[str], dt: str) -> str:
    """Where a day of an asset's table is: silver's place for silver's assets, else a folder of its name."""
    match list(asset):
        case ["silver_shows", data_type]:
            return silver_key(data_type, dt)
        case ["silver_series"]:
            return series_key(dt)
        case ["silver_genres"]:
            return genres_key(dt)
    return f"{'/'.join(asset)}/dt={dt}/data.parquet"


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
