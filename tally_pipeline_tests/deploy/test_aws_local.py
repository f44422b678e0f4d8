"""The whole of it on emulated AWS: what `make aws-local` and `make aws-local-down` do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def local(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "testkit.aws.local", *arguments, "--folder", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where it is kept; whatever happens, nothing of it is left running."""
    folder = tmp_path / "aws-local"
    yield folder
    local(folder, "down")


def test_the_pipeline_runs_on_emulated_aws_from_apply_to_destroy(folder: Path, recordings: Path) -> None:
    up = local(folder, "up")
    assert up.returncode == 0, up.stderr
    addresses = json.loads((folder / "running.json").read_text())
    assert listens_beyond_loopback(addresses["pids"].values()) == []
    walk = local(folder, "walk", "--recordings", str(recordings))
    assert walk.returncode == 0, f"{walk.stdout}\n{walk.stderr}"
    assert [line.split("  ")[0] for line in walk.stdout.splitlines() if line.startswith("✓")] == [
        "✓ settings",
        "✓ deploy check",
        "✓ sync",
        "✓ the token",
        "✓ objects in S3",
        "✓ rows through Athena",
        "✓ metrics",
        "✓ a bad batch rings the alarm",
        "✓ the sensor wakes",
        "✓ deploy prove",
        "✓ a second apply",
    ]
    down = local(folder, "down")
    assert down.returncode == 0, down.stderr
    assert not folder.exists()
    assert all(not Path(f"/proc/{pid}").exists() for pid in addresses["pids"].values())


def test_taking_down_what_does_not_run_is_no_mistake(folder: Path) -> None:
    down = local(folder, "down")
    assert down.returncode == 0
    assert "nothing runs here" in down.stdout


def test_walking_where_nothing_runs_says_how_to_start_it(folder: Path) -> None:
    walk = local(folder, "walk")
    assert walk.returncode == 1
    assert "make aws-local" in walk.stderr


def listens_beyond_loopback(pids: Iterator[int]) -> list[str]:
    """The sockets of these processes that other machines could reach."""
    inodes = set()
    for pid in pids:
        for link in Path(f"/proc/{pid}/fd").iterdir():
            target = str(link.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = []
    for table, loopback in (("tcp", "0100007F"), ("tcp6", "0" * 24 + "01000000")):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            listening = fields[3] == "0A"
            if listening and fields[9] in inodes and not fields[1].startswith(loopback):
                found.append(fields[1])
    return found
