"""Damage to a daily export: pure functions from the file to the bytes that are sent in its place."""

from __future__ import annotations

import gzip

BAD_LINES = (
    b"this line is not JSON",
    b'{"id":7654321,"original_name":"Cut Off',
    b'{"original_name":"Nobody\'s Child","popularity":1.5}',
    b'{"id":-3,"original_name":"Below Zero","popularity":0.5}',
    b'{"id":7654322,"original_name":"  ","popularity":0.5}',
    b'{"id":7654323,"original_name":"Loud","popularity":"loud"}',
    b'{"id":7654324,"original_name":"Nothing","popularity":NaN}',
    b"[7654325]",
    b"null",
)
"""Lines that break the contract, each in its own way."""


def broken_gzip(body: bytes) -> bytes:
    """The file with a few bytes in its middle inverted."""
    middle = len(body) // 2
    return body[:middle] + bytes(byte ^ 0xFF for byte in body[middle : middle + 16]) + body[middle + 16 :]


def bad_lines(body: bytes, count: int) -> bytes:
    """The file with `count` more lines that break the contract, spread over it, and whole as a file."""
    lines = gzip.decompress(body).splitlines()
    for turn in range(count):
        lines.insert((turn + 1) * len(lines) // (count + 1), BAD_LINES[turn % len(BAD_LINES)])
    return _file(lines)


def fewer_lines(body: bytes, share: float) -> bytes:
    """The first `share` of the file's lines, whole as a file."""
    lines = gzip.decompress(body).splitlines()
    return _file(lines[: int(len(lines) * share)])


def _file(lines: list[bytes]) -> bytes:
    return gzip.compress(b"".join(line + b"\n" for line in lines), compresslevel=1, mtime=0)
