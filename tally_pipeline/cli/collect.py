"""`tally collect`: takes viewers' events in on this machine."""

from __future__ import annotations

from tally_pipeline.cli import terminal
from tally_pipeline.collector import server
from tally_pipeline.collector.server import Collector, CollectorError
from tally_pipeline.deployment import deploy
from tally_pipeline.events.door import hash_of
from tally_pipeline.lake.lake import Lake, LakeOwnershipError
from tally_pipeline.lake.store import LakeError
from tally_pipeline.plurals import counted
from tally_pipeline.settings.errors import unusable_home
from tally_pipeline.settings.settings import Settings, SettingsError

FOLDER = "collector"


def collect(settings: Settings) -> int:
    """Collect until interrupted. Raises `SettingsError` if it cannot start, `LakeError` for another source's lake."""
    lake = deploy(settings).lake
    _check_source(lake)
    say = terminal.words().print
    try:
        with server.only_one(settings.state / FOLDER), server.listen(settings.collect_port) as listening:
            collector = Collector(
                settings.state / FOLDER,
                lake,
                [hash_of(key) for key in settings.collect_keys],
                settings.events_days,
            )
            host, port = listening.getsockname()
            server.serve(
                collector,
                listening,
                f"Collecting events for {settings.lake_place}: POST http://{host}:{port}/v1/events"
                f" {'with a key' if settings.collect_keys else 'without a key'}. Ctrl-C ends it.",
                say,
            )
            left = collector.close()
    except CollectorError as error:
        raise SettingsError(str(error)) from None
    except OSError as error:
        raise unusable_home(settings.home, error) from None
    say(collector.in_words)
    if left:
        say(
            f"{counted(left, 'file')} of events could not be written to the lake: {collector.delivery.trouble}"
            " They are safe on this disk, and the next `tally collect` writes them."
        )
    return 1 if left else 0


def _check_source(lake: Lake) -> None:
    """Raise `LakeOwnershipError` for another source's lake. One that is away is no reason not to take events in."""
    try:
        lake.check_source()
    except LakeOwnershipError:
        raise
    except LakeError as error:
        terminal.words().print(f"Events will wait on this disk: {error}")
