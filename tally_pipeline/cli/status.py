"""`tally status`: the state of the lake, the checks, the schedules and the sensors."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import dagster as dg
from rich.markup import escape
from rich.table import Table

from tally_pipeline import clock
from tally_pipeline.cli import terminal
from tally_pipeline.datasets.shows import stored
from tally_pipeline.definitions import build_definitions
from tally_pipeline.deployment import Deployment, Settings, deploy
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.parquet import ForeignFileError
from tally_pipeline.orchestration.runs import dagster_home
from tally_pipeline.tmdb.lists import LISTS, ShowList

_MARKS = {"passed": "[green]✓[/green]", "failed": "[red]✗[/red]", "warning": "[yellow]![/yellow]"}


def status(settings: Settings, *, as_json: bool) -> int:
    """Print the state; 0 if no check of the newest day failed."""
    deployment = deploy(settings)
    with dagster_home.opened(settings) as instance:
        state = collect(deployment, instance)
    terminal.words().print(f"settings from {settings.told_by}", markup=False)
    if as_json:
        terminal.print_json(json.dumps(state, indent=2, ensure_ascii=False))
    else:
        _print(state)
    return 1 if any(check["status"] == "failed" for check in state["checks"]) else 0


def collect(deployment: Deployment, instance: dg.DagsterInstance) -> dict[str, Any]:
    """The state as plain data: `lake` (its root), `source`, `lists`, `checks`, `automation`, `history`."""
    settings, lake = deployment.settings, deployment.lake
    repository = build_definitions(deployment).get_repository_def()
    return {
        "lake": lake.store.root,
        "source": settings.source,
        "history": str(settings.dagster_home),
        "lists": {show_list.name: _of_list(lake, show_list) for show_list in LISTS},
        "checks": list(_checks(repository, instance)),
        "automation": _automation(repository, instance, dagster_home.stopped_at(settings)),
    }


def _of_list(lake: Lake, show_list: ShowList) -> dict[str, Any]:
    bronze, silver = lake.bronze_days(show_list.name), lake.silver_days(show_list.name)
    newest = silver[-1] if silver else None
    try:
        footer = stored.silver_footer(lake, show_list.name, newest) if newest else None
    except ForeignFileError:
        footer = None
    return {
        "newest_bronze_day": bronze[-1] if bronze else None,
        "bronze_days": len(bronze),
        "newest_silver_day": newest,
        "silver_days": len(silver),
        "silver_rows": footer.counts.silver_rows if footer else None,
        "verdict": footer.verdict if footer else None,
    }


def _checks(repository: dg.RepositoryDefinition, instance: dg.DagsterInstance) -> Iterator[dict[str, Any]]:
    """The latest result of every check, in the assets' order."""
    keys = sorted(repository.asset_graph.asset_check_keys, key=lambda key: (key.asset_key.path, key.name))
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key(keys)
    for key in keys:
        found = latest.get(key)
        event = found.event.dagster_event if found and found.event else None
        evaluated = event is not None and event.event_type == dg.DagsterEventType.ASSET_CHECK_EVALUATION
        result = event.asset_check_evaluation_data if event and evaluated else None
        yield {
            "asset": key.asset_key.to_user_string(),
            "check": key.name,
            "day": result.partition if result else None,
            "status": _status(result),
            "summary": result.description if result else None,
        }


def _status(result: dg.AssetCheckEvaluation | None) -> str:
    if result is None:
        return "not evaluated"
    if result.passed:
        return "passed"
    return "failed" if result.severity == dg.AssetCheckSeverity.ERROR else "warning"


def _automation(
    repository: dg.RepositoryDefinition, instance: dg.DagsterInstance, stopped_at: float
) -> dict[str, Any]:
    """The state of the daemon, the schedules and the sensors.

    The daemon is up with a heartbeat within the last two minutes and since it was last stopped.
    """
    beats = [
        beat.last_heartbeat.timestamp
        for beat in instance.get_daemon_statuses().values()
        if beat.last_heartbeat is not None
    ]
    switched = {state.instigator_name: state.status.value for state in instance.all_instigator_state()}
    defaults = {schedule.name: schedule.default_status.value for schedule in repository.schedule_defs}
    defaults |= {sensor.name: sensor.default_status.value for sensor in repository.sensor_defs}
    return {
        "daemon": bool(beats) and max(beats) > max(stopped_at, clock.now().timestamp() - 120),
        **{
            name: _is_on(switched.get(name, "DECLARED_IN_CODE"), default)
            for name, default in defaults.items()
        },
    }


def _is_on(switched: str, default: str) -> bool:
    return (default if switched == "DECLARED_IN_CODE" else switched) == "RUNNING"


def _print(state: dict[str, Any]) -> None:
    console = terminal.out()
    console.print(f"[bold]lake[/bold]     {escape(state['lake'])}")
    console.print(f"[bold]source[/bold]   {state['source']}")
    automation = dict(state["automation"])
    daemon = automation.pop("daemon")
    running = "up" if daemon else "[yellow]down: start it with `tally up`[/yellow]"
    switches = ", ".join(f"{name} {'on' if on else 'OFF'}" for name, on in automation.items())
    console.print(f"[bold]daemon[/bold]   {running}; {switches}")
    console.print(_lists_table(state["lists"]))
    console.print(_assets_table(state["checks"]))
    troubled = [check for check in state["checks"] if check["status"] in ("failed", "warning")]
    if troubled:
        console.print(_checks_table(troubled))


def _lists_table(lists: dict[str, dict[str, Any]]) -> Table:
    table = Table("list", "newest bronze", "newest silver", header_style="bold")
    for column in ("rows", "days of bronze", "days of silver"):
        table.add_column(column, justify="right")
    for name, found in lists.items():
        partial = " (partial)" if found["verdict"] == "partial" else ""
        table.add_row(
            name,
            escape(found["newest_bronze_day"] or "none"),
            escape(found["newest_silver_day"] or "none") + partial,
            str(found["silver_rows"] or ""),
            str(found["bronze_days"]),
            str(found["silver_days"]),
        )
    return table


def _assets_table(checks: list[dict[str, Any]]) -> Table:
    table = Table("asset", "checks", header_style="bold")
    for asset in dict.fromkeys(check["asset"] for check in checks):
        counts = Counter(check["status"] for check in checks if check["asset"] == asset)
        table.add_row(
            asset, ", ".join(f"{_MARKS.get(status, '·')} {n} {status}" for status, n in counts.items())
        )
    return table


def _checks_table(checks: list[dict[str, Any]]) -> Table:
    table = Table("", "asset", "check", "day", "result", header_style="bold")
    for check in checks:
        mark = _MARKS.get(check["status"], "·")
        told = (check["asset"], check["check"], check["day"] or "", check["summary"] or check["status"])
        table.add_row(mark, *map(escape, told))
    return table
