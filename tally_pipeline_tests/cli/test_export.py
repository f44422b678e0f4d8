"""`tally export`: a copy of the lake that is proven, goes on where it was broken off, and never overwrites."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.cli.export import copies
from tally_pipeline.cli.export.copies import DoubtError, Stated
from tally_pipeline.lake.store import NoSuchObjectError, ObjectInfo, Store
from tally_pipeline.tmdb.sandbox import Sandbox
from testkit import tally
from testkit.pipeline import environment

Home = Path


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory, steady: Sandbox) -> Home:
    """A home with a lake of one list in it."""
    home = tmp_path_factory.mktemp("home")
    assert tally.run(home, environment(home, steady.base_url), "sync", "--list", "popular_shows").code == 0
    return home


@pytest.fixture
def home(synced: Home, tmp_path: Path) -> Home:
    """A copy of it, to break."""
    return shutil.copytree(synced, tmp_path / "home")


def export(home: Home, *argv: str) -> tally.Ran:
    return tally.run(home, environment(home, "http://127.0.0.1:1/3"), "export", *argv)


def contents(folder: Path) -> dict[str, bytes]:
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }
    return {key: body for key, body in found.items() if key != copies.MANIFEST}


def lake_of(home: Home) -> Path:
    return home / "sandbox" / "lake"


def test_a_copy_is_the_lake_and_its_manifest_names_every_file(home: Home, tmp_path: Path) -> None:
    ran = export(home, str(tmp_path / "out"))
    assert ran.code == 0, ran.err
    copied = contents(tmp_path / "out")
    assert copied == contents(lake_of(home))
    assert "lake.json" in copied
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["lake"] == str(lake_of(home))
    assert manifest["source"] == "sandbox"
    assert manifest["objects"] == {
        key: {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()} for key, body in copied.items()
    }
    assert "all hold" in ran.err


def test_a_copy_is_a_lake_again(home: Home, tmp_path: Path) -> None:
    assert export(home, str(tmp_path / "new" / "sandbox" / "lake")).code == 0
    audited = tally.run(tmp_path, environment(tmp_path / "new"), "audit", "--json")
    assert audited.code == 0
    assert audited.json["objects"] == 1


def test_what_is_there_is_kept_and_what_is_missing_comes_again(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(home, str(out))
    lost = next(path for path in (out / "bronze").rglob("*.json"))
    lost.unlink()
    ran = export(home, str(out))
    assert ran.code == 0
    assert f"1 written, 0 renewed, {len(contents(lake_of(home))) - 1} were there" in ran.err
    assert contents(out) == contents(lake_of(home))


def test_one_layer_alone_and_later_the_rest(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert export(home, str(out), "--only", "bronze").code == 0
    assert {key.split("/")[0] for key in contents(out)} == {"bronze", "lake.json"}
    assert export(home, str(out), "--only", "silver", "--only", "gold").code == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert {key.split("/")[0] for key in manifest["objects"]} == {"bronze", "silver", "gold", "lake.json"}


def test_a_file_of_somebody_elses_is_never_overwritten(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out"
    silver = next(path for path in (lake_of(home) / "silver").rglob("*.parquet"))
    mine = out / silver.relative_to(lake_of(home))
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    ran = export(home, str(out))
    assert ran.code == 1
    assert f"✗ {mine} is there and differs" in ran.err
    assert mine.read_text() == "mine"
    assert len(contents(out)) == len(contents(lake_of(home)))


def test_what_the_lake_made_anew_is_renewed_but_bronze_never_is(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(home, str(out))
    report = next((lake_of(home) / "reports").rglob("index.html"))
    report.write_text("a newer page")
    ran = export(home, str(out))
    assert ran.code == 0
    assert "1 renewed" in ran.err
    assert contents(out) == contents(lake_of(home))
    bronze = next((lake_of(home) / "bronze").rglob("*.json"))
    before = bronze.read_bytes()
    bronze.write_bytes(before + b" ")
    ran = export(home, str(out))
    assert ran.code == 1
    assert "differs" in ran.err
    assert (out / bronze.relative_to(lake_of(home))).read_bytes() == before


def test_bronze_that_does_not_hold_is_told(home: Home, tmp_path: Path) -> None:
    bronze = next((lake_of(home) / "bronze").rglob("*.json"))
    bronze.write_bytes(bronze.read_bytes().replace(b'"vote_count":1', b'"vote_count":2', 1))
    ran = export(home, str(tmp_path / "out"))
    assert ran.code == 1
    assert "does not hash to the SHA-256 taken when it was received" in ran.err


def test_a_file_that_changed_in_the_copy_is_told(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(home, str(out))
    silver = next((out / "silver").rglob("*.parquet"))
    silver.write_bytes(silver.read_bytes()[:-1] + b"?")
    ran = export(home, str(out), "--only", "bronze")
    assert ran.code == 1
    assert f"{silver} is not what was exported" in ran.err


def test_an_export_of_another_lake_is_not_mixed_in(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(home, str(out))
    (out / "manifest.json").write_text(
        (out / "manifest.json").read_text().replace(str(lake_of(home)), "s3://another-lake")
    )
    ran = export(home, str(out))
    assert ran.code == 2
    assert "holds an export of s3://another-lake" in ran.err


@pytest.mark.parametrize("place", ["sandbox/lake", "sandbox/lake/copy", "."])
def test_a_lake_is_not_exported_into_itself(home: Home, place: str) -> None:
    before = contents(lake_of(home))
    ran = export(home, place)
    assert ran.code == 2
    assert "export into a folder of its own" in ran.err
    assert contents(lake_of(home)) == before


def test_a_folder_that_cannot_be_made_is_named(home: Home, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    ran = export(home, str(tmp_path / "file" / "out"))
    assert ran.code == 2
    assert "cannot export into" in ran.err


# --- object by object --------------------------------------------------------------------------------------


def info(key: str, body: bytes, version: str = "v1") -> ObjectInfo:
    return ObjectInfo(key, len(body), version, clock.now())


def copied(store: Store, of: ObjectInfo, folder: Path, before: Stated | None = None) -> copies.Copy:
    with copies.into(folder):
        return copies.copy(store, of, folder, before)


@pytest.fixture
def store(aws: Aws) -> Store:
    """A bucket, whose ETags are MD5s."""
    return Store.on_s3(aws, aws.settings.lake_bucket)


def test_an_object_of_s3_is_held_against_its_etag(store: Store, tmp_path: Path) -> None:
    store.put("silver/a", b"the bytes")
    (listed,) = store.list("silver")
    assert copied(store, listed, tmp_path).done == "written"
    assert copied(store, listed, tmp_path).done == "kept"
    wrong = replace(listed, version='"' + "0" * 32 + '"')
    # It was listed before it was changed: what it is now is what counts.
    assert copied(store, wrong, tmp_path / "other").done == "written"


def test_a_file_that_holds_by_its_etag_is_not_fetched_again(store: Store, aws: Aws, tmp_path: Path) -> None:
    store.put("silver/a", b"the bytes")
    (listed,) = store.list("silver")
    copied(store, listed, tmp_path)
    fetched: list[str] = []
    watched = Store.on_s3(
        aws, aws.settings.lake_bucket, observe=lambda operation, _: fetched.append(operation)
    )
    assert copied(watched, listed, tmp_path).done == "kept"
    assert fetched == []


def test_an_object_that_is_removed_meanwhile_is_an_error_and_no_file(store: Store, tmp_path: Path) -> None:
    with pytest.raises(NoSuchObjectError):
        copied(store, info("silver/a", b"the bytes"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_object_that_is_not_what_its_listing_says_is_a_doubt(tmp_path: Path) -> None:
    store = Store.in_folder(tmp_path / "lake")
    store.put("silver/a", b"the bytes")
    shorter = info("silver/a", b"other")
    with pytest.raises(DoubtError, match="came as 9 bytes"):
        copied(_Frozen(store, shorter), shorter, tmp_path / "out")
    assert not (tmp_path / "out" / "silver").exists()


class _Frozen(Store):
    """A store whose listing never learns what its objects became."""

    def __init__(self, store: Store, listed: ObjectInfo) -> None:
        super().__init__(store._connect, store.root)
        self._listed = listed

    def list(self, folder: str) -> list[ObjectInfo]:
        return [self._listed]


@pytest.mark.parametrize(
    "key", ["../out", "a/../../b", "/etc/x", "a//b", "a/./b", "a\\b", "manifest.json", "nul\0"]
)
def test_an_object_can_never_be_written_outside_the_folder(tmp_path: Path, key: str) -> None:
    store = Store.in_folder(tmp_path / "lake")
    with pytest.raises(DoubtError, match="has no place in a folder"):
        copied(store, info(key, b""), tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_a_key_that_is_a_folder_already_is_a_doubt(tmp_path: Path) -> None:
    store = Store.in_folder(tmp_path / "lake")
    store.put("silver/a", b"x")
    (tmp_path / "out" / "silver" / "a").mkdir(parents=True)
    with pytest.raises(DoubtError, match="cannot be a file"):
        copied(store, store.list("silver")[0], tmp_path / "out")
