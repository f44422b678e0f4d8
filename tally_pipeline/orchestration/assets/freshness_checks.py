"""Standing checks over the whole lake, without a partition: is today there, is no day left broken, and is what is
published made from what there is now?"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.checks.check import SHOWN, Finding
from tally_pipeline.datasets import AnyDataset
from tally_pipeline.datasets.captures import newest_acceptable
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.days import days_through
from tally_pipeline.deployment import Settings
from tally_pipeline.gold import ALL_TABLES
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import finding_metadata
from tally_pipeline.orchestration.assets.partition_events import was_refused
from tally_pipeline.plurals import counted
from tally_pipeline.settings.cron import latest
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tmdb.lists import LISTS, ShowList

GRACE = timedelta(hours=1)
"""The time after its schedule for which a day may still be in progress."""

NAMED = 3
"""Failed partitions that a sentence names."""

LOOKED_BACK = 3
"""Days, today included, whose published files are checked for being current."""

IS_CURRENT = "what_is_published_is_current"
DETAILS_ARE_THERE = "todays_details_are_there"


def freshness_checks(
    partitions: dg.PartitionsDefinition, lists: Sequence[ShowList] = LISTS
) -> list[dg.AssetChecksDefinition]:
    """The standing checks. They are on the table, which people rely on."""

    @dg.asset_check(
        asset=common.TABLE,
        name="todays_partition_is_there",
        description="Every list has silver of the day on which the schedule last captured, an hour after its time.",
    )
    def todays_partition_is_there(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.AssetCheckResult:
        due = due_day(clock.now(), settings.schedule)
        newest = {show_list.name: _due_or_newest(lake, show_list.name, due) for show_list in lists}
        return _result(freshness_finding(newest, due))

    @dg.asset_check(
        asset=common.TABLE,
        name="no_partition_left_failed",
        description="No day's last attempt failed: of silver and the table any day, of bronze today.",
    )
    def no_partition_left_failed(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        days = partitions.get_partition_keys()
        watched = {common.TABLE: days}
        for show_list in lists:
            # A past day of bronze cannot be captured again, so it must not stay red for ever.
            watched[common.bronze_key(show_list)] = days[-1:]
            watched[common.silver_key(show_list)] = days
        watched[common.silver_key(DETAILS)] = days
        failed = [
            {"asset": asset.to_user_string(), "day": day}
            for asset, keys in watched.items()
            for day in _failed(context.instance, asset, keys, partitions)
        ]
        return _result(failures_finding(failed))

    @dg.asset_check(
        asset=common.silver_key(DETAILS),
        name=DETAILS_ARE_THERE,
        description="Silver of details is there of the day on which its schedule last captured, an hour after.",
    )
    def todays_details_are_there(
        lake: dg.ResourceParam[Lake], settings: dg.ResourceParam[Settings]
    ) -> dg.AssetCheckResult:
        if not settings.details_budget:
            return _result(Finding(True, "TALLY_DETAILS_BUDGET is 0: no details are captured", ""))
        due = due_day(clock.now(), settings.details_schedule)
        is_there = lake.store.exists(DETAILS.silver_key(due))
        return _result(details_finding(due if is_there else newest_day(lake, DETAILS), due))

    @dg.multi_asset_check(
        name=IS_CURRENT,
        specs=[
            dg.AssetCheckSpec(
                IS_CURRENT,
                asset=common.TABLE,
                description=f"Silver of the last {LOOKED_BACK} days is of bronze's newest complete capture, and gold"
                " of silver as it is now. The sensor makes anew what is not, once a day.",
            )
        ],
        can_subset=True,
    )
    def what_is_published_is_current(
        context: dg.AssetCheckExecutionContext, lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.AssetCheckResult]:
        # It reads a month of files. Dagster adds it to every run that makes the table, despite its job's selection.
        if context.run.asset_selection:
            return
        days = days_through(clock.today().isoformat(), LOOKED_BACK)
        stale = [*_stale_silver(context.instance, lake, days), *_stale_gold(lake, days)]
        yield _result(currency_finding(stale))

    return [
        todays_partition_is_there,
        no_partition_left_failed,
        todays_details_are_there,
        what_is_published_is_current,
    ]


def due_day(now: datetime, cron: str) -> str:
    """The newest day that should be published: that of the schedule's latest time, plus some grace."""
    return latest(cron, now - GRACE).date().isoformat()


def freshness_finding(newest: dict[str, str | None], due: str) -> Finding:
    """`newest`: the newest day of silver by list, None without any."""
    late = [
        {"list": name, "newest day": day or "none"}
        for name, day in newest.items()
        if day is None or day < due
    ]
    return Finding(
        passed=not late,
        summary=f"{len(newest) - len(late)} of {counted(len(newest), 'list')} have silver of {due} or newer",
        remedy="Run `tally sync`, or materialize bronze_shows of today; then see why the schedule did not: is it"
        " running, is the daemon up, did its run fail?",
        numbers={"lists_late": len(late)},
        offenders=late,
    )


def newest_day(lake: Lake, dataset: AnyDataset) -> str | None:
    """The newest day with silver of a dataset; None without any."""
    folders = lake.store.folders(dataset.silver_table.prefix)
    days = [day for name in folders if (day := layout.day_of(name))]
    return next(
        (day for day in sorted(days, reverse=True) if lake.store.exists(dataset.silver_key(day))), None
    )


def details_finding(newest: str | None, due: str) -> Finding:
    """`newest`: the newest day with silver of details, None without any."""
    return Finding(
        passed=newest is not None and newest >= due,
        serious=False,
        summary=f"the newest details are of {newest or 'no day'}, those of {due} are due",
        remedy="Launch the job capture_details, or `tally sync --details`; then see why the schedule did not: is it"
        " running, is the daemon up, did its run fail? What is known of shows is carried on meanwhile.",
        numbers={"late": int(newest is None or newest < due)},
    )


def failures_finding(failed: Sequence[dict[str, str]]) -> Finding:
    """`failed`: assets and days whose last attempt failed."""
    return Finding(
        passed=not failed,
        summary=counted(len(failed), "partition is", "partitions are")
        + " left failed"
        + (f": {_named(failed)}" if failed else ""),
        remedy="Open the named asset, select the day, read why its run failed, mend that, and materialize the day.",
        numbers={"partitions_failed": len(failed)},
        offenders=list(failed[-SHOWN:]),
    )


def _named(failed: Sequence[Mapping[str, str]]) -> str:
    newest = [" of ".join(one.values()) for one in failed[-NAMED:]]
    return ", ".join(newest) + (f" and {len(failed) - NAMED} more" if len(failed) > NAMED else "")


def currency_finding(stale: Sequence[dict[str, str]]) -> Finding:
    """`stale`: published files not made from their present inputs, with these inputs."""
    return Finding(
        passed=not stale,
        summary=counted(len(stale), "file is", "files are") + " not made from what there is now",
        remedy="Another writer, or another tool, replaced them. The sensor makes them anew at its next daily look; to"
        " have it now, materialize the named assets of these days.",
        numbers={"stale": len(stale)},
        offenders=list(stale[-SHOWN:]),
    )


def _stale_silver(instance: dg.DagsterInstance, lake: Lake, days: Sequence[str]) -> Iterator[dict[str, str]]:
    """Silver not made from the capture that counts, unless that was refused, which other checks report."""
    for dataset, capture in newest_acceptable(lake, days):
        day, newest, asset = capture.key.dt, str(capture.key), dg.AssetKey(dataset.silver_asset)
        if clock.now() - (capture.captured_at or clock.now()) < GRACE:
            continue
        if not (
            lake.is_made_from(dataset.silver_key(day), newest)
            or was_refused(instance, asset, dataset.silver_checks, day)
        ):
            yield {"asset": asset.to_user_string(), "day": day, "should be of": newest}


def _stale_gold(lake: Lake, days: Sequence[str]) -> Iterator[dict[str, str]]:
    sources = Sources.of(lake, [one.name for one in LISTS])
    made = {table: table.days(sources) for table in ALL_TABLES}
    for day in days:
        for table in ALL_TABLES:
            if day in made[table] and not table.is_current(sources, day):
                yield {"asset": "/".join(table.asset), "day": day, "should be of": "silver as it is now"}


def _due_or_newest(lake: Lake, data_type: str, due: str) -> str | None:
    """The due day if it is published, else the newest: on S3 a listing costs as much as twelve of these requests."""
    if lake.store.exists(layout.silver_key(data_type, due)):
        return due
    days = lake.silver_days(data_type)
    return days[-1] if days else None


def _failed(
    instance: dg.DagsterInstance, asset: dg.AssetKey, days: Sequence[str], partitions: dg.PartitionsDefinition
) -> list[str]:
    statuses = instance.get_status_by_partition(asset, days, partitions) or {}
    return [day for day, status in statuses.items() if status is not None and status.value == "FAILED"]


def _result(finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=finding.passed,
        severity=dg.AssetCheckSeverity.ERROR if finding.serious else dg.AssetCheckSeverity.WARN,
        description=finding.summary,
        metadata=finding_metadata(finding),
    )
