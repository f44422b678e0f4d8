"""Reads the environment; nothing else does.

Local: every value has a default, so that nothing at all need be set. On AWS: the names that `deploy/` gave to what
it set up; `terraform output -json | tally deploy settings` prints them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from tally_pipeline import clock
from tally_pipeline.aws.settings import AwsSettings
from tally_pipeline.lake import layout
from tally_pipeline.settings import dotenv as dotenv_file
from tally_pipeline.settings import names
from tally_pipeline.settings.dotenv import Dotenv
from tally_pipeline.settings.errors import SettingsError
from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES, ShowList
from tally_pipeline.tmdb.settings import TMDB_BASE_URL, UTC_TIMEZONE, Source, TmdbSettings

__all__ = ["NAMES", "Settings", "SettingsError", "Source", "load_settings"]

_HOME = ".tally"

_MEANS_MORE = "*?[=\\"
"""In the path of a home each would mean more than itself: Dagster reads its dagster.yaml by a pattern, DuckDB takes
`dt=5` above the lake for a partition of it, and a backslash for the end of a folder's name."""

_PATH_BYTES = 380
"""SQLite takes paths of 511 bytes; the longest below a home, a run's log on AWS, has 131 more than the home."""

_NAMES_ON_AWS = (
    "TALLY_LAKE_BUCKET",
    "TALLY_RESULTS_BUCKET",
    "TALLY_GLUE_DATABASE",
    "TALLY_ATHENA_WORKGROUP",
    "TALLY_EVENTS_QUEUE_URL",
)


_REGION = (r"[a-z]{2,}(-[a-z]+)+-[0-9]+", "eu-central-1")
_BUCKET = (r"(?!sandbox$|tmdb$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "tally-datalake-dev")
_QUEUE = (
    r"https?://[!-~]+/[A-Za-z0-9_-]+",
    "https://sqs.eu-central-1.amazonaws.com/123456789012/tally-events",
)

_FORMS_ON_AWS = {
    "AWS_REGION": _REGION,
    "AWS_DEFAULT_REGION": _REGION,
    "TALLY_LAKE_BUCKET": _BUCKET,
    "TALLY_RESULTS_BUCKET": _BUCKET,
    "TALLY_GLUE_DATABASE": (r"[a-z0-9_]{1,255}", "tally_dev"),
    "TALLY_ATHENA_WORKGROUP": (r"[A-Za-z0-9._-]{1,128}", "tally-dev"),
    "TALLY_EVENTS_QUEUE_URL": _QUEUE,
    "TALLY_DEAD_LETTERS_QUEUE_URL": _QUEUE,
    "TALLY_ALERTS_TOPIC_ARN": (
        r"arn:[!-~]+:[A-Za-z0-9_-]+",
        "arn:aws:sns:eu-central-1:123456789012:tally-alerts",
    ),
    "TALLY_TOKEN_PARAMETER": (r"[A-Za-z0-9_./-]{1,1011}", "/tally/dev/tmdb-token"),
}
"""By setting: the form of its names, and one of them. A bucket's name is a folder's as well, beside the sources'."""

_DEPTHS = {show_list.name: f"TALLY_PAGES_{show_list.name.upper()}" for show_list in LISTS}

NAMES = frozenset(
    (
        *(
            "TMDB_API_TOKEN",
            "TMDB_API_KEY",
            "TMDB_BASE_URL",
            "TMDB_EXPORTS_URL",
            "TMDB_LANGUAGE",
            "TMDB_TIMEZONE",
        ),
        *("TMDB_TRENDING_WINDOW", "TMDB_REQUESTS_PER_SECOND", "TMDB_ATTEMPTS", "TMDB_TIMEOUT_SECONDS"),
        *(
            "TALLY_HOME",
            "TALLY_DOTENV",
            "TALLY_SOURCE",
            "TALLY_DEPLOYMENT",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
        ),
        *_NAMES_ON_AWS,
        *("TALLY_DEAD_LETTERS_QUEUE_URL", "TALLY_ALERTS_TOPIC_ARN", "TALLY_TOKEN_PARAMETER"),
        *("TALLY_FIRST_DAY", "TALLY_SCHEDULE", "TALLY_EXPORTS_SCHEDULE", "TALLY_GENRES_SCHEDULE"),
        *("TALLY_MIN_PASS_RATE", "TALLY_SENSOR_SECONDS", "TALLY_PORT", "TALLY_SANDBOX_PAST_DAYS"),
        *_DEPTHS.values(),
    )
)
"""Every setting there is."""

LOOK_FOR_IT = Path(dotenv_file.NAME)
"""As the `.env` to read: the one in the working folder, or else the one beside the project."""


@dataclass(frozen=True)
class Settings:
    """Everything that can be set. Paths are absolute; `depths` holds pages by list (None: to the end).

    `sandbox_embedded` says that the sandbox is meant and no TMDB_BASE_URL is there: each process that fetches then
    starts a sandbox of its own for as long as it needs one, and `tally up` gives an empty lake a past of
    `sandbox_past_days`. `aws` is None on one's own machine. `no_capture` says why nothing can be captured (TMDB's
    data is meant, and no key is there); what is in the lake can be read and rebuilt all the same. `first_day` is the
    day at which the partitions begin at the latest; None leaves that to the lake (`deployment.first_day`). `dotenv`
    is the `.env` that was read, `notices` what looks odd and does no harm.
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
    no_capture: str | None = None
    dotenv: Dotenv = field(default_factory=Dotenv)
    notices: tuple[str, ...] = ()

    @property
    def deployment(self) -> Literal["local", "aws"]:
        return "aws" if self.aws else "local"

    @property
    def source(self) -> Source:
        """Whose data this is; each has a lake and a history of its own."""
        return "sandbox" if self.sandbox_embedded else self.tmdb.source

    def require_source(self) -> None:
        """Raise `SettingsError` when nothing can be captured."""
        if self.no_capture is not None:
            raise SettingsError(self.no_capture)

    @property
    def told_by(self) -> str:
        """Where the settings come from, for people."""
        return _told_by(self.dotenv)

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


def load_settings(environ: Mapping[str, str] | None = None, dotenv: Path | None = LOOK_FOR_IT) -> Settings:
    """The settings from the environment and `.env` (None: from none); the environment wins.

    A variable that is empty is no setting, in either. Raises `SettingsError`.
    """
    environment = {
        name: value.strip() for name, value in (os.environ if environ is None else environ).items()
    }
    environment = {name: value for name, value in environment.items() if value}
    found = _dotenv(environment, dotenv)
    read = _Reader({**found.values, **environment})
    notices = _check_names(environment, found)
    token, api_key, base_url = (read.text(f"TMDB_{name}") for name in ("API_TOKEN", "API_KEY", "BASE_URL"))
    aws, exports_url = read.aws(), read.text("TMDB_EXPORTS_URL")
    if aws and not (token or api_key or base_url or aws.token_parameter):
        raise SettingsError(
            "nothing says how to reach TMDB: set TALLY_TOKEN_PARAMETER to the SSM parameter that holds the token"
            " (`terraform output` names it), or TMDB_API_TOKEN"
        )
    home = read.folder("TALLY_HOME", _default_home(found), _beside(found, "TALLY_HOME", environment))
    source = read.source()
    tmdbs = None if aws else _tmdbs_lake(home, environment)
    has_key = bool(token or api_key or (aws and aws.token_parameter))
    embedded = not (aws or base_url or (source == "tmdb") or (source is None and (has_key or tmdbs)))
    if embedded and source is None:
        _check_no_bucket(home)
    if embedded and exports_url:
        raise SettingsError(
            "TMDB_EXPORTS_URL is set, yet nothing says whose lists go with those exports: set TMDB_API_TOKEN, or"
            " TMDB_BASE_URL for a server of your own, or unset TMDB_EXPORTS_URL"
        )
    try:
        tmdb = TmdbSettings(
            base_url=(base_url or TMDB_BASE_URL).rstrip("/"),
            exports_url=exports_url,
            token=None if embedded else token,
            api_key=None if embedded else api_key,
            language=read.text("TMDB_LANGUAGE") or "en-US",
            timezone=read.text("TMDB_TIMEZONE") or UTC_TIMEZONE,
            trending_window=read.text("TMDB_TRENDING_WINDOW") or "day",
            requests_per_second=read.number("TMDB_REQUESTS_PER_SECOND", 40.0, least=0.1, most=1000.0),
            attempts=read.whole("TMDB_ATTEMPTS", 6, least=1, most=20),
            timeout_seconds=read.number("TMDB_TIMEOUT_SECONDS", 15.0, least=0.1, most=300.0),
        )
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(str(error)) from None
    is_tmdbs = not embedded and tmdb.source == "tmdb"
    if source and (source == "tmdb") != is_tmdbs:
        raise SettingsError(
            f"TALLY_SOURCE is {source!r} and TMDB_BASE_URL is {tmdb.base_url}, which is"
            f" {'TMDB' if is_tmdbs else 'a sandbox'}: unset one of them"
        )
    return Settings(
        home=home,
        aws=aws,
        tmdb=tmdb,
        sandbox_embedded=embedded,
        sandbox_past_days=read.whole("TALLY_SANDBOX_PAST_DAYS", 30, least=0, most=365),
        depths={show_list.name: read.depth(show_list, _DEPTHS[show_list.name]) for show_list in LISTS},
        first_day=read.day("TALLY_FIRST_DAY", least=date.fromisoformat(layout.EARLIEST)),
        schedule=read.cron("TALLY_SCHEDULE", "0 3 * * *"),
        exports_schedule=read.cron("TALLY_EXPORTS_SCHEDULE", "15,45 8-11 * * *"),
        genres_schedule=read.cron("TALLY_GENRES_SCHEDULE", "30 3 * * 1"),
        min_pass_rate=read.number("TALLY_MIN_PASS_RATE", 95.0, least=0.0, most=100.0),
        # On AWS a message that was seen comes again after five minutes unless the next look deletes it.
        sensor_seconds=read.whole("TALLY_SENSOR_SECONDS", 15, least=1, most=240 if aws else 3600),
        port=read.whole("TALLY_PORT", 3000, least=1, most=65535),
        no_capture=_no_capture(source, tmdbs, found) if is_tmdbs and not has_key else None,
        dotenv=found,
        notices=notices,
    )


def _dotenv(environment: Mapping[str, str], dotenv: Path | None) -> Dotenv:
    """The `.env` that counts: what TALLY_DOTENV names, or the one looked for, or the one given."""
    if dotenv is None:
        return Dotenv()
    if dotenv != LOOK_FOR_IT:
        return Dotenv(dotenv, (dotenv,), values=dotenv_file.read(dotenv, NAMES, environment) or {})
    named = environment.get("TALLY_DOTENV")
    if named is not None:
        path = Path(named).absolute()
        try:
            values = dotenv_file.read(path, NAMES, environment)
        except SettingsError as error:
            raise SettingsError(f"what TALLY_DOTENV names is no use: {error}") from None
        if values is None:
            raise SettingsError(f"TALLY_DOTENV names {path}, which is not there: name a file, or unset it")
        return Dotenv(path, (path,), values=values)
    project = dotenv_file.project_folder()
    folders = [Path.cwd(), *([project] if project else [])]
    return dotenv_file.find([folder / dotenv_file.NAME for folder in folders], NAMES, environment)


def _told_by(found: Dotenv) -> str:
    if found.path is not None:
        return f"{found.path} and the environment"
    of_others = [f"{path} sets nothing of Tally's" for path in found.passed_over]
    looked = " or ".join(str(path.parent) for path in found.looked_for if path not in found.passed_over)
    told = "; ".join([*of_others, *([f"no .env in {looked}"] if looked else [])])
    return f"the environment ({told})" if told else "the environment"


def _default_home(found: Dotenv) -> Path:
    """Beside the `.env` that was read; else, as that is looked for: in the working folder, or beside the project.

    So who starts Tally from another folder, as cron does, has the same lake.
    """
    project = dotenv_file.project_folder()
    if found.path is not None and found.path.parent in (Path.cwd(), project):
        return found.path.parent / _HOME
    return (Path.cwd() if project is None or Path(_HOME).exists() else project) / _HOME


def _beside(found: Dotenv, name: str, environment: Mapping[str, str]) -> Path:
    """The folder from which a relative path in this setting counts: the file's in which it stands."""
    in_file = found.path is not None and name in found.values and name not in environment
    return found.path.parent if found.path is not None and in_file else Path.cwd()


def _tmdbs_lake(home: Path, environment: Mapping[str, str]) -> Path | None:
    """What shows that this home, or Dagster's history that this process is for, is TMDB's; None if nothing does."""
    lake, history = home / "tmdb" / "lake", home / "tmdb" / "dagster"
    meant = Path(environment.get("DAGSTER_HOME", "")).resolve()
    if meant == history.resolve():
        return history
    if (meant.parent.name, meant.name) == ("tmdb", "dagster") and "TALLY_SOURCE" not in environment:
        raise SettingsError(
            f"DAGSTER_HOME is {meant}, the history of TMDB's lake in {meant.parents[1]}, and TALLY_HOME is {home}:"
            f" set TALLY_HOME={meant.parents[1]}, or unset DAGSTER_HOME"
        )
    try:
        unmounted = [path for path in (lake.parent, lake) if path.is_symlink() and not path.exists()]
        if unmounted:
            return unmounted[0]
        if (home / "lake" / layout.OWNERSHIP_MARKER).exists():
            raise SettingsError(
                f"TALLY_HOME is {home}, which is where one lake and its history lie: give the folder above it,"
                f" {home.parent}"
            )
        return (
            lake if any((lake / name).exists() for name in (layout.OWNERSHIP_MARKER, layout.BRONZE)) else None
        )
    except OSError as error:
        raise SettingsError(
            f"TALLY_HOME is {home}, and what is in it cannot be read ({error.strerror}: {error.filename}): let it be"
            " read, or give another folder"
        ) from None


def _check_no_bucket(home: Path) -> None:
    """Raise `SettingsError` where this was the home of a lake on AWS, whose settings are gone."""
    for config in sorted(home.glob("*/dagster/dagster.yaml")):
        state = config.parents[1].name
        if state not in ("sandbox", "tmdb"):
            raise SettingsError(
                f"{home} holds the history of the lake in the bucket {state}, and nothing says whether that is meant:"
                " set TALLY_DEPLOYMENT=aws and what goes with it, or TMDB_API_TOKEN for a lake in this folder, or"
                " TALLY_SOURCE=sandbox for the sandbox"
            )


def _no_capture(source: Source | None, tmdbs: Path | None, found: Dotenv) -> str:
    """Why TMDB's data is meant and nothing of it can be captured, and what to do."""
    because = (
        "TALLY_SOURCE is 'tmdb'" if source else f"{tmdbs} is TMDB's" if tmdbs else "TMDB_BASE_URL is TMDB's"
    )
    return (
        f"nothing is captured, for {because} and there is neither TMDB_API_TOKEN nor TMDB_API_KEY in"
        f" {_told_by(found)}: set one of them, or TALLY_SOURCE=sandbox to have the sandbox beside TMDB's lake"
    )


def _check_names(environment: Mapping[str, str], found: Dotenv) -> tuple[str, ...]:
    """What is to be told of names that are no setting; raises `SettingsError` for one that was meant to be.

    It was meant where it is nearly a setting's, and that one is not set.
    """
    written = {name: "the environment" for name in environment if names.is_ours(name)}
    # In the file any name may be meant; the environment is full of other programs'.
    written |= {name: str(found.path) for name in found.values if name not in environment}
    told = []
    for name, where in written.items():
        if name in NAMES:
            continue
        setting = names.meant(name, NAMES)
        if setting and not (setting in environment or setting in found.values):
            # What is no name at all may hold the token.
            shown = name if name.isidentifier() else "a name"
            raise SettingsError(
                f"{shown} in {where} is no setting: was {setting} meant? Write it so, or remove it"
            )
        if setting or names.is_ours(name):
            told.append(f"{name} in {where} is no setting and does nothing; .env.example has those there are")
    return tuple(told)


class _Reader:
    """Reads values by name and says what is wrong with one that cannot be."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def text(self, name: str) -> str | None:
        assert name in NAMES, name
        value = self._values.get(name)
        if value is not None and "\0" in value:
            raise SettingsError(f"{name} holds a NUL, which nothing can be made of: write it anew")
        if value is not None and not _is_utf8(value):
            raise SettingsError(f"{name} is not text in UTF-8: write it anew")
        return value

    def source(self) -> Source | None:
        """Whose data it must be; None where the other settings say it."""
        source = self.text("TALLY_SOURCE")
        if source in (None, "tmdb", "sandbox"):
            return source  # type: ignore[return-value]
        raise SettingsError(f"TALLY_SOURCE is {source!r}; it must be 'tmdb' or 'sandbox'")

    def aws(self) -> AwsSettings | None:
        """Where everything is on AWS; None on one's own machine."""
        deployment = self.text("TALLY_DEPLOYMENT") or "local"
        if deployment not in ("local", "aws"):
            raise SettingsError(f"TALLY_DEPLOYMENT is {deployment!r}; it must be 'local' or 'aws'")
        if deployment == "local":
            return None
        region = self._formed("AWS_REGION") or self._formed("AWS_DEFAULT_REGION")
        lake, results, database, workgroup, queue = (self._formed(name) for name in _NAMES_ON_AWS)
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
            dead_letters_queue_url=self._formed("TALLY_DEAD_LETTERS_QUEUE_URL"),
            alerts_topic_arn=self._formed("TALLY_ALERTS_TOPIC_ARN"),
            token_parameter=self._formed("TALLY_TOKEN_PARAMETER"),
        )

    def _formed(self, name: str) -> str | None:
        """A name on AWS: of the form that AWS gives it."""
        text = self.text(name)
        form, example = _FORMS_ON_AWS[name]
        if text is not None and not re.fullmatch(form, text):
            raise SettingsError(
                f"{name} is {text!r}, which AWS calls nothing so; `terraform output` has it, as in {example}"
            )
        return text

    def folder(self, name: str, default: Path, beside: Path) -> Path:
        """An absolute path, counted from the folder `beside`; `~` is one's own home, `~name` somebody's."""
        text = self.text(name)
        try:
            path = (beside / Path(text).expanduser() if text else default).resolve()
            there = next(folder for folder in (path, *path.parents) if folder.exists())
        except (RuntimeError, OSError, ValueError) as error:
            raise SettingsError(
                f"{name} is {text!r}, which leads to no folder ({error}); give another"
            ) from None
        if not _is_utf8(str(path)):
            raise SettingsError(
                f"{name} is {str(path)!a}, whose name is not text in UTF-8, and nothing of the lake could be"
                f" named then: set {name} to another folder"
            )
        if not there.is_dir():
            raise SettingsError(f"{name} is {str(path)!r}, and {there} is no folder: give another")
        odd = next((part for part in path.parts if set(part) & set(_MEANS_MORE)), None)
        if odd is not None:
            raise SettingsError(
                f"{name} is {str(path)!r}, and what is below a folder named {odd!r} would not be found again: set"
                f" {name} to a folder without any of {' '.join(_MEANS_MORE)} in its path"
            )
        if len(str(path).encode()) > _PATH_BYTES:
            raise SettingsError(
                f"{name} is a path of {len(str(path).encode())} bytes, and SQLite opens no file below it: set {name}"
                f" to one of at most {_PATH_BYTES}"
            )
        return path

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        text = self.text(name)
        is_number = text is not None and re.fullmatch(r"[0-9.eE+-]+", text) is not None
        try:
            value = default if text is None else float(text) if is_number else float("nan")
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise SettingsError(f"{name} is {text!r}; give a number from {least:g} to {most:g}")
        return value

    def whole(self, name: str, default: int, *, least: int, most: int) -> int:
        text = self.text(name)
        value = default if text is None else int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None
        if value is None or not least <= value <= most:
            raise SettingsError(
                f"{name} is {text!r}; give a number from {least} to {most}, without a fraction"
            )
        return value

    def day(self, name: str, *, least: date) -> date | None:
        text = self.text(name)
        if text is None:
            return None
        try:
            value = date.fromisoformat(text)
        except ValueError:
            raise SettingsError(
                f"{name} is {text!r}, which is no day of the calendar; give a day, as in 2025-01-01"
            ) from None
        if not least <= value <= clock.today():
            raise SettingsError(
                f"{name} is {text!r}; give a day that is not in the future, nor before {least}, as in 2025-01-01"
            )
        return value

    def cron(self, name: str, default: str) -> str:
        text = self.text(name)
        if text is None or text == default:
            return default
        # Here, for it imports Dagster: only who sets a schedule waits for that.
        from tally_pipeline.settings import cron

        try:
            cron.check(text, clock.now())
        except cron.CronError as error:
            raise SettingsError(
                f"{name} is {text!r}: {error}; give five cron fields, as in '{default}' (UTC)"
            ) from None
        return text

    def depth(self, show_list: ShowList, name: str) -> int | None:
        text = self.text(name)
        if text is None:
            return show_list.depth
        if text == "all":
            return None
        if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= MAX_PAGES:
            raise SettingsError(f"{name} is {text!r}; give a number of pages from 1 to {MAX_PAGES}, or 'all'")
        return int(text)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
