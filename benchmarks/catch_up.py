"""Checks that work is done only once: a backfill of days that were just filled, while the sensor runs."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import dagster as dg

from benchmarks.backfill import days_before_today
from benchmarks.processes import TALLY, BenchmarkError, environment, run, running, until
from benchmarks.report import Measure, Report, Target
from benchmarks.ui import Graphql, free_port
from tally_pipeline import gold
from tally_pipeline.orchestration.assets import common, report
from tally_pipeline.orchestration.assets.gold import gold_key
from tally_pipeline.tmdb.lists import LISTS

SENSOR_SECONDS = 15
"""As it is set by default: how often the sensor looks."""

QUIET_SECONDS = 60
"""After the backfill the sensor has that long to do what is left to do."""

ASSETS = (
    *(common.silver_key(entry) for entry in LISTS),
    common.TABLE,
    *(gold_key(table) for table in gold.OF_SHOWS),
    report.KEY,
)


@dataclass(frozen=True)
class Caught:
    """Seconds from the launch of the backfill to its end; runs by whom they were launched; days that were made, and
    of these the ones that were made more than once, over all assets."""

    seconds: float
    runs_of_the_person: int
    runs_of_the_sensor: int
    made: int
    made_twice: int
    person_first: bool


def measure(runs: int, days: int) -> Report:
    """With the sensor, and without it; in one machine's one session, one after the other."""
    past = days_before_today(days)
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        pairs = [
            (_caught(folder / f"alone-{n}", past, 3600), _caught(folder / f"both-{n}", past, SENSOR_SECONDS))
            for n in range(runs)
        ]
    alone, both = [one for one, _ in pairs], [one for _, one in pairs]
    wanted = len(past) * len(ASSETS)
    if any(one.made < wanted for one in (*alone, *both)):
        raise BenchmarkError(f"not all {wanted} partitions were made: {pairs}")
    return Report(
        name="catch_up",
        title=f"{days} days filled, and their backfill launched at once, while the sensor looks on",
        runs=runs,
        measures=[
            Measure("wall time of the backfill", [one.seconds for one in both], "s"),
            Measure("the same, the sensor asleep", [one.seconds for one in alone], "s"),
            Measure("ratio", [b.seconds / a.seconds for a, b in pairs], "", Target("at most", 1.2)),
            Measure("runs of the backfill", [one.runs_of_the_person for one in both], ""),
            Measure("runs of the sensor", [one.runs_of_the_sensor for one in both], "", Target("at most", 0)),
            Measure("partitions made", [one.made for one in both], ""),
            Measure("made more than once", [one.made_twice for one in both], "", Target("at most", 0)),
            Measure(
                "backfills that were first", [one.person_first for one in both], "", Target("at least", 1)
            ),
        ],
        notes=[
            f"`tally up`, `tally sandbox fill --days {days}` beside it, and as soon as that ends the"
            f" launchPartitionBackfill mutation over silver, the table, gold and the report: {wanted} partitions."
            f" The sensor looks every {SENSOR_SECONDS} s, and for {QUIET_SECONDS} s more after the backfill.",
            "Counted in Dagster's history: every materialization of every day by asset.",
        ],
    )


def _caught(home: Path, past: list[str], sensor_seconds: int) -> Caught:
    home.mkdir(parents=True)
    port = free_port()
    settings = environment(home, TALLY_SENSOR_SECONDS=str(sensor_seconds), TALLY_SANDBOX_PAST_DAYS="0")
    with running([TALLY, "up", "--no-sync", "--port", str(port)], settings, home) as log:
        graphql = Graphql(port)
        until("`tally up`", lambda: True if "Up: " in log.read_text() else None, seconds=300)
        run([TALLY, "sandbox", "fill", "--days", str(len(past))], settings, home)
        until("the partitions", lambda: True if "partitions now" in log.read_text() else None, seconds=60)
        began = time.time()
        ended = graphql.backfill(ASSETS, past, seconds=1800)
        seconds = time.time() - began
        if ended["status"] not in ("COMPLETED", "COMPLETED_SUCCESS"):
            raise BenchmarkError(f"the backfill ended as {ended['status']}: {ended['error']}")
        if sensor_seconds == SENSOR_SECONDS:
            time.sleep(QUIET_SECONDS)
    with dg.DagsterInstance.from_config(str(home / "sandbox" / "dagster")) as instance:
        return _counted(instance, seconds, past)


def _counted(instance: dg.DagsterInstance, seconds: float, past: list[str]) -> Caught:
    made: Counter[tuple[str, str]] = Counter()
    for asset in ASSETS:
        found = instance.fetch_materializations(dg.AssetRecordsFilter(asset), limit=10_000).records
        made.update((asset.to_user_string(), record.partition_key or "") for record in found)
    of_days = {one: count for one, count in made.items() if one[1] in past}
    runs = sorted(instance.get_run_records(), key=lambda record: record.create_timestamp)
    by_sensor = ["dagster/sensor_name" in record.dagster_run.tags for record in runs]
    return Caught(
        seconds=seconds,
        runs_of_the_person=sum("dagster/backfill" in record.dagster_run.tags for record in runs),
        runs_of_the_sensor=sum(by_sensor),
        made=len(of_days),
        made_twice=sum(count > 1 for count in of_days.values()),
        person_first=not by_sensor[0] if by_sensor else False,
    )
