"""Large lakes and long histories, made fast: one day is made as the pipeline makes it, and copied to all others."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from benchmarks.many_rows import body
from benchmarks.processes import TALLY, environment, run
from tally_pipeline import clock
from tally_pipeline.datasets.shows.checks import SILVER_CHECKS
from tally_pipeline.deployment import load_settings
from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.tmdb import sandbox
from tally_pipeline.tmdb.lists import LISTS, list_named

POPULAR_SHOWS = common.silver_key(list_named("popular_shows"))
FIRST_DAY = clock.today() - timedelta(days=3_660)
"""The first partition in all of these: from before the first day of any lake here."""

_LINKS = 10_000  # to one file; ext4 takes 65,000


def settings(home: Path) -> dict[str, str]:
    """The environment of commands on a home here. The sensor is slow, so that it does not join in."""
    return environment(home, TALLY_FIRST_DAY=FIRST_DAY.isoformat(), TALLY_SENSOR_SECONDS="3600")


def captured(home: Path, day: date, shows: int) -> None:
    """Puts captures of the day into a home's lake, `shows` in all, a quarter of them in each list."""
    for entry in LISTS:
        _write(
            home,
            BronzeKey(entry.name, day.isoformat(), "many"),
            body(shows // len(LISTS), data_type=entry.name),
        )


def long(home: Path, days: int) -> None:
    """A home with so many days up to yesterday, 20 shows a list: bronze, silver, quarantine, gold and reports, and
    for one list Dagster's history of them, with every check."""
    yesterday = clock.today() - timedelta(days=1)
    for key, content in sandbox.captures([yesterday], depths={entry.name: 1 for entry in LISTS}):
        _write(home, key, content)
    ends = ("--first", yesterday, "--last", yesterday)
    run([TALLY, "rebuild", *ends], settings(home), home)
    past = [(yesterday - timedelta(days=ago)).isoformat() for ago in range(1, days)]
    _spread(_lake(home), yesterday.isoformat(), past)
    _remember(home, past)


def objects(root: Path, count: int, days: int) -> None:
    """A lake of so many bronze objects, spread evenly over the lists and at most so many days up to yesterday.

    They are links to a few tiny files: what is looked at is their folders, names, sizes and times.
    """
    folders = [
        Path(root, layout.bronze_prefix(entry.name, (clock.today() - timedelta(days=ago)).isoformat()))
        for ago in range(1, days + 1)
        for entry in LISTS
    ][:count]
    for folder in folders:
        folder.mkdir(parents=True)
    for number in range(count):
        if number % _LINKS == 0:
            tiny = root / f"tiny-{number}"
            tiny.write_text('{"results": []}')
        os.link(tiny, folders[number % len(folders)] / f"run-{number}.json")


def _lake(home: Path) -> Path:
    return home / "sandbox" / "lake"


def _write(home: Path, key: BronzeKey, content: bytes) -> None:
    path = _lake(home) / str(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _spread(lake: Path, day: str, others: Sequence[str]) -> None:
    """Copies every file of a day to other days."""
    of_day = [path for path in lake.rglob("*") if f"dt={day}" in str(path) and path.is_file()]
    for other in others:
        for path in of_day:
            copy = Path(str(path).replace(f"dt={day}", f"dt={other}"))
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)


def _remember(home: Path, days: Sequence[str]) -> None:
    """Dagster's history of these days of one list, as if each had been materialized by itself."""
    with dagster_home.opened(load_settings(settings(home), dotenv=None)) as instance:
        for day in days:
            instance.report_runless_asset_event(
                dg.AssetMaterialization(
                    POPULAR_SHOWS, partition=day, metadata={"dagster/partition_row_count": 20}
                )
            )
            for check in SILVER_CHECKS:
                instance.report_runless_asset_event(
                    dg.AssetCheckEvaluation(
                        asset_key=POPULAR_SHOWS,
                        check_name=check.name,
                        passed=True,
                        metadata={},
                        blocking=check.blocking,
                        partition=day,
                    )
                )
