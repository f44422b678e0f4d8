"""The fuzz targets: each takes any bytes, and fails if its claim does not hold for them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from proof.fuzzing import properties_of_data as data
from proof.fuzzing import properties_of_events as events
from proof.fuzzing import properties_of_text as words
from tally_pipeline.events.door import Accepted, receive
from testkit.captures import HOSTILE_ROWS, NASTY_VALUES, capture, page, reply, show
from testkit.events import NOW, REQUEST_ID, SOUND, body, event, request


@dataclass(frozen=True)
class Target:
    """`share`: how many of the inputs go to it, of the sum of all shares. `seeds`: what fuzzing starts from."""

    run: Callable[[bytes], None]
    share: int
    seeds: Callable[[], list[bytes]]

    @property
    def claim(self) -> str:
        """The claim in words."""
        return str(self.run.__doc__)


def _replies() -> list[bytes]:
    whole = reply(1, [show(number) for number in range(1, 4)])
    odd = [reply(1, [row]) for row in [*HOSTILE_ROWS[:8], *NASTY_VALUES[::9]]]
    return [whole, *odd, b'{"page":1,"results":[]}', b'{"status_code":25,"status_message":"x"}', b"<html>"]


def _objects() -> list[bytes]:
    pages = [page(1, [show(1), show(2)]), page(3, [show(2), show(3)])]
    return [capture(pages, [2]), *_replies()]


def _turns() -> list[bytes]:
    return [bytes(range(start, start + 60)) for start in range(0, 190, 13)] + [bytes(40), b"\xff" * 40]


def _exports() -> list[bytes]:
    lines = b"\n".join(b'{"id":%d,"original_name":"A","popularity":1.5}' % number for number in range(5))
    return [b"\x00" + gzip.compress(lines, mtime=0), b"\x00" + gzip.compress(lines, 0, mtime=0), *_turns()]


def _requests() -> list[bytes]:
    bodies = [
        body(event(1), event(2)),
        json.dumps(request(event()), indent=1).encode(),
        body(7, None, "}\n{"),
    ]
    plain = [b"\0" + one for one in bodies]
    return [
        *plain,
        *(b"\x80" + one for one in bodies),
        *(b"\xff" + gzip.compress(one, mtime=0) for one in bodies),
    ]


def line_of(one: Any) -> bytes:
    """The line of an event that came through the door."""
    answer = receive({}, body(one), key_hashes=(), now=NOW, new_id=lambda: REQUEST_ID)
    assert isinstance(answer, Accepted)
    return answer.lines


def _lines() -> list[bytes]:
    whole = [event(name=name, props=props) for name, props in SOUND.items()]
    odd = [event(2, extra=1), event(3, props={}), event(user_id=None), event(schema=2), 7]
    return [line_of(one) for one in [*whole, *odd]]


def _texts(*texts: str) -> Callable[[], list[bytes]]:
    return lambda: [*(text.encode() for text in texts), *_turns()]


_KEY = f"bronze/tmdb/shows/popular_shows/dt={data.DT}/run-1.json"
_CURSOR = '{"receipts":["a"],"swept":"2026-01-05","seen":{}}'
_EVENT = json.dumps(
    {"Records": [{"s3": {"bucket": {"name": "tally-datalake-test"}, "object": {"key": _KEY}}}]}
)
_DOTENV = "TMDB_API_TOKEN=abc\nexport TALLY_PORT='3001' # here\nTALLY_HOME=\"${HOME}/x\"\n"

TARGETS: Mapping[str, Target] = {
    "page": Target(data.a_page, 22, _replies),
    "capture": Target(data.an_object, 8, _objects),
    "rows": Target(data.some_rows, 8, _turns),
    "cutting": Target(data.cutting, 22, lambda: [*_replies(), *NASTY_VALUES, *HOSTILE_ROWS[:15]]),
    "reply": Target(data.a_reply, 20, lambda: [*_replies(), *_turns()]),
    "export": Target(data.an_export, 8, _exports),
    "genres": Target(data.some_genres, 15,
                     _texts('{"genres":[{"id":18,"name":"Drama"},{"id":"x"},{"id":-1,"name":""},null]}')),
    "events": Target(events.a_request, 30, _requests),
    "lines": Target(events.a_line, 30, _lines),
    "key": Target(words.a_key, 40, _texts(_KEY, _KEY.replace("run-1", ".."))),
    "message": Target(words.a_message, 15, _texts("\0" + _EVENT)),
    "cursor": Target(words.a_cursor, 10, _texts(_CURSOR)),
    "settings": Target(words.some_settings, 20, _turns),
    "dotenv": Target(words.a_dotenv, 6, _texts(_DOTENV)),
    "sql": Target(words.some_sql, 5, _texts("\0SELECT title FROM silver_shows WHERE rank = 1")),
    "answer": Target(words.an_answer, 1, _texts("\0SELECT count(*) FROM silver_shows")),
}  # fmt: skip

_WORDS = (
    '"results": "_metadata": "pages": "rows_bytes": "before": "id": NaN \\ud800 "genres": "Records": "s3": ../ dt='
    ' "status_code": 1e999 \\u0000 { [ ] } SELECT FROM silver_shows WITH UNION'
    ' "sent_at": "device_id": "app": "events": 2026-03-01T12:00:00Z "event": "index":'
    ' "event_id": "name": "schema": "occurred_at": "seq": "session_id": "user_id": "consent":'
    ' "props": "show_id": "surface":'
)
DICTIONARY = sorted({word.encode() for word in _WORDS.split()})
"""Texts that fuzzing may insert anywhere."""
