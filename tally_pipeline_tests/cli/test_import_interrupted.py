"""`tally import` into a bucket, broken off, killed, crossed, and of what expired there."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import pytest

from tally_pipeline.aws.session import Aws
from tally_pipeline.cli import import_ as importing
from tally_pipeline.cli.export.copies import Stated
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import LakeError, Store
from tally_pipeline.tmdb.sandbox import Sandbox
from tally_pipeline_tests.cli.an_export import (
    DAYS,
    exported,
    files,
    folder,
)
from tally_pipeline_tests.cli.own_process import TALLY, WAIT_SECONDS
from testkit import tally
from testkit.aws.faulty_aws import Fault, FaultyAws, Request, serving
from testkit.aws.settings import settings_of
from testkit.pipeline import environment

__all__ = ["exported", "folder"]


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
