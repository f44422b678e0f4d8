"""What the client needs to know: where TMDB is, who asks, in what language, how fast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

TMDB_BASE_URL = "https://api.themoviedb.org/3"
_TMDB_DOMAINS = ("themoviedb.org", "tmdb.org")

UTC_TIMEZONE = "Africa/Abidjan"
"""UTC all year (no summer time since 1912), under a name TMDB lists.

TMDB takes the names of https://developer.themoviedb.org/reference/configuration-timezones, which go by
country; `Etc/UTC` belongs to none, and an unknown name fails with body code 28.
"""


@dataclass(frozen=True)
class TmdbSettings:
    """Settings of a `TmdbClient`. Raises `ValueError` for values that cannot work, never showing a secret.

    `token` (the API Read Access Token) goes into a header; `api_key` (v3) is used only without it; with
    neither, requests carry no credentials. `language` is an IETF tag, `timezone` one of TMDB's names: it
    decides which day "today" is. Times are in seconds. A page is asked for at most `attempts` times; the wait
    before the second is up to `backoff_seconds`, then doubles, up to 30 s. A server that asks for a longer
    wait than `max_retry_after_seconds` ends the capture. `connections` is how many requests may be under way.
    """

    base_url: str = TMDB_BASE_URL
    token: str | None = field(default=None, repr=False)
    api_key: str | None = field(default=None, repr=False)
    language: str = "en-US"
    timezone: str = UTC_TIMEZONE
    trending_window: str = "day"
    requests_per_second: float = 40
    attempts: int = 6
    timeout_seconds: float = 15
    connections: int = 16
    backoff_seconds: float = 0.5
    max_retry_after_seconds: float = 120

    def __post_init__(self) -> None:
        url = urlsplit(self.base_url)
        if url.scheme not in ("http", "https") or not url.hostname:
            raise ValueError(f"TMDB_BASE_URL must look like {TMDB_BASE_URL}")
        if url.username or url.password or url.query:
            raise ValueError(
                "TMDB_BASE_URL must hold no user, password or query: "
                "the key belongs into TMDB_API_TOKEN or TMDB_API_KEY"
            )
        for name, secret in (("TMDB_API_TOKEN", self.token), ("TMDB_API_KEY", self.api_key)):
            # Such a header is refused deep inside http.client, with the secret in the message.
            if secret and not all("!" <= character <= "~" for character in secret):
                raise ValueError(f"{name} holds a blank, a line break or a special character: copy it again")
        if self.trending_window not in ("day", "week"):
            raise ValueError(f"the trending window is {self.trending_window!r}; it must be 'day' or 'week'")
        for name in ("requests_per_second", "attempts", "timeout_seconds", "connections"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number above 0")

    @property
    def source(self) -> Literal["tmdb", "sandbox"]:
        """ "tmdb" when `base_url` is at TMDB, "sandbox" for any other server: whose data a capture holds."""
        host = urlsplit(self.base_url).hostname or ""
        at_tmdb = any(host == domain or host.endswith(f".{domain}") for domain in _TMDB_DOMAINS)
        return "tmdb" if at_tmdb else "sandbox"
