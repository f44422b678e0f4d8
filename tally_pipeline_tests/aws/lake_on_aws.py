"""A whole account on loopback with all that `deploy/` sets up, and a home in which `tally` runs on it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pytest
import requests

from tally_pipeline import gold
from tally_pipeline.aws.session import Aws
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.tables import TABLES
from testkit import tally
from testkit.aws.athena_server import put_table, table_input
from testkit.aws.moto_server import make_bucket, make_queues, point_at, settings_at, tell_queue_of_bronze
from testkit.aws.settings import settings_of
from testkit.running import TALLY

TOKEN = "a-token-that-nobody-may-see"


@dataclass
class LakeOnAws:
    """The lake of an account, and `tally` beside it.

    `aws` is the account's owner, whom nothing is refused. `environ` is what commands find besides the settings:
    endpoints, credentials.
    """

    aws: Aws
    home: Path
    base_url: str
    environ: Mapping[str, str] = field(default_factory=dict)

    def settings(self, **changes: str) -> dict[str, str]:
        """The environment of a command; an empty value is none."""
        return {**settings_of(self.aws, self.home, self.base_url), **self.environ, **changes}

    def run(self, *argv: str, **changes: str) -> tally.Ran:
        """`tally ARGV…` in this process."""
        return tally.run(self.home, self.settings(**changes), *argv)

    def start(self, *argv: str, **changes: str) -> subprocess.CompletedProcess[str]:
        """`tally ARGV…` as a process of its own, to its end."""
        return subprocess.run(
            [TALLY, *argv],
            cwd=self.home,
            env={**os.environ, **self.settings(**changes)},
            capture_output=True,
            text=True,
            check=False,
        )

    @cached_property
    def lake(self) -> Lake:
        return Lake(Store.on_s3(self.aws, self.aws.settings.lake_bucket), "sandbox")

    @cached_property
    def athena(self) -> AthenaEngine:
        return AthenaEngine(self.aws, TABLES)

    def versions(self, folder: str = "") -> dict[str, tuple[str, ...]]:
        """Every version of every object below a folder, by key: nothing that was ever written is left out."""
        s3, found = self.aws.client("s3"), dict[str, tuple[str, ...]]()
        pages = s3.get_paginator("list_object_versions").paginate(
            Bucket=self.aws.settings.lake_bucket, Prefix=folder
        )
        for page in pages:
            # A deletion is a version as well.
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                found[one["Key"]] = (*found.get(one["Key"], ()), f"{one['VersionId']} {one.get('ETag')}")
        return found

    def bodies(self, folder: str = "") -> dict[str, bytes]:
        """Every object below a folder, by key."""
        s3, bucket = self.aws.client("s3"), self.aws.settings.lake_bucket
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in self.versions(folder)}


def made_of(day: str, lists: Sequence[str]) -> set[str]:
    """The keys of everything that is made of a day's captures."""
    return {
        *(layout.silver_key(name, day) for name in lists),
        *(layout.quarantine_key(name, day) for name in lists),
        *(layout.gold_key(table.name, day) for table in gold.OF_SHOWS),
        layout.report_key(day),
        layout.latest_report_key(),
    }


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder to be a home. Dagster's history is committed hundreds of times a run: in memory, where that can be."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(
        prefix="tally-", dir=memory if os.access(memory, os.W_OK) else None
    ) as name:
        yield Path(name)


@contextmanager
def account(moto_url: str, athena_url: str, nowhere: Path) -> Iterator[Aws]:
    """An account of which this process is the owner: buckets, queues, tables, workgroup and token."""
    requests.post(f"{moto_url}/moto-api/reset", timeout=10).raise_for_status()
    with pytest.MonkeyPatch.context() as patch:
        point_at(moto_url, patch, nowhere)
        patch.setenv("AWS_ENDPOINT_URL_ATHENA", athena_url)
        aws = Aws(settings_at(moto_url))
        _furnish(aws)
        yield aws
    requests.post(f"{moto_url}/moto-api/reset", timeout=10).raise_for_status()


def _furnish(aws: Aws) -> None:
    settings = aws.settings
    make_bucket(aws, settings.lake_bucket)
    make_bucket(aws, settings.results_bucket)
    make_queues(aws)
    tell_queue_of_bronze(aws)
    aws.client("glue").create_database(DatabaseInput={"Name": settings.database})
    for spec in TABLES:
        put_table(aws, table_input(aws, spec))
    aws.client("athena").create_work_group(Name=settings.workgroup)
    aws.client("ssm").put_parameter(Name=settings.token_parameter, Value=TOKEN, Type="SecureString")
