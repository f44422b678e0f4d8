"""A folder in the place of the machine: its script as Terraform renders it, on real files, with real Git and uv.

What only a machine has (mounts, users, systemd, dnf) is noted instead of done.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path

from tally_pipeline_tests.deploy.terraform import DEPLOY, ROOT

DEVICE = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0"
_COPIED = ("tally_pipeline", "scripts", "pyproject.toml", "requirements.run.lock", "README.md", "LICENSE")
_NOTED = ("systemctl", "dnf", "useradd", "chown", "chmod", "mkswap", "swapon", "resize2fs")
_AS_ANYBODY = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'


class Source:
    """A Git repository of this project; `commit` adds a version to it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        for name in _COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(
                    ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".uv")
                )
            else:
                shutil.copy(ROOT / name, folder / name)
        self._git("init", "--quiet")
        # As the places do where one has repositories: any commit can be asked for by its hash.
        self._git("config", "uploadpack.allowAnySHA1InWant", "true")

    @property
    def address(self) -> str:
        return self._folder.as_uri()

    def commit(self, version: str, changes: Mapping[str, str] | None = None) -> str:
        """State a version and commit it, with these files changed; returns the commit's hash."""
        for name, text in (changes or {}).items():
            (self._folder / name).write_text(text)
        (self._folder / "tally_pipeline" / "__init__.py").write_text(
            f'"""A version."""\n\n__version__ = "{version}"\n'
        )
        self._git("add", "--all")
        who = ("-c", "user.name=Nobody", "-c", "user.email=nobody@example.org", "-c", "commit.gpgsign=false")
        self._git(*who, "commit", "--quiet", "--message", version)
        return self._git("rev-parse", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=self._folder, check=True, capture_output=True, text=True
        ).stdout


class Machine:
    """The machine whose root is a folder. It asks for `repository` and has `settings`."""

    def __init__(self, folder: Path, repository: str, settings: Mapping[str, str]) -> None:
        self.root = folder / "root"
        self._repository = repository
        self._settings = settings
        self._script = folder / "part-002"
        self._noted = folder / "noted.txt"
        self._bin = folder / "bin"
        self._bin.mkdir()
        for name in _NOTED:
            self._command(name)
        self._command("runuser", does=_AS_ANYBODY)
        self._command("dd", does=f"touch {shlex.quote(str(self.root / 'swapfile.new'))}")
        mounted = shlex.quote(str(folder / "mounted"))
        self._command("mount", does=f"touch {mounted}")
        self._command("mountpoint", does=f"test -e {mounted}")
        (self.root / "etc").mkdir(parents=True)
        (self.root / "etc" / "fstab").write_text("UUID=0000-0000 / xfs defaults,noatime 1 1\n")
        self.device = self.root / DEVICE.lstrip("/")
        self.device.parent.mkdir(parents=True)
        with self.device.open("wb") as volume:
            volume.truncate(64 * 2**20)

    def boot(self, git_ref: str) -> list[str]:
        """Run the script as cloud-init does; returns what was asked of systemd and the like."""
        self._render(git_ref)
        return self._ran(["sh", self._script]).noted

    def unit(self, name: str) -> ConfigParser:
        """A unit of systemd's that the script wrote."""
        found = ConfigParser(interpolation=None, strict=False)
        # systemd's names have capitals.
        found.optionxform = str  # type: ignore[assignment,method-assign]
        found.read_string((self.root / "etc/systemd/system" / name).read_text())
        return found

    def start(self, name: str) -> Ran:
        """Run what a unit runs, to its end."""
        return self._ran(["sh", *self.command(name)])

    def command(self, name: str) -> list[str]:
        """What a unit runs, in this root."""
        program, *arguments = shlex.split(self.unit(name)["Service"]["ExecStart"])
        return [str(self.root / program.lstrip("/")), *arguments]

    @property
    def environment(self) -> dict[str, str]:
        """What the service's file of settings holds."""
        lines = (self.root / "etc" / "tally.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    @property
    def state(self) -> Path:
        """Where the service keeps its state."""
        return self.root / self.environment["TALLY_HOME"].lstrip("/")

    def needs_restart(self) -> None:
        """From now on a patch is in use only after a restart."""
        self._command("dnf", does='test "$1" != needs-restarting')

    def _command(self, name: str, does: str = "") -> None:
        """Put a command on the machine that is noted, and does no more than this."""
        noted = shlex.quote(str(self._noted))
        (self._bin / name).write_text(f'#!/bin/sh\necho {name} "$@" >>{noted}\n{does}\n')
        (self._bin / name).chmod(0o755)

    def _render(self, git_ref: str) -> None:
        """The script as Terraform writes it."""
        values = {
            "repository": self._repository,
            "git_ref": git_ref,
            "device": DEVICE,
            "settings": "\n".join(f"{name}={value}" for name, value in self._settings.items()),
        }
        template = DEPLOY / "compute" / "start.sh.tftpl"
        asked = f"jsonencode(templatefile({json.dumps(str(template))}, {json.dumps(values)}))"
        folder = self._script.parent
        told = subprocess.run(
            ["sh", ROOT / "scripts" / "terraform.sh", "console"],
            cwd=folder,
            input=asked,
            capture_output=True,
            text=True,
            check=True,
        )
        self._script.write_text(json.loads(json.loads(told.stdout)))

    def _ran(self, command: list[str | Path]) -> Ran:
        self._noted.write_text("")
        cache = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))
        done = subprocess.run(
            command,
            env={
                **os.environ,
                "PATH": f"{self._bin}:{os.environ['PATH']}:/usr/sbin",
                "TALLY_MACHINE_ROOT": str(self.root),
                # The script gives its user another home: what this one fetched before need not come again.
                "UV_CACHE_DIR": os.environ.get("UV_CACHE_DIR", f"{cache}/uv"),
                "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", f"{cache}/pip"),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout + done.stderr, self._noted.read_text().splitlines())


class Ran:
    """How a part of the script ended: its code, what it said, and what it asked of the machine."""

    def __init__(self, code: int, said: str, noted: list[str]) -> None:
        self.code = code
        self.said = said
        self.noted = noted
