"""The store keeps what it was given, replaces nothing it should not, and says what went wrong and what to do."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.lake.store import AlreadyThereError, LakeError, NoSuchObjectError, Store


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def store(root: Path) -> Store:
    return Store.in_folder(root)


def test_an_object_reads_as_it_was_written(store: Store, root: Path) -> None:
    store.create("bronze/a.json", b"\x00\xff bytes")
    store.put("silver/b", b"")

    assert store.get("bronze/a.json") == b"\x00\xff bytes" == (root / "bronze/a.json").read_bytes()
    assert store.get("silver/b") == b""
    assert store.uri("bronze/a.json") == f"{root}/bronze/a.json"


def test_no_folder_is_made_before_the_first_use(root: Path) -> None:
    Store.in_folder(root)

    assert not root.exists()


def test_create_never_replaces(store: Store) -> None:
    store.create("a", b"first")

    with pytest.raises(AlreadyThereError, match="/lake/a is there already; it stays as it is"):
        store.create("a", b"second")
    assert store.get("a") == b"first"


def test_of_sixteen_that_create_the_same_object_at_once_one_wins(store: Store) -> None:
    start = threading.Barrier(16)

    def create(number: int) -> int | None:
        start.wait()
        try:
            store.create("day/a", b"%02d" % number * 100_000)
        except AlreadyThereError:
            return None
        return number

    with ThreadPoolExecutor(16) as pool:
        winners = [number for number in pool.map(create, range(16)) if number is not None]

    assert len(winners) == 1
    assert store.get("day/a") == b"%02d" % winners[0] * 100_000
    assert [info.key for info in store.list("day")] == ["day/a"]


def test_a_reader_never_sees_half_an_object(store: Store) -> None:
    versions = [bytes([65 + number]) * 300_000 for number in range(8)]
    store.put("a", versions[0])
    done = threading.Event()

    def read() -> set[bytes]:
        seen = set()
        while not done.is_set():
            seen |= {store.get("a"), store.tail("a", 400_000)}
        return seen

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        for _ in range(10):
            for version in versions:
                store.put("a", version)
        done.set()
        assert set().union(*(reader.result() for reader in readers)) <= set(versions)


def test_a_write_that_fails_leaves_the_object_and_no_rubbish(store: Store, root: Path) -> None:
    store.put("a", b"good")
    (root / "b").mkdir()

    with pytest.raises(LakeError):
        store.put("b", b"no folder can be replaced")

    assert store.get("a") == b"good"
    assert [info.key for info in store.list("")] == ["a"]


def test_the_staging_file_of_a_crash_is_no_object(store: Store, root: Path) -> None:
    store.put("day/a.json", b"1")
    (root / "day/b.json#1").write_bytes(b"half")

    assert [info.key for info in store.list("day")] == ["day/a.json"]


@pytest.mark.parametrize("key", ["a", "a/b/c.json", "a folder"])
def test_an_object_that_is_not_there_is_named(store: Store, key: str) -> None:
    for read in (store.get, lambda name: store.tail(name, 8)):
        with pytest.raises(NoSuchObjectError, match=f"there is no object .*/lake/{key}$"):
            read(key)
    assert not store.exists(key)


def test_an_object_that_was_written_exists_and_a_folder_does_not(store: Store) -> None:
    store.put("a/b", b"")

    assert store.exists("a/b")
    assert not store.exists("a")
    with pytest.raises(NoSuchObjectError):
        store.get("a")


@pytest.mark.parametrize(
    ("length", "tail"), [(1, b"9"), (4, b"6789"), (10, b"0123456789"), (99, b"0123456789")]
)
def test_the_tail_is_the_end_or_all_of_an_object(store: Store, length: int, tail: bytes) -> None:
    store.put("a", b"0123456789")

    assert store.tail("a", length) == tail


def test_the_tail_of_nothing_is_nothing(store: Store) -> None:
    store.put("a", b"")

    assert store.tail("a", 8) == b""


def test_a_listing_has_every_object_below_the_folder_by_key(store: Store) -> None:
    for key in ("b/2", "b/1/x", "b/10", "bb/1", "a", "b/1/a"):
        store.put(key, key.encode())

    assert [(info.key, info.size) for info in store.list("b")] == [
        ("b/1/a", 5),
        ("b/1/x", 5),
        ("b/10", 4),
        ("b/2", 3),
    ]
    assert store.folders("") == ["b", "bb"]
    assert store.folders("b") == ["1"]


@pytest.mark.parametrize("folder", ["", "nowhere", "nowhere/at/all"])
def test_a_folder_that_is_not_there_is_empty(store: Store, folder: str) -> None:
    assert store.list(folder) == []
    assert store.folders(folder) == []


def test_an_objects_version_changes_when_it_is_written(store: Store) -> None:
    store.put("a", b"1")
    [before] = store.list("")
    store.put("a", b"2")
    [after] = store.list("")

    assert before.version != after.version


@pytest.mark.parametrize(
    "key", ["sp ace", "ü/é.json", "a%20b", "a%2Fb", "tr#1.json", "a*?", "~", "a\\b", "x" * 200]
)
def test_keys_with_odd_names_are_kept_and_listed_as_they_are(store: Store, key: str) -> None:
    store.create(key, b"1")

    assert store.get(key) == b"1"
    assert store.exists(key)
    assert [info.key for info in store.list("")] == [key]
    with pytest.raises(AlreadyThereError):
        store.create(key, b"2")


@pytest.mark.parametrize(
    "key", ["..", "../x", "a/../../x", "a//b", ".", "a/./b", "a\nb", "a\x00b", "\ud800", "x#1", ""]
)
def test_a_name_that_no_object_can_have_is_refused(store: Store, tmp_path: Path, key: str) -> None:
    for use in (
        store.get,
        store.exists,
        lambda name: store.put(name, b""),
        lambda name: store.create(name, b""),
    ):
        with pytest.raises(LakeError):
            use(key)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@given(st.text(max_size=30) | st.text("./a\\~%#1", max_size=12))
def test_no_key_leads_out_of_the_lake(tmp_path_factory: pytest.TempPathFactory, key: str) -> None:
    outside = tmp_path_factory.mktemp("outside")
    store = Store.in_folder(outside / "a" / "b" / "lake")

    try:
        store.put(key, b"1")
    except LakeError:
        pass
    else:
        assert store.get(key) == b"1"
    assert all(
        (outside / "a" / "b" / "lake") in path.parents for path in outside.rglob("*") if path.is_file()
    )


@pytest.mark.parametrize("verb", ["read", "write", "look for"])
def test_a_failure_names_the_object_and_the_remedy(store: Store, root: Path, verb: str) -> None:
    store.put("file", b"")
    use = {"read": store.get, "write": lambda key: store.put(key, b""), "look for": store.exists}[verb]

    with pytest.raises(LakeError) as caught:
        use("file/below")

    assert f"could not {verb} {root}/file/below: " in str(caught.value)
    assert "Check that the lake is there, is writable and has space" in str(caught.value)


def test_a_lake_whose_folder_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = Store.in_folder(tmp_path / "file" / "lake")

    for use in (store.get, store.list, store.folders, lambda key: store.create(key, b"")):
        with pytest.raises(LakeError, match=r"could not .*/file/lake/a: .*Check that the lake is there"):
            use("a")


def test_a_file_whose_name_no_store_takes_is_blamed_when_its_folder_is_listed(
    store: Store, root: Path
) -> None:
    store.put("day/a.json", b"")
    (root / "day" / "Icon\r").write_text("")

    with pytest.raises(LakeError, match=r"could not list .*/day: a file there has a name .*Rename or remove"):
        store.list("day")


def test_a_folder_can_be_named_relative_to_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    Store.in_folder(Path("sp ace/ü")).put("a", b"1")

    assert (tmp_path / "sp ace/ü/a").read_bytes() == b"1"
