"""Two writers on one lake that no lock keeps apart, as two machines on a bucket: the end is of one after the other.

The second comes right before the first writes, which is when the first has read everything and knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import dagster as dg
import pytest

from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.gold import OF_SHOWS
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import Store
from tally_pipeline.metrics.metrics import TOTAL_SHOWS_INGESTED, Datum
from tally_pipeline.orchestration.assets.products import ATTEMPTS
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Inputs, Table
from tally_pipeline.tmdb.lists import LISTS
from tally_pipeline_tests.orchestration.assets.in_memory import MemoryEngine
from testkit.pipeline import capture, day, environment, failures, rows

LIST = "popular_shows"
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


class CrossedStore(Store):
    """A store in memory; `meanwhile` is called once, right before the first write in place of `crossed`."""

    crossed = ""
    meanwhile: Callable[[], None] | None = None
    always = False

    def replace(self, key: str, body: bytes, version: str | None, shows: str | None = None) -> bool:
        if self.meanwhile is not None and key == self.crossed:
            meanwhile = self.meanwhile
            if not self.always:
                self.meanwhile = None
            meanwhile()
        return super().replace(key, body, version, shows)


@dataclass
class Sent:
    """Metrics, kept."""

    data: list[Datum] = field(default_factory=list)

    def send(self, data: object) -> None:
        assert isinstance(data, list)
        self.data += data


@dataclass
class Crossing:
    """Two deployments on one lake, each with a Dagster of its own."""

    store: CrossedStore
    deployment: Deployment
    sent: Sent

    @property
    def lake(self) -> Lake:
        return Lake(self.store, "sandbox")

    def captured(self, execution_id: str, count: int, at: str, name: str = LIST) -> BronzeKey:
        key = BronzeKey(name, day(), execution_id)
        self.lake.write_bronze(key, capture(key, rows(count), at=at))
        return key

    def run(self, *selection: str) -> dict[str, str]:
        """What failed of a run of these assets, in a Dagster that knows nothing of the others."""
        job = build_definitions(self.deployment).resolve_implicit_global_asset_job_def()
        with dg.DagsterInstance.ephemeral() as instance:
            result = job.execute_in_process(
                instance=instance,
                asset_selection=[dg.AssetKey.from_user_string(name) for name in selection],
                partition_key=day(),
                run_config=_QUIET,
                raise_on_error=False,
            )
            return failures(result)

    def crossed(self, key: str, meanwhile: Callable[[], None]) -> None:
        self.store.crossed, self.store.meanwhile = key, meanwhile

    def shows(self) -> int:
        return self.lake.read_silver(LIST, day()).num_rows


@pytest.fixture
def crossing(tmp_path: Path) -> Crossing:
    settings = load_settings(environment(tmp_path / "nowhere"), dotenv=None)
    store = CrossedStore(Store.in_memory()._connect, "memory:")
    engine, sent = MemoryEngine(store), Sent()
    deployment = replace(
        deploy(settings),
        lake=Lake(store, "sandbox"),
        query_engine=engine,
        analytics_engine=engine,
        metrics=sent,
    )
    return Crossing(store, deployment, sent)


SILVER = f"silver_shows/{LIST}"
LATER = "on_the_air"
GOLD = [f"gold/{table.name}" for table in OF_SHOWS]


def test_silver_of_a_newer_capture_is_not_lost(crossing: Crossing) -> None:
    crossing.captured("older", 20, "03:00:00")

    def newer() -> None:
        crossing.captured("newer", 40, "04:00:00")
        assert crossing.run(SILVER) == {}

    crossing.crossed(layout.silver_key(LIST, day()), newer)
    assert crossing.run(SILVER) == {}
    assert crossing.shows() == 40


def test_a_write_of_what_was_rejected_is_crossed_as_well(crossing: Crossing) -> None:
    crossing.captured("older", 20, "03:00:00")

    def newer() -> None:
        crossing.captured("newer", 40, "04:00:00")
        assert crossing.run(SILVER) == {}

    crossing.crossed(layout.quarantine_key(LIST, day()), newer)
    assert crossing.run(SILVER) == {}
    assert crossing.shows() == 40


@pytest.mark.parametrize("table", OF_SHOWS, ids=lambda table: table.name)
def test_gold_is_of_the_list_that_came_once_its_inputs_were_named(
    crossing: Crossing, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No named file is replaced, and yet another one is read."""
    crossing.captured("one", 20, "03:00:00")
    assert crossing.run(SILVER) == {}
    crossing.captured("other", 30, "03:00:00", LATER)
    inputs, later = type(table).inputs, layout.silver_key(LATER, day())

    def and_then_another(self: Table, sources: Sources, dt: str) -> Inputs:
        named = inputs(self, sources, dt)
        if not crossing.store.exists(later):
            assert crossing.run(f"silver_shows/{LATER}") == {}
        return named

    monkeypatch.setattr(type(table), "inputs", and_then_another)
    assert crossing.run(f"gold/{table.name}") == {}
    assert crossing.store.exists(later)
    assert table.is_current(Sources.of(crossing.lake, [one.name for one in LISTS]), day())


@pytest.mark.parametrize("table", OF_SHOWS, ids=lambda table: table.name)
def test_gold_of_two_lists_does_not_go_back_to_one(crossing: Crossing, table: object) -> None:
    name = table.name  # type: ignore[attr-defined]
    crossing.captured("a", 20, "03:00:00")
    assert crossing.run(SILVER) == {}

    def another_list() -> None:
        crossing.captured("b", 30, "03:00:00", "on_the_air")
        assert crossing.run(f"silver_shows/{LATER}", f"gold/{name}") == {}

    crossing.crossed(layout.gold_key(name, day()), another_list)
    assert crossing.run(f"gold/{name}") == {}
    sources = Sources.of(crossing.lake, [one.name for one in LISTS])
    assert all(one.is_current(sources, day()) for one in OF_SHOWS if one.name == name)


@pytest.mark.parametrize("name", ["gold/show_popularity_trends", "gold/data_quality_daily"])
def test_gold_names_no_file_that_it_was_not_made_from(crossing: Crossing, name: str) -> None:
    """Silver is replaced when gold was computed, by a writer that makes no gold."""
    crossing.captured("older", 20, "03:00:00")
    assert crossing.run(SILVER) == {}
    table = next(one for one in OF_SHOWS if one.name == name.partition("/")[2])
    computed = type(table).findings

    def findings(self: object, *arguments: object) -> object:
        found = computed(self, *arguments)  # type: ignore[arg-type]
        if not crossing.store.exists(str(BronzeKey(LIST, day(), "newer"))):
            crossing.captured("newer", 40, "04:00:00")
            assert crossing.run(SILVER) == {}
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(table), "findings", findings)
        assert crossing.run(name) == {}
    assert table.is_current(Sources.of(crossing.lake, [one.name for one in LISTS]), day())
    rows_made = crossing.store.get(layout.gold_key(table.name, day()))
    assert crossing.run(name) == {}
    assert crossing.store.get(layout.gold_key(table.name, day())) == rows_made


@pytest.mark.parametrize("written", ["the day's page", "the latest page"])
def test_the_report_and_the_latest_page_are_of_the_newest_gold(crossing: Crossing, written: str) -> None:
    crossing.captured("a", 20, "03:00:00")
    assert crossing.run(SILVER, *GOLD) == {}

    def another_list() -> None:
        crossing.captured("b", 30, "03:00:00", "on_the_air")
        assert crossing.run("silver_shows/on_the_air", *GOLD, "report") == {}

    keys = {"the day's page": layout.report_key(day()), "the latest page": layout.latest_report_key()}
    crossing.crossed(keys[written], another_list)
    assert crossing.run("report") == {}
    page = crossing.store.get(layout.report_key(day()))
    assert crossing.store.get(layout.latest_report_key()) == page
    assert crossing.run("report") == {}
    assert crossing.store.get(layout.report_key(day())) == page


def test_who_is_overtaken_again_and_again_gives_up_and_says_so(crossing: Crossing) -> None:
    crossing.captured("a", 20, "03:00:00")
    key, times = layout.silver_key(LIST, day()), 0

    def another() -> None:
        nonlocal times
        times += 1
        crossing.store.put(key, b"%d" % times)

    crossing.store.always = True
    crossing.crossed(key, another)
    (error,) = crossing.run(SILVER).values()
    assert f"{key} was replaced by another writer meanwhile" in error
    assert f"{ATTEMPTS} times while this run made the day" in error
    assert "once no other run, machine or tool writes it" in error
    assert times == ATTEMPTS
    assert crossing.store.get(key) == b"%d" % times


WRITTEN = {"quarantine": layout.quarantine_key, "silver": layout.silver_key}


def ingested(crossing: Crossing) -> list[float]:
    return [datum.value for datum in crossing.sent.data if datum.metric == TOTAL_SHOWS_INGESTED]


@pytest.mark.parametrize("written", WRITTEN)
def test_a_capture_sends_its_metrics_once_whoever_refines_it(crossing: Crossing, written: str) -> None:
    crossing.captured("a", 20, "03:00:00")
    crossing.crossed(WRITTEN[written](LIST, day()), lambda: _none(crossing.run(SILVER)))
    assert crossing.run(SILVER) == {}
    assert crossing.run(SILVER) == {}
    assert ingested(crossing) == [20]


def test_a_refused_capture_sends_its_metrics_once_too(crossing: Crossing) -> None:
    key = BronzeKey(LIST, day(), "a")
    crossing.lake.write_bronze(key, capture(key, [*rows(10), *({"id": "x"} for _ in range(10))]))
    crossing.crossed(layout.quarantine_key(LIST, day()), lambda: _all(crossing.run(SILVER)))
    _all(crossing.run(SILVER))
    _all(crossing.run(SILVER))
    assert ingested(crossing) == [0]


def test_what_a_killed_run_did_not_publish_is_sent_by_the_run_that_publishes_it(crossing: Crossing) -> None:
    crossing.captured("a", 20, "03:00:00")

    def killed() -> None:
        raise dg.Failure("killed")

    crossing.crossed(layout.silver_key(LIST, day()), killed)
    _all(crossing.run(SILVER))
    assert crossing.store.exists(layout.quarantine_key(LIST, day()))
    assert crossing.run(SILVER) == {}
    assert ingested(crossing) == [20]


def _none(failed: dict[str, str]) -> None:
    assert failed == {}


def _all(failed: dict[str, str]) -> None:
    assert len(failed) == 1


def test_the_table_is_held_against_the_silver_that_it_was_counted_from(crossing: Crossing) -> None:
    """Silver is replaced between the query that counts the table and the look at silver's files."""
    crossing.captured("older", 20, "03:00:00")
    assert crossing.run(SILVER) == {}
    engine = crossing.deployment.query_engine
    measured = engine.measure

    def measure(sql: str) -> object:
        answer = measured(sql)
        if not crossing.store.exists(str(BronzeKey(LIST, day(), "newer"))):
            crossing.captured("newer", 40, "04:00:00")
            assert crossing.run(SILVER) == {}
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "measure", measure)
        assert crossing.run("athena/silver_shows") == {}
