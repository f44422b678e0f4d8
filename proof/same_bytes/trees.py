"""The trees of code that are held against each other, and a home in which the commands of one of them are run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
BEFORE = "e21d71f3df8f70cb4b3d6dc190812a237a867c20"
"""The commit before the house was refactored: what it makes is what has to be made."""

HERE = Path(__file__).parent
COMMAND_SECONDS = 1800
SERVING_SECONDS = 60


class AbsentError(Exception):
    """A requirement of the proof is missing on this machine; the message names it and the remedy."""


class CommandError(AssertionError):
    """A command ended as no command should; the message says which, and what it said."""


@dataclass(frozen=True)
class Tree:
    """A checkout of the project: its code, on the packages of the Python that runs this."""

    name: str
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        """Without anybody's settings, and with this tree's code before the installed one."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("TALLY_", "TMDB_", "DAGSTER_", "PYTHON"))
        }
        return {**kept, "PYTHONPATH": str(self.root), "TALLY_DOTENV": os.devnull, "NO_PROXY": "127.0.0.1"}


@contextmanager
def commit(revision: str) -> Iterator[Tree]:
    """A commit as a detached worktree of this repository. Raises `AbsentError` where its history lacks it."""
    found = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found.returncode != 0:
        raise AbsentError(
            f"the history of {REPOSITORY} has no commit {revision[:12]}: fetch it (`git fetch --unshallow`, in CI a"
            " checkout with its whole history)"
        )
    with tempfile.TemporaryDirectory(prefix="tally-before-") as folder:
        root = Path(folder) / "tree"
        added = _git("worktree", "add", "--quiet", "--detach", str(root), found.stdout.strip())
        if added.returncode != 0:
            raise AbsentError(f"git made no worktree of {revision[:12]}: {added.stderr.strip()}")
        try:
            yield Tree("before", root)
        finally:
            _git("worktree", "remove", "--force", str(root))


def _git(*arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(REPOSITORY), *arguments], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        raise AbsentError("git is not on PATH, and brings the commit before: install it") from None


@dataclass
class Home:
    """A home in which one tree's commands are run, each at a moment that is told. `ended`: how each ended."""

    tree: Tree
    folder: Path
    ended: list[str] = field(default_factory=list)

    @property
    def lake(self) -> Path:
        return self.folder / "sandbox" / "lake"

    def run(self, moment: str, *command: str, **settings: str) -> int:
        """Run `tally …` or `dagster …` to its end; returns its exit code."""
        self.folder.mkdir(parents=True, exist_ok=True)
        ran = subprocess.run(
            self._pinned(moment, len(self.ended), command),
            cwd=self.folder,
            env=self._environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
        told = f"{' '.join(command[:3])} at {moment}: exit code {ran.returncode}"
        (self.folder / f"said-{len(self.ended):02}").write_text(f"{told}\n{ran.stdout}")
        if ran.returncode not in (0, 1) or "Traceback" in ran.stdout:
            raise CommandError(f"{self.tree.name}: {told}: {ran.stdout[-1500:]}")
        self.ended.append(told)
        return ran.returncode

    def materialize(self, moment: str, selection: str, *arguments: str, **settings: str) -> int:
        """Materialize assets by Dagster's own command; `arguments` say of which day, and by which config."""
        named = ["dagster", "asset", "materialize", "-m", "tally_pipeline.definitions", "--select", selection]
        return self.run(moment, *named, *arguments, **settings)

    @contextmanager
    def serving(self, moment: str, *arguments: str) -> Iterator[str]:
        """`tally sandbox …` at that moment, while this lasts; its base URL."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = self._pinned(moment, 0, ("tally", "sandbox", "--port", "0", *arguments))
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env=self._environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as server:
            assert server.stdout is not None
            try:
                said = server.stdout.readline()
                found = re.search(r"http://127\.0\.0\.1:\d+/3", said)
                if found is None:
                    raise CommandError(f"{self.tree.name}: the sandbox does not serve: {said}")
                yield found[0]
            finally:
                server.terminate()
                server.communicate(timeout=SERVING_SECONDS)

    def _environment(self, settings: dict[str, str]) -> dict[str, str]:
        ours = {
            "TALLY_HOME": str(self.folder),
            "DAGSTER_HOME": str(self.folder / "sandbox" / "dagster"),
            "TMDB_ATTEMPTS": "2",
            "TMDB_REQUESTS_PER_SECOND": "1000",
        }
        return {**self.tree.environment, **ours, **settings}

    def _pinned(self, moment: str, number: int, command: tuple[str, ...]) -> list[str]:
        run = uuid.uuid5(uuid.NAMESPACE_URL, f"tally-same-bytes:{self.folder.name}/{number}")
        script = str(HERE / "at_a_moment.py")
        # Safe from the script's own folder: nothing but the tree and the packages is imported.
        return [sys.executable, "-P", script, str(self.tree.root), moment, str(run), *command]
