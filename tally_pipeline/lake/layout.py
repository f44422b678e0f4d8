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

_NAME = r"[A-Za-z0-9_-]+"
_BRONZE_KEY = re.compile(
    rf"{BRONZE}/(?P<data_type>{_NAME})/dt=(?P<dt>\d{{4}}-\d{{2}}-\d{{2}})/(?P<execution_id>{_NAME})\.json"
)


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


def bronze_prefix(data_type: str, dt: str | None = None) -> str:
    """The folder of a list's captures; with `dt` (`YYYY-MM-DD`) the folder of one day's. No slash at the end."""
    return f"{BRONZE}/{data_type}" if dt is None else f"{BRONZE}/{data_type}/dt={dt}"


def silver_key(data_type: str, dt: str) -> str:
    """Where a list's refined rows of one day are."""
    return f"{SILVER}/{data_type}/dt={dt}/data.parquet"


def quarantine_key(data_type: str, dt: str) -> str:
    """Where a list's rejected rows of one day are, with their reasons."""
    return f"{QUARANTINE}/{data_type}/dt={dt}/data.parquet"


def table_key(asset: Sequence[str], dt: str) -> str:
    """Where a day of an asset's table is: silver's place for `silver_shows/<list>`, else a folder of its name."""
    if len(asset) == 2 and asset[0] == "silver_shows":
        return silver_key(asset[1], dt)
    return f"{'/'.join(asset)}/dt={dt}/data.parquet"


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
