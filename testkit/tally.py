"""Runs the command `tally` in this process, as a shell in a folder of its own would."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.cli import main


@dataclass(frozen=True)
class Ran:
    """A command's output and exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def run(folder: Path, environ: Mapping[str, str], *argv: str) -> Ran:
    """`tally ARGV…` run in `folder`, with these settings in the environment and no others of Tally's."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("TALLY_", "TMDB_")):
                patch.delenv(name)
        # Commands set it, so it is restored afterwards.
        patch.setenv("DAGSTER_HOME", "")
        # Nor with those of the developer's own `.env`, which is found from anywhere.
        if not os.path.lexists(folder / ".env"):
            patch.setenv("TALLY_DOTENV", os.devnull)
        for name, value in environ.items():
            patch.setenv(name, value)
        patch.chdir(folder)
        with redirect_stdout(out), redirect_stderr(err):
            code = main(argv)
    assert "Traceback" not in out.getvalue() + err.getvalue()
    return Ran(code, out.getvalue(), err.getvalue())
