"""The published contract: what senders hold on to does not change under them."""

from __future__ import annotations

import copy
import json
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tally_pipeline.events.contract import App, Event
from testkit.events import event, request

PROJECT = Path(__file__).parents[2]
SCRIPT = runpy.run_path(str(PROJECT / "scripts" / "events_schema.py"))
PUBLISHED = json.loads((PROJECT / "tally_pipeline" / "events" / "contract.schema.json").read_text())


def broken(now: dict[str, Any]) -> list[str]:
    faults: list[str] = SCRIPT["broken"](PUBLISHED, now)
    return faults


def test_the_file_is_what_the_code_says() -> None:
    subprocess.run([sys.executable, "scripts/events_schema.py", "--check"], cwd=PROJECT, check=True)


def test_a_changed_field_needs_a_new_schema_number() -> None:
    now = copy.deepcopy(SCRIPT["generated"]())
    now["props"]["show_viewed@1"]["$defs"]["ShowViewed"]["properties"]["surface"] = {"type": "string"}
    del now["props"]["app_opened@1"]
    now["event"]["$defs"]["Event"]["required"].remove("user_id")
    event_fault, *others = broken(now)
    assert event_fault.startswith("the event is published, and has changed")
    assert [fault.partition(" ")[0] for fault in others] == ["app_opened@1", "show_viewed@1"]
    assert others[1].endswith("declare the new form as ('show_viewed', 2) in events/contract.py")


def test_a_new_event_and_a_better_description_need_none() -> None:
    now = copy.deepcopy(SCRIPT["generated"]())
    now["props"]["show_viewed@2"] = now["props"]["show_viewed@1"]
    now["event"]["$defs"]["Event"]["description"] = "One event."
    assert broken(now) == []


@pytest.mark.parametrize("word", ["tv.tally", "1.4.2", "iOS 19.1", "A"])
def test_a_word_of_a_program_is_taken(word: str) -> None:
    assert msgspec.convert({**request()["app"], "id": word}, App).id == word


@pytest.mark.parametrize("word", ["", "a@b", "anna\n", "\nanna", " a", "ä", "a" * 61, "a/b"])
def test_what_could_be_an_address_or_hide_a_line_is_none(word: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**request()["app"], "id": word}, App)


@pytest.mark.parametrize(
    "event_id",
    [
        "0195513e-7c00-4000-8000-000000000001",
        "0195513E-7c00-7000-8000-000000000001",
        "0195513e-7c00-7000-c000-000000000001",
        "0195513e7c0070008000000000000001",
        "0195513e-7c00-7000-8000-000000000001\n",
    ],
)
def test_an_event_is_named_by_a_uuid_of_the_seventh_version_in_one_spelling(event_id: str) -> None:
    assert msgspec.json.decode(json.dumps(event()), type=Event)
    with pytest.raises(msgspec.ValidationError, match="event_id"):
        msgspec.json.decode(json.dumps(event(event_id=event_id)), type=Event)
