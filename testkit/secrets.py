"""Secrets for a pipeline, and the search for them in all its output."""

from __future__ import annotations

import base64
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from testkit.tmdb.scripted_server import Answer, ScriptedServer, error_body

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJhdWQiOiJ0YWxseS10b2tlbiJ9.c2lnbmF0dXJl+of/it="


KEY = "5ec2e7c0ffee5ec2e7c0ffee5ec2e7c0"


SECRETS = (TOKEN, KEY)


def forms(secret: str) -> Iterator[bytes]:
    """The ways in which a secret may be written. Its beginning finds it even if it was cut."""
    yield secret[:12].encode()
    yield quote(secret, safe="").encode()[:12]
    # In base64 preceding bytes shift the letters, by 0, 1 or 2; its own first and last letters vary.
    for shift in range(3):
        yield base64.b64encode(b"\0" * shift + secret[:30].encode())[4:-4]


def echoes(server: ScriptedServer, said: str) -> None:
    """Makes the server's answers repeat the request, as a proxy's error page would."""
    server.always = {
        1: Answer(server.good(1)),
        2: Answer(error_body(11, f"Who is {said}?"), 500),
        3: Answer(f"<html>You asked with {said} and {quote(said, safe='')}</html>".encode()),
        4: Answer(status=302, headers={"Location": f"/3/tv?api_key={said}"}),
        5: Answer(error_body(7, f"{said} is not valid"), 401),
    }


def everything_written(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Each file below a folder, packed ones also unpacked; of databases each value as well."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        yield str(path), path.read_bytes()
        if path.suffix == ".db":
            yield from ((f"{path}: {where}", value) for where, value in _values(path))


def _values(path: Path) -> Iterator[tuple[str, bytes]]:
    with closing(sqlite3.connect(path)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in database.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    body = value if isinstance(value, bytes) else str(value).encode()
                    with suppress(zlib.error):
                        body = zlib.decompress(body)
                    yield table, body
