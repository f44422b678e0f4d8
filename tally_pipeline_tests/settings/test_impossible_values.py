"""Every setting is checked by what it means: a value that cannot work is named, with what it may be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tally_pipeline.deployment import Settings, SettingsError, load_settings
from tally_pipeline.settings.settings import NAMES
from tally_pipeline.tmdb.lists import LISTS
from testkit.aws.settings import ON_AWS

SECRET = "eyJhbGciOiJIUzI1NiJ9"

_URL = (
    "api.themoviedb.org/3",
    "ftp://h/3",
    "http://h:99999/3",
    "http://[::1",
    "http://exa mple/3",
    "http://u:p@h/3",
)
_NO_CRON = (
    "daily",
    "0 3 * *",
    "0 3 * * * *",
    "99 99 * * *",
    "61 25 * * *",
    "0 3 0 * *",
    "0 3 31 2 *",
    "0 3 31 4,6,9,11 *",
    "0 3 * * 8",
    "@reboot",
    "H 3 * * *",
    "* * * * *",
    "0,5 3 * * *",
    "59,0 23,0 * * *",
    "\N{ARABIC-INDIC DIGIT THREE} 3 * * *",
)
_NO_BUCKET = ("..", "a/b", "My_Bucket", "sandbox", "tmdb", "x")
_NO_QUEUE = ("tally-events", "ftp://h/q", "https://sqs.eu-central-1.amazonaws.com/")

IMPOSSIBLE: dict[str, tuple[str, ...]] = {
    "TMDB_API_TOKEN": (f"{SECRET} x", f"“{SECRET}”"),
    "TMDB_API_KEY": (f"{SECRET} x", f"{SECRET}é"),
    "TMDB_BASE_URL": _URL,
    "TMDB_EXPORTS_URL": _URL,
    "TMDB_LANGUAGE": ("en_US", "english please", "e", "en-"),
    "TMDB_TIMEZONE": (
        "Mars/Olympus Mons",
        "UTC;",
        "Mars/X",
        "Europe",
        "europe/berlin",
        "../UTC",
        "localtime",
        "Factory",
    ),
    "TMDB_TRENDING_WINDOW": ("month", "Day"),
    "TMDB_REQUESTS_PER_SECOND": ("0", "-1", "many", "nan", "inf", "1001"),
    "TMDB_ATTEMPTS": ("0", "21", "2.5", "many"),
    "TMDB_TIMEOUT_SECONDS": ("0", "301", "soon"),
    "TALLY_HOME": (
        *("~nobody-of-that-name/x", __file__, f"{__file__}/x", "a\0b", "a\udcffb", "long/" * 100),
        *("a*b", "what?", "[x]", "dt=5/x", "a\\b"),
    ),
    "TALLY_DOTENV": ("/nowhere/.env", "/"),
    "TALLY_SOURCE": ("mars", "TMDB"),
    "TALLY_DEPLOYMENT": ("mars", "AWS"),
    "TALLY_FIRST_DAY": ("2999-01-01", "1999-12-31", "0001-01-01", "yesterday", "2025-02-29"),
    "TALLY_SCHEDULE": _NO_CRON,
    "TALLY_EXPORTS_SCHEDULE": _NO_CRON,
    "TALLY_GENRES_SCHEDULE": _NO_CRON,
    "TALLY_DETAILS_SCHEDULE": _NO_CRON,
    "TALLY_DETAILS_BUDGET": ("-1", "100001", "1.5", "all"),
    "TALLY_RETENTION_DAYS": ("-1", "36501", "180.5", "ever"),
    "TALLY_MIN_PASS_RATE": ("lots", "nan", "-1", "101", "0.95"),
    "TALLY_EVENTS_DAYS": ("-1", "1.5", "month"),
    "TALLY_COLLECT_PORT": ("-1", "65536", "http"),
    "TALLY_COLLECT_KEYS": (f"{SECRET} x", f"a,{SECRET}é"),
    "TALLY_SENSOR_SECONDS": ("0", "0.5", "3601", "often"),
    "TALLY_SANDBOX_PAST_DAYS": ("-1", "366", "1.5", "all"),
    "TALLY_PORT": ("0", "65536", "80.5", "http"),
    **{f"TALLY_PAGES_{one.name.upper()}": ("0", "501", "2.5", "All") for one in LISTS},
}
IMPOSSIBLE_ON_AWS: dict[str, tuple[str, ...]] = {
    "AWS_REGION": ("nowhere", "EU-CENTRAL-1", "eu central 1"),
    "AWS_DEFAULT_REGION": ("nowhere",),
    "TALLY_ENVIRONMENT": ("Tally Dev", "a" * 41),
    "TALLY_LAKE_BUCKET": _NO_BUCKET,
    "TALLY_RESULTS_BUCKET": _NO_BUCKET,
    "TALLY_GLUE_DATABASE": ("tally-dev", "a; DROP"),
    "TALLY_ATHENA_WORKGROUP": ("a b", "a/b"),
    "TALLY_EVENTS_QUEUE_URL": _NO_QUEUE,
    "TALLY_DEAD_LETTERS_QUEUE_URL": _NO_QUEUE,
    "TALLY_ALERTS_TOPIC_ARN": ("tally-alerts", "arn:aws:sns:eu-central-1:123456789012:"),
    "TALLY_TOKEN_PARAMETER": ("tmdb token", "a:b"),
}


def refusal(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as refused:
        load_settings(environ)
    return str(refused.value)


def test_every_setting_has_values_that_cannot_work() -> None:
    assert IMPOSSIBLE.keys() | IMPOSSIBLE_ON_AWS.keys() == NAMES


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in IMPOSSIBLE.items() for value in values]
)
def test_a_value_that_cannot_work_is_refused_by_name(name: str, value: str, tmp_path: Path) -> None:
    # Exports have no server without one for the lists.
    beside = {"TMDB_BASE_URL": "http://127.0.0.1:1/3"} if name == "TMDB_EXPORTS_URL" else {}
    environ = {"TALLY_HOME": str(tmp_path), "TALLY_DOTENV": os.devnull, **beside, name: value}
    told = refusal(environ)
    assert name in told
    assert "\n" not in told
    assert SECRET not in told
    told.encode()


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in IMPOSSIBLE_ON_AWS.items() for value in values]
)
def test_a_name_that_nothing_on_aws_can_have_is_refused(name: str, value: str, tmp_path: Path) -> None:
    on_aws = {key: text for key, text in ON_AWS.items() if not name.startswith("AWS_") or key != "AWS_REGION"}
    told = refusal({**on_aws, "TALLY_HOME": str(tmp_path), "TALLY_DOTENV": os.devnull, name: value})
    assert name in told
    assert "\n" not in told


@pytest.mark.parametrize("name", sorted(NAMES))
@pytest.mark.parametrize("empty", ["", " ", "\t"])
def test_a_setting_that_is_empty_is_none(name: str, empty: str, tmp_path: Path) -> None:
    def loaded(**more: str) -> Settings:
        return load_settings({"TALLY_HOME": str(tmp_path), **more}, dotenv=None)

    if name != "TALLY_HOME":
        assert loaded(**{name: empty}) == loaded()


@pytest.mark.parametrize("cron", ["0 3 31 2 *", "0 3 30,31 2 *", "0 3 31 4,6,9,11 *"])
def test_of_a_date_that_never_comes_it_is_said_so(cron: str, tmp_path: Path) -> None:
    told = refusal({"TALLY_HOME": str(tmp_path), "TALLY_DOTENV": os.devnull, "TALLY_SCHEDULE": cron})
    assert told.startswith(f"TALLY_SCHEDULE is {cron!r}: that date never comes; give five cron fields")


@pytest.mark.parametrize("cron", ["0 3 0 2 *", "0 3 32 1 *", "99 3 31 2 *", "0 3 31 13 *"])
def test_of_a_number_that_is_out_of_range_something_else(cron: str, tmp_path: Path) -> None:
    told = refusal({"TALLY_HOME": str(tmp_path), "TALLY_DOTENV": os.devnull, "TALLY_SCHEDULE": cron})
    assert "has a number that is out of range" in told


@pytest.mark.parametrize(
    ("cron", "setting"),
    [
        (cron, setting)
        for cron in ("0 3 * * 1", "*/15 * * * *", "0 1,13 * * *", "@daily", "30 2 * * mon-fri", "0 3 29 2 *")
        for setting in ("schedule", "exports_schedule", "genres_schedule")
    ],
)
def test_any_expression_that_dagster_can_keep_to_will_do(cron: str, setting: str) -> None:
    assert getattr(load_settings({f"TALLY_{setting.upper()}": cron}, dotenv=None), setting) == cron


@pytest.mark.parametrize(
    ("cron", "says"),
    [
        ("@every 1h", "of the names with @ there are @hourly, @daily, @weekly and @monthly"),
        ("@reboot", "of the names with @ there are"),
        ("H 3 * * *", "H and R stand for a random time"),
        ("0 1h * * *", "it is no such expression"),
    ],
)
def test_the_reason_is_the_one_that_applies(cron: str, says: str, tmp_path: Path) -> None:
    told = refusal({"TALLY_HOME": str(tmp_path), "TALLY_DOTENV": os.devnull, "TALLY_SCHEDULE": cron})
    assert told.startswith(f"TALLY_SCHEDULE is {cron!r}: {says}")
