"""The job that removes what a lake in a folder does not keep any more, and its schedule."""

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.deployment import Settings
from tally_pipeline.lake import expiry
from tally_pipeline.lake.lake import Lake
from tally_pipeline.plurals import counted


def is_due(settings: Settings) -> bool:
    """True for a lake in a folder of which days expire. In a bucket its own rules remove them."""
    return settings.aws is None and settings.retention.days is not None


@dg.op(
    required_resource_keys={"lake", "settings"}, description="Removes the files of days that are not kept."
)
def remove_expired(context: dg.OpExecutionContext) -> None:
    lake: Lake = context.resources.lake
    settings: Settings = context.resources.settings
    over = expiry.expired(lake.store, clock.today())
    removed = expiry.remove(settings.lake_folder, over)
    context.log.info(
        f"{counted(removed, 'file')} of days before {settings.retention.first_kept(clock.today())} removed."
    )


@dg.job(
    name="expire",
    description="Remove the days that TMDB's terms do not allow to be kept any longer.",
    executor_def=dg.in_process_executor,
)
def expire() -> None:
    remove_expired()


def schedule(settings: Settings) -> list[dg.ScheduleDefinition]:
    """The daily removal, where days expire."""
    if not is_due(settings):
        return []
    return [
        dg.ScheduleDefinition(
            name="daily_expiry",
            job=expire,
            cron_schedule="15 2 * * *",
            execution_timezone="UTC",
            default_status=dg.DefaultScheduleStatus.RUNNING,
            description=f"Removes days that are {settings.retention.days} days old (TALLY_RETENTION_DAYS).",
        )
    ]
