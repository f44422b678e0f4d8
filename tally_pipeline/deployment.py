"""Reads the environment (nothing else does) and makes of it what the assets run on.

Local: a folder and DuckDB. Every value has a default, so that nothing at all need be set.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values

from tally_pipeline.catalog.duckdb_engine import DuckDbEngine
from tally_pipeline.catalog.engine import QueryEngine
from tally_pipeline.catalog.tables import TABLES
from tally_pipeline.lake.arrivals import Arrivals, FolderArrivals
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.shows.lists import LISTS, MAX_PAGES, ShowList
from tally_pipeline.tmdb.client import PageProgress, TmdbClient
from tally_pipeline.tmdb.exports import ExportClient
from tally_pipeline.tmdb.rate import RateLimit
from tally_pipeline.tmdb.settings import TMDB_BASE_URL, UTC_TIMEZONE, TmdbSettings

Source = Literal["tmdb", "sandbox"]


class SettingsError(ValueError):
    """A setting cannot work; the message names it, what it is and what it may be. Secrets are not shown."""


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Paths are absolute; `depths` holds pages by list (None: to the end).

    `sandbox_embedded` says that neither a key nor a TMDB_BASE_URL is there: each process that fetches then starts
    a sandbox of its own for as long as it needs one.
    """

    home: Path
    deployment: Literal["local"]
    tmdb: TmdbSettings
    sandbox_embedded: bool
    depths: Mapping[str, int | None]
    first_day: date
    schedule: str
    exports_schedule: str
    genres_schedule: str
    min_pass_rate: float
    sensor_seconds: int
    port: int

    @property
    def source(self) -> Source:
        """Whose data this is; each has a lake and a history of its own."""
        return "sandbox" if self.sandbox_embedded else self.tmdb.source

    @property
    def state(self) -> Path:
        """The folder of this source's lake and history."""
        return self.home / self.source

    @property
    def lake_folder(self) -> Path:
        return self.state / "lake"

    @property
    def dagster_home(self) -> Path:
        return self.state / "dagster"


def load_settings(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
    """The settings from the environment and `.env`; the environment wins. Raises `SettingsError`."""
    told = {**(dotenv_values(dotenv) if dotenv else {}), **(os.environ if environ is None else environ)}
    read = _Reader({name: value.strip() for name, value in told.items() if value})
    token, api_key, base_url = (read.text(f"TMDB_{name}") for name in ("API_TOKEN", "API_KEY", "BASE_URL"))
    deployment = read.text("TALLY_DEPLOYMENT") or "local"
    if deployment != "local":
        raise SettingsError(f"TALLY_DEPLOYMENT is {deployment!r}; it must be 'local'")
    embedded, exports_url = not (base_url or token or api_key), read.text("TMDB_EXPORTS_URL")
    if embedded and exports_url:
        raise SettingsError(
            "TMDB_EXPORTS_URL is set, yet nothing says whose lists go with those exports: set TMDB_API_TOKEN, or"
            " TMDB_BASE_URL for a server of your own, or unset TMDB_EXPORTS_URL"
        )
    try:
        tmdb = TmdbSettings(
            base_url=(base_url or TMDB_BASE_URL).rstrip("/"),
            exports_url=exports_url,
            token=token,
            api_key=api_key,
            language=read.text("TMDB_LANGUAGE") or "en-US",
            timezone=read.text("TMDB_TIMEZONE") or UTC_TIMEZONE,
            trending_window=read.text("TMDB_TRENDING_WINDOW") or "day",
            requests_per_second=read.number("TMDB_REQUESTS_PER_SECOND", 40.0, least=0.1, most=1000.0),
            attempts=int(read.number("TMDB_ATTEMPTS", 6, least=1, most=20)),
            timeout_seconds=read.number("TMDB_TIMEOUT_SECONDS", 15.0, least=0.1, most=300.0),
        )
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(str(error)) from None
    return Settings(
        home=Path(read.text("TALLY_HOME") or ".tally").expanduser().resolve(),
        deployment="local",
        tmdb=tmdb,
        sandbox_embedded=embedded,
        depths={show_list.name: read.depth(show_list) for show_list in LISTS},
        first_day=read.day("TALLY_FIRST_DAY", date(2025, 1, 1)),
        schedule=read.cron("TALLY_SCHEDULE", "0 3 * * *"),
        exports_schedule=read.cron("TALLY_EXPORTS_SCHEDULE", "15,45 8-11 * * *"),
        genres_schedule=read.cron("TALLY_GENRES_SCHEDULE", "30 3 * * 1"),
        min_pass_rate=read.number("TALLY_MIN_PASS_RATE", 95.0, least=0.0, most=100.0),
        sensor_seconds=int(read.number("TALLY_SENSOR_SECONDS", 15, least=1, most=3600)),
        port=int(read.number("TALLY_PORT", 3000, least=1, most=65535)),
    )


class _Reader:
    """Reads values by name and says what is wrong with one that cannot be."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        return self._values.get(name)

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        text = self.text(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise SettingsError(f"{name} is {text!r}; give a number from {least:g} to {most:g}")
        return value

    def day(self, name: str, default: date) -> date:
        text = self.text(name)
        try:
            value = default if text is None else date.fromisoformat(text)
        except ValueError:
            value = None
        if value is None or value > today():
            raise SettingsError(f"{name} is {text!r}; give a day that is not in the future, as in 2025-01-01")
        return value

    def cron(self, name: str, default: str) -> str:
        text = self.text(name) or default
        if not re.fullmatch(r"[\d*,/-]+(\s+[\d*,/A-Za-z-]+){4}", text):
            raise SettingsError(f"{name} is {text!r}; give five cron fields, as in '{default}' (UTC)")
        return text

    def depth(self, show_list: ShowList) -> int | None:
        name = f"TALLY_PAGES_{show_list.name.upper()}"
        text = self.text(name)
        if text is None:
            return show_list.depth
        if text == "all":
            return None
        if not text.isdecimal() or not 1 <= int(text) <= MAX_PAGES:
            raise SettingsError(f"{name} is {text!r}; give a number of pages from 1 to {MAX_PAGES}, or 'all'")
        return int(text)


def today() -> date:
    """Today in UTC: the only day of which TMDB serves lists."""
    return datetime.now(UTC).date()


@dataclass
class Tmdb:
    """Where captures come from: TMDB, or a sandbox. One rate limit holds for the whole process.

    `on_page` is told of every page, for those who watch.
    """

    settings: TmdbSettings
    embedded: bool
    source: Source
    depths: Mapping[str, int | None]
    on_page: Callable[[PageProgress], None] | None = None
    _rate: RateLimit = field(init=False)

    def __post_init__(self) -> None:
        self._rate = RateLimit(self.settings.requests_per_second)

    @contextmanager
    def client(self) -> Iterator[TmdbClient]:
        """A client with its connections, closed at the end; with the embedded sandbox, that as well."""
        with self._server() as settings, TmdbClient(settings, self._rate) as client:
            yield client

    @contextmanager
    def exports(self) -> Iterator[ExportClient]:
        """A client of the daily exports, closed at the end; with the embedded sandbox, that as well."""
        with self._server() as settings, ExportClient(settings, self._rate) as client:
            yield client

    def _server(self) -> AbstractContextManager[TmdbSettings]:
        return _embedded_sandbox(self.settings) if self.embedded else _as_set(self.settings)


@contextmanager
def _as_set(settings: TmdbSettings) -> Iterator[TmdbSettings]:
    yield settings


@contextmanager
def _embedded_sandbox(settings: TmdbSettings) -> Iterator[TmdbSettings]:
    # Here, so that only those who need the sandbox pay for its import.
    from dataclasses import replace

    from tally_pipeline.tmdb.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield replace(settings, base_url=sandbox.base_url)


@dataclass(frozen=True)
class Deployment:
    """What the assets run on: one of these is all that changes between a laptop and AWS."""

    settings: Settings
    tmdb: Tmdb
    lake: Lake
    catalog: QueryEngine
    arrivals: Arrivals


def deploy(settings: Settings, on_page: Callable[[PageProgress], None] | None = None) -> Deployment:
    """The deployment that the settings name. Contacts nothing and writes nothing."""
    return Deployment(
        settings=settings,
        tmdb=Tmdb(settings.tmdb, settings.sandbox_embedded, settings.source, settings.depths, on_page),
        lake=Lake(Store.in_folder(settings.lake_folder), settings.source),
        catalog=DuckDbEngine(settings.lake_folder, TABLES),
        arrivals=FolderArrivals(settings.lake_folder),
    )
