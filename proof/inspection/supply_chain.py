"""Dependencies: pinned with hashes, installed by them, and audited where a database of vulnerabilities answers."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proof.cases import BrokenError, Case, demand, glimpse

ROOT = Path(__file__).parents[2]
NOTES = (
    "Where no database of vulnerabilities can be reached the audit proves nothing, and says so; `make audit` then"
    " fails.",
)
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(\S+)")


def cases() -> Iterator[Case]:
    side = "dependencies"
    yield Case(
        side,
        "every lock",
        "each package at one version, with SHA-256 hashes, from no address of its own",
        _locked,
    )
    yield Case(
        side,
        "what the project asks for",
        "all of it is in the lock, the build backend too; what runs is in a smaller one, at the same versions",
        _complete,
    )
    yield Case(
        side, "how they are installed", "by --require-hashes, without building in isolation", _installed
    )
    yield Case(side, "what is known against them", "nothing, by pip-audit", _audited)


def _requirements(lock: Path) -> Iterator[str]:
    """Each requirement with its continuation lines."""
    text = lock.read_text().replace("\\\n", " ")
    yield from (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#"))


def _locks() -> list[Path]:
    return sorted(path for path in ROOT.glob("**/*.lock") if not {".venv", ".venvs"} & set(path.parts))


def _locked() -> str:
    told = []
    for lock in _locks():
        wanted = list(_requirements(lock))
        loose = [line[:60] for line in wanted if not _PINNED.match(line) or "--hash=sha256:" not in line]
        demand(wanted and not loose, f"{lock.name}: {loose[:5]}")
        text = lock.read_text()
        demand(not re.search(r"^--|://|@ file|git\+", text, re.MULTILINE), f"{lock.name} names an address")
        told.append(f"{lock.relative_to(ROOT)}: {len(wanted)}")
    return ", ".join(told)


def _complete() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    to_run = _names([*project["project"]["dependencies"], *project["build-system"]["requires"]])
    groups = project["dependency-groups"]
    names = to_run | _names([one for group in groups.values() for one in group if isinstance(one, str)])
    pinned, run = _pins(ROOT / "requirements.lock"), _pins(ROOT / "requirements.run.lock")
    demand(names <= pinned.keys(), f"not in the lock: {sorted(names - pinned.keys())}")
    demand(to_run <= run.keys(), f"not in the lock of what runs: {sorted(to_run - run.keys())}")
    other = sorted(name for name, version in run.items() if pinned.get(name) != version)
    demand(not other, f"runs at another version than it is tested at: {other}")
    return f"{len(names)} asked for, {len(pinned)} locked; {len(run)} of them to run"


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~; ]", one)[0].lower() for one in requirements}


def _pins(lock: Path) -> dict[str, str]:
    """The version of each package in a lock, by name."""
    found = (_PINNED.match(line) for line in _requirements(lock))
    return {one[1].lower().replace("_", "-"): one[2] for one in found if one}


def _installed() -> str:
    scripts = {path.name: path.read_text() for path in (ROOT / "scripts").glob("*.sh")}
    installs = {
        name: line.strip()
        for name, text in scripts.items()
        for line in text.splitlines()
        if re.search(r"pip (sync|install)\b", line)
    }
    loose = [
        f"{name}: {line}"
        for name, line in installs.items()
        if "--require-hashes" not in line and "--no-deps" not in line
    ]
    demand(installs and not loose, f"{loose}")
    return f"{len(installs)} installs in scripts/, that of uv itself among them"


# --- the audit ---------------------------------------------------------------------------------------------

NO_DATABASE = (
    "no database of vulnerabilities answers here. Run `make audit` where one does (pip-audit asks the package index's"
    " own), or set HTTPS_PROXY to what leads there"
)


class NotAuditedError(Exception):
    """Nothing could be looked up; the message says why and what to do."""


def audit() -> str:
    """Looks up every package of every lock; says how many. Raises `NotAuditedError`, or `BrokenError`.

    pip-audit by itself ends with 0 where it could look nothing up: so one package is asked for first, and those that
    it skips are counted.
    """
    locks = {lock: list(_requirements(lock)) for lock in _locks()}
    _looked_up(next(iter(locks.values()))[:1])
    told = [one for wanted in locks.values() for one in _looked_up(wanted)]
    bad = sorted(
        {
            f"{one['name']} {one['version']}: {', '.join(flaw['id'] for flaw in one['vulns'])}"
            for one in told
            if one["vulns"]
        }
    )
    demand(not bad, f"known to be vulnerable: {'; '.join(bad)}. Raise them: `make lock`")
    return f"{len(told)} packages of {len(locks)} locks looked up, none known to be vulnerable"


def _looked_up(requirements: list[str]) -> list[dict[str, Any]]:
    found = shutil.which(
        "pip-audit", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    )
    if found is None:
        raise NotAuditedError(
            "pip-audit is not installed: install benchmarks/requirements.lock, then run this again"
        )
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(requirements))
        file.flush()
        command = [found, "--requirement", file.name, "--disable-pip", "--require-hashes", "--format", "json"]
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        told: list[dict[str, Any]] = json.loads(ran.stdout)["dependencies"]
    except (json.JSONDecodeError, KeyError):
        raise NotAuditedError(f"{NO_DATABASE} ({glimpse(ran.stderr[-300:], 200)})") from None
    skipped = [one["name"] for one in told if "skip_reason" in one]
    if skipped:
        raise NotAuditedError(
            f"{NO_DATABASE} ({len(skipped)} of {len(told)} could not be looked up: {skipped[0]}, …)"
        )
    return told


def _audited() -> str:
    try:
        return audit()
    except NotAuditedError as error:
        return f"NOT PROVEN HERE: {error}"


def main() -> int:
    try:
        print(audit())
    except (NotAuditedError, BrokenError) as error:
        print(f"Not audited: {error}." if isinstance(error, NotAuditedError) else error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
