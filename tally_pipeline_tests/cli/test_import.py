"""`tally import`: an export's bronze in another lake, create-only and proven, whatever became of the folder."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

from tally_pipeline import clock
from tally_pipeline.aws.session import Aws
from tally_pipeline.cli import import_ as importing
from tally_pipeline.cli.export.copies import Stated
from tally_pipeline.datasets import GENRES, SERIES
from tally_pipeline.datasets.daily_export import receipt_key
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import LakeError, Store
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS, list_named
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline_tests.cli.own_process import TALLY, WAIT_SECONDS
from testkit import tally
from testkit.aws.faulty_aws import Fault, FaultyAws, Request, serving
from testkit.aws.settings import settings_of
from testkit.pipeline import environment
from testkit.tmdb.export_server import shows

DAYS = [clock.today() - timedelta(days=ago) for ago in (2, 1)]
POPULAR = f"bronze/tmdb/shows/popular_shows/dt={DAYS[0]}"

Break = Callable[[Path], None]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export of two days of popular shows, and of a daily export with its receipt."""
    home = tmp_path_factory.mktemp("from")
    lake = Lake(Store.in_folder(home / "sandbox" / "lake"), "sandbox")
    for key, body in sandbox.captures(DAYS, lists=[list_named("popular_shows")], depths={"popular_shows": 1}):
        lake.write_bronze(key, body)
    series = SERIES.place.key(DAYS[1].isoformat(), "run-1")
    lake.write_once(receipt_key(series), _receipt(shows(3), series.dt))
    lake.write_bronze(series, shows(3))
    assert tally.run(home, environment(home), "export", str(home / "out")).code == 0
    return home / "out"


def _receipt(body: bytes, dt: str) -> bytes:
    return json.dumps(
        {
            "dt": dt,
            "url": "http://127.0.0.1/p/exports/x.json.gz",
            "bytes": len(body),
            "sha256": hashlib.sha256(body).hexdigest(),
            "headers": {},
            "ingestion_timestamp": f"{dt}T08:20:00Z",
            "execution_id": "run-1",
            "source": "sandbox",
            "client": "tally/0.1.0",
            "requests": 1,
            "duration_seconds": 0.1,
        }
    ).encode()


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy of it, to break."""
    return shutil.copytree(exported, tmp_path / "export")


def bring_in(home: Path, folder: Path, *argv: str, **changes: str) -> tally.Ran:
    home.mkdir(exist_ok=True)
    return tally.run(home, environment(home, **changes), "import", str(folder), *argv)


def files(folder: Path, below: str = "bronze") -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in (folder / below).rglob("*")
        if path.is_file()
    }


def lake_of(home: Path) -> Path:
    return home / "sandbox" / "lake"


def manifest_of(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    manifest: dict[str, dict[str, dict[str, object]]] = json.loads((folder / "manifest.json").read_text())
    return manifest


def rewrite(folder: Path, **changes: object) -> None:
    (folder / "manifest.json").write_text(json.dumps({**manifest_of(folder), **changes}))


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
    (series,) = [unit for unit in units if unit.key.data_type == SERIES.name]
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


# --- S3 and what interrupts ---------------------------------------------------------------------------------


def _is_put(request: Request) -> bool:
    return request.method == "PUT" and request.key.startswith("bronze/")


def _is_put_of_a_file(request: Request) -> bool:
    return _is_put(request) and request.key.endswith(".json.gz")


AS_THE_BUCKETS_POLICY = Fault(
    403,
    "AccessDenied",
    "explicit deny in a resource-based policy",
    concerns=lambda request: _is_put(request) and request.headers.get("if-none-match") != "*",
)
"""Emulators ignore the conditions of policies: this is what S3 answers to a put below bronze/ without the header."""


@pytest.fixture
def faulty(aws: Aws, moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyAws]:
    with serving(moto_url) as (faulty, url):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        yield faulty


@pytest.fixture
def on_aws(aws: Aws, faulty: FaultyAws, tmp_path: Path, steady: Sandbox) -> dict[str, str]:
    return settings_of(aws, tmp_path, steady.base_url)


def bronze_on(aws: Aws) -> dict[str, bytes]:
    store = Store.on_s3(aws, aws.settings.lake_bucket)
    return {info.key: store.get(info.key) for info in store.list("bronze")}


def test_an_import_is_allowed_by_a_policy_that_refuses_every_plain_put(
    folder: Path, aws: Aws, faulty: FaultyAws, on_aws: dict[str, str], tmp_path: Path
) -> None:
    faulty.fail(AS_THE_BUCKETS_POLICY)
    with pytest.raises(LakeError, match="AccessDenied"):
        Store.on_s3(Aws(aws.settings), aws.settings.lake_bucket).put("bronze/plain", b"")
    ran = tally.run(tmp_path, on_aws, "import", str(folder))
    assert ran.code == 0, ran.err
    assert bronze_on(aws) == files(folder)


def test_an_import_that_s3_broke_off_is_one_sentence_and_goes_on_afterwards(
    folder: Path, aws: Aws, faulty: FaultyAws, on_aws: dict[str, str], tmp_path: Path
) -> None:
    faulty.fail(Fault(403, "AccessDenied", "denied", concerns=_is_put_of_a_file))
    ran = tally.run(tmp_path, on_aws, "import", str(folder))
    assert ran.code == 2
    assert "run-1.json.gz: these credentials may not do it (s3:PutObject)" in ran.err.splitlines()[-1]
    before = bronze_on(aws)
    assert before.items() < files(folder).items()
    faulty.fail(None)
    again = tally.run(tmp_path, on_aws, "import", str(folder), "--json")
    assert (again.code, again.json["already_there"]) == (0, len(before))
    assert bronze_on(aws) == files(folder)


def test_a_put_whose_answer_is_lost_is_found_there_with_its_bytes(
    folder: Path, aws: Aws, faulty: FaultyAws, on_aws: dict[str, str], tmp_path: Path
) -> None:
    faulty.fail(Fault(is_done=True, times=1, concerns=_is_put))
    ran = tally.run(tmp_path, on_aws, "import", str(folder))
    assert tally.run(tmp_path, on_aws, "import", str(folder)).code == 0, ran.err
    assert bronze_on(aws) == files(folder)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sent", "code", "says"), [(signal.SIGKILL, -9, ""), (signal.SIGINT, 130, "goes on from there")]
)
def test_an_import_that_is_killed_or_interrupted_leaves_whole_objects_and_the_next_goes_on(
    folder: Path,
    aws: Aws,
    faulty: FaultyAws,
    on_aws: dict[str, str],
    tmp_path: Path,
    sent: signal.Signals,
    code: int,
    says: str,
) -> None:
    faulty.fail(Fault(hangs=True, concerns=_is_put_of_a_file))
    with subprocess.Popen(
        [*TALLY, "import", str(folder)],
        env={**os.environ, **on_aws},
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    ) as stopped:
        deadline = time.monotonic() + WAIT_SECONDS
        while not any(map(_is_put_of_a_file, list(faulty.requests))) and time.monotonic() < deadline:
            time.sleep(0.05)
        stopped.send_signal(sent)
        faulty.released.set()
        _, err = stopped.communicate(timeout=WAIT_SECONDS)
    assert stopped.returncode == code, err
    assert says in err
    assert bronze_on(aws).items() < files(folder).items()
    faulty.fail(None)
    again = tally.run(tmp_path, on_aws, "import", str(folder))
    assert again.code == 0, again.err
    assert bronze_on(aws) == files(folder)
    assert tally.run(tmp_path, on_aws, "audit").code == 0


def test_of_two_imports_at_once_each_object_is_written_by_one(
    folder: Path, aws: Aws, tmp_path: Path, steady: Sandbox
) -> None:
    settings = load_settings(settings_of(aws, tmp_path, steady.base_url), dotenv=None)
    units, _ = importing.sort_out({key: Stated(0, "") for key in files(folder)})
    bodies = [{key: (folder / key).read_bytes() for key in unit.objects} for unit in units]
    lakes = [deploy(settings).lake for _ in range(2)]

    def write(at: tuple[Lake, dict[str, bytes]]) -> list[importing.Imported]:
        lake, body = at
        return list(importing.write_missing(lake, body, {}, dry_run=False))

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(write, product(lakes, bodies)))
    done = Counter((one.key, one.done) for result in results for one in result)
    assert done == {(key, how): 1 for key in files(folder) for how in ("written", "already there")}
    assert bronze_on(aws) == files(folder)


# --- what expired ------------------------------------------------------------------------------------------


def test_bronze_that_expired_is_recovered_byte_for_byte_and_what_was_written_since_stays(
    folder: Path, aws: Aws, tmp_path: Path, steady: Sandbox
) -> None:
    on_aws = settings_of(aws, tmp_path, steady.base_url)
    assert tally.run(tmp_path, on_aws, "import", str(folder)).code == 0
    s3, bucket = aws.client("s3"), aws.settings.lake_bucket
    expired = {key: body for key, body in files(folder).items() if f"dt={DAYS[1]}" in key}
    for key in expired:  # as S3 does when an object expires in a bucket with versions
        s3.delete_object(Bucket=bucket, Key=key)

    out = tmp_path / "expired"
    taken = tally.run(tmp_path, on_aws, "export", str(out), "--expired")
    assert taken.code == 0, taken.err
    assert files(out) == expired
    brought = tally.run(tmp_path, on_aws, "import", str(out), "--json")
    assert brought.code == 0, brought.err
    assert brought.json["written"] == len(expired) == 3

    store = Store.on_s3(aws, bucket)
    assert {info.key: store.get(info.key) for info in store.list("bronze")} == files(folder)
    # The marker and the old version are there as they were: nothing was deleted.
    versions = s3.list_object_versions(Bucket=bucket, Prefix="bronze/")
    assert sorted(one["Key"] for one in versions["DeleteMarkers"]) == sorted(expired)
    assert len(versions["Versions"]) == len(files(folder)) + len(expired)
    again = tally.run(tmp_path, on_aws, "export", str(tmp_path / "again"), "--expired")
    assert "0 objects, 0.0 MB" in again.err


def test_nothing_expires_in_a_folder_and_only_bronze_is_recovered(
    tmp_path: Path, aws: Aws, steady: Sandbox
) -> None:
    here = tally.run(tmp_path, environment(tmp_path), "export", "out", "--expired")
    on_aws = settings_of(aws, tmp_path, steady.base_url)
    gold = tally.run(tmp_path, on_aws, "export", "out", "--expired", "--only", "gold")
    assert (here.code, gold.code) == (2, 2)
    assert "this lake is a folder" in here.err
    assert "leave --only out" in gold.err
    assert not (tmp_path / "out").exists()
