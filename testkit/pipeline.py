"""A whole pipeline for tests: a lake in a folder, a history in memory, runs in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec

from tally_pipeline import clock
from tally_pipeline.bronze import list_capture
from tally_pipeline.bronze.completeness import assess
from tally_pipeline.datasets.captures import audit
from tally_pipeline.datasets.shows import contract, stored
from tally_pipeline.datasets.shows.checks import BRONZE_CHECKS, SILVER_CHECKS
from tally_pipeline.datasets.shows.footer import Footer
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, deploy, load_settings
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.parquet import FOOTER_BYTES, read_footer
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.table import TABLE_CHECKS
from tally_pipeline.tmdb.lists import LISTS, ShowList, list_named

POPULAR = list_named("popular_shows")
AIRING_TODAY = list_named("airing_today")

CHECKS = {
    "bronze": {check.name for check in BRONZE_CHECKS},
    "silver": {check.name for check in SILVER_CHECKS},
    "table": {check.name for check in TABLE_CHECKS},
}

_SHALLOW = {f"TALLY_PAGES_{one.name.upper()}": "2" for one in LISTS}
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def day(ago: int = 0) -> str:
    """Today in UTC, or the day `ago` days before."""
    return (clock.today() - timedelta(days=ago)).isoformat()


def environment(home: Path, base_url: str | None = None, **changes: str) -> dict[str, str]:
    """An environment for a fast pipeline: two pages a list, two attempts a page, partitions since long before."""
    server = {"TMDB_BASE_URL": base_url} if base_url else {}
    quick = {
        "TALLY_HOME": str(home),
        "TALLY_FIRST_DAY": "2020-01-01",
        "TMDB_ATTEMPTS": "2",
        "TMDB_TIMEOUT_SECONDS": "5",
    }
    return {**quick, **_SHALLOW, **server, **changes}


@dataclass
class Pipeline:
    """The product on a deployment; each `run` is a run of one of its jobs, on one day or a range of days."""

    deployment: Deployment
    instance: dg.DagsterInstance

    @classmethod
    def at(
        cls, home: Path, instance: dg.DagsterInstance, base_url: str | None = None, **changes: str
    ) -> Pipeline:
        settings = load_settings(environment(home, base_url, **changes), dotenv=None)
        return cls(deploy(settings), instance)

    @cached_property
    def definitions(self) -> dg.Definitions:
        return build_definitions(self.deployment)

    @property
    def lake(self) -> Lake:
        return self.deployment.lake

    def run(
        self,
        job: str = "sync",
        *,
        assets: Sequence[dg.AssetKey] | None = None,
        on: str | tuple[str, str] | None = None,
        config: Mapping[str, Mapping[str, Any]] | None = None,
        run_id: str | None = None,
    ) -> dg.ExecuteInProcessResult:
        """`on`: a day (today if not given), or the first and last of a range. `config`: by step."""
        when: dict[str, Any] = {"partition_key": on or day()}
        if isinstance(on, tuple):
            ends = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
            when = {"tags": dict(zip(ends, on, strict=True))}
        ops = {step: {"config": dict(values)} for step, values in (config or {}).items()}
        return self.definitions.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            asset_selection=assets,
            run_config={"ops": ops, **_QUIET},
            run_id=run_id,
            raise_on_error=False,
            **when,
        )

    def sync(self, show_list: ShowList = POPULAR, **options: Any) -> dg.ExecuteInProcessResult:
        """Today of one list, end to end."""
        return self.run(assets=[*both(show_list), common.TABLE], **options)

    def refine(self, show_list: ShowList = POPULAR, **options: Any) -> dg.ExecuteInProcessResult:
        """Silver of one list alone."""
        return self.run("refine", assets=[common.silver_key(show_list)], **options)

    def metadata(self, asset: dg.AssetKey, on: str | None = None) -> dict[str, Any]:
        """Metadata of the latest materialization of a day, as plain values."""
        wanted = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[on or day()])
        found = self.instance.fetch_materializations(wanted, limit=1).records[0].asset_materialization
        assert found is not None
        return {name: value.value for name, value in found.metadata.items()}

    def was_materialized(self, asset: dg.AssetKey, on: str) -> bool:
        wanted = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[on])
        return bool(self.instance.fetch_materializations(wanted, limit=1).records)

    def statuses(self, asset: dg.AssetKey, check: str, days: Sequence[str]) -> dict[str, str]:
        """A check's status in the UI by day: that of its latest evaluation; days without one are omitted."""
        key = dg.AssetCheckKey(asset, check)
        storage = self.instance.event_log_storage
        found = storage.get_asset_check_partition_info([key], partition_keys=days)
        return {
            info.partition_key: info.latest_execution_status.value for info in found if info.partition_key
        }


def both(show_list: ShowList) -> tuple[dg.AssetKey, dg.AssetKey]:
    """A list's bronze and silver."""
    return common.bronze_key(show_list), common.silver_key(show_list)


# --- results of a run --------------------------------------------------------------------------------------


def checks(result: dg.ExecuteInProcessResult, asset: dg.AssetKey) -> dict[str, str]:
    """The run's checks of an asset, by name: passed, warning or failed."""
    return {
        found.check_name: outcome_of(found)
        for found in result.get_asset_check_evaluations()
        if found.asset_key == asset
    }


def outcome_of(found: dg.AssetCheckEvaluation) -> str:
    if found.passed:
        return "passed"
    return "failed" if found.severity == dg.AssetCheckSeverity.ERROR else "warning"


def failures(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    """The failures by step, in the words that people read."""
    found = {}
    for event in result.all_events:
        if event.is_step_failure:
            told = event.step_failure_data.user_failure_data
            # A failure without a message is a stack trace in the UI: no test expects one.
            assert told is not None, event.step_failure_data.error
            found[event.step_key or ""] = told.description or ""
    return found


# --- bronze by hand ----------------------------------------------------------------------------------------


def row(show_id: int, **changes: Any) -> dict[str, Any]:
    """A row as TMDB writes it; a change to `...` takes the field away."""
    whole = {
        "adult": False,
        "backdrop_path": f"/backdrop{show_id}.jpg",
        "genre_ids": [18],
        "id": show_id,
        "origin_country": ["GB"],
        "original_language": "en",
        "original_name": f"Show {show_id}",
        "overview": "What happens.",
        "popularity": 12.5,
        "poster_path": f"/poster{show_id}.jpg",
        "first_air_date": "2024-02-29",
        "name": f"Show {show_id}",
        "vote_average": 7.5,
        "vote_count": 100,
    }
    return {name: value for name, value in {**whole, **changes}.items() if value is not ...}


def rows(count: int, first: int = 1) -> list[dict[str, Any]]:
    return [row(first + place) for place in range(count)]


def capture(
    key: BronzeKey,
    shows: Sequence[Any],
    *,
    missing: Sequence[int] = (),
    at: str = "03:00:00",
    source: str = "sandbox",
) -> bytes:
    """A bronze object of these rows, all on one page; with `missing` pages it is partial."""
    body = msgspec.json.encode(
        {"page": 1, "results": shows, "total_pages": 1 + len(missing), "total_results": len(shows)}
    )
    page = list_capture.read_page(1, body, {})
    totals = (page.record.total_pages, page.record.total_results)
    verdict = assess(missing=missing, ids_by_page=[page.ids], totals=[totals])
    metadata = list_capture.Metadata(
        ingestion_timestamp=f"{key.dt}T{at}Z",
        execution_id=key.execution_id,
        data_type=key.data_type,
        source=source,
        verdict=verdict.verdict,
        page_set=verdict,
        missing=tuple(list_capture.MissingPage(page=number, error="it stayed broken") for number in missing),
    )
    return list_capture.encode([page], metadata)


def put(lake: Lake, on: str, shows: Sequence[Any], *, name: str = "a", **options: Any) -> BronzeKey:
    """Puts a capture of popular shows into the lake."""
    key = BronzeKey(POPULAR.name, on, name)
    lake.write_bronze(key, capture(key, shows, **options))
    return key


# --- contents of the lake ----------------------------------------------------------------------------------


def contents(lake: Lake) -> dict[str, bytes]:
    """Every file of the lake, by key."""
    root = Path(lake.store.root)
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def assert_sound(lake: Lake) -> None:
    """Asserts that every file is readable, bronze holds the bytes sent, and the row counts reconcile."""
    assert [(found.key, found.problems) for found in audit(lake) if found.problems or found.unproven] == []
    for key in contents(lake):
        if not key.startswith((f"{layout.SILVER}/", f"{layout.QUARANTINE}/")):
            continue
        footer = footer_of(lake, key)
        data_type, dt = key.split("/")[2], key.split("/")[3].removeprefix("dt=")
        counts = footer.counts
        assert counts.bronze_rows == counts.silver_rows + counts.repeats + counts.quarantined, key
        (ref,) = footer.bronze
        bronze_key = BronzeKey.parse(ref.key)
        assert bronze_key is not None, key
        made_of = stored.read_bronze(lake, bronze_key)
        assert (made_of.sha256, len(made_of.rows())) == (ref.sha256, counts.bronze_rows), key
        if key.startswith(f"{layout.SILVER}/"):
            table, expected = lake.read_silver(data_type, dt), counts.silver_rows
            assert table.schema.equals(contract.SILVER), key
        else:
            table, expected = lake.read_quarantine(data_type, dt), counts.quarantined
            assert table.schema.equals(contract.QUARANTINE), key
        assert table.num_rows == expected, key


def footer_of(lake: Lake, key: str) -> Footer:
    return read_footer(lake.store.tail(key, FOOTER_BYTES), Footer)
