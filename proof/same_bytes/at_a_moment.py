"""`python -P at_a_moment.py TREE MOMENT RUN tally|dagster ARGUMENT…`: a command of one tree, in which all is pinned.

What would differ between two runs of the very same code is pinned here, and nowhere else; whatever is written is then
compared to the byte. Pinned are:

- Tally's clock: it stands at MOMENT (ISO 8601). Dagster's goes on from there, for waits go by it.
- The ids of runs, which name objects of bronze and stand in them: RUN, which is a UUID.
- The version of the code, which bronze says as `client`: that of the commit before.
- How long a capture took, and the port of the server on this machine: both are of the moment, and bronze keeps them.

It imports nothing of `proof`: the tree has a `proof` of its own.
"""

from __future__ import annotations

import importlib
import re
import sys
import tomllib
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

VERSION = "0.1.0"
CAPTURES = "bronze/"
NAMES_RUNS = ("tally_pipeline", "dagster")
"""Packages that name a run: to all others a random UUID stays random."""

_OF_THE_MOMENT = (
    (re.compile(rb'("duration_seconds": ?)[0-9.e+-]+'), rb"\g<1>0.0"),
    (re.compile(rb"http://127\.0\.0\.1:[0-9]+/"), b"http://127.0.0.1:1/"),
)


def main() -> int:
    tree, moment, run, command, *arguments = sys.argv[1:]
    _require_from(Path(tree))
    _pin_the_version()
    _pin_runs(uuid.UUID(run))
    _pin_the_clock(datetime.fromisoformat(moment))
    _pin_what_is_of_the_moment()
    sys.argv = [command, *arguments]
    return int(_entry(Path(tree), command)() or 0)


def _require_from(tree: Path) -> None:
    """Exits unless `tally_pipeline` is the tree's: else a tree would be compared with itself."""
    found = importlib.import_module("tally_pipeline").__file__ or ""
    if not Path(found).resolve().is_relative_to(tree.resolve()):
        sys.exit(f"tally_pipeline is {found}, which is not in {tree}: PYTHONPATH has to begin with that")


def _entry(tree: Path, command: str) -> Callable[[], Any]:
    """The entry point of the command. That of `tally` is read from the tree: another one is installed."""
    if command == "tally":
        said = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
        module, _, name = said["tally"].partition(":")
        found: Callable[[], Any] = getattr(importlib.import_module(module), name)
        return found
    (entry,) = entry_points(group="console_scripts", name=command)
    loaded: Callable[[], Any] = entry.load()
    return loaded


def _pin_the_version() -> None:
    # Before the modules that take it from there are imported.
    importlib.import_module("tally_pipeline").__dict__["__version__"] = VERSION


def _pin_runs(run: uuid.UUID) -> None:
    """One process makes one run: whoever asks for a UUID to name it by gets the same."""
    drawn = uuid.uuid4

    def uuid4() -> uuid.UUID:
        asked_by = str(sys._getframe(1).f_globals.get("__name__"))
        return run if asked_by.split(".")[0] in NAMES_RUNS else drawn()

    uuid.uuid4 = uuid4


def _pin_the_clock(moment: datetime) -> None:
    clock = importlib.import_module("tally_pipeline.clock")
    # By name, for it is private to Dagster: it works out by its own clock which partitions there are.
    dagsters = importlib.import_module("dagster._time")
    began: datetime = clock.now()

    def goes_on() -> datetime:
        return moment + (datetime.now(UTC) - began)  # noqa: TID251 - the machine's own, to measure by

    clock.__dict__["now"] = lambda: moment
    dagsters.__dict__["_mockable_get_current_datetime"] = goes_on
    dagsters.__dict__["_mockable_get_current_timestamp"] = lambda: goes_on().timestamp()


def _pin_what_is_of_the_moment() -> None:
    """Pins bronze's metadata of this one capture before it is written, because silver contains bronze's hash."""
    import obstore

    put: Callable[..., Any] = obstore.put

    def pinned(store: Any, key: str, body: bytes, **options: Any) -> Any:
        if key.startswith(CAPTURES) and key.endswith(".json"):
            for found, said in _OF_THE_MOMENT:
                body = found.sub(said, body)
        return put(store, key, body, **options)

    obstore.put = pinned  # type: ignore[assignment]


if __name__ == "__main__":
    sys.exit(main())
