"""Whatever AWS answers: one clear error in bounded time, nothing lost, and the same again heals."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tally_pipeline.aws.errors import AwsError
from tally_pipeline.aws.session import Aws, RetryPolicy
from tally_pipeline.datasets import PLACES
from tally_pipeline.datasets.captures import audit
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.sqs import SqsObjectEvents
from tally_pipeline.lake.store import AlreadyThereError, LakeError, Store
from testkit.aws.faults import FAULTS, QUEUE_FAULTS
from testkit.aws.faulty_aws import ACCESS_KEY, Fault, FaultyAws, Request, denied, serving
from testkit.aws.moto_server import messages_in
from testkit.stored_days import keys_of

PATIENCE = RetryPolicy(connect_seconds=0.5, read_seconds=0.4, attempts=2)
BOUND_SECONDS = 6
KEY = BronzeKey("popular_shows", "2025-12-24", "a")


@dataclass
class Troubled:
    """The lake seen through a server that can fail, with the same lake seen directly."""

    faulty: FaultyAws
    aws: Aws
    direct: Aws
    sound: Store

    @property
    def store(self) -> Store:
        return Store.on_s3(self.aws, self.aws.settings.lake_bucket)


@pytest.fixture
def troubled(aws: Aws, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Troubled]:
    with serving(moto_url) as (faulty, url):
        sound = Store.on_s3(aws, aws.settings.lake_bucket)
        # Connected from here on, and so are the clients that the fixture `aws` used: past the server with troubles.
        assert not sound.exists("anything")
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield Troubled(faulty, Aws(aws.settings, PATIENCE), aws, sound)


@pytest.mark.parametrize(
    "name",
    [
        # Those are tried again and again, seven times over.
        pytest.param(name, marks=pytest.mark.slow) if name in ("throttled", "down", "hangs") else name
        for name in FAULTS
    ],
)
def test_each_trouble_of_the_bucket_is_told_and_passes(troubled: Troubled, name: str) -> None:
    fault, told = FAULTS[name]
    lake = Lake(troubled.store, "tmdb")
    lake.write_bronze(BronzeKey("popular_shows", "2025-12-24", "before"), b"kept")
    troubled.faulty.fail(fault)
    store, where = lake.store, f"s3://{lake.store.root[5:]}"

    for use, resource in (
        (lambda: lake.write_bronze(KEY, b"new"), f"write {where}/{KEY}"),
        (lambda: store.put("silver/x", b"new"), f"write {where}/silver/x"),
        (lambda: store.get("silver/x"), f"read {where}/silver/x"),
        (lambda: store.tail("silver/x", 8), f"read the end of {where}/silver/x"),
        (lambda: store.exists("silver/x"), f"look for {where}/silver/x"),
        (lambda: store.list("bronze"), f"list {where}/bronze"),
        (lambda: store.folders("bronze"), f"list {where}/bronze"),
    ):
        began = time.monotonic()
        with pytest.raises(LakeError, match=f"^could not {resource}: .*{told}") as caught:
            use()
        assert time.monotonic() - began < BOUND_SECONDS
        assert ACCESS_KEY not in f"{caught.value}{caught.value.__cause__}"
        assert type(caught.value) is LakeError

    troubled.faulty.fail(None)
    assert [info.key for info in lake.store.list("bronze")] == [str(KEY).replace("/a.", "/before.")]
    lake.write_bronze(KEY, b"new")
    assert store.get(str(KEY)) == b"new"
    assert store.get(str(KEY).replace("/a.", "/before.")) == b"kept"


def test_what_the_audit_may_not_read_is_not_called_broken(troubled: Troubled) -> None:
    Lake(troubled.sound, "tmdb").write_bronze(KEY, b"{}")
    troubled.faulty.fail(denied("s3:GetObject"))
    with pytest.raises(LakeError, match="may not do it"):
        list(audit(Lake(troubled.store, "tmdb")))


def test_an_endpoint_where_nobody_listens_is_told(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    store = Store.on_s3(Aws(aws.settings, PATIENCE), "b")

    with pytest.raises(LakeError, match=r"could not read s3://b/a: it cannot be reached.*AWS_ENDPOINT_URL"):
        store.get("a")


@pytest.mark.parametrize("status", [500, 503])
def test_a_trouble_that_passes_is_not_even_noticed(troubled: Troubled, status: int) -> None:
    troubled.faulty.fail(Fault(status, "SlowDown", times=2))
    troubled.store.create(str(KEY), b"new")

    assert troubled.sound.get(str(KEY)) == b"new"
    assert len(troubled.faulty.requests) == 3


def test_a_write_that_another_was_under_way_of_is_tried_again(troubled: Troubled) -> None:
    conflict = Fault(409, "ConditionalRequestConflict", "A conflicting operation occurred.", times=2)
    troubled.faulty.fail(conflict)
    troubled.store.create(str(KEY), b"new")
    assert troubled.sound.get(str(KEY)) == b"new"

    troubled.faulty.fail(Fault(409, "ConditionalRequestConflict", "A conflicting operation occurred."))
    with pytest.raises(LakeError, match=r"another write to it was under way.*Run the same again") as caught:
        troubled.store.create("bronze/b", b"new")
    assert not isinstance(caught.value, AlreadyThereError)


def test_bronze_is_only_ever_written_under_the_condition_that_nothing_is_there(troubled: Troubled) -> None:
    """A server that refuses other puts to bronze, as the bucket's policy does, has nothing to refuse."""
    unconditional = denied("s3:PutObject")
    troubled.faulty.fail(Fault(403, unconditional.code, unconditional.message, concerns=_replaces_bronze))

    Lake(troubled.store, "tmdb").write_bronze(KEY, b"new")
    assert troubled.sound.get(str(KEY)) == b"new"
    with pytest.raises(LakeError, match="may not do it"):
        troubled.store.put(str(KEY), b"other")
    assert troubled.sound.get(str(KEY)) == b"new"


def test_every_write_carries_a_checksum_as_object_lock_demands(troubled: Troubled) -> None:
    troubled.faulty.fail(None)
    troubled.store.put("silver/x", b"new")
    troubled.store.create("bronze/x", b"new")

    assert all("x-amz-checksum-sha256" in request.headers for request in troubled.faulty.requests)


def _is_of_the_queue(request: Request) -> bool:
    return "x-amz-target" in request.headers


@pytest.mark.parametrize("name", QUEUE_FAULTS)
def test_each_trouble_of_the_queue_is_told_and_loses_no_message(troubled: Troubled, name: str) -> None:
    fault, told = QUEUE_FAULTS[name]
    arrivals = SqsObjectEvents(troubled.aws, troubled.store, PLACES, wait_seconds=0)
    _, cursor = arrivals.poll(None)
    troubled.direct.client("s3").put_object(
        Bucket=troubled.aws.settings.lake_bucket, Key=str(KEY), Body=b"{}"
    )
    troubled.faulty.fail(Fault(**{**fault.__dict__, "concerns": _is_of_the_queue}))

    began = time.monotonic()
    with pytest.raises(AwsError, match=f"messages from http.*tally-test-events: .*{told}"):
        arrivals.poll(cursor)
    assert time.monotonic() - began < BOUND_SECONDS

    troubled.faulty.fail(None)
    # As on AWS, a look that does not wait may find nothing although there is something.
    arrivals = SqsObjectEvents(Aws(troubled.aws.settings), troubled.store, PLACES)
    found, cursor = arrivals.poll(cursor)
    assert [keys_of(arrival) for arrival in found] == [(KEY,)]
    # An event may come twice, and late.
    for _ in range(20):
        _, cursor = arrivals.poll(cursor)
        if not messages_in(troubled.direct, troubled.aws.settings.events_queue_url):
            return
    pytest.fail("the queue still holds a message that is done with")


def test_a_bucket_in_trouble_during_a_look_loses_no_message(troubled: Troubled) -> None:
    arrivals = SqsObjectEvents(troubled.aws, troubled.store, PLACES, wait_seconds=0)
    _, cursor = arrivals.poll(None)
    troubled.direct.client("s3").put_object(
        Bucket=troubled.aws.settings.lake_bucket, Key=str(KEY), Body=b"{}"
    )
    is_list = denied("s3:ListBucket")
    troubled.faulty.fail(Fault(403, is_list.code, is_list.message, concerns=lambda r: "list-type" in r.path))

    with pytest.raises(LakeError, match=r"could not list .*may not do it .s3:ListBucket"):
        arrivals.poll(cursor)
    assert messages_in(troubled.direct, troubled.aws.settings.events_queue_url) == 1


def _replaces_bronze(request: Request) -> bool:
    is_put = request.method == "PUT" and request.key.startswith("bronze/")
    return is_put and request.headers.get("if-none-match") != "*"
