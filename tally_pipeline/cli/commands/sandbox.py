"""`tally sandbox`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from tally_pipeline.cli.dagster_import import import_dagster
from tally_pipeline.cli.group import NamingGroup, with_settings
from tally_pipeline.cli.parameters import Day, Number
from tally_pipeline.settings.settings import Settings, SettingsError


@click.group("sandbox", cls=NamingGroup, invoke_without_command=True)
@click.option("--port", type=Number(0, 65535), default=8787, help="The server's port; 0 takes any free one.")
@click.option("--latency-ms", type=float, default=0.0, metavar="N", help="What each reply takes.")
@click.option(
    "--recordings",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Replay recordings from this folder.",
)
@click.option("--snapshot", metavar="DATE", help="Which of the recordings.")
@click.option(
    "--beyond",
    type=click.Choice(("end", "error")),
    default="end",
    help="How a page that was not recorded is answered: as the end of the list, or with 404.",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="NAME[:KEY=VALUE,…]",
    help="A fault, e.g. server-error:page=3,times=2; repeatable; an unknown name lists them all.",
)
@click.pass_context
def command(
    context: click.Context,
    port: int,
    latency_ms: float,
    recordings: Path | None,
    snapshot: str | None,
    beyond: Literal["end", "error"],
    faults: tuple[str, ...],
) -> int:
    """Serve invented shows as TMDB would, or recordings of it."""
    return 0 if context.invoked_subcommand else _serve(port, latency_ms, faults, recordings, snapshot, beyond)


@with_settings
def _serve(
    _: Settings,
    port: int,
    latency_ms: float,
    faults: tuple[str, ...],
    recordings: Path | None,
    snapshot: str | None,
    beyond: Literal["end", "error"],
) -> int:
    from tally_pipeline.cli.sandbox.serve import serve

    try:
        return serve(port, latency_ms, faults, recordings, snapshot, beyond)
    except ValueError as error:
        raise SettingsError(str(error)) from None


@command.command("fill")
@click.option("--days", type=Number(1, 3650), default=90, help="How many days before today.")
@with_settings
def fill(settings: Settings, days: int) -> int:
    """Write past days of bronze, as if captured then."""
    import_dagster()
    from tally_pipeline.cli.sandbox.fill import fill

    return fill(settings, days)


@command.command("events")
@click.option("--users", type=Number(1, 100_000), default=100, help="How many viewers there are at a time.")
@click.option("--days", type=Number(1, 3650), default=7, help="How many days.")
@click.option("--seed", type=Number(0, 2**31), default=1, help="Other viewers for another number.")
@click.option("--until", type=Day(), help="The last day; yesterday unless it is given.")
@click.option(
    "--heartbeat",
    type=Number(1, 60),
    default=10,
    metavar="SECONDS",
    help="Seconds of play between two heartbeats; 60 makes a sixth of the events, and the same watch time.",
)
@click.option("--to", metavar="URL", help="Send to a collector on this machine, instead of into the lake.")
@with_settings
def events(
    settings: Settings, users: int, days: int, seed: int, until: str | None, heartbeat: int, to: str | None
) -> int:
    """Invent viewers, and send the events of what they do."""
    from tally_pipeline.cli.sandbox.events import events

    return events(settings, users, days, seed, until, heartbeat, to)
