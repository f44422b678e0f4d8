"""`tally import`: an export's bronze in another lake, create-only and proven, whatever became of the folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.cli import import_ as importing
from tally_pipeline.cli.export.copies import Stated
from tally_pipeline.datasets import GENRES, SERIES
from tally_pipeline.events.batches import Record, key_of, packed
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline_tests.cli.an_export import (
    DAYS,
    POPULAR,
    bring_in,
    exported,
    files,
    folder,
    lake_of,
    manifest_of,
    rewrite,
)
from testkit import tally
from testkit.aws.settings import settings_of
from testkit.pipeline import environment

__all__ = ["exported", "folder"]

Break = Callable[[Path], None]


def test_an_empty_lake_has_every_capture_afterwards_and_the_second_import_writes_nothing(
    folder: Path, tmp_path: Path
) -> None:
    ran = bring_in(tmp_path, folder, "--json")
    assert ran.code == 0, ran.err
    result = ran.json
    assert (result["written"], result["already_there"], result["refused"]) == (4, 0, {})
    assert files(lake_of(tmp_path)) == files(folder)
    assert json.loads((lake_of(tmp_path) / "lake.json").read_text()) == {"source": "sandbox"}
    again = bring_in(tmp_path, folder)
    assert again.code == 0
    assert "0 written, 4 already there, 0 refusals" in again.out
    assert tally.run(tmp_path, environment(tmp_path), "audit").code == 0


def test_batches_of_events_come_along_and_a_broken_one_does_not(folder: Path, tmp_path: Path) -> None:
    objects: dict[str, object] = dict(manifest_of(folder)["objects"])
    keys = []
    for number in range(2):
        record = Record(str(number), clock.now(), b'{"a":1}\n')
        keys.append(key_of("shardId-000000000000", record))
        body = packed([record])[: None if number else -1]
        (folder / keys[-1]).parent.mkdir(parents=True, exist_ok=True)
        (folder / keys[-1]).write_bytes(body)
        objects[keys[-1]] = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    rewrite(folder, objects=objects)
    ran = bring_in(tmp_path, folder)
    assert ran.code == 1
    assert f"{keys[0]} does not hold (its gzip is broken" in ran.err
    assert "5 written, 0 already there, 1 refusal" in ran.out
    assert (lake_of(tmp_path) / keys[1]).read_bytes() == (folder / keys[1]).read_bytes()
    assert not (lake_of(tmp_path) / keys[0]).exists()
    assert "5 already there" in bring_in(tmp_path, folder).out


def test_what_is_missing_is_written_and_what_is_there_stays_untouched(folder: Path, tmp_path: Path) -> None:
    bring_in(tmp_path, folder)
    lost, kept = sorted((lake_of(tmp_path) / "bronze/tmdb/shows").rglob("*.json"))
    before = kept.stat().st_mtime_ns
    lost.unlink()
    ran = bring_in(tmp_path, folder)
    assert "1 written, 3 already there" in ran.out
    assert kept.stat().st_mtime_ns == before
    assert files(lake_of(tmp_path)) == files(folder)


def test_a_dry_run_says_the_same_and_makes_no_lake(folder: Path, tmp_path: Path) -> None:
    ran = bring_in(tmp_path, folder, "--dry-run", "--json")
    assert ran.code == 0
    assert (ran.json["to_write"], ran.json["written"], ran.json["dry_run"]) == (4, 0, True)
    assert files(lake_of(tmp_path)) == {}
    assert not (lake_of(tmp_path) / "lake.json").exists()
    assert not (tmp_path / "sandbox" / "first_day").exists()


def test_an_object_with_other_bytes_is_told_by_its_key_and_nothing_is_lost(
    folder: Path, tmp_path: Path
) -> None:
    (there,) = (folder / POPULAR).glob("*.json")
    key = there.relative_to(folder).as_posix()
    mine = lake_of(tmp_path) / key
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"{}")
    ran = bring_in(tmp_path, folder)
    assert ran.code == 1
    assert f"✗ {mine} is there and has other bytes than the export's; it stays as it is" in ran.err
    assert mine.read_bytes() == b"{}"
    assert files(lake_of(tmp_path)) == {**files(folder), key: b"{}"}


def test_no_half_of_a_capture_joins_the_other_half_of_another(folder: Path, tmp_path: Path) -> None:
    receipt = next((folder / "bronze/tmdb/series_export").rglob("*.json"))
    mine = lake_of(tmp_path) / receipt.relative_to(folder)
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"{}")
    assert bring_in(tmp_path, folder).code == 1
    assert [path.name for path in mine.parent.iterdir()] == [mine.name]


def _cut_file(folder: Path) -> None:
    (path,) = (folder / POPULAR).glob("*.json")
    path.write_bytes(path.read_bytes()[:-10])


def _change_a_byte(folder: Path) -> None:
    (path,) = (folder / POPULAR).glob("*.json")
    path.write_bytes(path.read_bytes()[:-1] + b" ")


def _remove_file(folder: Path) -> None:
    (path,) = (folder / POPULAR).glob("*.json")
    path.unlink()


def _link_file(folder: Path) -> None:
    (path,) = (folder / POPULAR).glob("*.json")
    path.rename(folder.parent / "elsewhere.json")
    path.symlink_to(folder.parent / "elsewhere.json")


def _link_folder(folder: Path) -> None:
    (folder / POPULAR).rename(folder.parent / "elsewhere")
    (folder / POPULAR).symlink_to(folder.parent / "elsewhere")


def _make_it_a_pipe(folder: Path) -> None:
    (path,) = (folder / POPULAR).glob("*.json")
    path.unlink()
    os.mkfifo(path)


def _add_a_foreign_file(folder: Path) -> None:
    (folder / POPULAR / ".DS_Store").write_bytes(b"foreign")


def _break_a_capture(folder: Path) -> None:
    """Changed in the file and in the manifest: only the capture's own hashes tell."""
    (path,) = (folder / POPULAR).glob("*.json")
    body = path.read_bytes().replace(b'"vote_count":1', b'"vote_count":2', 1)
    assert body != path.read_bytes()
    _put(folder, path, body)


def _move_to(dt: str) -> Break:
    """The same capture under another day, in its key and in itself, and in the manifest."""

    def move(folder: Path) -> None:
        (path,) = (folder / POPULAR).glob("*.json")
        moved = folder / POPULAR.replace(DAYS[0].isoformat(), dt) / path.name
        moved.parent.mkdir(parents=True)
        body = path.read_bytes().replace(DAYS[0].isoformat().encode(), dt.encode())
        objects = manifest_of(folder)["objects"]
        del objects[path.relative_to(folder).as_posix()]
        path.unlink()
        rewrite(folder, objects=objects)
        _put(folder, moved, body)

    return move


def _state_another_source(folder: Path) -> None:
    (path,) = (folder / POPULAR).glob("*.json")
    _put(folder, path, path.read_bytes().replace(b'"source":"sandbox"', b'"source":"tmdb"', 1))


def _put(folder: Path, path: Path, body: bytes) -> None:
    path.write_bytes(body)
    stated = {"bytes": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    key = path.relative_to(folder).as_posix()
    rewrite(folder, objects={**manifest_of(folder)["objects"], key: stated})


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (_cut_file, "is not what was exported"),
        (_change_a_byte, "is not what was exported"),
        (_remove_file, "is named by manifest.json and is not there"),
        (_link_file, "is reached by a link"),
        (_link_folder, "is reached by a link"),
        (_make_it_a_pipe, "is named by manifest.json and is not there"),
        (_break_a_capture, "does not hash to the SHA-256 taken when it was received"),
        (_move_to("1999-01-01"), "of which nothing is ever captured"),
        (_move_to("2999-01-01"), "of which nothing is ever captured"),
        (_state_another_source, "it says its source is tmdb, its place says sandbox"),
    ],
)
def test_a_capture_that_is_not_what_was_exported_is_refused_alone_and_in_one_sentence(
    folder: Path, tmp_path: Path, break_it: Break, says: str
) -> None:
    whole = files(folder)
    break_it(folder)
    ran = bring_in(tmp_path / "home", folder, "--json")
    assert ran.code == 1
    (told,) = [line for line in ran.err.splitlines() if line.startswith("✗")]
    assert says in told
    assert ran.json["written"] == 3
    assert files(lake_of(tmp_path / "home")) == {
        key: body for key, body in whole.items() if not key.startswith(POPULAR)
    }


def test_a_file_that_the_manifest_does_not_name_is_told_and_stays_out(folder: Path, tmp_path: Path) -> None:
    _add_a_foreign_file(folder)
    ran = bring_in(tmp_path, folder)
    assert ran.code == 1
    assert f"✗ {folder / POPULAR / '.DS_Store'} is not in manifest.json: it is not imported" in ran.err
    assert "4 written" in ran.out
    assert not any(key.endswith(".DS_Store") for key in files(lake_of(tmp_path)))


@pytest.mark.parametrize(
    "key",
    [
        "../outside.json",
        "/etc/passwd",
        "bronze/../../outside.json",
        "bronze/tmdb/shows/popular_shows/dt=2026-01-01/../../../../../outside.json",
        "silver/../../outside.json",
        "bronze/tmdb/shows/popular_shows/dt=2026-02-30/a.json",
        "bronze/tmdb/shows/popular_shows/dt=2026-01-01/a.txt",
        "bronze/tmdb/unknown/dt=2026-01-01/a.json",
        "bronze/tmdb/series_export/dt=2026-01-01/receipt-of-nothing.json",
        "bronze\\tmdb",
        "elsewhere/a.json",
        "",
    ],
)
def test_a_key_that_is_no_captures_is_refused_and_never_opened(key: str) -> None:
    units, refused = importing.sort_out({key: Stated(1, "0" * 64)})
    assert units == []
    (one,) = refused
    assert "is no key of a capture" in one.reason


@pytest.mark.parametrize("step", ["..", ".", "", "~", "/"])
def test_no_key_with_a_step_too_many_is_a_captures(step: str) -> None:
    parts = f"{POPULAR}/a.json".split("/")
    assert len(importing.sort_out({"/".join(parts): Stated(1, "")})[0]) == 1
    for place in range(len(parts) + 1):
        key = "/".join([*parts[:place], step, *parts[place:]])
        units, refused = importing.sort_out({key: Stated(1, "")})
        assert (units, len(refused)) == ([], 1), key


def test_what_is_made_from_bronze_is_left_out_and_counted(folder: Path, tmp_path: Path) -> None:
    silver = {"silver/shows/popular_shows/dt=2026-01-01/data.parquet": {"bytes": 1, "sha256": "0" * 64}}
    rewrite(folder, objects={**manifest_of(folder)["objects"], **silver})
    ran = bring_in(tmp_path, folder)
    assert ran.code == 0
    assert "Left out, as it is made from bronze: 1 in silver." in ran.out


def test_a_receipt_is_written_before_its_file(folder: Path) -> None:
    manifest = manifest_of(folder)["objects"]
    units, _ = importing.sort_out({key: Stated(1, "") for key in manifest})
    (series,) = [unit for unit in units if unit.key and unit.key.data_type == SERIES.name]
    assert [key.rpartition(".")[2] for key in series.objects] == ["json", "gz"]


@pytest.mark.parametrize("place", ["manifest", "lake"])
def test_invented_data_never_gets_into_tmdbs_lake(folder: Path, tmp_path: Path, place: str) -> None:
    if place == "lake":  # a manifest that lies
        rewrite(folder, source="tmdb")
    ran = bring_in(tmp_path, folder, TALLY_SOURCE="tmdb", TMDB_API_TOKEN="eyJ.a.b")
    assert ran.code == 2
    assert ran.err.count("\n") == 1
    assert "nothing was written" in ran.err
    assert not (tmp_path / "tmdb" / "lake").exists()


def test_a_lake_of_the_other_source_is_refused(folder: Path, tmp_path: Path) -> None:
    lake_of(tmp_path).mkdir(parents=True)
    (lake_of(tmp_path) / "lake.json").write_text('{"source": "tmdb"}')
    ran = bring_in(tmp_path, folder)
    assert ran.code == 2
    assert "is a lake of tmdb data" in ran.err
    assert files(lake_of(tmp_path)) == {}


def _no_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def _cut_manifest(folder: Path) -> None:
    text = (folder / "manifest.json").read_text()
    (folder / "manifest.json").write_text(text[: len(text) // 2])


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (_no_manifest, "has no manifest.json"),
        (_cut_manifest, "manifest.json cannot be read"),
        (shutil.rmtree, "there is no folder"),
    ],
)
def test_a_folder_that_is_no_whole_export_is_one_sentence_and_exit_code_2(
    folder: Path, tmp_path: Path, break_it: Break, says: str
) -> None:
    break_it(folder)
    ran = bring_in(tmp_path / "home", folder)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.count("\n") == 1
    assert says in ran.err
    assert list((tmp_path / "home").iterdir()) == []


def test_a_folders_lake_goes_to_s3_and_back_and_stays_the_same(
    folder: Path, aws: Aws, tmp_path: Path, steady: Sandbox
) -> None:
    on_aws = settings_of(aws, tmp_path, steady.base_url)
    there = tally.run(tmp_path, on_aws, "import", str(folder), "--json")
    assert there.code == 0, there.err
    assert there.json["written"] == 4
    again = tally.run(tmp_path, on_aws, "import", str(folder))
    assert "0 written, 4 already there" in again.out
    assert tally.run(tmp_path, on_aws, "export", str(tmp_path / "back")).code == 0
    assert bring_in(tmp_path, tmp_path / "back").code == 0
    assert files(lake_of(tmp_path)) == files(folder)


@pytest.mark.slow
def test_a_lake_made_of_an_export_has_the_same_silver_and_gold(tmp_path: Path, steady: Sandbox) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    lake = Lake(Store.in_folder(lake_of(first)), "sandbox")
    for key, body in sandbox.captures(DAYS, depths={one.name: 1 for one in LISTS}):
        lake.write_bronze(key, body)
    second.mkdir()
    assert tally.run(first, environment(first, steady.base_url), "rebuild").code == 0
    assert tally.run(first, environment(first), "export", str(tmp_path / "out")).code == 0
    assert bring_in(second, tmp_path / "out").code == 0
    assert tally.run(second, environment(second, steady.base_url), "rebuild").code == 0
    for layer in ("bronze", "silver", "quarantine", "gold"):
        assert files(lake_of(second), layer) == files(lake_of(first), layer) != {}
    assert GENRES.name not in {key.split("/")[2] for key in files(lake_of(first))}
