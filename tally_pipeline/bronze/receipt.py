"""The receipt that is kept beside the file of a daily export."""

from __future__ import annotations

import msgspec


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """The record kept beside a day's file: its source, its time, and the hash of its bytes.

    `ingestion_timestamp` is RFC 3339 in UTC, the moment the download began; `headers` the response's
    headers about the file; `source` "tmdb" or "sandbox"; `requests` the number of requests for it.
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
