"""AWS on this machine: `python -m testkit.aws.local up`, `walk`, `down`. `make aws-local` is the first two."""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from pathlib import Path

from testkit.aws.local import processes
from testkit.aws.local.processes import LocalError
from testkit.aws.local.smoke_test import Walk
from testkit.aws.local.stack import ROOT, Stack

FOLDER = ROOT / ".aws-local"


def main() -> int:
    """Run one command; 0 when all of it came out as it must."""
    parser = argparse.ArgumentParser(prog="python -m testkit.aws.local", description=__doc__)
    parser.add_argument("command", choices=("up", "walk", "down"))
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="where everything of it is kept (.aws-local)"
    )
    parser.add_argument("--recordings", type=Path, help="recorded replies of TMDB to sync, for invented ones")
    told = parser.parse_args()
    try:
        if told.command == "up":
            up(told.folder)
        elif told.command == "walk":
            Walk(told.folder, processes.found(told.folder), told.recordings).all()
            _what_now(told.folder)
        else:
            down(told.folder)
    except LocalError as error:
        print(f"aws-local: {error}", file=sys.stderr)
        return 1
    return 0


def up(folder: Path) -> None:
    """Start the emulators and apply `deploy/`, after removing the leftovers of a former call."""
    if (folder / "running.json").exists():
        down(folder)
    started = time.monotonic()
    running = processes.start(folder)
    print(
        f"✓ AWS on {running.aws}, Athena on {running.athena} ({time.monotonic() - started:.1f} s)", flush=True
    )
    started, stack = time.monotonic(), Stack(folder, running)
    stack.apply()
    print(
        f"✓ terraform apply: {len(stack.resources())} resources ({time.monotonic() - started:.0f} s)",
        flush=True,
    )


def down(folder: Path) -> None:
    """Destroy what was applied, end the emulators, and remove the folder."""
    if not (folder / "running.json").exists():
        print("✓ nothing runs here")
        return
    running = processes.found(folder)
    stack = Stack(folder, running)
    try:
        stack.destroy()
        left = stack.resources()
        if left:
            raise LocalError(f"terraform destroy left {left}")
    finally:
        processes.stop(running)
    shutil.rmtree(folder)
    print(f"✓ destroyed, stopped, and {folder} removed")


def _what_now(folder: Path) -> None:
    print(
        f"\nIt stands until `make aws-local-down`. To use it: cd {folder} && . ./env.sh\n"
        "then tally status, tally query --sample NAME, tally up, or any of AWS's own tools."
    )


if __name__ == "__main__":
    sys.exit(main())
