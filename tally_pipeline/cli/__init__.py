"""The `tally` command. Every mistake of its user ends in one sentence and exit code 2, not in a stack trace.

Exit codes: 0 done and published, 1 not everything held or was published, 2 the command or a setting is wrong,
130 interrupted. Whether somebody reads to the end what a command prints (`| head`) changes nothing in that.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from tally_pipeline import __version__
from tally_pipeline.cli import operations, terminal
from tally_pipeline.cli.arguments import Command, Commands, Parser, command, day, within
from tally_pipeline.cli.dagster_import import import_dagster
from tally_pipeline.deployment import Settings, SettingsError, load_settings
from tally_pipeline.lake.store import LakeError
from tally_pipeline.tmdb.lists import LISTS, MAX_PAGES, UnknownListError, list_named

EXIT_INCOMPLETE = 1
EXIT_WRONG = 2
EXIT_INTERRUPTED = 130

MOST_ROWS = 1_000_000_000


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    with terminal.opened():
        code = _run(argv)
        if lost := terminal.lost():
            _complain(f"standard output could not be written ({lost.strerror}): what it has is not all")
            return code or EXIT_INCOMPLETE
        return code


def _run(argv: Sequence[str] | None) -> int:
    told = _parser().parse_args(argv)
    run: Command = told.command
    try:
        settings = load_settings() if told.needs_settings else load_settings({}, dotenv=None)
        for notice in settings.notices:
            print(f"tally: {notice}", file=sys.stderr)
        return run(settings, told)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except _mistakes() as error:
        _complain(str(error))
        return EXIT_WRONG
    except Exception:  # noqa: BLE001 - a mistake of ours; printed here, where what it quotes is shown
        traceback.print_exc()
        return EXIT_INCOMPLETE


def _complain(sentence: str) -> None:
    print(f"tally: {terminal.on_one_line(sentence)}", file=sys.stderr)


def _mistakes() -> tuple[type[Exception], ...]:
    """What a user can mend: each of these says how."""
    from tally_pipeline.aws.errors import AwsError
    from tally_pipeline.cli.report import NoReportError
    from tally_pipeline.cli.up import CannotStartError
    from tally_pipeline.query.engine import QueryError
    from tally_pipeline.query.samples import UnknownSampleError
    from tally_pipeline.tmdb.sandbox import RecordingsError, SandboxError

    return (
        SettingsError,
        AwsError,
        LakeError,
        QueryError,
        UnknownSampleError,
        UnknownListError,
        NoReportError,
        RecordingsError,
        SandboxError,
        CannotStartError,
    )


# Each command imports what it needs when it runs: `tally --help` should not wait for Dagster.


def _up(settings: Settings, told: argparse.Namespace) -> int:
    _require_source(settings)
    from tally_pipeline.cli.up import up

    return up(settings, port=told.port or settings.port, first_sync=not told.no_sync)


def _sync(settings: Settings, told: argparse.Namespace) -> int:
    _require_source(settings)
    import_dagster()
    from tally_pipeline.cli.sync import sync

    lists = [list_named(name) for name in dict.fromkeys(told.list)] if told.list else LISTS
    return sync(settings, lists, told.pages, as_json=told.json)


def _require_source(settings: Settings) -> None:
    """Raise `SettingsError` when nothing can be captured."""
    if settings.no_capture is not None:
        raise SettingsError(settings.no_capture)


def _rebuild(settings: Settings, told: argparse.Namespace) -> int:
    import_dagster()
    from tally_pipeline.cli.rebuild import rebuild

    return rebuild(settings, told.first, told.last)


def _status(settings: Settings, told: argparse.Namespace) -> int:
    import_dagster()
    from tally_pipeline.cli.status import status

    return status(settings, as_json=told.json)


def _query(settings: Settings, told: argparse.Namespace) -> int:
    from tally_pipeline.cli.ask import query
    from tally_pipeline.query import samples

    if told.samples:
        for name in samples.names():
            print(f"{name:24} {samples.question(name)}")
        return 0
    if (told.sql is None) == (told.sample is None):
        raise SettingsError("give either SQL or --sample NAME; --samples lists the samples")
    if told.output and told.format:
        raise SettingsError("give either --output or --format: the file's suffix says the format")
    return query(
        settings,
        samples.read(told.sample) if told.sample else _sql(told.sql),
        told.format or "table",
        limit=told.limit,
        whole=told.all,
        paged=not told.no_pager,
        output=told.output,
    )


def _sql(told: str) -> str:
    """What is asked, as the argument or, for `-`, standard input has it."""
    try:
        # The bytes: where the locale knows ASCII alone, Python takes the rest for broken.
        return (sys.stdin.buffer.read() if told == "-" else os.fsencode(told)).decode("utf-8-sig")
    except UnicodeError:
        raise SettingsError("the SQL is not text in UTF-8: write it anew") from None


def _audit(settings: Settings, told: argparse.Namespace) -> int:
    from tally_pipeline.cli.ask import prove

    return prove(settings, as_json=told.json)


def _report(settings: Settings, told: argparse.Namespace) -> int:
    from tally_pipeline.cli.report import report

    return report(settings, told.day, show=told.open)


def _sandbox(_: Settings, told: argparse.Namespace) -> int:
    from tally_pipeline.cli.sandbox import serve

    try:
        return serve(told.port, told.latency_ms, told.fault, told.recordings, told.snapshot, told.beyond)
    except ValueError as error:
        raise SettingsError(str(error)) from None


def _fill(settings: Settings, told: argparse.Namespace) -> int:
    import_dagster()
    from tally_pipeline.cli.fill import fill

    return fill(settings, told.days)


def _parser() -> Parser:
    parser = Parser(
        prog="tally",
        description="TMDB's TV shows, captured daily, byte for byte, and refined into tables people trust.",
        epilog="Settings come from the environment and .env; .env.example lists them.",
    )
    parser.set_defaults(needs_settings=True)
    parser.add_argument("--version", action="version", version=f"tally {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    names = ", ".join(show_list.name for show_list in LISTS)

    up = command(commands, "up", _up, "start the Dagster UI with schedule and sensor, and the first sync")
    up.add_argument("--port", type=within(1, 65535), help="the UI's port (TALLY_PORT, 3000)")
    up.add_argument("--no-sync", action="store_true", help="do not launch a sync when today is not there yet")

    sync = command(commands, "sync", _sync, "capture, refine and check today, end to end")
    sync.add_argument("--list", action="append", metavar="NAME", help=f"only this list; repeatable ({names})")
    sync.add_argument("--pages", type=within(1, MAX_PAGES), help="pages of each list, in place of its depth")
    sync.add_argument("--json", action="store_true", help="print the summary by list as JSON")

    rebuild = command(
        commands, "rebuild", _rebuild, "make silver, gold and reports of past days anew, from stored bronze"
    )
    rebuild.add_argument(
        "--first", type=day, metavar="DAY", help="the first day (the first that bronze holds)"
    )
    rebuild.add_argument("--last", type=day, metavar="DAY", help="the last day (today)")

    status = command(commands, "status", _status, "what is in the lake, the checks, schedule and sensor")
    status.add_argument("--json", action="store_true", help="print it as JSON")

    query = command(commands, "query", _query, "ask the table silver_shows in Athena's SQL")
    query.add_argument("sql", nargs="?", metavar="SQL", help="one SELECT; - reads it from standard input")
    query.add_argument("--sample", metavar="NAME", help="a sample query instead")
    query.add_argument("--samples", action="store_true", help="list the sample queries")
    query.add_argument("--format", choices=("table", "csv", "json"), help="table if not given")
    rows = query.add_mutually_exclusive_group()
    rows.add_argument("--limit", type=within(1, MOST_ROWS), metavar="N", help="at most so many rows")
    rows.add_argument("--all", action="store_true", help="every row of a table, not only the first 20")
    query.add_argument(
        "--output", type=Path, metavar="FILE", help="write every row to a file: .csv, .json or .parquet"
    )
    query.add_argument("--no-pager", action="store_true", help="print a long table in one go")

    audit = command(commands, "audit", _audit, "prove that bronze holds exactly the bytes TMDB sent")
    audit.add_argument("--json", action="store_true", help="print the result as JSON")

    report = command(commands, "report", _report, "where the day's report is; --open shows it")
    report.add_argument("--day", type=day, metavar="YYYY-MM-DD", help="the newest if not given")
    report.add_argument("--open", action="store_true", help="open it in the browser")

    operations.add(commands)
    _sandbox_commands(commands)
    return parser


def _sandbox_commands(commands: Commands) -> None:
    sandbox = command(
        commands,
        "sandbox",
        _sandbox,
        "serve invented shows, or recordings, as TMDB would; `tally sandbox fill` writes a past",
    )
    sandbox.add_argument("--port", type=within(0, 65535), default=8787, help="8787; 0 takes any free one")
    sandbox.add_argument("--latency-ms", type=float, default=0.0, metavar="N", help="what each reply takes")
    sandbox.add_argument("--recordings", type=Path, metavar="DIR", help="replay recordings from this folder")
    sandbox.add_argument("--snapshot", metavar="DATE", help="which of the recordings")
    sandbox.add_argument(
        "--beyond",
        choices=("end", "error"),
        default="end",
        help="how a page that was not recorded is answered: as the end of the list, or with 404",
    )
    sandbox.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="NAME[:KEY=VALUE,…]",
        help="a fault, e.g. server-error:page=3,times=2; repeatable; an unknown name lists them all",
    )
    below = sandbox.add_subparsers(title="commands", metavar="fill")
    fill = command(below, "fill", _fill, "write past days of bronze, as if captured then")
    fill.add_argument("--days", type=within(1, 3650), default=90, help="how many days before today (90)")
