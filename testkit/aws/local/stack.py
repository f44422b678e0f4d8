"""`deploy/` applied by real Terraform to the emulators, from a copy, so that no file is written to the original."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from testkit.aws.local.processes import LocalError, Running, environment

ROOT = Path(__file__).resolve().parents[3]
DEPLOY = ROOT / "deploy"

# Needed by emulators, not by AWS: buckets are paths there, not host names.
_OVERRIDE = """provider "aws" {
  s3_use_path_style = true
}
"""

TOKEN = "not-tmdbs-token-but-one-to-be-found-again"

VARIABLES = {
    "tmdb_token": TOKEN,
    "environment": "local",
    "force_destroy": "true",
}


class Stack:
    """One copy of `deploy/` with its state, in a folder."""

    def __init__(self, folder: Path, running: Running, **variables: str) -> None:
        self._folder = folder / "terraform"
        told = {f"TF_VAR_{name}": value for name, value in {**VARIABLES, **variables}.items()}
        self._environ = environment(running, **told)
        self._log = folder / "terraform.log"

    def apply(self, *only: str) -> None:
        """Set everything up, or `only` these resources and what they need. Raises `LocalError`."""
        if not self._folder.exists():
            self._folder.mkdir(parents=True)
            for file in [*DEPLOY.glob("*.tf"), DEPLOY / "contract.json"]:
                if not file.name.endswith("_override.tf"):  # the user's own
                    shutil.copy(file, self._folder)
            (self._folder / "emulator_override.tf").write_text(_OVERRIDE)
            self._terraform("init")
        self._terraform("apply", "-auto-approve", *(f"-target={address}" for address in only))

    def drift(self) -> dict[str, set[str]]:
        """The changes of a second apply: the attributes by resource ("made" and "gone" for a whole one)."""
        plan = self._folder / "second.plan"
        self._terraform("plan", f"-out={plan.name}")
        told = json.loads(self._terraform("show", "-json", plan.name))
        changes = {one["address"]: one["change"] for one in told.get("resource_changes", [])}
        return {
            address: _changed(change)
            for address, change in changes.items()
            if change["actions"] not in (["no-op"], ["read"])
        }

    def tells_the_token(self) -> list[str]:
        """Terraform's files that contain the token: there must be none."""
        files = [
            path for path in self._folder.rglob("*") if path.is_file() and ".terraform" not in path.parts
        ]
        return [path.name for path in [*files, self._log] if TOKEN.encode() in path.read_bytes()]

    def outputs(self) -> str:
        """`terraform output -json`, for `tally deploy settings`."""
        return self._terraform("output", "-json")

    def resources(self) -> list[str]:
        """The addresses of all resources."""
        return self._terraform("state", "list").split()

    def destroy(self) -> None:
        """Take everything down again. Raises `LocalError`."""
        self._terraform("destroy", "-auto-approve")

    def _terraform(self, *arguments: str) -> str:
        return said(
            ["sh", ROOT / "scripts" / "terraform.sh", *arguments],
            self._environ,
            self._folder,
            self._log,
        )


def _changed(change: Mapping[str, Any]) -> set[str]:
    before, after = change["before"], change["after"]
    if before is None or after is None:
        return {"made" if before is None else "gone"}
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def said(command: list[Any], environ: Mapping[str, str], folder: Path, log: Path, wanted: int = 0) -> str:
    """Run a command to its end; returns its output. Raises `LocalError` unless it ends with `wanted`."""
    arguments = [str(part) for part in command]
    done = subprocess.run(arguments, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    with log.open("a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(arguments)}\n{done.stdout}{done.stderr}\n")
    if done.returncode != wanted:
        last = "\n".join((done.stdout + done.stderr).strip().splitlines()[-25:])
        raise LocalError(f"`{' '.join(arguments)}` ended with {done.returncode} (log: {log}):\n{last}")
    return done.stdout
