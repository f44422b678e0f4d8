"""Writes tally_pipeline/events/contract.schema.json: the contract of viewers' events, for those who send them.

What is published there stays: an event whose properties change gets another class with the next schema number.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from tally_pipeline.events.contract import PROPS, Event, Request

FILE = Path(__file__).parents[1] / "tally_pipeline" / "events" / "contract.schema.json"


def generated() -> dict[str, Any]:
    """The contract as the code has it now: JSON Schema of the request, of an event, and of each event's `props`."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "generated_by": "make docs",
        "request": msgspec.json.schema(Request),
        "event": msgspec.json.schema(Event),
        "props": {f"{name}@{schema}": msgspec.json.schema(props) for (name, schema), props in PROPS.items()},
    }


def broken(published: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The published parts that the code has otherwise or no more, each with the remedy."""
    faults = [
        f"the {part} is published, and has changed: senders hold on to it, so a new form needs an address of its own"
        for part in ("request", "event")
        if _bare(now[part]) != _bare(published[part])
    ]
    for name, schema in published["props"].items():
        if _bare(now["props"].get(name)) != _bare(schema):
            event, _, number = name.partition("@")
            faults.append(
                f"{name} is published, and has changed or is gone: keep it, and declare the new form as"
                f" ({event!r}, {int(number) + 1}) in events/contract.py"
            )
    return faults


def _bare(schema: Any) -> Any:
    """The schema without its descriptions, which may get better."""
    if isinstance(schema, dict):
        return {name: _bare(value) for name, value in schema.items() if name != "description"}
    return [_bare(value) for value in schema] if isinstance(schema, list) else schema


def text(contract: Mapping[str, Any]) -> str:
    """The file's text."""
    return json.dumps(contract, indent=2) + "\n"


if __name__ == "__main__":
    contract = generated()
    if faults := FILE.exists() and broken(json.loads(FILE.read_text(encoding="utf-8")), contract):
        raise SystemExit("\n".join(faults))
    if "--check" in sys.argv and text(contract) != FILE.read_text(encoding="utf-8"):
        raise SystemExit(f"{FILE} is not what events/contract.py says: run `make docs`")
    FILE.write_text(text(contract), encoding="utf-8")
