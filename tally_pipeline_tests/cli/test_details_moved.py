"""Details exported, imported and audited: in folders and on S3, with parts that are shared, broken, lost or left."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tally_pipeline.aws.session import Aws
from tally_pipeline.bronze import details_capture
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.datasets.details.filled import FilledDetails
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline.tmdb.sandbox.invented import FIRST_ID
from tally_pipeline_tests.cli.an_export import DAYS, bring_in, files, lake_of
from testkit import details, tally
from testkit.aws.settings import settings_of
from testkit.pipeline import environment

SHOWS = [FIRST_ID + number for number in range(5)]
OBJECTS = 6
"""Two days of a part and a manifest; a second capture of the last day; a part of one that did not end."""

LEFT = DETAILS.place.part_key(DAYS[0].isoformat(), "killed", 0)
LATER = DETAILS.place.key(DAYS[1].isoformat(), "later")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with two days of details, of the last two captures that share a part."""
    home = tmp_path_factory.mktemp("from")
    lake = Lake(Store.in_folder(lake_of(home)), "sandbox")
    filled = FilledDetails(DETAILS.place, "en-US")
    for day, shows in zip(DAYS, (SHOWS, SHOWS[:3]), strict=True):
        for key, body in filled.capture(day, shows):
            lake.write_once(key, body)
    # What `capture` makes of a day that has a capture: it names its parts.
    manifest = details_capture.decode_manifest(body)
    again = msgspec.structs.replace(manifest, execution_id="later", requests=0, resumed=3)
    lake.write_bronze(LATER, details_capture.encode_manifest(again))
    line = details_capture.encode_reply(details.reply(99))
    lake.write_once(LEFT, details_capture.encode_part([line]))
    assert tally.run(home, environment(home), "export", str(home / "out")).code == 0
    return home


@pytest.fixture
def folder(home: Path, tmp_path: Path) -> Path:
    """A copy of its export, to break."""
    return shutil.copytree(home / "out", tmp_path / "export")


def audit(home: Path) -> tally.Ran:
    return tally.run(home, environment(home), "audit", "--json")


def test_a_lake_of_details_goes_to_another_and_is_the_same_there(folder: Path, tmp_path: Path) -> None:
    ran = bring_in(tmp_path, folder, "--json")
    assert ran.code == 0, ran.err
    assert (ran.json["written"], ran.json["already_there"], ran.json["refused"]) == (OBJECTS, 0, {})
    assert files(lake_of(tmp_path)) == files(folder)
    again = bring_in(tmp_path, folder, "--json")
    assert (again.json["written"], again.json["already_there"]) == (0, OBJECTS)
    found = audit(tmp_path)
    assert (found.code, found.json["rows"], found.json["broken"]) == (0, 5 + 3 + 3, {})


def test_details_go_to_s3_and_back(folder: Path, aws: Aws, tmp_path: Path, steady: Sandbox) -> None:
    on_aws = settings_of(aws, tmp_path, steady.base_url)
    there = tally.run(tmp_path, on_aws, "import", str(folder), "--json")
    assert (there.code, there.json["written"]) == (0, OBJECTS), there.err
    assert tally.run(tmp_path, on_aws, "audit").code == 0
    assert tally.run(tmp_path, on_aws, "export", str(tmp_path / "back")).code == 0
    assert bring_in(tmp_path, tmp_path / "back").code == 0
    assert files(lake_of(tmp_path)) == files(folder)


def _tamper(part: Path) -> None:
    replies = [*details_capture.decode_part(part.read_bytes())]
    replies[0] = details_capture.Reply(replies[0].head, replies[0].body.replace(b'"id":', b'"id" :', 1))
    part.write_bytes(details_capture.encode_part(map(details_capture.encode_reply, replies)))


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (_tamper, "the capture's manifest says"),
        (Path.unlink, "which is a part of a capture"),
        (lambda part: part.write_bytes(part.read_bytes()[:-1]), "the capture's manifest says"),
    ],
)
def test_a_part_that_is_changed_or_lost_is_told_by_the_audit_of_every_capture_that_names_it(
    harm: Callable[[Path], object], says: str, folder: Path, tmp_path: Path
) -> None:
    bring_in(tmp_path, folder)
    (part,) = (lake_of(tmp_path) / DETAILS.place.parts_folder(DAYS[1].isoformat())).iterdir()
    harm(part)
    found = audit(tmp_path)
    assert (found.code, len(found.json["broken"])) == (1, 2)
    assert str(LATER) in found.json["broken"]
    assert all(
        says in problem and part.name in problem for one in found.json["broken"].values() for problem in one
    )


def test_a_reply_that_was_changed_before_its_part_was_hashed_is_told_by_its_own_hash(
    folder: Path, tmp_path: Path
) -> None:
    bring_in(tmp_path, folder)
    lake = Lake(Store.in_folder(lake_of(tmp_path)), "sandbox")
    (key,) = [info.key for info in lake.store.list(DETAILS.place.parts_folder(DAYS[1].isoformat()))]
    before = details_capture.decode_manifest(lake.store.get(str(LATER)))
    _tamper(lake_of(tmp_path) / key)
    digest = Store.in_folder(lake_of(tmp_path)).get(key)
    part = msgspec.structs.replace(before.parts[0], sha256=hashlib.sha256(digest).hexdigest())
    lake.store.put(
        str(LATER), details_capture.encode_manifest(msgspec.structs.replace(before, parts=(part,)))
    )
    assert any(
        "does not hash to the SHA-256 taken" in one for one in audit(tmp_path).json["broken"][str(LATER)]
    )


def test_a_capture_with_a_part_that_is_not_what_was_exported_is_not_imported(
    folder: Path, tmp_path: Path
) -> None:
    (part,) = (folder / DETAILS.place.parts_folder(DAYS[1].isoformat())).iterdir()
    _tamper(part)
    ran = bring_in(tmp_path, folder, "--json")
    assert (ran.code, ran.json["written"]) == (1, 3)
    assert set(ran.json["refused"]) == {name for name in files(folder) if f"dt={DAYS[1]}" in name}
    assert all("is not what was exported" in why for why in ran.json["refused"].values())
    assert not (lake_of(tmp_path) / DETAILS.place.day_folder(DAYS[1].isoformat())).exists()


def test_shows_whose_part_expired_are_not_carried_any_more_and_the_day_is_refined_all_the_same(
    folder: Path, tmp_path: Path
) -> None:
    bring_in(tmp_path, folder)
    lake = Lake(Store.in_folder(lake_of(tmp_path)), "sandbox")
    whole = DETAILS.refine(DETAILS.read(lake.store, LATER))
    assert (whole.counts.fresh, whole.counts.carried, whole.counts.lost) == (3, 2, 0)
    shutil.rmtree(lake_of(tmp_path) / DETAILS.place.day_folder(DAYS[0].isoformat()))
    left = DETAILS.refine(DETAILS.read(lake.store, LATER))
    assert (left.counts.fresh, left.counts.carried, left.counts.lost) == (3, 0, 2)
    assert left.silver["show_id"].to_pylist() == SHOWS[:3]
    assert audit(tmp_path).code == 0
