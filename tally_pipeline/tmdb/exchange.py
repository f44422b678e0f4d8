"""A request to TMDB and the response to it, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

SANDBOX_HEADER = "X-Tally-Sandbox"
"""Every response of the sandbox carries it, so that invented shows cannot pass for TMDB's."""


@dataclass(frozen=True)
class Request:
    """A request: its list (or stream), its page (from 1; None without pages) and its URL without secrets."""

    list_name: str | None
    page: int | None
    url: str


@dataclass(frozen=True)
class Response:
    """A whole response. `body` is decoded by its content encoding, `headers` are case-insensitive, `received_at` is
    aware."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
