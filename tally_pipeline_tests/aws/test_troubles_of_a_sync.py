"""What `tally sync` makes of AWS's troubles: one clear error, nothing lost, and the next sync heals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import pytest

from tally_pipeline import clock, gold
from tally_pipeline.aws import session
from tally_pipeline.aws.session import Aws, RetryPolicy
from tally_pipeline.datasets.shows import stored
from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.query.tables import SILVER_SHOWS
from tally_pipeline.tables.sources import GoldFooter
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline_tests.aws.lake_on_aws import TOKEN, LakeOnAws, account, made_of, quick_folder
from testkit import tally
from testkit.aws.athena_server import athena_url, put_table, table_input
from testkit.aws.faulty_aws import ACCESS_KEY, WRONG_REGION, Fault, FaultyAws, Request, denied, serving

__all__ = ["athena_url"]

pytestmark = pytest.mark.slow

LIST = "popular_shows"
SYNC = ("sync", "--list", LIST, "--pages", "1")
BRONZE = f"bronze/tmdb/shows/{LIST}/"
NOWHERE = "http://127.0.0.1:1"


@dataclass
class Troubled:
    """A lake with a good sync of today in it; commands reach AWS through servers that can fail."""

    lake: LakeOnAws
    aws: FaultyAws
    athena: FaultyAws

    def fail(self, aws: Fault | None, athena: Fault | None) -> None:
        self.aws.fail(aws)
        self.athena.fail(athena)


@pytest.fixture(scope="module")
def troubled(moto_url: str, athena_url: str) -> Iterator[Troubled]:
    with (
        pytest.MonkeyPatch.context() as patch,
        quick_folder() as home,
        Sandbox() as sandbox,
        serving(moto_url) as (aws, aws_at),
        serving(athena_url) as (athena, athena_at),
        account(moto_url, athena_url, home) as owner,
    ):
        # What AWS fails for good is asked twice, not four times: seconds for each trouble here.
        patch.setattr(
            session, "RetryPolicy", partial(RetryPolicy, connect_seconds=1, read_seconds=5, attempts=2)
        )
        through = {"AWS_ENDPOINT_URL": aws_at, "AWS_ENDPOINT_URL_ATHENA": athena_at}
        lake = LakeOnAws(owner, home, sandbox.base_url, through)
        synced = lake.run(*SYNC)
        assert synced.code == 0, synced.err
        yield Troubled(lake, aws, athena)


def _is_put_below(folder: str) -> Callable[[Request], bool]:
    return lambda request: request.method == "PUT" and request.key.startswith(folder)


def _comes_after_bronze(request: Request) -> bool:
    """Whether it is one of those that follow when the capture has been kept."""
    is_before = "x-amz-target" in request.headers or request.key.startswith(
        ("bronze/", layout.OWNERSHIP_MARKER)
    )
    return not is_before


def _sends_metrics(request: Request) -> bool:
    return request.headers.get("x-amz-target", "").endswith(".PutMetricData")


def _denied(action: str, *, below: str) -> Fault:
    return replace(denied(action), concerns=_is_put_below(below))


def _drop_table(aws: Aws) -> None:
    aws.client("glue").delete_table(DatabaseName=aws.settings.database, Name=SILVER_SHOWS.name)


def _put_table(aws: Aws) -> None:
    put_table(aws, table_input(aws, SILVER_SHOWS))


def _drop_token(aws: Aws) -> None:
    aws.client("ssm").delete_parameter(Name=aws.settings.token_parameter)


def _put_token(aws: Aws) -> None:
    aws.client("ssm").put_parameter(Name=aws.settings.token_parameter, Value=TOKEN, Type="SecureString")


def _nothing(aws: Aws) -> None:
    pass


@dataclass(frozen=True)
class Trouble:
    """What is wrong, and what the sync then says and does.

    `resource` and `remedy` are patterns in the error. `captured` and `published` say how far it comes.
    """

    resource: str
    remedy: str
    code: int = 1
    captured: bool = False
    published: bool = False
    aws: Fault | None = None
    athena: Fault | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    breaks: Callable[[Aws], None] = _nothing
    mends: Callable[[Aws], None] = _nothing


LAKE = r"s3://tally-datalake-test/"
EXPIRED = Fault(400, "ExpiredToken", "The provided token has expired.")
CLOCK = Fault(403, "RequestTimeTooSkewed", "The difference between the request time and now is too large.")
SLOW_DOWN = Fault(503, "SlowDown", "Please reduce your request rate.")
ATHENA_SLOW_DOWN = Fault(400, "TooManyRequestsException", "Rate exceeded")

TROUBLES = {
    "bronze may not be written": Trouble(
        rf"write {LAKE}{BRONZE}",
        r"\(s3:PutObject\).*attach the policy tally-<env>-pipeline",
        aws=_denied("s3:PutObject", below="bronze/"),
    ),
    "silver may not be written": Trouble(
        rf"write {LAKE}silver/shows/{LIST}/",
        r"\(s3:PutObject\).*attach the policy tally-<env>-pipeline",
        captured=True,
        aws=_denied("s3:PutObject", below="silver/"),
    ),
    "Athena may not be asked": Trouble(
        "Athena workgroup tally-test",
        r"\(athena:StartQueryExecution\).*attach the policy tally-<env>-pipeline",
        captured=True,
        published=True,
        athena=Fault(400, "AccessDeniedException", "You are not authorized to perform: athena:StartQueryExecution"),
    ),
    "the bucket is throttled": Trouble(LAKE, "limits how fast.*Wait some minutes", code=2, aws=SLOW_DOWN),
    "Athena is throttled": Trouble(
        "Athena workgroup tally-test",
        "limits how fast.*Wait some minutes",
        captured=True,
        published=True,
        athena=ATHENA_SLOW_DOWN,
    ),
    "there is no such bucket": Trouble(
        "s3://nobodys-bucket/",
        "no such bucket.*Check TALLY_LAKE_BUCKET",
        code=2,
        settings={"TALLY_LAKE_BUCKET": "nobodys-bucket"},
    ),
    "there is no such table": Trouble(
        r"Glue table tally_test\.silver_shows",
        "terraform apply",
        captured=True,
        published=True,
        breaks=_drop_table,
        mends=_put_table,
    ),
    "there is no token": Trouble(
        "SSM parameter /tally/test/tmdb-api-token",
        "put the token there",
        breaks=_drop_token,
        mends=_put_token,
    ),
    "the credentials have expired": Trouble(LAKE, "have expired.*Log in again", code=2, aws=EXPIRED, athena=EXPIRED),
    "the credentials expire in the middle": Trouble(
        LAKE,
        "have expired.*Log in again",
        code=2,
        captured=True,
        aws=replace(EXPIRED, concerns=_comes_after_bronze),
        athena=EXPIRED,
    ),
    "there are no credentials": Trouble(
        LAKE,
        "no credentials for AWS can be had.*Set AWS_PROFILE",
        code=2,
        settings={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
    ),
    "the region is another": Trouble(LAKE, "another region.*Set AWS_REGION", code=2, aws=WRONG_REGION),
    "the clock is wrong": Trouble(LAKE, "clock differs.*timedatectl", code=2, aws=CLOCK),
    "AWS cannot be reached": Trouble(
        LAKE, "cannot be reached.*Check the network", code=2, settings={"AWS_ENDPOINT_URL": NOWHERE}
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TROUBLES)
def test_each_trouble_is_told_and_loses_nothing_and_the_next_sync_heals(
    troubled: Troubled, name: str
) -> None:
    trouble, lake = TROUBLES[name], troubled.lake
    before = lake.versions()
    troubled.fail(trouble.aws, trouble.athena)
    trouble.breaks(lake.aws)
    try:
        ran = lake.run(*SYNC, **trouble.settings)
    finally:
        troubled.fail(None, None)
        trouble.mends(lake.aws)
    assert ran.code == trouble.code, ran.err
    _assert_told_once(ran, trouble)
    _assert_kept(before, lake.versions(), trouble)
    _assert_silver_has_its_capture(lake)
    if trouble.captured:
        _assert_heals(lake)


def test_after_syncs_that_wrote_nothing_the_next_one_heals(troubled: Troubled) -> None:
    """The others' troubles left the lake as it was, every version of every object; so one stands for all."""
    lake, trouble = troubled.lake, TROUBLES["there are no credentials"]
    before = lake.versions()
    assert lake.run(*SYNC, **trouble.settings).code == trouble.code
    assert lake.versions() == before
    _assert_heals(lake)


def test_throttling_that_passes_is_not_even_noticed(troubled: Troubled) -> None:
    troubled.fail(replace(SLOW_DOWN, times=3), replace(ATHENA_SLOW_DOWN, times=1))
    try:
        ran = troubled.lake.run(*SYNC)
        assert len(troubled.athena.requests) > 1
    finally:
        troubled.fail(None, None)
    assert ran.code == 0, ran.err
    assert "✗" not in ran.err


def test_metrics_that_cannot_be_sent_are_a_warning_and_no_failure(
    troubled: Troubled, caplog: pytest.LogCaptureFixture
) -> None:
    troubled.fail(replace(denied("cloudwatch:PutMetricData"), concerns=_sends_metrics), None)
    try:
        ran = troubled.lake.run(*SYNC)
    finally:
        troubled.fail(None, None)
    assert ran.code == 0, ran.err
    assert "were not sent" in caplog.text


@pytest.mark.parametrize("name", ["the credentials expire in the middle", "there are no credentials"])
def test_a_terminal_shows_a_sentence_and_no_stack_trace(troubled: Troubled, name: str) -> None:
    """A process of its own: what Dagster and AWS's libraries log is on its terminal too."""
    trouble = TROUBLES[name]
    troubled.fail(trouble.aws, trouble.athena)
    try:
        ran = troubled.lake.start(*SYNC, **trouble.settings)
    finally:
        troubled.fail(None, None)
    assert ran.returncode == trouble.code
    assert "Traceback" not in ran.stdout + ran.stderr
    assert not re.search(r'^\s+File "', ran.stderr, re.MULTILINE)
    _assert_told_once(tally.Ran(ran.returncode, ran.stdout, ran.stderr), trouble)


def _assert_told_once(ran: tally.Ran, trouble: Trouble) -> None:
    """One error, of the command or of a step, which says of what it is and what to do; no secret in it."""
    told = re.findall(r"^(?:tally: (.*)|✗ .*:\n  (.*))$", ran.err, re.MULTILINE)
    assert len(told) == 1, ran.err
    (error,) = filter(None, told[0])
    assert re.search(trouble.resource, error), error
    assert re.search(trouble.remedy, error), error
    assert not re.search(rf"{TOKEN}|{ACCESS_KEY}|testing-secret", ran.out + ran.err)


def _assert_kept(
    before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]], trouble: Trouble
) -> None:
    """Nothing that was there is gone or changed, but what was published anew."""
    assert before.keys() <= after.keys()
    captures = {key for key in after.keys() - before.keys() if key.startswith(BRONZE)}
    assert len(captures) == trouble.captured
    assert {
        key
        for key in before
        if key.startswith(("bronze/", layout.OWNERSHIP_MARKER)) and before[key] != after[key]
    } == set()
    replaced = {key for key in before if key.startswith("silver/") and before[key] != after[key]}
    assert bool(replaced) == trouble.published
    if not trouble.captured:
        assert before == after


def _assert_silver_has_its_capture(lake: LakeOnAws) -> None:
    """Silver of today is there, and was made from a capture that is there."""
    footer = stored.silver_footer(lake.lake, LIST, clock.today().isoformat())
    assert footer is not None
    (ref,) = footer.bronze
    key = BronzeKey.parse(ref.key)
    assert key is not None
    assert stored.read_bronze(lake.lake, key).sha256 == ref.sha256


def _assert_heals(lake: LakeOnAws) -> None:
    """The next sync publishes silver, table, gold and report, all of its own capture."""
    before = lake.versions()
    ran = lake.run(*SYNC, "--json")
    assert ran.code == 0, ran.err
    told, day = ran.json[LIST], clock.today().isoformat()
    after = lake.versions()
    assert {key for key in made_of(day, [LIST]) if before.get(key) == after[key]} == set()
    footer = stored.silver_footer(lake.lake, LIST, day)
    assert footer is not None
    assert [ref.key for ref in footer.bronze] == [str(BronzeKey(LIST, day, told["run_id"]))]
    answer = lake.athena.query(f"SELECT count(*) AS n FROM silver_shows WHERE dt = '{day}'")
    assert answer.to_pylist() == [{"n": told["silver_rows"]}]
    assert all(lake.lake.footer(layout.gold_key(table.name, day), GoldFooter) for table in gold.OF_SHOWS)
