"""`tally deploy settings`: Terraform's outputs as the settings of the pipeline, for a .env file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from tally_pipeline.cli import terminal
from tally_pipeline.settings import declared
from tally_pipeline.settings.errors import SettingsError

NEEDED = tuple(one.name for one in (declared.DEPLOYMENT, declared.REGION, *declared.NEEDED_ON_AWS))
OPTIONAL = tuple(
    one.name
    for one in (
        declared.DEAD_LETTERS_QUEUE,
        declared.ALERTS_TOPIC,
        declared.TOKEN_PARAMETER,
        declared.RETENTION_DAYS,
    )
)

_PLAIN = re.compile(r"[\w./:@=+,-]+")


def print_settings(source: TextIO) -> int:
    """Print a line for each output that is a setting; raises `SettingsError` before anything is printed."""
    try:
        outputs = json.load(source)
    except ValueError:
        outputs = None
    if not isinstance(outputs, dict) or not all(isinstance(one, dict) for one in outputs.values()):
        raise SettingsError(
            "standard input is not Terraform's outputs: terraform -chdir=deploy output -json | tally deploy settings"
        )
    lines, left_out = of_outputs(outputs)
    print("# Written by `tally deploy settings` from Terraform's outputs.")
    print("\n".join(lines))
    for reason in left_out:
        terminal.words().print(f"left out: {reason}", markup=False)
    return 0


def of_outputs(outputs: Mapping[str, Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """The lines of a .env file, and the reasons for omitted outputs. No secret is in either.

    Raises `SettingsError` if a required output is absent.
    """
    told = {name.upper(): output for name, output in outputs.items()}
    missing = [name for name in NEEDED if _text(told.get(name, {})) is None]
    if missing:
        names = ", ".join(name.lower() for name in missing)
        # With the default suffix the next apply would replace the buckets of a deployment that has none.
        before = (
            ' (applied before there were environments: set bucket_suffix = "" in terraform.tfvars first, or its'
            " buckets get new names)"
            if missing == [declared.ENVIRONMENT.name]
            else ""
        )
        raise SettingsError(
            f"Terraform's outputs lack {names}{before}: run `terraform apply` in deploy/ to its end, then this again"
        )
    lines = [
        f"{name}={_quoted(text)}"
        for name in (*NEEDED, *OPTIONAL)
        if name in told and (text := _text(told[name])) is not None
    ]
    return lines, list(_left_out(told))


def _left_out(told: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    for name, output in told.items():
        if output.get("sensitive"):
            yield f"{name.lower()} (sensitive; a secret belongs into SSM, not into a file)"
        elif name not in (*NEEDED, *OPTIONAL):
            yield f"{name.lower()} (not a setting of the pipeline)"
        elif _text(output) is None:
            yield f"{name.lower()} (it has no value, or none that fits into a line)"


def _text(output: Mapping[str, Any]) -> str | None:
    """An output's text; None where it is secret, absent or no plain text."""
    value = output.get("value")
    if output.get("sensitive") or not isinstance(value, str) or not value or not value.isprintable():
        return None
    return value


def _quoted(text: str) -> str:
    """The text quoted for python-dotenv."""
    if _PLAIN.fullmatch(text):
        return text
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
