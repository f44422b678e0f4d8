"""The page for those who send events says what the door does: its example is taken in, its numbers are the code's."""

from __future__ import annotations

import json
import re
import uuid
from datetime import datetime
from typing import Any

from tally_pipeline.events.contract import HEARTBEAT_SECONDS, MOST_BYTES, MOST_EVENTS, PROPS
from tally_pipeline.events.door import Accepted, Refused, hash_of, receive
from tally_pipeline.events.reading import Row, read
from tally_pipeline_tests.docs.pages import page

PAGE = page("docs/events.md")


def example() -> Any:
    """The body that the page's curl sends."""
    (text,) = re.findall(r"--json '(\{.*\})'", PAGE.text, re.DOTALL)
    return json.loads(text)


def post(sent: Any, key: str | None = None) -> Accepted | Refused:
    now = datetime.fromisoformat(example()["sent_at"])
    keys = [hash_of(key)] if key else []
    return receive({}, json.dumps(sent).encode(), key_hashes=keys, now=now, new_id=lambda: str(uuid.uuid4()))


def test_the_example_is_taken_in_and_read() -> None:
    answer = post(example())
    assert isinstance(answer, Accepted)
    assert f'202 `{{"accepted": {answer.events}}}`' in PAGE.text
    found = read(answer.lines)
    assert isinstance(found, Row), found
    assert found.unknown == ()


def test_what_the_page_says_of_a_refusal_is_so() -> None:
    statuses = {
        int(status): text for status, text in re.findall(r"^\| (\d{3})[ `|,](.*)$", PAGE.text, re.MULTILINE)
    }
    many = {**example(), "events": example()["events"] * (MOST_EVENTS + 1)}
    refusals = [post({}), post(example(), key="another"), post(many)]
    assert [one.status for one in refusals if isinstance(one, Refused)] == [400, 401, 413]
    assert {400, 401, 413} < statuses.keys()
    assert f"more than {MOST_EVENTS} events or {MOST_BYTES // 1024} KiB" in statuses[413]


def test_every_event_of_the_contract_is_in_the_table_and_no_other() -> None:
    named = re.findall(r"^\| (`[a-z_`, ]+`) \|", PAGE.text, re.MULTILINE)
    assert sorted(re.findall("`([a-z_]+)`", " ".join(named))) == sorted({name for name, _ in PROPS})


def test_its_numbers_are_the_contracts() -> None:
    assert f"at most {MOST_EVENTS} events and {MOST_BYTES // 1024} KiB" in PAGE.text
    assert f"every {HEARTBEAT_SECONDS} seconds of play" in PAGE.text
