"""Makes rows, lines, keys, messages, settings and SQL out of any bytes: what a fuzzer turns, these give a shape."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from urllib.parse import quote

from tally_pipeline.query import samples
from tally_pipeline.tmdb.lists import LISTS
from testkit.captures import HOSTILE_ROWS, NASTY_VALUES, show

_PIECES_OF_KEYS = (
    *"bronze/tmdb/shows/ bronze/tmdb/ popular_shows series_export genres /dt= 2025-12-24 2025-02-30 / .json".split(),
    *".json.gz .. ../ ../../ // \\ \\..\\ %2e%2e%2f %2F ~ a run-1 lake.json silver/shows/ # #1 * ? C: CON".split(),
    *(" ", "\0", "\n", "é", "\ud800", "\u202e", "\uff0f", "x" * 260),
)
_SETTINGS = (
    "TMDB_API_TOKEN TMDB_API_KEY TMDB_BASE_URL TMDB_EXPORTS_URL TMDB_LANGUAGE TMDB_TIMEZONE TMDB_TRENDING_WINDOW"
    " TMDB_REQUESTS_PER_SECOND TMDB_ATTEMPTS TMDB_TIMEOUT_SECONDS TALLY_HOME TALLY_DEPLOYMENT AWS_REGION"
    " TALLY_LAKE_BUCKET TALLY_RESULTS_BUCKET TALLY_GLUE_DATABASE TALLY_ATHENA_WORKGROUP TALLY_EVENTS_QUEUE_URL"
    " TALLY_TOKEN_PARAMETER TALLY_FIRST_DAY TALLY_SCHEDULE TALLY_EXPORTS_SCHEDULE TALLY_GENRES_SCHEDULE"
    " TALLY_MIN_PASS_RATE TALLY_SENSOR_SECONDS TALLY_PORT TALLY_SOURCE TALLY_SANDBOX_PAST_DAYS"
).split()
_SETTINGS += [f"TALLY_PAGES_{one.name.upper()}" for one in LISTS]
_VALUES = (
    *"0 1 -1 40 1e3 1e999 nan inf -inf 95 100 101 0x10 ٣ ² 500 501 all day week local aws en-US 2025-01-01".split(),
    *"2999-01-01 2025-02-30 20250101 http://127.0.0.1:1/3 https://api.themoviedb.org/3 http:// http://[::1".split(),
    *"https://u:p@api.themoviedb.org/3 http://x/3?api_key=1 http://x:99999/3 ftp://x/3 ../../etc ~root".split(),
    *(
        "~nobody-of-that-name",
        "0 3 * * *",
        "* * * *",
        "99 99 99 99 99",
        "a token",
        "t\u00f6ken",
        "{}",
        "[]",
        "${HOME}",
    ),
    *("\0", "\n", "x" * 3000, "\udcff", "'", '"', "", " ", "abcdefghi.e30.c2ln"),
)
_WORDS = (
    *"SELECT FROM WHERE GROUP BY ORDER LIMIT WITH AS JOIN CROSS UNNEST ( ) , * . ; = <> + - / % 1 0 NULL".split(),
    *"silver_shows quarantine_shows silver_genres show_id title dt popularity genre_ids data_type t x".split(),
    *"count(*) sum(popularity) max(dt) current_date DATE INTERVAL CAST VARCHAR BIGINT CASE WHEN THEN END".split(),
    *"UNION ALL INTERSECT EXCEPT DISTINCT HAVING OVER PARTITION LATERAL VALUES TABLE EXPLAIN DESCRIBE SHOW".split(),
    *"TABLES COLUMNS IN INSERT INTO UPDATE DELETE DROP CREATE COPY TO ATTACH PRAGMA SET INSTALL LOAD CALL".split(),
    *"read_text read_csv read_parquet read_blob glob getenv pg_read_file information_schema tables memory".split(),
    *(
        "'/etc/passwd'",
        "'popular_shows'",
        "''",
        "'",
        '"',
        "`",
        "--",
        "/*",
        "*/",
        "\n",
        "\0",
        "\ud800",
        "$$",
        "@",
        "#",
    ),
    *(
        "'https://example.org/x.parquet'",
        "array[1,2]",
        "x -> x + 1",
        "map(array[1], array[2])",
        "1e999",
        "0x1F",
    ),
)


class Turns:
    """Reads choices off some bytes; when they run out, every choice is the first."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._data)

    def number(self, below: int) -> int:
        size = 1 if below <= 256 else 2
        taken = self._data[self._at : self._at + size]
        self._at += size
        return int.from_bytes(taken, "big") % below

    def of(self, choices: Sequence[bytes]) -> bytes:
        return choices[self.number(len(choices))]

    def word(self, choices: Sequence[str]) -> str:
        return choices[self.number(len(choices))]

    def raw(self, most: int) -> bytes:
        size = self.number(most + 1)
        taken = self._data[self._at : self._at + size]
        self._at += size
        return taken


def rows(data: bytes, most: int = 24) -> list[bytes]:
    """Texts of rows: sound ones, ones with something wrong, and what is no row at all."""
    turns = Turns(data)
    made: list[bytes] = []
    while turns and len(made) < most:
        kind = turns.number(10)
        if kind < 6:
            made.append(_row(turns))
        elif kind == 6:
            made.append(turns.of(HOSTILE_ROWS))
        elif kind == 7:
            made.append(turns.of(NASTY_VALUES))
        else:
            made.append(turns.raw(40))
    return made


def _row(turns: Turns) -> bytes:
    members = [
        (name.encode(), json.dumps(value).encode()) for name, value in show(turns.number(7) + 1).items()
    ]
    for _ in range(turns.number(4)):
        place = turns.number(len(members) or 1)
        if not members:
            break
        name, held = members[place]
        value = turns.of(NASTY_VALUES)
        raw = turns.raw(12) if turns.number(4) == 3 else value
        changes: list[list[tuple[bytes, bytes]]] = [
            [(name, value)], [(name, raw)], [], [(name, held), (name, value)], [(name, held), (b"new", value)],
        ]  # fmt: skip
        members[place : place + 1] = changes[turns.number(len(changes))]
    return b"{" + b",".join(b'"%s":%s' % member for member in members) + b"}"


def key(turns: Turns) -> str:
    """A key as an event may name one: ours, nearly ours, or one that leads elsewhere."""
    return "".join(turns.word(_PIECES_OF_KEYS) for _ in range(1 + turns.number(9)))


def message(data: bytes) -> str:
    """The body of a message: S3's event about some keys, or anything."""
    turns = Turns(data)
    if turns.number(3) == 0:
        return data[1:].decode("utf-8", "surrogateescape")
    records = []
    for _ in range(1 + turns.number(3)):
        named = key(turns)
        written = quote(named.encode("utf-8", "surrogatepass")) if turns.number(2) else named
        bucket = turns.word(["tally-datalake-test", "tally-datalake-test", "another", ""])
        record: object = {"s3": {"bucket": {"name": bucket}, "object": {"key": written}}}
        records.append([record, record, record, {}, None, {"s3": None}][turns.number(6)])
    event: object = [{"Records": records}, {"Records": None}, {"Event": "s3:TestEvent"}, records][
        [0, 0, 0, 0, 0, 1, 2, 3][turns.number(8)]
    ]
    return json.dumps(event, ensure_ascii=bool(turns.number(2)))


def settings(data: bytes) -> dict[str, str]:
    """An environment: some settings with values that fit, nearly fit or do not."""
    turns, told = Turns(data), {}
    for _ in range(turns.number(9)):
        name = turns.word(_SETTINGS)
        raw = turns.number(3) == 2
        told[name] = turns.raw(30).decode("utf-8", "surrogateescape") if raw else turns.word(_VALUES)
    return told


def sql(data: bytes) -> str:
    """A statement: a sample query with words changed, words in a row, or anything."""
    turns = Turns(data)
    kind = turns.number(4)
    if kind == 0:
        return data[1:].decode("utf-8", "surrogateescape")
    if kind == 1:
        return " ".join(turns.word(_WORDS) for _ in range(turns.number(60)))
    words = samples.read(turns.word(samples.names())).split(" ")
    for _ in range(turns.number(5)):
        place = turns.number(len(words))
        words[place : place + turns.number(2)] = list(_some(turns))
    return " ".join(words)


def _some(turns: Turns) -> Iterator[str]:
    for _ in range(turns.number(4)):
        yield turns.word(_WORDS)
