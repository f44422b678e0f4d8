"""The fuzzing corpus: inputs of proof/fuzzing, drawn from a seed, and all lists and genres that were recorded."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from pathlib import Path

import hypothesis
from hypothesis import strategies as st

from proof.fuzzing import generators, pathological_inputs
from testkit.captures import (
    HOSTILE_ROWS,
    JSON_VALUES,
    NASTY_VALUES,
    ROW_SOUP,
    STYLES,
    reply,
    row_texts,
    show,
    with_value,
)

KINDS = ("rows", "page", "export", "genres")
"""A capture by its rows; a page as it comes from TMDB; a day's export; the reply with the genres."""

MODEST_BYTES = 200_000
"""Monsters above this are met in the long form only."""

Input = tuple[str, bytes]
"""Its kind, and the bytes."""


def inputs(seed: int, each: int, *, monstrous: bool) -> Iterator[Input]:
    """`each` inputs drawn from the seed of every kind, and those that are always tried."""
    draw = random.Random(seed)
    for _ in range(each):
        yield "rows", _results(generators.rows(draw.randbytes(draw.randint(1, 400))))
        yield "page", _spoiled(draw, reply(draw.randint(1, 3), generators.rows(draw.randbytes(120), most=6)))
        yield "export", _lines(draw, generators.rows(draw.randbytes(draw.randint(1, 400))))
        yield "genres", _spoiled(draw, b'{"genres":[' + b",".join(_genres(draw)) + b"]}")
    yield from _drawn(seed, each)
    yield from _always()
    for _, text in pathological_inputs._rows():
        if monstrous or len(text) <= MODEST_BYTES:
            rows = [with_value("id", b"1"), text, with_value("id", b"3")]
            yield "rows", _results(rows)
            yield "page", reply(1, rows)
            if b"\n" not in text:
                yield "export", gzip.compress(b"\n".join(rows), 1, mtime=0)


def recorded(recordings: Path) -> Iterator[Input]:
    """Each recorded reply that holds shows or genres, whatever it is a list of."""
    for line in (recordings / "index.jsonl").read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        body = (recordings / entry["body"]).read_bytes()
        if b'"results"' in body:
            yield "page", body
            yield "rows", body
        if b'"genres"' in body:
            yield "genres", body


def _always() -> Iterator[Input]:
    """Every nasty value in every field, and every hostile row, each between two sound ones."""
    odd = [*HOSTILE_ROWS, *NASTY_VALUES, *(with_value(name, bad) for name in show() for bad in NASTY_VALUES)]
    for row in odd:
        yield "rows", _results([with_value("id", b"1"), row, with_value("id", b"3")])
    for start in range(0, len(odd), 40):
        some = [row for row in odd[start : start + 40] if b"\n" not in row]
        yield "export", gzip.compress(b"\n".join(some), 1, mtime=0)
        yield "page", reply(1, some)


def _drawn(seed: int, count: int) -> list[Input]:
    """Rows as a person would think of them, by hypothesis."""
    values = st.builds(lambda value, style: json.dumps(value, **style).encode(), JSON_VALUES, STYLES)
    rows = st.builds(_results, ROW_SOUP | st.lists(row_texts(), min_size=1, max_size=30))
    genres = st.builds(lambda value: b'{"genres":' + value + b"}", values)
    found: list[Input] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(rows, values, genres)
    def collect(some: bytes, value: bytes, of_genres: bytes) -> None:
        found.extend((("rows", some), ("page", value), ("genres", of_genres)))

    collect()
    return found


def _genres(draw: random.Random) -> list[bytes]:
    sound = [b'{"id":%d,"name":"Genre %d"}' % (number, number) for number in draw.sample(range(1, 50), 5)]
    return [draw.choice(NASTY_VALUES) if draw.random() < 0.2 else text for text in sound]


def _lines(draw: random.Random, rows: list[bytes]) -> bytes:
    """A day's file of such lines among sound ones; one in ten is spoiled on its way."""
    sound = [b'{"id":%d,"original_name":"A","popularity":%d.5}' % (n, n % 7) for n in range(1, 12)]
    lines = [*rows, *sound]
    draw.shuffle(lines)
    file = gzip.compress(b"\n".join(lines), compresslevel=1, mtime=0)
    return _spoiled(draw, file)


def _spoiled(draw: random.Random, body: bytes) -> bytes:
    """The same nine times in ten, else cut off or with one byte changed."""
    kind, place = draw.randrange(20), draw.randrange(len(body))
    if kind == 0:
        return body[:place]
    return body[:place] + draw.randbytes(1) + body[place + 1 :] if kind == 1 else body


def _results(rows: list[bytes]) -> bytes:
    return b'{"results":[' + b",".join(rows) + b"]}"
