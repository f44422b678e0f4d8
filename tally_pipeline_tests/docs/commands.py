"""Running the commands of the pages."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.docs.pages import Page
from testkit.running import bare

SHALLOW = {f"TALLY_PAGES_{one.name.upper()}": "1" for one in LISTS}


def project(folder: Path) -> Path:
    """A folder whose environment, `.venv`, is this one."""
    (folder / ".venv").mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.name != ".ready":  # make's stamp
            (folder / ".venv" / part.name).symlink_to(part)
    return folder


def shell(folder: Path, *commands: str) -> str:
    """Run commands as a shell does that stops at the first that fails; returns what they said."""
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        cwd=folder,
        env=bare({"TALLY_HOME": str(folder / ".tally"), "TALLY_DOTENV": os.devnull, **SHALLOW}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, f"{commands}\n{ran.stdout[-2000:]}\n{ran.stderr[-2000:]}"
    assert "Traceback" not in ran.stderr
    return ran.stdout


def run(folder: Path, page: Page) -> list[str]:
    """Run the page's blocks of commands, one after the other; returns what each said."""
    return [
        shell(folder, block.text) for block in page.blocks if block.language == "sh" and block.not_run is None
    ]
