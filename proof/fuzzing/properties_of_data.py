"""Claims about any bytes from TMDB or the lake: each function raises if its claim does not hold."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from requests.structures import CaseInsensitiveDict

from proof.fuzzing import generators
from tally_pipeline.bronze import genre_reply, list_capture, rawjson
from tally_pipeline.bronze.genre_reply import UnreadableGenresError
from tally_pipeline.bronze.list_capture import Bronze, MalformedPageError, Metadata, UnreadableBronzeError
from tally_pipeline.contracts.lines import UnreadableExportError, count_lines
from tally_pipeline.datasets.genres import refinement as genres
from tally_pipeline.datasets.series import refinement as series
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import Refined, refine
from tally_pipeline.lake import parquet
from tally_pipeline.tmdb.errors import TmdbError
from tally_pipeline.tmdb.exchange import Request, Response
from tally_pipeline.tmdb.fetch import page_from
from tally_pipeline.tmdb.redaction import redactor
from testkit.plain_refining import assert_refined_as_plainly

SECRET = "eyJhbGciOiJIUzI1NiJ9.c2VjcmV0.0123456789"
DT = "2025-12-24"


def a_page(data: bytes) -> None:
    """A reply is refused in words, or kept so that it can be rebuilt to the byte."""
    try:
        read = list_capture.read_page(1, data, CaseInsensitiveDict({"ETag": data[:40].decode("latin-1")}))
    except MalformedPageError:
        return
    assert len(read.ids) == read.record.rows
    kept = list_capture.decode(list_capture.encode([read], Metadata()))
    ((record, body),) = list_capture.rebuild_pages(kept)
    assert body == data
    assert len(kept.rows()) == record.rows


def an_object(data: bytes) -> None:
    """Any object under bronze/ is refused in words, or every row of it is accounted for."""
    try:
        found = list_capture.decode(data)
        with suppress(UnreadableBronzeError):
            list_capture.rebuild_pages(found)
        refined = refine(found, data_type="popular_shows", dt=DT, key="k")
        accounted(found, refined)
    except UnreadableBronzeError:
        return


def some_rows(data: bytes) -> None:
    """Whatever the rows are, each is in silver, is a repeat of one there, or is in quarantine with its reasons."""
    text = b'{"results":[' + b",".join(generators.rows(data)) + b"]}"
    try:
        found = list_capture.decode(text)
        refined = refine(found, data_type="popular_shows", dt=DT, key="k")
    except UnreadableBronzeError:
        return
    accounted(found, refined)
    if data[:1] < b"\x10":
        body = parquet.encode(refined.silver, footer_for((), None, "tmdb", refined.counts))
        assert parquet.decode(body).equals(refined.silver)
        parquet.encode(refined.quarantine, footer_for((), None, "tmdb", refined.counts))


def accounted(found: Bronze, refined: Refined) -> None:
    """Every row of the capture is in exactly one of the three books, and as it is when each is looked at closely."""
    counts, silver, quarantine = refined.counts, refined.silver, refined.quarantine
    assert counts.bronze_rows == len(found.rows())
    if found.rows():
        assert_refined_as_plainly(found.rows())
    assert counts.balanced
    assert (silver.num_rows, quarantine.num_rows) == (counts.silver_rows, counts.quarantined)
    assert silver.schema.equals(contract.SILVER)
    silver.validate(full=True)
    quarantine.validate(full=True)
    ids = silver["show_id"].to_pylist()
    assert len(set(ids)) == len(ids)
    assert all(quarantine["reasons"].to_pylist())
    if not found.metadata.pages:
        published, rejected = set(silver["rank"].to_pylist()), set(quarantine["place"].to_pylist())
        assert not published & rejected
        assert len(published) + len(rejected) + counts.repeats == counts.bronze_rows


def cutting(data: bytes) -> None:
    """JSON is cut into the parts that Python's own parser finds; the rest is refused in words."""
    try:
        parts: Any = rawjson.members(data)
    except rawjson.MalformedJsonError:
        parts = None
    try:
        items: Any = rawjson.elements(data)
    except rawjson.MalformedJsonError:
        items = None
    try:
        told = json.loads(data.decode())
    except (ValueError, RecursionError):
        return
    if isinstance(told, dict):
        assert parts is not None
        assert {name: _same(value) for name, value in parts.items()} == {
            k: _dumped(v) for k, v in told.items()
        }
    if isinstance(told, list):
        assert items is not None
        assert [_same(bytes(item)) for item in items] == [_dumped(value) for value in told]


def _same(text: bytes) -> str:
    return _dumped(json.loads(text.decode()))


def _dumped(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def a_reply(data: bytes) -> None:
    """Any reply of TMDB's is a page or an error in words, and no secret that it repeats is in them."""
    turns = generators.Turns(data)
    status = [200, 200, 200, 429, 503, 401, 404, 301, 0, 999][turns.number(10)]
    headers = CaseInsensitiveDict(
        {name: turns.raw(30).decode("latin-1") for name in ("Retry-After", "Date", "ETag", "X-Tally-Sandbox")}
    )
    body = turns.raw(255) + (SECRET.encode() if turns.number(2) else b"") + turns.raw(255)
    request = Request("popular_shows", 1, "http://127.0.0.1/3/tv/popular")
    found = page_from(
        request,
        Response(status, headers, body, datetime(2025, 12, 24, tzinfo=UTC)),
        source="tmdb",
        scrub=redactor(SECRET),
    )
    if isinstance(found, TmdbError):
        assert SECRET[:9] not in f"{found} {found.reply}"
        assert len(str(found)) < 2000


# --- exports and genres ------------------------------------------------------------------------------------


def an_export(data: bytes) -> None:
    """A file is refused in words, or every line is published or in quarantine, by its number."""
    lines = b"\n".join(generators.rows(data[1:]))
    file = data[1:] if data[:1] < b"\x20" else gzip.compress(lines, compresslevel=0, mtime=0)
    try:
        refined = series.refine(file, key="k")
    except UnreadableExportError:
        return
    counts = refined.counts
    assert counts.lines == count_lines(file)
    if lines and file != data[1:]:
        assert_refined_as_plainly(lines.split(b"\n"), series.SERIES)
    assert counts.balanced
    assert (refined.silver.num_rows, refined.quarantine.num_rows) == (counts.silver_rows, counts.quarantined)
    assert refined.silver.schema.equals(series.SILVER)
    refined.silver.validate(full=True)
    assert refined.silver["rank"].to_pylist() == list(range(1, counts.silver_rows + 1))
    rejected = refined.quarantine["line"].to_pylist()
    assert len(set(rejected)) == len(rejected)
    assert all(1 <= line <= counts.lines for line in rejected)


def some_genres(data: bytes) -> None:
    """TMDB's genres are refused in words, or each is in silver or among the rejected."""
    try:
        genre_reply.check_reply(data)
        kept = genre_reply.decode(genre_reply.encode(data, genre_reply.Metadata()))
    except UnreadableGenresError:
        return
    refined = genres.refine(kept)
    held = rawjson.elements(rawjson.members(data)["genres"])
    assert refined.silver.num_rows + len(refined.rejected) == len(held)
    refined.silver.validate(full=True)
