"""Every setting, declared once: reading, defaults, `.env.example`, README's table and docs/settings.md derive from
here.

A new setting is one `_setting(…)` in the group where it belongs, and its use in `settings.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from tally_pipeline.lake import layout
from tally_pipeline.settings.forms import AwsName, Choice, Cron, Day, Form, Number, Pages, Text, Whole
from tally_pipeline.tmdb.lists import LISTS, ShowList
from tally_pipeline.tmdb.settings import TMDB_BASE_URL, TMDB_EXPORTS_URL, UTC_TIMEZONE, Source

V = TypeVar("V")
D = TypeVar("D")


@dataclass(frozen=True)
class Setting(Generic[V]):
    """One setting.

    `default` is its value if it is not set; `shown_default` describes it if the value alone says too little.
    `example` is its text in `.env.example`. `is_secret`: it is shown nowhere. `is_first`: README lists it.
    `in_example` is False for a setting that has no meaning in a file.
    """

    name: str
    form: Form[Any]
    default: V
    meaning: str
    group: str
    shown_default: str
    example: str
    is_secret: bool = False
    is_first: bool = False
    in_example: bool = True

    def read(self, text: str | None) -> V:
        """The value of this text, the default for None. Raises `SettingsError`."""
        if text is None:
            return self.default
        value: V = self.form.read(self.name, text)
        return value


GROUPS = {
    "TMDB": "",
    "The lake": "",
    "On AWS": "What Terraform set up; all of it at once, on the end of this file or in its place:\n"
    "  terraform -chdir=deploy output -json | tally deploy settings > .env",
    "When and how much": "",
    "This machine": "",
}
"""The groups, in the order of the documents, each with its introduction in `.env.example`."""

_declared: list[Setting[Any]] = []


def _setting(
    group: str,
    name: str,
    form: Form[V],
    default: D,
    meaning: str,
    *,
    shown: str | None = None,
    example: str | None = None,
    **options: bool,
) -> Setting[V | D]:
    assert group in GROUPS
    if shown is None:
        shown = "" if default is None else f"{default:g}" if isinstance(default, float) else str(default)
    one: Setting[V | D] = Setting(
        name, form, default, meaning, group, shown, shown if example is None else example, **options
    )
    _declared.append(one)
    return one


TOKEN = _setting(
    "TMDB",
    "TMDB_API_TOKEN",
    Text(),
    None,
    "TMDB's API Read Access Token (v4, preferred). With neither token nor key Tally reads its sandbox; but where a"
    " lake of TMDB's stands in TALLY_HOME it captures nothing.",
    is_secret=True,
    is_first=True,
)
API_KEY = _setting(
    "TMDB",
    "TMDB_API_KEY",
    Text(),
    None,
    "TMDB's API key (v3), where there is no token.",
    is_secret=True,
    is_first=True,
)
BASE_URL = _setting(
    "TMDB",
    "TMDB_BASE_URL",
    Text("an address"),
    None,
    "Where TMDB is; a sandbox that you started yourself listens on http://127.0.0.1:PORT/3.",
    shown=TMDB_BASE_URL,
)
EXPORTS_URL = _setting(
    "TMDB",
    "TMDB_EXPORTS_URL",
    Text("an address"),
    None,
    "Where TMDB's daily exports are; with a TMDB_BASE_URL of your own it is that server's /p/exports.",
    shown=TMDB_EXPORTS_URL,
)
LANGUAGE = _setting(
    "TMDB",
    "TMDB_LANGUAGE",
    Text("an IETF language tag"),
    "en-US",
    "Language of titles and overviews, sent with every request and recorded.",
)
TIMEZONE = _setting(
    "TMDB",
    "TMDB_TIMEZONE",
    Text("an IANA name"),
    UTC_TIMEZONE,
    'The timezone whose today "airing today" means; Abidjan keeps UTC all year, by a name that TMDB lists.',
)
TRENDING_WINDOW = _setting(
    "TMDB",
    "TMDB_TRENDING_WINDOW",
    Choice("day", "week"),
    "day",
    "Trending over the last day or the last week.",
)
REQUESTS_PER_SECOND = _setting(
    "TMDB",
    "TMDB_REQUESTS_PER_SECOND",
    Number(0.1, 1000.0),
    40.0,
    "Requests a second for the whole process; TMDB's own limit is about 40 for an address.",
)
ATTEMPTS = _setting(
    "TMDB", "TMDB_ATTEMPTS", Whole(1, 20), 6, "How often a request is tried before it counts as failed."
)
TIMEOUT_SECONDS = _setting(
    "TMDB", "TMDB_TIMEOUT_SECONDS", Number(0.1, 300.0), 15.0, "Seconds to wait for a reply."
)

HOME = _setting(
    "The lake",
    "TALLY_HOME",
    Text("a folder, without `*`, `?`, `[`, `=` and backslashes in its path"),
    None,
    "The folder that holds the lakes and Dagster's histories. A relative one counts from the folder of the file.",
    shown=".tally",
    is_first=True,
)
SOURCE = _setting(
    "The lake",
    "TALLY_SOURCE",
    Choice[Source]("tmdb", "sandbox"),
    None,
    "Whose data it must be: tmdb (without a key nothing is captured) or sandbox (whatever keys there are).",
    is_first=True,
)
DEPLOYMENT = _setting(
    "The lake",
    "TALLY_DEPLOYMENT",
    Choice("local", "aws"),
    "local",
    "What the pipeline runs on: local (a folder and DuckDB) or aws (S3, Athena, SQS, CloudWatch).",
    is_first=True,
)
DOTENV = _setting(
    "The lake",
    "TALLY_DOTENV",
    Text("a file"),
    None,
    "Another file in place of .env; set in the environment.",
    shown=".env",
    in_example=False,
)

_REGION = AwsName(r"[a-z]{2,}(-[a-z]+)+-[0-9]+", "eu-central-1")
# A bucket's name is also that of a folder, beside those of sources.
_BUCKET = AwsName(r"(?!sandbox$|tmdb$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", "tally-datalake-dev")
_QUEUE = AwsName(
    r"https?://[!-~]+/[A-Za-z0-9_-]+", "https://sqs.eu-central-1.amazonaws.com/123456789012/tally-events"
)

REGION = _setting("On AWS", "AWS_REGION", _REGION, None, "The region in which all of it is.")
DEFAULT_REGION = _setting(
    "On AWS",
    "AWS_DEFAULT_REGION",
    _REGION,
    None,
    "Stands in for AWS_REGION where that is not set.",
    in_example=False,
)
ENVIRONMENT = _setting(
    "On AWS",
    "TALLY_ENVIRONMENT",
    AwsName(r"[a-z0-9-]{1,40}", "tally-dev"),
    None,
    "The name of this environment among several of an account: the dimension of its metrics, on which alarms look.",
)
LAKE_BUCKET = _setting("On AWS", "TALLY_LAKE_BUCKET", _BUCKET, None, "The bucket that is the lake.")
RESULTS_BUCKET = _setting(
    "On AWS", "TALLY_RESULTS_BUCKET", _BUCKET, None, "The bucket of Athena's results and of what runs print."
)
DATABASE = _setting(
    "On AWS",
    "TALLY_GLUE_DATABASE",
    AwsName(r"[a-z0-9_]{1,255}", "tally_dev"),
    None,
    "The database of the tables in Glue.",
)
WORKGROUP = _setting(
    "On AWS",
    "TALLY_ATHENA_WORKGROUP",
    AwsName(r"[A-Za-z0-9._-]{1,128}", "tally-dev"),
    None,
    "The workgroup in which queries run.",
)
EVENTS_QUEUE = _setting(
    "On AWS",
    "TALLY_EVENTS_QUEUE_URL",
    _QUEUE,
    None,
    "The queue that is told of new objects in bronze.",
)
DEAD_LETTERS_QUEUE = _setting(
    "On AWS",
    "TALLY_DEAD_LETTERS_QUEUE_URL",
    _QUEUE,
    None,
    "The queue of messages that nobody could use; only `tally deploy check` looks at it.",
)
ALERTS_TOPIC = _setting(
    "On AWS",
    "TALLY_ALERTS_TOPIC_ARN",
    AwsName(r"arn:[!-~]+:[A-Za-z0-9_-]+", "arn:aws:sns:eu-central-1:123456789012:tally-alerts"),
    None,
    "The topic that alarms go to; only `tally deploy check` and `prove` look at it.",
)
TOKEN_PARAMETER = _setting(
    "On AWS",
    "TALLY_TOKEN_PARAMETER",
    AwsName(r"[A-Za-z0-9_./-]{1,1011}", "/tally/dev/tmdb-token"),
    None,
    "The SSM parameter that holds TMDB's token; a TMDB_API_TOKEN wins over it.",
)
NEEDED_ON_AWS = (ENVIRONMENT, LAKE_BUCKET, RESULTS_BUCKET, DATABASE, WORKGROUP, EVENTS_QUEUE)
"""The settings that a deployment on AWS requires, besides the region."""

FIRST_DAY = _setting(
    "When and how much",
    "TALLY_FIRST_DAY",
    Day(date.fromisoformat(layout.EARLIEST)),
    None,
    "Where the daily partitions begin, if before the first day that the lake holds.",
    shown="the first day that the lake holds",
    example="2026-01-01",
)
RETENTION_DAYS = _setting(
    "When and how much",
    "TALLY_RETENTION_DAYS",
    Whole(0, 36_500),
    177,
    "Days from a partition's day until what is stored of it expires; 0: never. TMDB's terms allow six months, and"
    " deleting takes up to three days; on AWS Terraform's retention_days decides. Only TMDB's data expires.",
)
RETENTION_DAYS_ON_AWS = 163
"""The default on AWS, as deploy/ has it: the versions to recover from are part of the six months there."""

_DAILY, _EXPORTS, _GENRES = Cron("0 3 * * *"), Cron("15,45 8-11 * * *"), Cron("30 3 * * 1")
_DETAILS = Cron("20 3 * * *")
SCHEDULE = _setting(
    "When and how much",
    "TALLY_SCHEDULE",
    _DAILY,
    _DAILY.default,
    "When the lists are captured.",
    is_first=True,
)
EXPORTS_SCHEDULE = _setting(
    "When and how much",
    "TALLY_EXPORTS_SCHEDULE",
    _EXPORTS,
    _EXPORTS.default,
    "When the day's export is looked for, until bronze holds it: TMDB has it by 08:00 UTC.",
)
GENRES_SCHEDULE = _setting(
    "When and how much",
    "TALLY_GENRES_SCHEDULE",
    _GENRES,
    _GENRES.default,
    "When the list of genres is captured: Mondays.",
)
DETAILS_SCHEDULE = _setting(
    "When and how much",
    "TALLY_DETAILS_SCHEDULE",
    _DETAILS,
    _DETAILS.default,
    "When the details of shows are captured: after the lists, which say of which.",
)
DETAILS_BUDGET = _setting(
    "When and how much",
    "TALLY_DETAILS_BUDGET",
    Whole(0, 100_000),
    3000,
    "Shows whose details are asked for a day at most, one request each; 0: none.",
)
MIN_PASS_RATE = _setting(
    "When and how much",
    "TALLY_MIN_PASS_RATE",
    Number(0.0, 100.0),
    95.0,
    "Per cent of a capture's rows that must keep the contract, or it is not published.",
    is_first=True,
)


def _depth_of(one: ShowList) -> Setting[int | None]:
    return _setting(
        "When and how much",
        f"TALLY_PAGES_{one.name.upper()}",
        Pages(),
        one.depth,
        f"Pages that are captured of {one.name}.",
        shown=str(one.depth or "all"),
    )


DEPTHS = {one.name: _depth_of(one) for one in LISTS}
"""The settings of depth, by list."""

SENSOR_SECONDS = _setting(
    "This machine",
    "TALLY_SENSOR_SECONDS",
    Whole(1, 3600),
    15,
    "How often the sensor looks for new bronze objects, in seconds; on AWS at most 240.",
)
SENSOR_ON_AWS = Whole(1, 240)
"""A received message comes again after five minutes unless the next poll deletes it."""

PAST_DAYS = _setting(
    "This machine",
    "TALLY_SANDBOX_PAST_DAYS",
    Whole(0, 365),
    30,
    "Days of past that `tally up` gives an empty lake of the sandbox after the first sync; 0 gives it none.",
)
PORT = _setting(
    "This machine", "TALLY_PORT", Whole(1, 65535), 3000, "The port of the Dagster UI.", is_first=True
)
EVENTS_DAYS = _setting(
    "When and how much",
    "TALLY_EVENTS_DAYS",
    Whole(0, 36_500),
    30,
    "Days for which `tally collect` keeps viewers' events as they came in a lake in a folder; 0: for ever. On AWS"
    " Terraform's events_days decides.",
)
COLLECT_PORT = _setting(
    "This machine",
    "TALLY_COLLECT_PORT",
    Whole(0, 65535),
    8686,
    "The port of `tally collect`; 0 takes any free one.",
)
COLLECT_KEYS = _setting(
    "This machine",
    "TALLY_COLLECT_KEYS",
    Text("keys"),
    None,
    "The keys that `tally collect` takes, by commas. Without any it asks for none: only this machine reaches it.",
    is_secret=True,
)

SETTINGS = tuple(_declared)
"""Every setting, by group."""

NAMES = frozenset(one.name for one in SETTINGS)
