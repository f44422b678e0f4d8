"""The receipt that is kept beside the file of a daily export."""

from __future__ import annotations

import msgspec


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept beside a day's file: where it came from, when, and what its bytes hash to.

    `ingestion_timestamp` is RFC 3339 in UTC, the moment the download began; `headers` those of the reply that
    say something about the file; `source` "tmdb" or "sandbox"; `requests` how often the file was asked for.
    """

    dt: str
    url: str
    bytes: int
    sha256: str
    headers: dict[str, str]
    ingestion_timestamp: str
    execution_id: str
    source: str
    client: str
    requests: int
    duration_seconds: float
