"""Real Terraform on copies of `deploy/`: whatever it leaves behind is not beside the real files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ROOTS = {"lake": DEPLOY, "compute": DEPLOY / "compute"}
"""Terraform's root modules: what can be applied by itself."""

_USERS = ("AWS_", "TF_VAR_", "TF_WORKSPACE", "TF_CLI_ARGS", "TF_DATA_DIR")


def terraform(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Terraform in `folder`, knowing no account and nothing of what its user has set."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_USERS)}
    return subprocess.run(
        ["sh", ROOT / "scripts" / "terraform.sh", *arguments],
        cwd=folder,
        env={**environ, "AWS_EC2_METADATA_DISABLED": "true", "TF_IN_AUTOMATION": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def copy(root: Path, folder: Path) -> Path:
    """A copy of a root module with its tests, initialized."""
    for pattern in ("*.tf", "*.tftpl", "contract.json", "tests/*"):
        for file in root.glob(pattern):
            if not file.name.endswith("_override.tf"):
                (folder / file.relative_to(root).parent).mkdir(parents=True, exist_ok=True)
                shutil.copy(file, folder / file.relative_to(root))
    done = terraform(folder, "init", "-input=false", "-no-color")
    assert done.returncode == 0, done.stderr
    return folder


@dataclass(frozen=True)
class Outcome:
    """What `terraform test` found: whether all passed, and what it printed."""

    passed: bool
    output: str


def own_tests(folder: Path, *arguments: str) -> Outcome:
    """Run Terraform's own tests, which make up the provider: no account, no network."""
    done = terraform(folder, "test", "-no-color", *arguments)
    return Outcome(done.returncode == 0, done.stdout + done.stderr)


def planned(folder: Path, file: str, run: str) -> dict[str, Any]:
    """The plan of one run of Terraform's own tests: the values of each resource by its address."""
    done = terraform(folder, "test", "-json", "-verbose", f"-filter=tests/{file}")
    assert done.returncode == 0, done.stdout + done.stderr
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["type"] == "test_plan" and event["@testrun"] == run:
            return {one["address"]: one["change"]["after"] for one in event["test_plan"]["resource_changes"]}
    raise LookupError(f"{file} has no run {run}, or it planned nothing")
