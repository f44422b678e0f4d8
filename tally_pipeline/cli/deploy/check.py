"""`tally deploy check`: checks that every resource of the pipeline exists, is reachable and matches the contract."""

from __future__ import annotations

import json
from collections.abc import Iterator

from rich.markup import escape

from tally_pipeline.cli import terminal
from tally_pipeline.cli.deploy import local
from tally_pipeline.cli.deploy.checked import Checked
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.plurals import counted, noun

_MARKS = {"good": "[green]✓[/green]", "wrong": "[red]✗[/red]", "unsure": "[yellow]![/yellow]"}


def check(settings: Settings, *, as_json: bool) -> int:
    """Check each resource and print its state. Changes nothing. 1 if something is wrong, else 0."""
    terminal.words().print(f"settings from {settings.told_by}", markup=False)
    found = []
    for checked in _checked(settings):
        found.append(checked)
        if not as_json:
            _print(checked)
    wrong = sum(checked.state == "wrong" for checked in found)
    if as_json:
        terminal.print_json(json.dumps(_told(settings, found), indent=2, ensure_ascii=False))
    else:
        unsure = sum(checked.state == "unsure" for checked in found)
        told = (
            f"{wrong} of {len(found)} {noun(wrong, 'is', 'are')} wrong"
            if wrong
            else f"None of {len(found)} is wrong"
        )
        terminal.words().print(told + (f", {counted(unsure, 'is', 'are')} worth a look." if unsure else "."))
    return 1 if wrong else 0


def _checked(settings: Settings) -> Iterator[Checked]:
    deployment = deploy(settings)
    if settings.aws is None:
        yield from local.checked(deployment)
    else:
        # boto3 takes a second to import.
        from tally_pipeline.aws.session import Aws
        from tally_pipeline.cli.deploy import aws

        yield from aws.checked(Aws(settings.aws), deployment)


def _print(checked: Checked) -> None:
    out = terminal.out()
    told, todo = (escape(terminal.on_one_line(text)) for text in (checked.told, checked.todo))
    out.print(f"{_MARKS[checked.state]} {escape(f'{checked.resource:22}')} {told}", soft_wrap=True)
    if checked.todo:
        out.print(f"  {'':22} → {todo}", soft_wrap=True)


def _told(settings: Settings, found: list[Checked]) -> dict[str, object]:
    return {
        "deployment": settings.deployment,
        "good": all(checked.state != "wrong" for checked in found),
        "resources": [
            {"resource": one.resource, "state": one.state, "told": one.told, "todo": one.todo}
            for one in found
        ],
    }
