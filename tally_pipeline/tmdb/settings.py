"""The client's settings: TMDB's address, credentials, language, rate."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit, urlunsplit
from zoneinfo import available_timezones

Source = Literal["tmdb", "sandbox"]
"""The source of data."""

TMDB_BASE_URL = "https://api.themoviedb.org/3"
TMDB_EXPORTS_URL = "https://files.tmdb.org/p/exports"
_TMDB_DOMAINS = ("themoviedb.org", "tmdb.org")

UTC_TIMEZONE = "Africa/Abidjan"
"""UTC all year (no summer time since 1912), under a name TMDB lists.

TMDB takes the names of https://developer.themoviedb.org/reference/configuration-timezones, which go by
country; `Etc/UTC` belongs to none, and an unknown name fails with body code 28.
"""

_NO_PLACES = ("localtime", "Factory", "posixrules", "posix", "right")
"""Files among a machine's timezones that mean something else on each machine, or repeat the others."""


@dataclass(frozen=True)
class TmdbSettings:
    """Settings of a `TmdbClient`. Raises `ValueError` for values that cannot work, never showing a secret.

    `token` (the API Read Access Token) goes into a header; `api_key` (v3) is used only without it; with
    neither, requests carry no credentials. `language` is an IETF tag, `timezone` one of TMDB's names: it
    decides which day "today" is. Times are in seconds. A page is requested at most `attempts` times; the wait
    before the second is up to `backoff_seconds`, then doubles, up to 30 s. A server that asks for a longer
    wait than `max_retry_after_seconds` ends the capture. `connections` limits the requests in progress.
    `exports_url` is where the daily exports are; None: TMDB's place for them, or the sandbox's at `base_url`.
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
    exports_url: str | None = None

    def __post_init__(self) -> None:
        _check_url("TMDB_BASE_URL", self.base_url, TMDB_BASE_URL)
        _check_url("TMDB_EXPORTS_URL", self.exports, TMDB_EXPORTS_URL)
        if _is_tmdbs(self.exports) != _is_tmdbs(self.base_url):
            raise ValueError(
                f"TMDB_EXPORTS_URL is {self.exports} and TMDB_BASE_URL is {self.base_url}: both must be TMDB's, or"
                " neither, for invented shows and real ones never share a lake"
            )
        for name, secret in (("TMDB_API_TOKEN", self.token), ("TMDB_API_KEY", self.api_key)):
            # Such a header is refused deep inside http.client, with the secret in the message.
            if secret and not all("!" <= character <= "~" for character in secret):
                raise ValueError(f"{name} holds a blank, a line break or a special character: copy it again")
        if self.trending_window not in ("day", "week"):
            raise ValueError(f"TMDB_TRENDING_WINDOW is {self.trending_window!r}; it must be 'day' or 'week'")
        for name, value, form, example in (
            ("TMDB_LANGUAGE", self.language, r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", "en-US"),
            # TMDB itself answers which of them it knows.
            ("TMDB_TIMEZONE", self.timezone, r"[A-Za-z0-9_+/-]+", UTC_TIMEZONE),
        ):
            if not re.fullmatch(form, value):
                raise ValueError(f"{name} is {value!r}; it must look like {example}")
        known = self.timezone in available_timezones() and self.timezone.split("/")[0] not in _NO_PLACES
        if self.timezone != UTC_TIMEZONE and not known:
            raise ValueError(
                f"TMDB_TIMEZONE is {self.timezone!r}, and there is no such timezone; give one by its IANA name, as in"
                " Europe/Berlin"
            )
        for name in ("requests_per_second", "attempts", "timeout_seconds", "connections"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give a number above 0")

    @property
    def source(self) -> Literal["tmdb", "sandbox"]:
        """ "tmdb" when `base_url` is at TMDB, "sandbox" for any other server: whose data a capture holds."""
        return "tmdb" if _is_tmdbs(self.base_url) else "sandbox"

    @property
    def exports(self) -> str:
        """The URL of the daily exports, without a slash at the end."""
        if self.exports_url is not None:
            return self.exports_url.rstrip("/")
        if _is_tmdbs(self.base_url):
            return TMDB_EXPORTS_URL
        scheme, host, *_ = urlsplit(self.base_url)
        return urlunsplit((scheme, host, "/p/exports", "", ""))


def _check_url(name: str, url: str, example: str) -> None:
    try:
        parts = urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets that do not close, a port out of range
        is_one = False
    # Blanks and invisible characters would be dropped, or sent.
    if not is_one or not all("!" <= character <= "~" for character in url):
        raise ValueError(f"{name} must look like {example}")
    if parts.username or parts.password or parts.query:
        raise ValueError(
            f"{name} must hold no user, password or query: the key belongs into TMDB_API_TOKEN or TMDB_API_KEY"
        )


def _is_tmdbs(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return any(host == domain or host.endswith(f".{domain}") for domain in _TMDB_DOMAINS)
