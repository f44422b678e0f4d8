"""A lake says whose data it holds from before its first capture, and lets nobody else in: in a folder and on S3."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tally_pipeline.datasets import GENRES, SERIES, named
from tally_pipeline.datasets.captures import NoCaptureError, audit, choose
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import LakeError, Store
from testkit.captures import capture, page, show

DAY = "2025-12-24"
KEY = BronzeKey("popular_shows", DAY, "a")
BODY = capture([page(1, [show(1)])], source=None)


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "folder":
        return Store.in_folder(tmp_path / "lake")
    aws = request.getfixturevalue("aws")
    return Store.on_s3(aws, aws.settings.lake_bucket)


def test_the_first_capture_claims_the_lake_for_its_source(store: Store) -> None:
    lake = Lake(store, "tmdb")
    assert lake.ownership_marker() is None

    lake.write_bronze(KEY, BODY)

    assert store.get("lake.json") == b'{\n  "source": "tmdb"\n}'
    assert [info.key for info in store.list("")] == [str(KEY), "lake.json"]
    Lake(store, "tmdb").write_bronze(BronzeKey("popular_shows", DAY, "b"), BODY)


def test_another_source_may_neither_write_nor_refine(store: Store) -> None:
    Lake(store, "tmdb").write_bronze(KEY, BODY)
    before = [(info.key, info.version) for info in store.list("")]
    stranger = Lake(store, "sandbox")

    for use in (
        lambda: stranger.write_bronze(BronzeKey("popular_shows", DAY, "b"), BODY),
        lambda: stranger.write_once(str(GENRES.place.key(DAY, "b")), b"{}"),
        lambda: choose(stranger, named("popular_shows"), DAY),
        lambda: choose(stranger, SERIES, DAY),
        lambda: choose(stranger, GENRES, DAY),
    ):
        with pytest.raises(
            LakeError, match=r"is a lake of tmdb data .lake.json says so., this is sandbox data"
        ):
            use()
    assert [(info.key, info.version) for info in store.list("")] == before


def test_of_two_sources_that_come_at_once_one_gets_the_lake(store: Store) -> None:
    start = threading.Barrier(8)

    def write(number: int) -> str | None:
        source = ("tmdb", "sandbox")[number % 2]
        start.wait()
        try:
            Lake(store, source).write_bronze(BronzeKey("popular_shows", DAY, f"{source}-{number}"), BODY)
        except LakeError:
            return None
        return source

    with ThreadPoolExecutor(8) as pool:
        let_in = [source for source in pool.map(write, range(8)) if source]

    claim = Lake(store, "tmdb").ownership_marker()
    assert claim is not None
    assert let_in == [claim.source] * 4
    assert all(
        key.execution_id.startswith(claim.source) for key in Lake(store, "").bronze_keys("popular_shows")
    )


def test_a_lake_from_before_there_were_claims_is_refined_as_it_is_and_claimed_by_the_next_write(
    store: Store,
) -> None:
    store.create(str(KEY), BODY)
    lake = Lake(store, "tmdb")

    assert choose(lake, named("popular_shows"), DAY).key == KEY
    assert not store.exists(layout.OWNERSHIP_MARKER)
    lake.write_bronze(BronzeKey("popular_shows", DAY, "b"), BODY)
    assert store.exists(layout.OWNERSHIP_MARKER)


@pytest.mark.parametrize("said", [b"", b"{}", b"tmdb", b'{"source": 7}', b"\xff"])
def test_a_claim_that_says_nothing_is_named_with_its_remedy(store: Store, said: bytes) -> None:
    store.put(layout.OWNERSHIP_MARKER, said)

    with pytest.raises(LakeError, match=r"/lake\.json does not say whose data this lake holds .*and write"):
        Lake(store, "tmdb").write_bronze(KEY, BODY)
    assert [info.key for info in store.list("")] == ["lake.json"]


def test_the_claim_is_read_once(tmp_path: Path) -> None:
    seen: list[str] = []
    lake = Lake(Store.in_folder(tmp_path, lambda operation, size: seen.append(operation)), "tmdb")
    for execution in "abc":
        lake.write_bronze(BronzeKey("popular_shows", DAY, execution), BODY)
    assert seen == ["GetObject", *["PutObject"] * 4]

    seen.clear()
    lake.check_source()
    assert seen == []


def test_the_audit_names_a_lake_of_another_source(store: Store) -> None:
    Lake(store, "tmdb").write_bronze(KEY, BODY)

    assert [found.key for found in audit(Lake(store, "tmdb"))] == [str(KEY)]
    found = next(iter(audit(Lake(store, "sandbox"))))
    assert found.key == "lake.json"
    assert "is a lake of tmdb data" in found.problems[0]


def test_an_empty_lake_has_nothing_to_refine_and_nothing_to_claim(store: Store) -> None:
    with pytest.raises(NoCaptureError, match="nothing at all"):
        choose(Lake(store, "tmdb"), named("popular_shows"), DAY)
    assert store.list("") == []
