"""Measures a backfill of many days, launched as the UI launches it, and checks that all is green."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import requests

from benchmarks.processes import TALLY, BenchmarkError, environment, run, running, until
from benchmarks.report import Measure, Report, Target
from benchmarks.ui import Graphql, free_port
from tally_pipeline import clock
from tally_pipeline.datasets.shows.checks import SILVER_CHECKS
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.table import TABLE_CHECKS
from tally_pipeline.tmdb.lists import LISTS

SECONDS = 180
SENSOR = "new_bronze_objects"

CHECKS = {common.silver_key(entry): [check.name for check in SILVER_CHECKS] for entry in LISTS} | {
    common.TABLE: [check.name for check in TABLE_CHECKS]
}
"""The assets of the backfill, with the names of their checks."""

_STATE = """query ($sensor: SensorSelector!) { sensorOrError(sensorSelector: $sensor) {
  ... on Sensor { sensorState { id status } } } }"""
_STOP = """mutation ($id: String!) { stopSensor(id: $id) {
  __typename ... on PythonError { message } } }"""


@dataclass(frozen=True)
class Backfill:
    """One backfill, in seconds: `total` from the mutation to Dagster's word that it is done, of which `before` the
    first run started, `running`, and `after` the last ended; `runs` is how many there were."""

    total: float
    before: float
    running: float
    after: float
    runs: int


def measure(runs: int, days: int) -> Report:
    """Backfill the same past days in a fresh Dagster, `runs` times over; every partition must end green."""
    past = days_before_today(days)
    with tempfile.TemporaryDirectory(prefix="tally-bench-") as name:
        folder = Path(name)
        filled = fill(folder, past)
        found = [backfilled(folder / f"home-{number}", filled, past) for number in range(runs)]
    partitions = len(past) * len(CHECKS)
    checks = len(past) * sum(map(len, CHECKS.values()))
    return Report(
        name="backfill",
        title=f"{days} days of all {len(LISTS)} lists and the table, launched over GraphQL",
        runs=runs,
        measures=[
            Measure("wall time", [one.total for one in found], "s", Target("at most", SECONDS)),
            Measure("before the first run starts", [one.before for one in found], "s", indent=True),
            Measure("first start to last end", [one.running for one in found], "s", indent=True),
            Measure("until Dagster says that it is done", [one.after for one in found], "s", indent=True),
            Measure("runs", [one.runs for one in found], ""),
        ],
        notes=[
            f"Verified after each: all {partitions} partitions of {len(CHECKS)} assets materialized, all"
            f" {checks:,} of their checks succeeded, each by its own day.",
            "From the launchPartitionBackfill mutation to the backfill's status, asked for every half second."
            " Dagster's daemon looks at backfills every 30 s, and no setting changes that: *before* and *until*"
            " hold it.",
            "`tally up` runs with a new history; the sensor is off, so that it does not refine the same days.",
        ],
    )


def days_before_today(count: int) -> list[str]:
    """So many days that end yesterday, oldest first."""
    return [(clock.today() - timedelta(days=ago)).isoformat() for ago in range(count, 0, -1)]


def fill(folder: Path, past: list[str]) -> Path:
    """A home with bronze of these days, which end yesterday; returns it."""
    filled = folder / f"filled-{len(past)}"
    run([TALLY, "sandbox", "fill", "--days", str(len(past))], _environment(filled, past), folder)
    return filled


def backfilled(home: Path, filled: Path, past: list[str]) -> Backfill:
    """Backfill these days in a fresh Dagster; raises `BenchmarkError` when anything is not green."""
    home.mkdir()
    port = free_port()
    command = [TALLY, "up", "--no-sync", "--port", str(port)]
    with running(command, _environment(home, past), home):
        graphql = Graphql(port)
        until("Dagster's UI", lambda: _stopped_sensor(graphql), seconds=180)
        # Only now: the sensor's first tick would have taken the newest days.
        shutil.copytree(filled / "sandbox" / "lake", home / "sandbox" / "lake", dirs_exist_ok=True)
        began = time.time()
        ended = graphql.backfill(list(CHECKS), past, seconds=10 * SECONDS)
        done = time.time()
    if ended["status"] not in ("COMPLETED", "COMPLETED_SUCCESS"):
        raise BenchmarkError(f"the backfill ended as {ended['status']}: {ended['error']}")
    _require_green(home / "sandbox" / "dagster", past)
    first = min(one["startTime"] for one in ended["runs"])
    last = max(one["endTime"] for one in ended["runs"])
    return Backfill(done - began, first - began, last - first, done - last, len(ended["runs"]))


def _stopped_sensor(graphql: Graphql) -> bool | None:
    """Switch the sensor off; None while Dagster is not there yet."""
    sensor = {
        "repositoryLocationName": "tally_pipeline.definitions",
        "repositoryName": "__repository__",
        "sensorName": SENSOR,
    }
    try:
        state = graphql.ask(_STATE, sensor=sensor)["sensorOrError"].get("sensorState")
    except requests.RequestException:
        return None
    if state is None:
        return None
    stopped = graphql.ask(_STOP, id=state["id"])["stopSensor"]
    if stopped["__typename"] != "StopSensorMutationResult":
        raise BenchmarkError(f"the sensor was not switched off: {stopped}")
    return True


def _require_green(dagster_home: Path, past: list[str]) -> None:
    """Every day of every asset materialized, every check of it succeeded; raises `BenchmarkError` otherwise."""
    partitions = common.daily(date.fromisoformat(past[0]))
    wrong: list[str] = []
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        for asset, names in CHECKS.items():
            statuses = instance.get_status_by_partition(asset, past, partitions) or {}
            done = Counter(status.value if (status := statuses.get(day)) else "nothing" for day in past)
            if set(done) != {"MATERIALIZED"}:
                wrong.append(f"{asset.to_user_string()}: {dict(done)}")
            keys = [dg.AssetCheckKey(asset, name) for name in names]
            infos = instance.event_log_storage.get_asset_check_partition_info(keys)
            found = {(info.check_key.name, info.partition_key): info for info in infos}
            for name in names:
                results = Counter(
                    info.latest_execution_status.value if (info := found.get((name, day))) else "nothing"
                    for day in past
                )
                if set(results) != {"SUCCEEDED"}:
                    wrong.append(f"{asset.to_user_string()}:{name}: {dict(results)}")
    if wrong:
        raise BenchmarkError("the backfill is not green by partition:\n" + "\n".join(wrong))


def _environment(home: Path, past: list[str]) -> dict[str, str]:
    return environment(home, TALLY_FIRST_DAY=past[0], TALLY_SENSOR_SECONDS="3600")
