"""A write that replaces what was read, or nothing: of writers that know the same version one wins."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tally_pipeline.aws.session import Aws, RetryPolicy
from tally_pipeline.lake.store import LakeError, OvertakenError, Store
from testkit.aws.faulty_aws import Fault, Request, serving


@pytest.fixture(params=["folder", "memory", "S3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "S3":
        aws: Aws = request.getfixturevalue("aws")
        return Store.on_s3(aws, aws.settings.lake_bucket)
    return Store.in_memory() if request.param == "memory" else Store.in_folder(tmp_path / "lake")


def test_an_object_that_is_not_there_has_no_version(store: Store) -> None:
    assert store.version("gold/a") is None
    store.put("gold/a", b"1")
    assert store.version("gold/a") is not None


def test_a_listing_tells_the_same_version_as_a_look(store: Store) -> None:
    store.put("gold/a", b"1")
    (info,) = store.list("gold")
    assert info.version == store.version("gold/a")


def test_what_is_there_as_it_was_read_is_replaced(store: Store) -> None:
    store.replace("gold/a", b"first", None)
    store.replace("gold/a", b"second", store.version("gold/a"))
    assert store.get("gold/a") == b"second"


def test_what_another_writer_made_meanwhile_stays(store: Store) -> None:
    with_nothing = store.version("gold/a")
    store.put("gold/a", b"another's first")
    with pytest.raises(OvertakenError, match="gold/a was replaced by another writer meanwhile; it stays"):
        store.replace("gold/a", b"mine", with_nothing)

    with_the_first = store.version("gold/a")
    store.put("gold/a", b"another's second")
    with pytest.raises(OvertakenError):
        store.replace("gold/a", b"mine", with_the_first)
    assert store.get("gold/a") == b"another's second"


def test_what_was_there_and_is_no_more_is_not_written(store: Store) -> None:
    store.put("gold/a", b"1")
    with pytest.raises(OvertakenError):
        store.replace("gold/gone", b"mine", store.version("gold/a"))
    assert not store.exists("gold/gone")


def test_the_same_bytes_of_another_writer_are_no_loss_and_not_ones_own(aws: Aws) -> None:
    store = Store.on_s3(aws, aws.settings.lake_bucket)
    assert store.replace("gold/a", b"rows", None)
    assert not store.replace("gold/a", b"rows", None)
    assert store.get("gold/a") == b"rows"


def test_of_sixteen_that_replace_the_same_version_at_once_one_wins(aws: Aws) -> None:
    store = Store.on_s3(aws, aws.settings.lake_bucket)
    store.put("gold/a", b"old")
    version, start = store.version("gold/a"), threading.Barrier(16)

    def replace(number: int) -> int | None:
        start.wait()
        try:
            store.replace("gold/a", b"%02d" % number, version)
        except OvertakenError:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(replace, range(16)) if number is not None]
    assert len(winners) == 1
    assert store.get("gold/a") == b"%02d" % winners[0]


def is_put(request: Request) -> bool:
    return request.method == "PUT"


@pytest.mark.parametrize("is_new", [True, False])
def test_a_write_whose_answer_was_lost_counts_once(
    aws: Aws, moto_url: str, monkeypatch: pytest.MonkeyPatch, is_new: bool
) -> None:
    sound = Store.on_s3(aws, aws.settings.lake_bucket)
    if not is_new:
        sound.put("gold/a", b"old")
    version = sound.version("gold/a")
    with serving(moto_url) as (faulty, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        store = Store.on_s3(Aws(aws.settings, RetryPolicy(0.5, 0.4, 2)), aws.settings.lake_bucket)
        faulty.fail(Fault(is_done=True, times=1, concerns=is_put))
        assert not store.replace("gold/a", b"mine", version)  # it could be another's, with the same bytes
        assert sound.get("gold/a") == b"mine"
        assert sum(is_put(request) for request in faulty.requests) == 2


def test_a_lost_answer_does_not_hide_another_writer(
    aws: Aws, moto_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = Store.on_s3(aws, aws.settings.lake_bucket)
    assert not sound.exists("gold/a")  # connected from here on, past the server with troubles
    with serving(moto_url) as (faulty, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        store = Store.on_s3(Aws(aws.settings, RetryPolicy(0.5, 0.4, 2)), aws.settings.lake_bucket)

        def is_put_after_anothers(request: Request) -> bool:
            if is_put(request) and not sound.exists("gold/a"):
                sound.put("gold/a", b"another's")
                return True
            return False

        faulty.fail(Fault(hangs=True, times=1, concerns=is_put_after_anothers))
        with pytest.raises(OvertakenError):
            store.replace("gold/a", b"mine", None)
    assert sound.get("gold/a") == b"another's"


def test_a_lake_for_reading_only_replaces_nothing(store: Store) -> None:
    with pytest.raises(LakeError, match="opened for reading only"):
        store.read_only().replace("gold/a", b"1", None)
