"""Rows, pages and captures to test with, made as the client makes them; hostile JSON to break them with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from tally_pipeline.bronze import list_capture
from tally_pipeline.bronze.completeness import assess
from tally_pipeline.bronze.list_capture import Bronze, Metadata, MissingPage, Page

Row = Mapping[str, Any]
"""One row as TMDB sends it."""


def show(show_id: int = 1, **changed: Any) -> dict[str, Any]:
    """A row that keeps every rule; fields that are not given are the same for every show."""
    row: dict[str, Any] = {
        "adult": False,
        "backdrop_path": "/b.jpg",
        "genre_ids": [18, 80],
        "id": show_id,
        "origin_country": ["US"],
        "original_language": "en",
        "original_name": "Original",
        "overview": "What happens.",
        "popularity": 12.5,
        "poster_path": "/p.jpg",
        "first_air_date": "2008-01-20",
        "name": "Name",
        "vote_average": 8.9,
        "vote_count": 1000,
    }
    return row | changed


def without(row: Row, *fields: str) -> dict[str, Any]:
    """The row with these fields left out."""
    return {name: value for name, value in row.items() if name not in fields}


def text_of(row: Row | bytes) -> bytes:
    """A row's text; raw text passes as it is, so that it can be hostile."""
    return row if isinstance(row, bytes) else json.dumps(row).encode()


def with_value(field: str, value: bytes) -> bytes:
    """The text of a sound row with the raw text of one field's value replaced, or added."""
    members = {name: json.dumps(held).encode() for name, held in show(7).items()} | {field: value}
    return b"{" + b",".join(b'"%s":%s' % (name.encode(), held) for name, held in members.items()) + b"}"


def reply(number: int, rows: Sequence[Row | bytes], total_pages: int = 3, total_results: int = 60) -> bytes:
    """The body of TMDB's reply to a request for a page."""
    results = b",".join(map(text_of, rows))
    totals = b'"total_pages":%d,"total_results":%d}' % (total_pages, total_results)
    return b'{"page":%d,"results":[%s],' % (number, results) + totals


def page(number: int, rows: Sequence[Row | bytes]) -> Page:
    """A page as the client reads it, without headers."""
    return list_capture.read_page(number, reply(number, rows), {})


def capture(pages: Sequence[Page], missing: Sequence[int] = (), **metadata: Any) -> bytes:
    """The bronze object of these pages, its page set judged as the client does; `metadata` changes the rest."""
    page_set = assess(
        missing=missing,
        ids_by_page=[page.ids for page in pages],
        totals=[(page.record.total_pages, page.record.total_results) for page in pages],
    )
    stated: dict[str, Any] = {
        "ingestion_timestamp": "2025-12-24T03:00:00.000Z",
        "execution_id": "run-1",
        "data_type": "popular_shows",
        "source": "tmdb",
        "client": "tally/0",
        "verdict": page_set.verdict,
        "page_set": page_set,
        "missing": tuple(MissingPage(page=number, error="stayed broken") for number in missing),
    }
    return list_capture.encode(pages, Metadata(**(stated | metadata)))


def bare(*rows: Row | bytes) -> Bronze:
    """A bronze object without metadata, as another tool would write it."""
    return list_capture.decode(b'{"results":[' + b",".join(map(text_of, rows)) + b"]}")


def raws(*rows: Row | bytes) -> list[msgspec.Raw]:
    """Rows as the fast parser hands them on; hostile text it refuses raises."""
    return msgspec.json.decode(b"[" + b",".join(map(text_of, rows)) + b"]", type=list[msgspec.Raw])


@dataclass(frozen=True)
class Recorded:
    """A page of a list that TMDB sent once."""

    snapshot: str
    path: str
    page: int
    headers: CaseInsensitiveDict[str]
    body: bytes

    def read(self) -> Page:
        return list_capture.read_page(self.page, self.body, self.headers)


def recorded_pages(recordings: Path) -> list[Recorded]:
    """Every page of a list of shows among the recordings, top_rated and similar included."""
    with (recordings / "index.jsonl").open(encoding="utf-8") as index:
        entries = [json.loads(line) for line in index]
    return [
        Recorded(
            snapshot=entry["snapshot"],
            path=entry["path"],
            page=int(entry["query"].get("page", 1)),
            headers=CaseInsensitiveDict(entry["headers"]),
            body=(recordings / entry["body"]).read_bytes(),
        )
        for entry in entries
        if entry["path"].startswith(("/tv/", "/trending/"))
        and entry["path"].endswith(("popular", "top_rated", "airing_today", "on_the_air", "week", "similar"))
    ]


def recorded_list(recordings: Path, snapshot: str, path: str) -> list[Page]:
    """The pages of one list of one snapshot, each once, in order."""
    found = {
        recorded.page: recorded.read()
        for recorded in recorded_pages(recordings)
        if (recorded.snapshot, recorded.path) == (snapshot, path)
    }
    return [found[number] for number in sorted(found)]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
"""Any value JSON can hold."""

STYLES: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "ensure_ascii": st.booleans(),
        "indent": st.sampled_from([None, 0, 2, "\t"]),
        "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,\r\n", "\t:\n")]),
    }
)
"""The ways to write the same JSON: keyword arguments of `json.dumps`."""

NASTY_VALUES = [
    *(
        b"null true false 0 1 -1 -0 -0.0 1.0 8 8.0 10 10.0 10.01 11 0.1e1 123e-2 1e3 1E+2 1e308 -1e999".split()
    ),
    *(b"1e999 1e400 1.5e-400 5e-324 9223372036854775807 9223372036854775808 -9223372036854775808".split()),
    *(b"18446744073709551615 18446744073709551616 99999999999999999999 10.0000000000000000001".split()),
    *(
        b'"" "x" "\\u001c" "\\u0085" "\\u00a0" "\\u200b" "\\u2003" "\\u3000" "\\u180e" "\\u0000" "\\n\\t"'.split()
    ),
    *(b'"2020-01-01" "2023-02-30" "2020-1-1" "20200101" "0000-01-01" "9999-12-31" "null" "12"'.split()),
    *(
        b'"2020-01-01T00:00" "\\ud83d\\ude00" "\\"[{" [] [1,1] [18,80,18] ["a"] [""] [null] [true] [1.0]'.split()
    ),
    *(b'[-9223372036854775808] [9223372036854775808] [1e2] [[]] {} {"a":{"b":1}} [{},{"a":null}]'.split()),
    b'" "',
    b'"2020-01-01 00:00:00"',
    '"é"'.encode(),
    '"٢٠٢٠-٠١-٠١"'.encode(),
    '"\u2029"'.encode(),
]
"""The text of values at the edges of what the contract, Arrow's parser and orjson take."""

HOSTILE_ROWS = [
    b"NaN",
    b"-Infinity",
    b'{"id":NaN}',
    b'"\\ud800"',
    b'{"name":"\\udfff"}',
    b'"\xff"',
    b'{"\xff":1}',
    b"[1 2]",
    b"tru",
    b"01",
    b"{1:2}",
    b'{"id":1,}',
    b'"a\x00b"',
    b'{"id":1,"id":2}',
    b"\xef\xbb\xbf{}",
    b"[" * 3000 + b"]" * 3000,
    b'{"a":' * 1500 + b"1" + b"}" * 1500,
]
"""Balanced text that is no JSON, or JSON that some parsers refuse: one such row must not cost the others."""


@st.composite
def row_texts(draw: st.DrawFn) -> bytes:
    """The text of a sound row of which some fields were changed, taken away, doubled or added."""
    members = [(name.encode(), json.dumps(value).encode()) for name, value in show(draw(_IDS)).items()]
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        place = draw(st.integers(0, len(members) - 1))
        name, held = members[place]
        changed = [(name, draw(st.sampled_from(NASTY_VALUES)))]
        members[place : place + 1] = draw(st.sampled_from([changed, changed, [], [(name, held)] * 2]))
    if draw(st.booleans()):
        added = st.sampled_from([b"new", b"media_type", b"adult", b"", b"a b", b"na\\u006de", b"\\u0000"])
        members.append((draw(added), draw(st.sampled_from(NASTY_VALUES))))
    gap = draw(st.sampled_from([b"", b"", b" ", b"\n", b"\r\n\t"]))
    inside = (gap + b"," + gap).join(b'"%s"%s:%s%s' % (name, gap, gap, value) for name, value in members)
    return b"{" + gap + inside + gap + b"}"


_IDS = st.integers(1, 5) | st.integers(1, 2**63 - 1)

ROW_SOUP = st.lists(
    st.one_of(
        row_texts(),
        row_texts(),
        JSON_VALUES.map(lambda value: json.dumps(value).encode()),
        st.sampled_from(HOSTILE_ROWS),
        st.sampled_from(NASTY_VALUES),
    ),
    max_size=12,
)
"""Rows of every kind, one after the other."""
