"""`tally deploy prove`: says what it will do and costs, tries it, takes its traces away, and records what it saw."""

from __future__ import annotations

import platform
import signal
import sys
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import boto3
import click
from rich.markup import escape

from tally_pipeline import __version__, clock
from tally_pipeline.aws.errors import RAISED, code_of, explain, explained, redact
from tally_pipeline.aws.session import Aws
from tally_pipeline.cli import terminal
from tally_pipeline.cli.deploy.prove import alarms, analyst, emulators, events, objects, price, queries
from tally_pipeline.cli.deploy.prove.proof import DENIED, Proof
from tally_pipeline.cli.deploy.prove.record import Record, as_json, as_markdown
from tally_pipeline.cli.deploy.prove.trial import NotTriedError, Trial, Tried
from tally_pipeline.deployment import Settings, SettingsError, deploy
from tally_pipeline.lake.store import LakeError

SUFFIXES = {".md": as_markdown, ".json": as_json}

_MARKS = {
    "holds": "[green]✓[/green]",
    "fails": "[red]✗[/red]",
    "known difference": "[yellow]≠[/yellow]",
    "not tried": "[yellow]–[/yellow]",
}


@dataclass(frozen=True)
class Options:
    """The command's options."""

    as_json: bool = False
    output: Path | None = None
    mail_wait: int = 60
    analyst_role: str | None = None
    yes: bool = False


def prove(settings: Settings, options: Options) -> int:
    """Make every trial and print its outcome. 1 if one fails, else 0.

    Raises `SettingsError` for settings without AWS and for a file that can't be written, `AwsError` without usable
    credentials: both before anything is tried.
    """
    if settings.aws is None:
        raise SettingsError(
            "there is nothing to prove on a lake in a folder: set TALLY_DEPLOYMENT=aws and the names from"
            " `tally deploy settings`; `tally deploy check` looks at a folder"
        )
    _require_writable(options.output)
    aws = Aws(settings.aws)
    with explained("ask AWS who asks, with", "the credentials of this session"):
        aws.client("sts").get_caller_identity()
    proof = Proof(
        aws,
        deploy(settings),
        ident=f"{clock.now():%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:6]}",
        mail_wait=options.mail_wait,
        analyst_role=options.analyst_role,
        ask=None if options.yes else _ask,
    )
    emulator = emulators.behind(aws)
    trials = list(_trials(proof))
    _announce(proof, emulator, trials)
    if not (options.yes or _ask("Go on?")):
        terminal.words().print("Nothing was tried.")
        return 0
    tried: list[Tried] = []
    with _ended_as_by_ctrl_c():
        try:
            for part in (objects, alarms):
                part.sweep(proof)
            _try_all(trials, emulators.KNOWN.get(emulator or "", {}), tried, quiet=options.as_json)
        finally:
            # Also after Ctrl-C: what was seen until then is told, and no trace is left that can be taken away.
            record = _record(proof, emulator, trials, tried)
            _tell(record, options)
    return 0 if record.holds else 1


@contextmanager
def _ended_as_by_ctrl_c() -> Iterator[None]:
    """While this lasts a request to end, or a closed terminal, interrupts once; then traces are taken away."""
    # SIGHUP not if it is ignored: that is the purpose of nohup.
    numbers = [
        number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN
    ]

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _trials(proof: Proof) -> Iterator[Trial]:
    for part in (objects, events, queries, analyst, alarms):
        yield from part.trials(proof)


def _try_all(trials: list[Trial], known: Mapping[str, str], tried: list[Tried], *, quiet: bool) -> None:
    for trial in trials:
        outcome = _tried(trial, known.get(trial.name))
        tried.append(outcome)
        if not quiet:
            _print(outcome)


def _tried(trial: Trial, difference: str | None) -> Tried:
    """The outcome of a trial; `difference` is why it is known not to hold here."""
    started = time.monotonic()
    scanned = None
    try:
        seen = trial.look()
        holds, told, todo, scanned = seen.holds, seen.told, seen.todo, seen.scanned
    except NotTriedError as why:
        return Tried(trial.name, trial.says, "not tried", str(why), note=difference or "")
    except LakeError as error:
        holds, told, todo = False, str(error), "mend what it names, then prove again"
    except RAISED as error:
        said, _, todo = explain(error, "try", trial.name).partition("). ")
        if code_of(error) in DENIED:
            return Tried(
                trial.name,
                trial.says,
                "not tried",
                f"{said})",
                "prove as somebody who may: the bucket's owner",
            )
        holds, told = False, f"{said})"
    except Exception as error:  # noqa: BLE001 - one trial's surprise must not keep the others from being tried
        holds, told = False, f"{type(error).__name__}: {redact(' '.join(str(error).split()))}"
        todo = "it is unexpected: tell the project, with this record"
    seconds = time.monotonic() - started
    if holds:
        note = f"known to differ here ({difference}), and no longer does" if difference else ""
        return Tried(trial.name, trial.says, "holds", told, "", note, scanned, seconds)
    if difference:
        return Tried(trial.name, trial.says, "known difference", told, "", difference, scanned, seconds)
    return Tried(trial.name, trial.says, "fails", told, todo, "", scanned, seconds)


def _record(proof: Proof, emulator: str | None, trials: list[Trial], tried: list[Tried]) -> Record:
    done = {one.name for one in tried}
    rest = [Tried(one.name, one.says, "not tried", "interrupted") for one in trials if one.name not in done]
    return Record(
        day=clock.today().isoformat(),
        account=proof.caller["Account"],
        caller=proof.caller["Arn"],
        region=proof.aws.settings.region,
        emulator=emulator,
        versions={"tally": __version__, "boto3": boto3.__version__, "Python": platform.python_version()},
        trials=[*tried, *rest],
        stays=proof.traces.take_away(),
        usd=price.billed(
            [one.scanned for one in tried if one.scanned is not None], queries.statements(), clock.today()
        ),
    )


def _tell(record: Record, options: Options) -> None:
    words = terminal.words()
    if options.output is not None:
        options.output.write_text(SUFFIXES[options.output.suffix](record), encoding="utf-8")
    if options.as_json:
        terminal.print_json(as_json(record).rstrip())
    for one in record.stays:
        words.print(terminal.on_one_line(f"stays: {one}"), markup=False)
    states = [one.state for one in record.trials]
    told = ", ".join(f"{states.count(state)} {state}" for state in _MARKS if state in states)
    where = f"; {options.output} has it all" if options.output is not None else ""
    words.print(f"{told}. About ${record.usd:.3f}{where}.", markup=False)


def _announce(proof: Proof, emulator: str | None, trials: list[Trial]) -> None:
    usd = price.expected(list(queries.statements()), clock.today())
    settings = proof.aws.settings
    on = "AWS" if emulator is None else f"an emulator ({emulator}), not AWS"
    lines = (
        f"{len(trials)} trials on {on}: account {proof.caller['Account']}, {settings.region},"
        f" as {proof.caller['Arn']}.",
        f"- It puts some objects of a few bytes below s3://{settings.lake_bucket}/bronze/prove/ and silver/prove/,"
        " which no dataset and no table reads. Those of bronze stay until they expire, for nobody may delete there.",
        "- It looks for their messages in the events queue, and gives all others back.",
        f"- It asks {sum(1 for _ in queries.statements())} queries of Athena, and IAM what an analyst may do.",
        "- It rings one alarm, which is mailed to its subscribers, and puts it back.",
        "- What an earlier call that was killed left in silver, or of its alarm, it takes away.",
        f"- It costs about ${usd:.2f} at list prices; more where a query reads more than 10 MB.",
    )
    for line in lines:
        terminal.words().print(terminal.on_one_line(line), markup=False)


def _ask(question: str) -> bool:
    if not sys.stdin.isatty():
        raise SettingsError("nobody is there to answer: --yes goes on without asking")
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        raise KeyboardInterrupt from None


def _require_writable(output: Path | None) -> None:
    if output is None:
        return
    if output.suffix not in SUFFIXES:
        raise SettingsError(
            f"{output} would be neither Markdown nor JSON: let its name end with .md or .json"
        )
    was_there = output.exists()
    try:
        with output.open("a", encoding="utf-8"):
            pass
        if not was_there:  # nothing empty is left if this is killed
            output.unlink()
    except OSError as error:
        raise SettingsError(
            f"{output} cannot be written ({error.strerror}): name a file in a folder that is there and is yours"
        ) from None


def _print(one: Tried) -> None:
    out = terminal.out()
    seen = escape(terminal.on_one_line(one.seen))
    out.print(f"{_MARKS[one.state]} {escape(f'{one.name:34}')} {seen}", soft_wrap=True)
    for mark, text in (("→", one.todo), ("≠", one.note)):
        if text:
            out.print(f"  {'':34} {mark} {escape(terminal.on_one_line(text))}", soft_wrap=True)
