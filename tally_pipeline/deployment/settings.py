"""Reads the environment; nothing else does.

Local: every value has a default, so that nothing at all need be set. On AWS: the names that `deploy/` gave to what
it set up; `terraform output -json | tally deploy settings` prints them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values

from tally_pipeline import clock
from tally_pipeline.aws.settings import AwsSettings
from tally_pipeline.shows.lists import LISTS, MAX_PAGES, ShowList
from tally_pipeline.tmdb.settings import TMDB_BASE_URL, UTC_TIMEZONE, TmdbSettings

Source = Literal["tmdb", "sandbox"]

_NAMES_ON_AWS = (
    "TALLY_LAKE_BUCKET",
    "TALLY_RESULTS_BUCKET",
    "TALLY_GLUE_DATABASE",
    "TALLY_ATHENA_WORKGROUP",
    "TALLY_EVENTS_QUEUE_URL",
)


class SettingsError(ValueError):
    """A setting cannot work; the message names it, what it is and what it may be. Secrets are not shown."""


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Paths are absolute; `depths` holds pages by list (None: to the end).

    `sandbox_embedded` says that neither a key nor a TMDB_BASE_URL is there: each process that fetches then starts
    a sandbox of its own for as long as it needs one, and `tally up` gives an empty lake a past of
    `sandbox_past_days`. `aws` is None on one's own machine. `first_day` is the day at which the partitions begin at
    the latest; None leaves that to the lake (`deployment.first_day`).
    """

    home: Path
    aws: AwsSettings | None
    tmdb: TmdbSettings
    sandbox_embedded: bool
    sandbox_past_days: int
    depths: Mapping[str, int | None]
    first_day: date | None
    schedule: str
    exports_schedule: str
    genres_schedule: str
    min_pass_rate: float
    sensor_seconds: int
    port: int

    @property
    def deployment(self) -> Literal["local", "aws"]:
        return "aws" if self.aws else "local"

    @property
    def source(self) -> Source:
        """Whose data this is; each has a lake and a history of its own."""
        return "sandbox" if self.sandbox_embedded else self.tmdb.source

    @property
    def state(self) -> Path:
        """The folder of this lake's history, and of the lake itself where it is a folder."""
        return self.home / (self.aws.lake_bucket if self.aws else self.source)

    @property
    def lake_folder(self) -> Path:
        """The lake on one's own machine; none is there on AWS."""
        return self.state / "lake"

    @property
    def lake_place(self) -> str:
        """Where the lake is, for people: a folder or a bucket's address."""
        return f"s3://{self.aws.lake_bucket}" if self.aws else str(self.lake_folder)

    @property
    def dagster_home(self) -> Path:
        return self.state / "dagster"


def load_settings(environ: Mapping[str, str] | None = None, dotenv: Path | None = Path(".env")) -> Settings:
    """The settings from the environment and `.env`; the environment wins. Raises `SettingsError`."""
    told = {**(_in_dotenv(dotenv) if dotenv else {}), **(os.environ if environ is None else environ)}
    read = _Reader({name: value.strip() for name, value in told.items() if value})
    token, api_key, base_url = (read.text(f"TMDB_{name}") for name in ("API_TOKEN", "API_KEY", "BASE_URL"))
    aws, exports_url = read.aws(), read.text("TMDB_EXPORTS_URL")
    if aws and not (token or api_key or base_url or aws.token_parameter):
        raise SettingsError(
            "nothing says how to reach TMDB: set TALLY_TOKEN_PARAMETER to the SSM parameter that holds the token"
            " (`terraform output` names it), or TMDB_API_TOKEN"
        )
    embedded = not (aws or base_url or token or api_key)
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
        home=read.folder("TALLY_HOME", ".tally"),
        aws=aws,
        tmdb=tmdb,
        sandbox_embedded=embedded,
        sandbox_past_days=int(read.number("TALLY_SANDBOX_PAST_DAYS", 30, least=0, most=365)),
        depths={show_list.name: read.depth(show_list) for show_list in LISTS},
        first_day=read.day("TALLY_FIRST_DAY"),
        schedule=read.cron("TALLY_SCHEDULE", "0 3 * * *"),
        exports_schedule=read.cron("TALLY_EXPORTS_SCHEDULE", "15,45 8-11 * * *"),
        genres_schedule=read.cron("TALLY_GENRES_SCHEDULE", "30 3 * * 1"),
        min_pass_rate=read.number("TALLY_MIN_PASS_RATE", 95.0, least=0.0, most=100.0),
        # On AWS a message that was seen comes again after five minutes unless the next look deletes it.
        sensor_seconds=int(read.number("TALLY_SENSOR_SECONDS", 15, least=1, most=240 if aws else 3600)),
        port=int(read.number("TALLY_PORT", 3000, least=1, most=65535)),
    )


def _in_dotenv(path: Path) -> Mapping[str, str | None]:
    try:
        return dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        # Not the decoder's own words: they hold the file, and that holds the token.
        reason = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise SettingsError(f"{path} cannot be read ({reason}): write it anew, or remove it") from None


class _Reader:
    """Reads values by name and says what is wrong with one that cannot be."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is not None and "\0" in value:
            raise SettingsError(f"{name} holds a NUL, which nothing can be made of: write it anew")
        return value

    def aws(self) -> AwsSettings | None:
        """Where everything is on AWS; None on one's own machine."""
        deployment = self.text("TALLY_DEPLOYMENT") or "local"
        if deployment not in ("local", "aws"):
            raise SettingsError(f"TALLY_DEPLOYMENT is {deployment!r}; it must be 'local' or 'aws'")
        if deployment == "local":
            return None
        region = self.text("AWS_REGION") or self.text("AWS_DEFAULT_REGION")
        lake, results, database, workgroup, queue = (self.text(name) for name in _NAMES_ON_AWS)
        if not (region and lake and results and database and workgroup and queue):
            absent = [] if region else ["AWS_REGION"]
            absent += [name for name in _NAMES_ON_AWS if not self.text(name)]
            raise SettingsError(
                f"TALLY_DEPLOYMENT is 'aws', and {', '.join(absent)} is not set. Terraform knows them all:"
                " `terraform -chdir=deploy output -json | tally deploy settings > .env`"
            )
        return AwsSettings(
            region=region,
            lake_bucket=lake,
            results_bucket=results,
            database=database,
            workgroup=workgroup,
            events_queue_url=queue,
            dead_letters_queue_url=self.text("TALLY_DEAD_LETTERS_QUEUE_URL"),
            alerts_topic_arn=self.text("TALLY_ALERTS_TOPIC_ARN"),
            token_parameter=self.text("TALLY_TOKEN_PARAMETER"),
        )

    def folder(self, name: str, default: str) -> Path:
        """An absolute path; `~` is one's own home, `~name` somebody's."""
        text = self.text(name) or default
        try:
            return Path(text).expanduser().resolve()
        except (RuntimeError, OSError, ValueError) as error:
            raise SettingsError(
                f"{name} is {text!r}, which leads to no folder ({error}); give another"
            ) from None

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        text = self.text(name)
        try:
            value = default if text is None else float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise SettingsError(f"{name} is {text!r}; give a number from {least:g} to {most:g}")
        return value

    def day(self, name: str) -> date | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            value = date.fromisoformat(text)
        except ValueError:
            raise SettingsError(
                f"{name} is {text!r}, which is no day of the calendar; give a day, as in 2025-01-01"
            ) from None
        if value > clock.today():
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
