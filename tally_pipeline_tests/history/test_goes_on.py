"""A home that the commit before the house was refactored left behind opens, is read, and goes on.

`before.tar.xz` is that home: three days of a sandbox's lake with Dagster's history of them, as a real `tally up` of
e21d71f made both. `python -m proof.same_bytes.history` makes it anew, from that commit, and says what is in it.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
import requests

from tally_pipeline.cli.up.ui import LOCATION
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.tmdb import lists
from testkit import tally
from testkit.pinned import pinned
from testkit.pipeline import environment
from testkit.running import running

ARCHIVE = Path(__file__).with_name("before.tar.xz")
STOPPED_AT = datetime(2026, 3, 2, 12, 30, tzinfo=UTC)
"""Soon after `tally up` was stopped."""

DAYS = ("2026-02-28", "2026-03-01", "2026-03-02")
NEXT_DAY = STOPPED_AT + timedelta(days=1)
WAITING = "bronze/tmdb/shows/popular_shows/dt=2026-03-03/by-hand.json"
"""The capture of the day to come, which another hand wrote."""

LISTS = ("popular_shows", "trending_shows", "airing_today", "on_the_air")
OF_EVERY_DAY = [
    *(f"{layer}_shows/{name}" for layer in ("bronze", "silver") for name in LISTS),
    "athena/silver_shows",
    *(
        f"gold/{name}"
        for name in ("show_popularity_trends", "genre_analytics", "top_movers", "data_quality_daily")
    ),
    "report",
]
OF_THE_LAST_DAY = ["bronze_series_export", "silver_series", "bronze_genres", "silver_genres"]
AUTOMATION = {
    "daily_capture": "SCHEDULE",
    "daily_export": "SCHEDULE",
    "weekly_genres": "SCHEDULE",
    "standing_checks": "SCHEDULE",
    "new_bronze_objects": "SENSOR",
}
BELOW_WHAT_WAS_REFUSED = {
    "silver_shows/trending_shows",
    "athena/silver_shows",
    *(f"gold/{name}" for name in ("show_popularity_trends", "genre_analytics", "top_movers")),
}
"""Of the last day, by the run that captured trending shows once more: the UI shows it as failed."""

SWITCHED_OFF = "weekly_genres"

_UI = """query ($sensor: SensorSelector!, $code: RepositorySelector!) {
  sensorOrError(sensorSelector: $sensor) { ... on Sensor {
    sensorState { status typeSpecificData { ... on SensorData { lastCursor } } } } }
  schedulesOrError(repositorySelector: $code) { ... on Schedules { results { name scheduleState { status } } } }
  assetNodes { assetKey { path } partitionStats { numMaterialized numFailed } }
}"""
_CODE = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__"}
_OF_CODE = {"code": _CODE, "sensor": {**_CODE, "sensorName": "new_bronze_objects"}}


def unpacked(folder: Path) -> Path:
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    return folder


@dataclass
class Home:
    """The home of the archive, unpacked; today's code on it."""

    folder: Path

    @cached_property
    def deployment(self) -> Deployment:
        return deploy(load_settings(environment(self.folder, TALLY_FIRST_DAY=""), dotenv=None))

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.deployment)

    @property
    def lake(self) -> Path:
        return self.folder / "sandbox" / "lake"

    def run(self, *argv: str) -> tally.Ran:
        """A command of today's, on the sandbox that each process has for itself."""
        return tally.run(self.folder, environment(self.folder, TALLY_FIRST_DAY=""), *argv)

    def look(
        self, instance: dg.DagsterInstance, cursor: str | None, arrivals: Any = None
    ) -> tuple[list[dg.RunRequest], str | None]:
        """One look of the sensor, from a cursor on: the runs it asks for, and its next cursor."""
        context = dg.build_sensor_context(
            instance=instance,
            cursor=cursor,
            definitions=self.definitions,
            resources={
                "lake": self.deployment.lake,
                "object_events": arrivals or self.deployment.object_events,
            },
        )
        looked = self.definitions.resolve_sensor_def("new_bronze_objects").evaluate_tick(context)
        return list(looked.run_requests or []), looked.cursor

    def published(self) -> dict[str, bytes]:
        """Silver, quarantine and gold, by key."""
        return {
            path.relative_to(self.lake).as_posix(): path.read_bytes()
            for layer in ("silver", "quarantine", "gold")
            for path in (self.lake / layer).rglob("*.parquet")
        }


class NothingArrives:
    """To the sensor nothing is new: all that it asks for, it has from its cursor."""

    def poll(self, cursor: str | None) -> tuple[list[Any], str]:
        return [], cursor or ""


@pytest.fixture(scope="module")
def read_only(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """For those that only look."""
    with pinned(STOPPED_AT):
        yield Home(unpacked(tmp_path_factory.mktemp("read")))


@pytest.fixture(scope="module")
def past(read_only: Home) -> Iterator[dg.DagsterInstance]:
    with dagster_home.opened(read_only.deployment.settings) as instance:
        yield instance


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    """For one that changes it."""
    with pinned(STOPPED_AT):
        yield Home(unpacked(tmp_path))


def stored_cursor(instance: dg.DagsterInstance) -> str:
    (state,) = [one for one in instance.all_instigator_state() if one.instigator_name == "new_bronze_objects"]
    cursor = getattr(state.instigator_data, "cursor", None)
    assert isinstance(cursor, str)
    return cursor


def _but_gold_of_an_older_contract(requests: Sequence[dg.RunRequest]) -> list[dg.RunRequest]:
    """The requests without those that make gold anew because its contract has changed since."""
    gold = {"gold", "report", "athena"}
    return [
        one
        for one in requests
        if ":looking back=" not in (one.run_key or "")
        or {key.path[0] for key in one.asset_selection or ()} - gold
    ]


def _makes_what_has_a_history(request: dg.RunRequest) -> bool:
    """False of a run that makes a gold table that was added since, and the report below it."""
    selected = {key.to_user_string() for key in request.asset_selection or ()}
    return bool(selected & {*OF_EVERY_DAY, *OF_THE_LAST_DAY} - {"report"})


# --- it is read --------------------------------------------------------------------------------------------


def test_every_asset_that_has_a_history_is_still_one_with_the_same_key(
    read_only: Home, past: dg.DagsterInstance
) -> None:
    known = {key.to_user_string() for key in past.all_asset_keys()}
    assert known == {*OF_EVERY_DAY, *OF_THE_LAST_DAY}
    keys = read_only.definitions.resolve_asset_graph().get_all_asset_keys()
    assert known <= {key.to_user_string() for key in keys}


@pytest.mark.parametrize(
    ("asset", "days"),
    [*((asset, DAYS) for asset in OF_EVERY_DAY), *((asset, DAYS[-1:]) for asset in OF_THE_LAST_DAY)],
)
def test_the_days_that_were_made_are_materialized_partitions(
    past: dg.DagsterInstance, read_only: Home, asset: str, days: Sequence[str]
) -> None:
    key = dg.AssetKey.from_user_string(asset)
    assert past.get_materialized_partitions(key) == set(days)
    partitions = read_only.definitions.resolve_asset_graph().get(key).partitions_def
    assert partitions is not None
    assert set(days) <= set(partitions.get_partition_keys())


def test_every_check_that_was_evaluated_is_still_one_with_the_same_name(
    read_only: Home, past: dg.DagsterInstance
) -> None:
    said = json.loads((read_only.folder / "sandbox" / "status.json").read_text())
    evaluated = {(one["asset"], one["check"]) for one in said["checks"] if one["status"] != "not evaluated"}
    keys = read_only.definitions.resolve_asset_graph().asset_check_keys
    assert evaluated
    assert evaluated <= {(key.asset_key.to_user_string(), key.name) for key in keys}


def test_status_says_of_it_what_the_code_that_made_it_said(read_only: Home) -> None:
    said = json.loads((read_only.folder / "sandbox" / "status.json").read_text())
    ran = read_only.run("status", "--json")
    # The last capture of trending shows was refused.
    assert ran.code == 1
    assert ran.json["source"] == said["source"]
    # Who added a list or a table since has these besides.
    assert {name: ran.json["lists"][name] for name in said["lists"]} == said["lists"]
    checks = {(one["asset"], one["check"]): one for one in ran.json["checks"]}
    assert [checks[one["asset"], one["check"]] for one in said["checks"]] == said["checks"]
    automation = {name: ran.json["automation"][name] for name in said["automation"]}
    assert automation | {"daemon": None} == said["automation"] | {"daemon": None}
    assert [name for name, is_on in said["automation"].items() if not is_on] == [SWITCHED_OFF]


def test_schedules_and_sensor_are_found_by_what_the_daemon_stored(
    read_only: Home, past: dg.DagsterInstance
) -> None:
    repository = read_only.definitions.get_repository_def()
    states = past.all_instigator_state()
    assert {one.instigator_name: one.instigator_type.value for one in states} == AUTOMATION
    # Its selector is where the code is loaded from, the repository's name and its own.
    origins = [one.origin.repository_origin for one in states]
    assert {one.repository_name for one in origins} == {repository.name}
    assert {one.code_location_origin.location_name for one in origins} == {LOCATION}
    schedules = {one.name: one.cron_schedule for one in repository.schedule_defs}
    stored = {
        one.instigator_name: getattr(one.instigator_data, "cron_schedule", None)
        for one in states
        if one.instigator_type.value == "SCHEDULE"
    }
    # With another cron the daemon would forget when it looked last.
    assert stored.items() <= schedules.items()
    assert schedules.keys() - stored.keys() == {"daily_checks", "daily_details"}


def test_what_the_schedule_and_the_sensor_did_is_found_by_their_selectors(past: dg.DagsterInstance) -> None:
    did = {
        one.instigator_name: {
            tick.status.value for tick in past.get_ticks(one.instigator_origin_id, one.selector_id)
        }
        for one in past.all_instigator_state()
    }
    assert "SUCCESS" in did["standing_checks"]
    assert did["new_bronze_objects"] == {"SUCCESS", "SKIPPED"}


def test_the_audit_proves_its_bronze_but_for_the_copy_that_lies_under_another_day(read_only: Home) -> None:
    ran = read_only.run("audit", "--json")
    assert ran.json["objects"] == 16
    assert set(ran.json["broken"]) == {WAITING}


# --- it goes on --------------------------------------------------------------------------------------------


def test_the_sensor_launches_nothing_for_what_is_done_or_refused(home: Home) -> None:
    with dagster_home.opened(home.deployment.settings) as instance:
        cursor: str | None = stored_cursor(instance)
        for _ in range(3):
            asked_for, cursor = home.look(instance, cursor)
            asked_for = _but_gold_of_an_older_contract(asked_for)
            assert [one for one in asked_for if _makes_what_has_a_history(one)] == []


def test_the_sensor_asks_for_the_one_object_that_is_new(home: Home) -> None:
    days = home.lake / "bronze" / "tmdb" / "shows" / "on_the_air"
    (yesterdays,) = (days / f"dt={DAYS[1]}").iterdir()
    (days / f"dt={DAYS[1]}" / "another-hand.json").write_bytes(yesterdays.read_bytes())
    with dagster_home.opened(home.deployment.settings) as instance:
        cursor: str | None = stored_cursor(instance)
        asked_for: list[dg.RunRequest] = []
        for _ in range(3):  # what is past waits for one quiet look
            found, cursor = home.look(instance, cursor)
            asked_for += found
            if found:
                break
    (request,) = _but_gold_of_an_older_contract(asked_for)
    assert request.partition_key == DAYS[1]
    selected = {key.to_user_string() for key in request.asset_selection or ()}
    assert {key for key in selected if key.startswith("silver_")} == {"silver_shows/on_the_air"}


def test_what_waits_in_the_cursor_is_asked_for_when_its_day_has_come(home: Home) -> None:
    with dagster_home.opened(home.deployment.settings) as instance:
        cursor = stored_cursor(instance)
        assert WAITING in cursor
        asked_for, _ = home.look(instance, cursor, NothingArrives())
        assert _but_gold_of_an_older_contract(asked_for) == []
        with pinned(NEXT_DAY):
            asked_for, next_cursor = home.look(instance, cursor, NothingArrives())
    (request,) = _but_gold_of_an_older_contract(asked_for)
    assert request.partition_key == f"{NEXT_DAY:%Y-%m-%d}"
    assert WAITING not in str(next_cursor)


@pytest.mark.skipif(
    {one.name for one in lists.LISTS} != set(LISTS), reason="gold has rows of a list that its history lacks"
)
def test_a_rebuild_of_its_days_runs_green_and_changes_no_value(home: Home) -> None:
    before = home.published()
    ran = home.run("rebuild", "--first", DAYS[0], "--last", DAYS[1])
    assert ran.code == 0, ran.err
    after = home.published()
    assert after.keys() >= before.keys()
    changed = [key for key in before if before[key] != after[key]]
    # A newer version may add a column or encode a file otherwise; what was there has to stay.
    assert {key.rpartition(".")[2] for key in changed} <= {"parquet"}
    assert [key for key in changed if not _holds(after[key], before[key])] == []


def _holds(after: bytes, before: bytes) -> bool:
    """True if a table has all columns of another one, with the same values in the same order."""
    old, new = (pq.read_table(io.BytesIO(body)) for body in (before, after))
    return set(old.column_names) <= set(new.column_names) and new.select(old.column_names).equals(old)


def test_the_next_days_sync_goes_on(home: Home) -> None:
    before = home.published()
    with pinned(NEXT_DAY):
        ran = home.run("sync", "--json")
        assert ran.code == 0, ran.err
        with dagster_home.opened(home.deployment.settings) as instance:
            for asset in OF_EVERY_DAY:
                made = instance.get_materialized_partitions(dg.AssetKey.from_user_string(asset))
                assert made >= {*DAYS, f"{NEXT_DAY:%Y-%m-%d}"}, asset
    after = home.published()
    assert [key for key in before if before[key] != after[key]] == []
    # Gold of the new day looks back on all of them.
    trends = home.run(
        "query", "SELECT max(days_seen) AS n FROM gold_show_popularity_trends", "--format", "json"
    )
    assert trends.json == [{"n": len(DAYS) + 1}]


@pytest.mark.slow
def test_the_ui_shows_its_partitions_its_sensor_and_the_schedule_that_is_switched_off(tmp_path: Path) -> None:
    unpacked(tmp_path)
    # By the real clock it is long after: whatever is due may be launched meanwhile, and changes nothing here.
    with running(tmp_path, "--no-sync", settings={"TALLY_SENSOR_SECONDS": "3600"}) as up:
        up.until("Up: ")
        told = requests.post(
            f"{up.url}/graphql", json={"query": _UI, "variables": _OF_CODE}, timeout=60
        ).json()["data"]
    assert told["sensorOrError"]["sensorState"]["status"] == "RUNNING"
    assert told["sensorOrError"]["sensorState"]["typeSpecificData"]["lastCursor"]
    schedules = {one["name"]: one["scheduleState"]["status"] for one in told["schedulesOrError"]["results"]}
    assert [name for name, status in schedules.items() if status == "STOPPED"] == [SWITCHED_OFF]
    made = {"/".join(one["assetKey"]["path"]): one["partitionStats"] for one in told["assetNodes"]}
    assert {asset for asset, of_it in made.items() if of_it["numFailed"]} == BELOW_WHAT_WAS_REFUSED
    for asset, days in (
        *((asset, DAYS) for asset in OF_EVERY_DAY),
        *((asset, DAYS[:1]) for asset in OF_THE_LAST_DAY),
    ):
        failed = asset in BELOW_WHAT_WAS_REFUSED
        assert made[asset]["numMaterialized"] >= len(days) - failed, asset
