"""Reads the environment; nothing else does.

Local: every value has a default, so that nothing needs to be set. On AWS: the names of the resources that `deploy/`
created; `terraform output -json | tally deploy settings` prints them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from tally_pipeline.aws.settings import AwsSettings
from tally_pipeline.lake.retention import FOR_EVER, Retention
from tally_pipeline.settings import declared, oddities
from tally_pipeline.settings import dotenv as dotenv_file
from tally_pipeline.settings.declared import NAMES
from tally_pipeline.settings.dotenv import Dotenv
from tally_pipeline.settings.errors import SettingsError
from tally_pipeline.settings.home import HOME_BY_DEFAULT, check_no_bucket, home, tmdbs_lake
from tally_pipeline.settings.values import Values
from tally_pipeline.tmdb.settings import TMDB_BASE_URL, Source, TmdbSettings

__all__ = ["NAMES", "Settings", "SettingsError", "Source", "load_settings"]

LOOK_FOR_IT = Path(dotenv_file.NAME)
"""Stands for the `.env` in the working folder, or else the one beside the project."""


@dataclass(frozen=True)
class Settings:
    """All settings. Paths are absolute; `depths` holds pages by list (None: to the end).

    `sandbox_embedded`: the source is the sandbox and TMDB_BASE_URL is not set: each process that fetches then starts
    its own sandbox for as long as it needs one, and `tally up` gives an empty lake a past of `sandbox_past_days`.
    `aws` is None on one's own machine. `no_capture` is the reason why nothing can be captured (the source is TMDB,
    without a key); the lake can be read and rebuilt all the same. `first_day` is the latest possible first partition;
    None leaves that to the lake (`deployment.first_day`). `dotenv` is the `.env` that was read, `notices` are odd but
    harmless findings.
    """

    home: Path
    aws: AwsSettings | None
    tmdb: TmdbSettings
    sandbox_embedded: bool
    sandbox_past_days: int
    depths: Mapping[str, int | None]
    first_day: date | None
    retention_days: int
    schedule: str
    exports_schedule: str
    genres_schedule: str
    details_schedule: str
    details_budget: int
    min_pass_rate: float
    sensor_seconds: int
    port: int
    events_days: int
    collect_port: int
    collect_keys: tuple[str, ...] = field(repr=False)
    no_capture: str | None = None
    dotenv: Dotenv = field(default_factory=Dotenv)
    notices: tuple[str, ...] = ()

    @property
    def deployment(self) -> Literal["local", "aws"]:
        return "aws" if self.aws else "local"

    @property
    def source(self) -> Source:
        """The source of the data; each has its own lake and history."""
        return "sandbox" if self.sandbox_embedded else self.tmdb.source

    def require_source(self) -> None:
        """Raise `SettingsError` if nothing can be captured."""
        if self.no_capture is not None:
            raise SettingsError(self.no_capture)

    @property
    def told_by(self) -> str:
        """The source of the settings, for people."""
        return _told_by(self.dotenv)

    @property
    def state(self) -> Path:
        """The folder of this lake's history, and of the lake itself if it is a folder."""
        return self.home / (self.aws.lake_bucket if self.aws else self.source)

    @property
    def lake_folder(self) -> Path:
        """The lake's folder on one's own machine; it does not exist on AWS."""
        return self.state / "lake"

    @property
    def retention(self) -> Retention:
        """The life of a day; invented data stays for ever."""
        return Retention(self.retention_days or None) if self.source == "tmdb" else FOR_EVER

    @property
    def lake_place(self) -> str:
        """The lake's place, for people: a folder or a bucket's address."""
        return f"s3://{self.aws.lake_bucket}" if self.aws else str(self.lake_folder)

    @property
    def dagster_home(self) -> Path:
        return self.state / "dagster"


def load_settings(environ: Mapping[str, str] | None = None, dotenv: Path | None = LOOK_FOR_IT) -> Settings:
    """The settings from the environment and `.env` (None: from none); the environment wins.

    An empty variable is no setting, in either. Raises `SettingsError`.
    """
    environment = {
        name: value.strip() for name, value in (os.environ if environ is None else environ).items()
    }
    environment = {name: value for name, value in environment.items() if value}
    found = _dotenv(environment, dotenv)
    values = Values({**found.values, **environment})
    notices = oddities.found(environment, found, lacks_key=_lacks_key(values))
    aws = _aws(values)
    folder = home(values, found, environment)
    source = values[declared.SOURCE]
    tmdbs = None if aws else tmdbs_lake(folder, environment)
    has_key = bool(
        values[declared.TOKEN] or values[declared.API_KEY] or (aws and values[declared.TOKEN_PARAMETER])
    )
    means_tmdb = bool(aws or values[declared.BASE_URL] or source == "tmdb")
    embedded = not (means_tmdb or (source is None and (has_key or tmdbs)))
    if embedded:
        _check_sandbox(values, folder, source)
        if source is None:
            _check_hidden(found, environment)
    tmdb = _tmdb(values, embedded=embedded)
    is_tmdbs = not embedded and tmdb.source == "tmdb"
    if source and (source == "tmdb") != is_tmdbs:
        raise SettingsError(
            f"TALLY_SOURCE is {source!r} and TMDB_BASE_URL is {tmdb.base_url}, which is"
            f" {'TMDB' if is_tmdbs else 'a sandbox'}: unset one of them"
        )
    if 0 < values[declared.MIN_PASS_RATE] < 1:
        raise SettingsError(
            f"TALLY_MIN_PASS_RATE is {values[declared.MIN_PASS_RATE]:g}, less than one per cent: it counts in per"
            " cent, as in 95; 0 publishes whatever comes"
        )
    return Settings(
        home=folder,
        aws=aws,
        tmdb=tmdb,
        sandbox_embedded=embedded,
        sandbox_past_days=values[declared.PAST_DAYS],
        depths={name: values[setting] for name, setting in declared.DEPTHS.items()},
        first_day=values[declared.FIRST_DAY],
        retention_days=declared.RETENTION_DAYS_ON_AWS
        if aws and values.text(declared.RETENTION_DAYS) is None
        else values[declared.RETENTION_DAYS],
        schedule=values[declared.SCHEDULE],
        exports_schedule=values[declared.EXPORTS_SCHEDULE],
        genres_schedule=values[declared.GENRES_SCHEDULE],
        details_schedule=values[declared.DETAILS_SCHEDULE],
        details_budget=values[declared.DETAILS_BUDGET],
        min_pass_rate=values[declared.MIN_PASS_RATE],
        sensor_seconds=_sensor_seconds(values, on_aws=aws is not None),
        port=values[declared.PORT],
        events_days=values[declared.EVENTS_DAYS],
        collect_port=values[declared.COLLECT_PORT],
        collect_keys=_keys(values),
        no_capture=_no_capture(source, tmdbs, found) if is_tmdbs and not has_key else None,
        dotenv=found,
        notices=notices,
    )


def _keys(values: Values) -> tuple[str, ...]:
    """The collector's keys. Raises `SettingsError`."""
    keys = tuple(filter(None, (key.strip() for key in (values[declared.COLLECT_KEYS] or "").split(","))))
    if not all("!" <= character <= "~" for key in keys for character in key):
        raise SettingsError(
            f"{declared.COLLECT_KEYS.name} holds a blank or a special character in a key: no header can send it"
        )
    return keys


def _lacks_key(values: Values) -> bool:
    """True if nothing says how to reach TMDB, nor that the sandbox is meant."""
    how = (declared.TOKEN, declared.API_KEY, declared.TOKEN_PARAMETER, declared.BASE_URL)
    return not any(map(values.text, how)) and values.text(declared.SOURCE) != "sandbox"


def _aws(values: Values) -> AwsSettings | None:
    """The settings of a deployment on AWS; None on one's own machine."""
    if values[declared.DEPLOYMENT] == "local":
        return None
    region = values[declared.REGION] or values[declared.DEFAULT_REGION]
    environment, lake, results, database, workgroup, queue = (
        values[setting] for setting in declared.NEEDED_ON_AWS
    )
    if not (region and environment and lake and results and database and workgroup and queue):
        absent = [] if region else [declared.REGION.name]
        absent += [setting.name for setting in declared.NEEDED_ON_AWS if not values[setting]]
        raise SettingsError(
            f"TALLY_DEPLOYMENT is 'aws', and {', '.join(absent)} is not set. Terraform knows them all:"
            " `terraform -chdir=deploy output -json | tally deploy settings > .env`"
        )
    token_parameter = values[declared.TOKEN_PARAMETER]
    if not (
        values[declared.TOKEN] or values[declared.API_KEY] or values[declared.BASE_URL] or token_parameter
    ):
        raise SettingsError(
            "nothing says how to reach TMDB: set TALLY_TOKEN_PARAMETER to the SSM parameter that holds the token"
            " (`terraform output` names it), or TMDB_API_TOKEN"
        )
    return AwsSettings(
        region=region,
        environment=environment,
        lake_bucket=lake,
        results_bucket=results,
        database=database,
        workgroup=workgroup,
        events_queue_url=queue,
        dead_letters_queue_url=values[declared.DEAD_LETTERS_QUEUE],
        alerts_topic_arn=values[declared.ALERTS_TOPIC],
        token_parameter=token_parameter,
    )


def _tmdb(values: Values, *, embedded: bool) -> TmdbSettings:
    try:
        return TmdbSettings(
            base_url=(values[declared.BASE_URL] or TMDB_BASE_URL).rstrip("/"),
            exports_url=values[declared.EXPORTS_URL],
            token=None if embedded else values[declared.TOKEN],
            api_key=None if embedded else values[declared.API_KEY],
            language=values[declared.LANGUAGE],
            timezone=values[declared.TIMEZONE],
            trending_window=values[declared.TRENDING_WINDOW],
            requests_per_second=values[declared.REQUESTS_PER_SECOND],
            attempts=values[declared.ATTEMPTS],
            timeout_seconds=values[declared.TIMEOUT_SECONDS],
        )
    except SettingsError:
        raise
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _check_sandbox(values: Values, folder: Path, source: Source | None) -> None:
    """Raise `SettingsError` if another setting contradicts the sandbox."""
    if source is None:
        check_no_bucket(folder)
    if values[declared.EXPORTS_URL]:
        raise SettingsError(
            "TMDB_EXPORTS_URL is set, yet nothing says whose lists go with those exports: set TMDB_API_TOKEN, or"
            " TMDB_BASE_URL for a server of your own, or unset TMDB_EXPORTS_URL"
        )


def _check_hidden(found: Dotenv, environment: Mapping[str, str]) -> None:
    """Raise `SettingsError` if the `.env` that was read hides one with a key: TMDB's data was meant."""
    for path in found.looked_for:
        if found.path is None or path == found.path or path in found.passed_over:
            continue
        values = dotenv_file.read(path, NAMES, environment) or {}
        has_key = values.keys() & {declared.TOKEN.name, declared.API_KEY.name}
        if has_key or tmdbs_lake(path.parent / HOME_BY_DEFAULT, {}):
            what = f"{path}, which has one, is not" if has_key else f"beside {path} there is a lake of TMDB's"
            raise SettingsError(
                f"{found.path} is read and has no key of TMDB's, and {what}: set the key in {found.path} too, take"
                " Tally's settings out of it, or say TALLY_SOURCE=sandbox in it"
            )


def _sensor_seconds(values: Values, *, on_aws: bool) -> int:
    text = values.text(declared.SENSOR_SECONDS)
    if on_aws and text is not None:
        return declared.SENSOR_ON_AWS.read(declared.SENSOR_SECONDS.name, text)
    return values[declared.SENSOR_SECONDS]


def _dotenv(environment: Mapping[str, str], dotenv: Path | None) -> Dotenv:
    """The `.env` to read: the one that TALLY_DOTENV names, the one looked for, or the one given."""
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
    places = [folder / dotenv_file.NAME for folder in folders]
    return dotenv_file.find(places, NAMES, environment, own=places[-1] if project else None)


def _told_by(found: Dotenv) -> str:
    if found.path is not None:
        return f"{found.path} and the environment"
    of_others = [f"{path} sets nothing of Tally's" for path in found.passed_over]
    looked = " or ".join(str(path.parent) for path in found.looked_for if path not in found.passed_over)
    told = "; ".join([*of_others, *([f"no .env in {looked}"] if looked else [])])
    return f"the environment ({told})" if told else "the environment"


def _no_capture(source: Source | None, tmdbs: Path | None, found: Dotenv) -> str:
    """The reason why the source is TMDB but nothing can be captured, with the remedy."""
    because = (
        "TALLY_SOURCE is 'tmdb'" if source else f"{tmdbs} is TMDB's" if tmdbs else "TMDB_BASE_URL is TMDB's"
    )
    return (
        f"nothing is captured, for {because} and there is neither TMDB_API_TOKEN nor TMDB_API_KEY in"
        f" {_told_by(found)}: set one of them, or TALLY_SOURCE=sandbox to have the sandbox beside TMDB's lake"
    )
