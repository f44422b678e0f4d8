"""The store on S3 behaves as the one in a folder; where S3 is peculiar, nobody notices."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.lake import layout
from tally_pipeline.lake.retention import TAG, Retention
from tally_pipeline.lake.store import AlreadyThereError, LakeError, NoSuchObjectError, Store


@pytest.fixture
def store(aws: Aws) -> Store:
    return Store.on_s3(aws, aws.settings.lake_bucket)


def test_an_object_reads_as_it_was_written(store: Store, aws: Aws) -> None:
    store.create("bronze/a.json", b"\x00\xff bytes")
    store.put("silver/b", b"")

    there = aws.client("s3").get_object(Bucket=aws.settings.lake_bucket, Key="bronze/a.json")
    assert store.get("bronze/a.json") == b"\x00\xff bytes" == there["Body"].read()
    assert store.get("silver/b") == b""
    assert store.uri("bronze/a.json") == "s3://tally-datalake-test/bronze/a.json"


def test_create_never_replaces_and_put_does(store: Store) -> None:
    store.create("a", b"first")

    with pytest.raises(
        AlreadyThereError, match="s3://tally-datalake-test/a is there already; it stays as it is"
    ):
        store.create("a", b"second")
    assert store.get("a") == b"first"
    store.put("a", b"third")
    assert store.get("a") == b"third"


def test_of_sixteen_that_create_the_same_object_at_once_one_wins(store: Store) -> None:
    start = threading.Barrier(16)

    def create(number: int) -> int | None:
        start.wait()
        try:
            store.create("day/a", b"%02d" % number * 10_000)
        except AlreadyThereError:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(create, range(16)) if number is not None]

    assert len(winners) == 1
    assert store.get("day/a") == b"%02d" % winners[0] * 10_000


@pytest.mark.parametrize(
    ("length", "tail"), [(1, b"9"), (4, b"6789"), (10, b"0123456789"), (99, b"0123456789")]
)
def test_the_tail_is_the_end_or_all_of_an_object(store: Store, length: int, tail: bytes) -> None:
    store.put("a", b"0123456789")

    assert store.tail("a", length) == tail


def test_the_tail_of_nothing_is_nothing_and_an_empty_object_exists(store: Store) -> None:
    store.put("a/b", b"")

    assert store.tail("a/b", 8) == b""
    assert store.exists("a/b")
    assert not store.exists("a")
    assert not store.exists("a/b/c")


def test_an_object_that_is_not_there_is_named(store: Store) -> None:
    for read in (store.get, lambda name: store.tail(name, 8)):
        with pytest.raises(NoSuchObjectError, match=r"there is no object s3://tally-datalake-test/a/b$"):
            read("a/b")


@pytest.mark.slow
def test_a_listing_goes_on_past_the_thousand_keys_of_a_page(store: Store) -> None:
    keys = [f"day/{number:04}" for number in range(1001)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda key: store.put(key, b"1"), [*keys, "daybreak/x", "other/y"]))

    assert [info.key for info in store.list("day")] == keys
    assert store.list("nowhere") == []
    assert store.folders("") == ["day", "daybreak", "other"]


def test_an_objects_version_changes_when_its_bytes_do(store: Store) -> None:
    store.put("a", b"1")
    [before] = store.list("")
    store.put("a", b"2")
    [after] = store.list("")

    assert before.version != after.version
    assert before.size == 1


@pytest.mark.parametrize("key", ["sp ace", "ü/é.json", "a%20b", "a%2Fb", "a+b=c", "a*?", "~", "x" * 200])
def test_keys_with_odd_names_are_kept_and_listed_as_they_are(store: Store, key: str) -> None:
    store.create(key, b"1")

    assert store.get(key) == b"1"
    assert store.exists(key)
    assert [info.key for info in store.list("")] == [key]


@pytest.mark.parametrize("key", ["..", "../x", "a//b", ".", "a/./b", "a\nb", "a\x00b", "\ud800", ""])
def test_a_name_that_no_object_can_have_is_refused(store: Store, key: str) -> None:
    for use in (
        store.get,
        store.exists,
        lambda name: store.put(name, b""),
        lambda name: store.create(name, b""),
    ):
        with pytest.raises(LakeError):
            use(key)
    assert store.list("") == []


def test_who_observes_is_told_of_every_request_and_its_bytes(aws: Aws) -> None:
    seen: list[tuple[str, int]] = []
    store = Store.on_s3(aws, aws.settings.lake_bucket, lambda operation, size: seen.append((operation, size)))
    store.create("d/a", b"123")
    store.put("d/b", b"12")
    store.get("d/a")
    store.tail("d/a", 2)
    store.exists("d/c")
    store.list("d")
    store.folders("")

    assert seen == [
        ("PutObject", 3),
        ("PutObject", 2),
        ("GetObject", 3),
        ("GetObject", 2),
        ("GetObject", 0),
        ("ListObjectsV2", 0),
        ("ListObjectsV2", 0),
    ]


def test_nothing_is_contacted_before_the_first_use(
    moto_url: str, aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    Store.on_s3(Aws(aws.settings), "nowhere")


@pytest.mark.parametrize("write", ["create", "put", "replace"])
def test_what_is_written_late_says_by_a_tag_how_many_days_are_left_to_it(aws: Aws, write: str) -> None:
    store = Store.on_s3(aws, aws.settings.lake_bucket, retention=Retention(163))
    client = aws.client("s3")
    for late, tags in ((0, []), (1, ["162"]), (162, ["1"])):
        key = f"silver/shows/a/dt={clock.today() - timedelta(days=late)}/data.parquet"
        store.replace(key, b"rows", None) if write == "replace" else getattr(store, write)(key, b"rows")
        found = client.get_object_tagging(Bucket=aws.settings.lake_bucket, Key=key)["TagSet"]
        assert [tag["Value"] for tag in found if tag["Key"] == TAG] == tags


def test_the_latest_report_is_tagged_by_the_day_that_it_shows(aws: Aws) -> None:
    store, key = (
        Store.on_s3(aws, aws.settings.lake_bucket, retention=Retention(163)),
        layout.latest_report_key(),
    )
    store.replace(key, b"page", None, shows=(clock.today() - timedelta(days=3)).isoformat())
    found = aws.client("s3").get_object_tagging(Bucket=aws.settings.lake_bucket, Key=key)["TagSet"]
    assert [(tag["Key"], tag["Value"]) for tag in found] == [(TAG, "160")]


def test_a_day_that_is_over_is_not_written(aws: Aws) -> None:
    store = Store.on_s3(aws, aws.settings.lake_bucket, retention=Retention(163))
    key = f"bronze/tmdb/shows/a/dt={clock.today() - timedelta(days=163)}/b.json"
    with pytest.raises(LakeError, match=r"was not written: .* is 163 days ago, and the lake keeps 163"):
        store.create(key, b"{}")
    assert not store.exists(key)
