"""The scenes made in each tree: lakes of TMDB's recordings, a sandbox's lake of many days, the refined corpus."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from proof.same_bytes.trees import COMMAND_SECONDS, HERE, CommandError, Home, Tree

LISTS = ("POPULAR_SHOWS", "TRENDING_SHOWS", "AIRING_TODAY", "ON_THE_AIR")
TODAY = date(2026, 3, 4)
"""The sandbox's world is a function of the day: which one does not matter, but it must stay the same."""

PARTIAL = json.dumps({"ops": {"silver_popular_shows": {"config": {"allow_partial": True}}}})
FAULTS = (
    "bad-rows:list=popular_shows",
    "server-error:list=trending_shows,page=3",
    "repeats:list=airing_today",
    "new-field:list=on_the_air",
)
"""Of one day: a list that is refused, one that stays partial, one of repeats, one with a field nobody knows."""

EXPORTS = "key:bronze_series_export,key:silver_series"
BELOW = "group:gold,group:report"


def depths(pages: int) -> dict[str, str]:
    return {f"TALLY_PAGES_{name}": str(pages) for name in LISTS}


def recorded(home: Home, recordings: Path, snapshot: str, pages: Mapping[str, str]) -> None:
    """A snapshot of TMDB's own replies, captured and refined.

    What the snapshot lacks fails, and gold is made of what is there all the same.
    """
    moment = f"{snapshot}T12:00:00+00:00"
    with home.serving(moment, "--recordings", str(recordings), "--snapshot", snapshot) as url:
        if home.run(moment, "tally", "sync", TMDB_BASE_URL=url, **pages) != 0:
            home.materialize(moment, BELOW, "--partition", snapshot)


def cut_short(home: Home, recordings: Path, snapshot: str) -> None:
    """A snapshot in another language whose lists end in errors: partial captures; a person lets one of them pass."""
    moment = f"{snapshot}T12:00:00+00:00"
    served = ("--recordings", str(recordings), "--snapshot", snapshot, "--beyond", "error")
    with home.serving(moment, *served) as url:
        home.run(moment, "tally", "sync", TMDB_BASE_URL=url, TMDB_LANGUAGE="da", **depths(3))
    home.materialize(
        moment, "key:silver_shows/popular_shows", "--partition", snapshot, "--config-json", PARTIAL
    )


def invented(home: Home, days: int) -> None:
    """A sandbox's lake of so many days; the last but one is refused in part, and the one before has a broken export.

    Nothing below is made of days of which a part is refused, unless it is asked for: so the past is rebuilt first.
    """
    before, today, tomorrow = (TODAY + timedelta(days=ahead) for ahead in (-1, 0, 1))
    home.run(_noon(today), "tally", "sandbox", "fill", "--days", str(days - 2))
    home.run(_noon(today), "tally", "rebuild")
    with home.serving(_noon(today), *(word for fault in FAULTS for word in ("--fault", fault))) as url:
        home.run(_noon(today), "tally", "sync", TMDB_BASE_URL=url, **depths(4))
    with home.serving(_noon(today), "--fault", "bad-lines") as url:
        home.materialize(_noon(today), EXPORTS, "--partition", str(before), TMDB_BASE_URL=url)
    home.materialize(_noon(today), BELOW, "--partition", str(today))
    home.run(_noon(tomorrow), "tally", "sync")
    home.materialize(_noon(tomorrow), EXPORTS, "--partition", str(tomorrow))
    home.run(_noon(tomorrow), "tally", "rebuild")


def refined(tree: Tree, corpus: Path, made: Path) -> None:
    """Every input of the corpus, refined by the tree."""
    ran = subprocess.run(
        [sys.executable, "-P", str(HERE / "refine_corpus.py"), str(tree.root), str(corpus), str(made)],
        cwd=corpus.parent,
        env=tree.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )
    if ran.returncode != 0:
        raise CommandError(f"{tree.name}: the corpus was not refined: {ran.stdout[-1500:]}")


def _noon(day: date) -> str:
    return f"{day}T12:00:00+00:00"
