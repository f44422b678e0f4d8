"""Exports and genres through Dagster: a real server, a real folder, a real history."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from tally_pipeline import clock, datasets
from tally_pipeline.datasets import SERIES, captures
from tally_pipeline.datasets.series import SeriesFooter
from tally_pipeline.datasets.shows.contract import GENRES
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.deployment.first_day import first_day
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.parquet import decode
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import WHERE_TO_LOOK
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline.tmdb.exports import DAYS_KEPT
from testkit.stored_days import latest_genres
from testkit.tmdb.export_server import ExportServer, file_of, line, shows
from testkit.tmdb.scripted_server import Answer

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def ago(days: int) -> date:
    return clock.today() - timedelta(days=days)


@dataclass
class Pipeline:
    """A deployment on a folder and a file server of its own."""

    deployment: Deployment
    definitions: dg.Definitions
    instance: dg.DagsterInstance
    server: ExportServer

    def materialize(
        self, *assets: dg.AssetKey, first: date, last: date | None = None, ops: dict[str, Any] | None = None
    ) -> dg.ExecuteInProcessResult:
        """One run over the days from `first` to `last`, as a backfill launches it."""
        job = dg.Definitions(
            assets=self.definitions.assets,
            jobs=[
                dg.define_asset_job(
                    "chosen", dg.AssetSelection.assets(*assets), executor_def=dg.in_process_executor
                )
            ],
            resources={
                "io_manager": LakeIOManager(self.deployment.lake),
                "metrics": self.deployment.metrics,
                "query_engine": self.deployment.query_engine,
                "analytics_engine": self.deployment.analytics_engine,
                "tmdb": self.deployment.tmdb,
                "settings": self.deployment.settings,
            },
        ).resolve_job_def("chosen")
        tags = {
            "dagster/asset_partition_range_start": first.isoformat(),
            "dagster/asset_partition_range_end": (last or first).isoformat(),
        }
        single = {"partition_key": first.isoformat()} if last is None else {"tags": tags}
        return job.execute_in_process(
            instance=self.instance,
            run_config={**QUIET, **({"ops": ops} if ops else {})},
            raise_on_error=False,
            **single,
        )

    def statuses(self, asset: dg.AssetKey, *days: date) -> list[str | None]:
        keys = [day.isoformat() for day in days]
        found = self.instance.get_status_by_partition(
            asset, keys, common.daily(first_day(self.deployment.settings))
        )
        return [status.value if status else None for status in (found or {}).values()]

    def held(self, day: date) -> list[BronzeKey]:
        return captures.capture_keys(self.deployment.lake, SERIES, day.isoformat())

    def rows(self, day: date) -> int | None:
        footer = self.deployment.lake.footer_if_ours(SERIES.silver_key(day.isoformat()), SeriesFooter)
        return footer.counts.silver_rows if footer else None


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    with ExportServer() as server, dg.DagsterInstance.ephemeral() as instance:
        told = {
            "TALLY_HOME": str(tmp_path),
            "TALLY_FIRST_DAY": "2020-01-01",
            "TMDB_BASE_URL": server.url,
            "TMDB_ATTEMPTS": "1",
        }
        deployment = deploy(load_settings(told, dotenv=None))
        yield Pipeline(deployment, build_definitions(deployment), instance, server)


def why(result: dg.ExecuteInProcessResult) -> str:
    """What the failed steps said."""
    told = []
    for event in result.all_events:
        if event.is_step_failure:
            data = event.step_failure_data.user_failure_data
            told.append(str(data.description) if data else str(event.step_failure_data.error))
    return "\n".join(told)


def checks(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    found = {}
    for event in result.get_asset_check_evaluations():
        found[event.check_name] = "passed" if event.passed else event.severity.value.lower()
    return found


BOTH_OF_GENRES = (common.bronze_key(datasets.GENRES), common.silver_key(datasets.GENRES))
BOTH = (common.bronze_key(SERIES), common.silver_key(SERIES))


def test_a_past_day_is_downloaded_byte_for_byte_and_refined(pipeline: Pipeline) -> None:
    pipeline.server.put(ago(30), shows(100))
    result = pipeline.materialize(*BOTH, first=ago(30))
    assert result.success
    (key,) = pipeline.held(ago(30))
    assert key.execution_id == result.run_id
    assert pipeline.deployment.lake.store.get(str(key)) == shows(100)
    assert pipeline.rows(ago(30)) == 100
    assert checks(result) == {
        "download_whole": "passed",
        "pass_rate": "passed",
        "show_id_unique": "passed",
        "accounts_for_every_line": "passed",
        "volume": "passed",
        "zero_popularity": "passed",
    }


def test_in_a_range_a_missing_day_fails_alone_and_names_itself(pipeline: Pipeline) -> None:
    days = [ago(n) for n in (5, 4, 3, 2)]
    for day in days:
        pipeline.server.put(day, shows(100))
    del pipeline.server.files[pipeline.server.path(days[1])]
    result = pipeline.materialize(common.bronze_key(SERIES), first=days[0], last=days[-1])
    assert not result.success
    assert "1 of 4 days failed." in why(result)
    assert f"TMDB has no export of {days[1]}" in why(result)
    assert str(days[0]) not in why(result).replace(f"{days[0]} to", "")
    assert [len(pipeline.held(day)) for day in days] == [1, 0, 1, 1]
    materialized = pipeline.instance.get_materialized_partitions(common.bronze_key(SERIES))
    assert materialized == {day.isoformat() for day in (days[0], *days[2:])}


def test_a_server_that_is_down_is_not_asked_for_every_day(pipeline: Pipeline) -> None:
    pipeline.server.absent = Answer(status=503)
    result = pipeline.materialize(common.bronze_key(SERIES), first=ago(20), last=ago(1))
    assert "20 of 20 days failed." in why(result)
    assert len(pipeline.server.seen) == 3
    assert why(result).count("not asked for, after 3 days in a row") == 17


def test_many_missing_days_in_a_row_do_not_stop_the_others(pipeline: Pipeline) -> None:
    pipeline.server.put(ago(1), shows(10))
    pipeline.materialize(common.bronze_key(SERIES), first=ago(8), last=ago(1))
    assert len(pipeline.held(ago(1))) == 1


def test_a_day_older_than_tmdb_keeps_is_refused_without_asking(pipeline: Pipeline) -> None:
    result = pipeline.materialize(common.bronze_key(SERIES), first=ago(DAYS_KEPT + 1))
    assert f"{ago(DAYS_KEPT)} is the oldest there is" in why(result)
    assert "nobody can fetch it any more" in why(result)
    assert pipeline.server.seen == []


def test_the_oldest_day_that_tmdb_keeps_is_asked_for(pipeline: Pipeline) -> None:
    pipeline.server.put(ago(DAYS_KEPT), shows(10))
    assert pipeline.materialize(common.bronze_key(SERIES), first=ago(DAYS_KEPT)).success


def test_todays_export_that_is_not_there_yet_says_when_it_will_be(pipeline: Pipeline) -> None:
    result = pipeline.materialize(common.bronze_key(SERIES), first=clock.today())
    assert f"the export of {clock.today()} is not there yet" in why(result)
    assert "08:00" in why(result)
    assert pipeline.held(clock.today()) == []


@pytest.mark.parametrize(
    "broken",
    [
        Answer(shows(100)[:-20]),
        Answer(shows(100), declared=10_000),
        Answer(b"<html></html>"),
    ],
)
def test_of_a_download_that_is_not_whole_nothing_is_kept(pipeline: Pipeline, broken: Answer) -> None:
    pipeline.server.script_for(ago(1), broken)
    result = pipeline.materialize(*BOTH, first=ago(1))
    assert not result.success
    assert pipeline.held(ago(1)) == []
    assert not list(pipeline.deployment.settings.lake_folder.rglob("*.json*"))


def test_bad_lines_go_to_quarantine_and_the_rest_is_published(pipeline: Pipeline) -> None:
    lines = [line(n) for n in range(1, 100)]
    pipeline.server.put(ago(1), file_of([*lines[:50], b"not JSON", *lines[50:]]))
    assert pipeline.materialize(*BOTH, first=ago(1)).success
    assert pipeline.rows(ago(1)) == 99
    lake = pipeline.deployment.lake
    (kept,) = decode(lake.store.get(SERIES.quarantine_key(ago(1).isoformat()) or "")).to_pylist()
    assert (kept["line"], kept["raw"], kept["rules"]) == (51, "not JSON", ["unreadable"])


def test_below_the_bar_the_last_good_file_stays(pipeline: Pipeline) -> None:
    day = ago(1)
    pipeline.server.put(day, shows(100))
    assert pipeline.materialize(*BOTH, first=day).success
    before = pipeline.deployment.lake.store.get(SERIES.silver_key(day.isoformat()))
    pipeline.server.put(day, file_of([line(1), b"rubbish"]))
    result = pipeline.materialize(*BOTH, first=day)
    assert "50.00 % of 2 lines keep every rule" in why(result)
    assert "The day's last good file stays." in why(result)
    assert checks(result)["pass_rate"] == "error"
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "pass_rate"]
    (rejected,) = pipeline.deployment.query_engine.query(str(found.metadata[WHERE_TO_LOOK].value)).to_pylist()
    assert (rejected["line"], rejected["raw"]) == (2, "rubbish")
    assert pipeline.deployment.lake.store.get(SERIES.silver_key(day.isoformat())) == before


def test_half_an_export_is_not_published_until_a_person_accepts_it(pipeline: Pipeline) -> None:
    pipeline.server.put(ago(2), shows(100))
    pipeline.server.put(ago(1), shows(50))
    result = pipeline.materialize(*BOTH, first=ago(2), last=ago(1))
    assert "-50.00% from 100" in why(result)
    assert (pipeline.rows(ago(2)), pipeline.rows(ago(1))) == (100, None)
    # The day after is held against the last published one, not against the broken one.
    pipeline.server.put(clock.today(), shows(50))
    assert not pipeline.materialize(*BOTH, first=clock.today()).success
    accepted = {"silver_series": {"config": {"accept_volume": True}}}
    result = pipeline.materialize(common.silver_key(SERIES), first=ago(1), ops=accepted)
    assert result.success
    assert checks(result)["volume"] == "warn"
    assert pipeline.rows(ago(1)) == 50


def test_a_few_per_cent_less_warn_and_are_published(pipeline: Pipeline) -> None:
    pipeline.server.put(ago(2), shows(100))
    pipeline.server.put(ago(1), shows(95))
    assert pipeline.materialize(*BOTH, first=ago(2)).success
    result = pipeline.materialize(*BOTH, first=ago(1))
    assert result.success
    assert checks(result)["volume"] == "warn"


def test_silver_is_the_same_bytes_again(pipeline: Pipeline) -> None:
    pipeline.server.put(ago(1), shows(100))
    pipeline.materialize(*BOTH, first=ago(1))
    key = SERIES.silver_key(ago(1).isoformat())
    before = pipeline.deployment.lake.store.get(key)
    pipeline.materialize(common.silver_key(SERIES), first=ago(1))
    assert pipeline.deployment.lake.store.get(key) == before


def test_the_tables_answer(pipeline: Pipeline) -> None:
    pipeline.server.put(ago(1), shows(100))
    pipeline.materialize(*BOTH, first=ago(1))
    found = pipeline.deployment.query_engine.query(
        "SELECT show_id, rank, dt FROM silver_series WHERE rank <= 2 ORDER BY 2"
    )
    assert found.to_pylist() == [
        {"show_id": 1, "rank": 1, "dt": ago(1).isoformat()},
        {"show_id": 2, "rank": 2, "dt": ago(1).isoformat()},
    ]


def test_the_genres_are_captured_today_and_refined(pipeline: Pipeline) -> None:
    genres = ",".join(f'{{"id":{genre},"name":"{name}"}}' for genre, name in GENRES.items())
    pipeline.server.files["/3/genre/tv/list"] = f'{{"genres":[{genres}]}}'.encode()
    result = pipeline.materialize(*BOTH_OF_GENRES, first=clock.today())
    assert result.success
    assert checks(result) == dict.fromkeys(
        ("genre_id_unique", "genres_named", "genres_as_contracted"), "passed"
    )
    assert latest_genres(pipeline.deployment.lake) == GENRES


def test_the_genres_of_a_past_day_cannot_be_captured(pipeline: Pipeline) -> None:
    result = pipeline.materialize(common.bronze_key(datasets.GENRES), first=ago(1))
    assert "TMDB serves only the present" in why(result)
    assert pipeline.server.seen == []


def test_a_list_of_genres_with_repeats_is_not_published(pipeline: Pipeline) -> None:
    pipeline.server.files["/3/genre/tv/list"] = b'{"genres":[{"id":1,"name":"A"},{"id":1,"name":"B"}]}'
    result = pipeline.materialize(*BOTH_OF_GENRES, first=clock.today())
    assert "2 genres, 1 id" in why(result)
    assert latest_genres(pipeline.deployment.lake) == {}


def test_a_list_that_lost_most_of_the_genres_is_not_published(pipeline: Pipeline) -> None:
    pipeline.server.files["/3/genre/tv/list"] = b'{"genres":[{"id":18,"name":"Drama"}]}'
    result = pipeline.materialize(*BOTH_OF_GENRES, first=clock.today())
    assert "0 genres are new, 15 are gone" in why(result)
    assert latest_genres(pipeline.deployment.lake) == {}
