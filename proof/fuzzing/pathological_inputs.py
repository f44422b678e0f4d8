"""`python -m proof.fuzzing.pathological_inputs`: inputs that nobody meets by chance, on the whole way to Parquet."""

from __future__ import annotations

import gzip
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from proof.fuzzing.properties_of_data import DT, accounted, an_export
from tally_pipeline.bronze import list_capture
from tally_pipeline.bronze.list_capture import MalformedPageError, Metadata
from tally_pipeline.datasets import PLACES, named
from tally_pipeline.datasets.captures import audit, choose
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import refine
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.object_events import FolderObjectEvents
from tally_pipeline.lake.store import LakeError, Store
from testkit.captures import reply, show, text_of, with_value
from testkit.stored_days import keys_of

MB = 1 << 20
DEEP = 10_000


def _rows() -> Iterator[tuple[str, bytes]]:
    """The text of a row that is to cost nothing but itself."""
    yield "a row of 10 MB: its overview", text_of(show(7, overview="x" * (10 * MB)))
    yield "a row of 10 MB: escapes", with_value("overview", b'"' + b"\\u00e9" * (10 * MB // 6) + b'"')
    yield "a row of 10 MB: its name", text_of(show(7, name="n" * (10 * MB)))
    yield (
        "a row of 10 MB: a million genres",
        with_value("genre_ids", b"[" + b"1234567," * (10 * MB // 8) + b"1]"),
    )
    yield "a row of 10 MB: blanks between", text_of(show(7))[:-1] + b" " * (10 * MB) + b"}"
    yield "100,000 unknown fields", b"{" + b",".join(b'"f%d":1' % n for n in range(100_000)) + b"}"
    for field in ("overview", "genre_ids", "new"):
        yield f"{DEEP:,} lists deep in {field}", with_value(field, b"[" * DEEP + b"]" * DEEP)
        yield f"{DEEP:,} objects deep in {field}", with_value(field, b'{"a":' * DEEP + b"1" + b"}" * DEEP)
    yield f"{DEEP:,} deep, the row itself", b"[" * DEEP + b"]" * DEEP
    yield "1,000,000 deep", b"[" * 1_000_000 + b"]" * 1_000_000
    for name, value in {
        "NaN": b"NaN", "-Infinity": b"-Infinity", "1e999": b"1e999", "a number of 10,000 digits": b"9" * 10_000,
        "a fraction of 10,000 digits": b"0." + b"1" * 10_000, "2^63": b"9223372036854775808", "-0": b"-0",
    }.items():  # fmt: skip
        for field in ("id", "popularity", "vote_count", "genre_ids", "new"):
            yield f"{name} as {field}", with_value(field, value)
    for text in (
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"a\\ud83dz"',
        b'"\xed\xa0\x80"',
        b'"\\u0000"',
        b'"\xff"',
    ):
        for field in ("name", "overview", "new"):
            yield f"{text!r} as {field}", with_value(field, text)
    sound = text_of(show(7))
    yield "every field twice", sound[:-1] + b"," + sound[1:]
    yield "id twice, of two types", sound[:-1] + b',"id":"7"}'
    yield "a field by another spelling", sound[:-1] + b',"\\u0069d":5}'
    for value in (b"true", b"null", b'"7"', b"[7]", b'{"a":7}', b"7.5"):
        for field in ("id", "name", "popularity", "genre_ids", "origin_country", "first_air_date"):
            yield f"{field} is {value.decode()}", with_value(field, value)


def _whole_way(rows: list[bytes]) -> None:
    """From the reply to Parquet and back; the sound rows around must come through."""
    body = reply(1, rows)
    try:
        read = list_capture.read_page(1, body, {})
    except MalformedPageError:
        return
    found = list_capture.decode(list_capture.encode([read], Metadata()))
    ((_, again),) = list_capture.rebuild_pages(found)
    assert again == body
    refined = refine(found, data_type="popular_shows", dt=DT, key="k")
    accounted(found, refined)
    assert {1, 3} <= set(refined.silver["show_id"].to_pylist()), "a sound row was lost with it"
    footer = footer_for((), None, "tmdb", refined.counts)
    assert parquet.decode(parquet.encode(refined.silver, footer)).equals(refined.silver)
    assert parquet.decode(parquet.encode(refined.quarantine, footer)).equals(refined.quarantine)


def _row(text: bytes) -> Callable[[], None]:
    return lambda: _whole_way([text_of(show(1)), text, text_of(show(3))])


def _line(text: bytes) -> Callable[[], None]:
    sound = b'{"id":1,"original_name":"A","popularity":1.5}'
    return lambda: an_export(
        b"\0" + gzip.compress(b"\n".join([sound, text, sound.replace(b"1,", b"3,")]), 1, mtime=0)
    )


NAMES = (
    b"..json", b"...json", b"a b.json", "é.json".encode(), b"%2e%2e%2fx.json", b"*.json",
    b"[a].json", b"a#1.json", b"#1", b"~.json", b"-rf.json", b"a'b.json", b'a"b.json', b"$(id).json", b"a\\b.json",
    b"x" * 250 + b".json", b".hidden.json", b"a.JSON", b"\xe2\x80\xae.json",
)  # fmt: skip


def _names_of_files() -> None:
    """Files of any name among the captures: those that are no captures are passed over or named, nothing breaks."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Store.in_folder(Path(folder) / "lake"), "sandbox")
        key = BronzeKey("popular_shows", DT, "good")
        row = list_capture.read_page(1, reply(1, [show(1)]), {})
        lake.write_bronze(
            key, list_capture.encode([row], Metadata(data_type="popular_shows", source="sandbox"))
        )
        root = os.fsencode(lake.store.root)
        for name in NAMES:
            for place in (os.fsencode(layout.bronze_prefix("popular_shows", DT)), b"bronze/tmdb/shows"):
                with suppress(OSError):  # not every file system takes every name
                    Path(os.fsdecode(root + b"/" + place + b"/" + name)).write_bytes(b"{}")
            with suppress(OSError):
                Path(os.fsdecode(root + b"/bronze/tmdb/shows/" + name + b".d/dt=" + name)).mkdir(parents=True)
        assert choose(lake, named("popular_shows"), DT).key == key
        found, _ = FolderObjectEvents(Path(lake.store.root), PLACES).poll(None)
        assert [keys_of(arrival)[-1].data_type for arrival in found] == ["popular_shows"]
        assert key in keys_of(found[0])
        assert next(one for one in audit(lake) if one.key == str(key)).problems == ()


def _name_that_no_store_takes() -> None:
    """A file whose name is no text stops the day in a sentence that says so: it might be a capture."""
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Store.in_folder(Path(folder)), "sandbox")
        for name in (b"\xff.json", b"a\nb.json"):
            place = Path(folder, layout.bronze_prefix("popular_shows", DT))
            place.mkdir(parents=True, exist_ok=True)
            path = Path(os.fsdecode(os.fsencode(place) + b"/" + name))
            try:
                path.write_bytes(b"{}")
            except OSError:  # this file system does not take it either
                continue
            with pytest.raises(LakeError, match="has a name that no object store takes"):
                choose(lake, named("popular_shows"), DT)
            FolderObjectEvents(Path(folder), PLACES).poll(None)
            path.unlink()


def monsters() -> dict[str, Callable[[], None]]:
    """Every monster by name."""
    found = {f"row: {name}": _row(text) for name, text in _rows()}
    found |= {f"line: {name}": _line(text) for name, text in _rows() if b"\n" not in text}
    found["page: 20,000 rows of all of these"] = lambda: _whole_way(
        [text_of(show(1)), text_of(show(3)), *[text for _, text in _rows() if len(text) < 5000] * 250]
    )
    found["names: files of any name among the captures"] = _names_of_files
    found["names: files whose names are no text"] = _name_that_no_store_takes
    found["metadata: 10,000 deep"] = lambda: _odd_metadata(b"[" * DEEP + b"]" * DEEP)
    found["metadata: a page of -5 rows"] = lambda: _odd_metadata(
        json.dumps({"pages": [{"page": 1, "rows": -5, "rows_bytes": -9}]}).encode()
    )
    return found


def _odd_metadata(text: bytes) -> None:
    found = list_capture.decode(b'{"results":[' + text_of(show(1)) + b'],"_metadata":' + text + b"}")
    accounted(found, refine(found, data_type="popular_shows", dt=DT, key="k"))


def main() -> int:
    """Prints each monster's name before it is met: the last one printed is the one that killed the process."""
    wrong = 0
    for name, meet in monsters().items():
        print(f"meets {name}", flush=True)
        began = time.process_time()
        try:
            meet()
        except Exception as error:  # noqa: BLE001 - the next monster must be met as well
            wrong += 1
            print(f"BROKEN {name}: {type(error).__name__}: {str(error)[:300]}", flush=True)
        seconds = time.process_time() - began
        if seconds > 60:
            wrong += 1
            print(f"BROKEN {name}: took {seconds:.0f} s of CPU", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
