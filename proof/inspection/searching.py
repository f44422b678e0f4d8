"""Secrets to give to Tally, and the search for them in everything that was written."""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from testkit.secrets import KEY, TOKEN, everything_written, forms

SECRETS = {"TMDB_API_TOKEN": TOKEN, "TMDB_API_KEY": KEY}

Written = tuple[str, bytes]


def found_in(written: Iterable[Written], secrets: Iterable[str]) -> tuple[int, list[str]]:
    """The number of bytes searched, and the places of secrets: plain, quoted, in base64, or cut to twelve letters."""
    wanted = {form for secret in secrets for form in [*forms(secret), base64.b64encode(secret.encode())[:16]]}
    searched, found = 0, []
    for where, body in written:
        searched += len(body)
        found += [where for form in wanted if form in body]
    return searched, sorted(set(found))


@contextmanager
def everything_logged(path: Path) -> Iterator[None]:
    """Every logger of this process at DEBUG, into a file."""
    handler, root = (
        logging.FileHandler(path, encoding="utf-8", errors="backslashreplace"),
        logging.getLogger(),
    )
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()


def in_folder(folder: Path) -> Iterator[Written]:
    """Every file below, of databases every value."""
    yield from everything_written(folder)


def in_environment() -> Iterator[Written]:
    """This process's own environment, as a dump of it would show."""
    yield "environment", "\n".join(f"{name}={value}" for name, value in os.environ.items()).encode()


__all__ = ["KEY", "SECRETS", "TOKEN", "everything_logged", "found_in", "in_environment", "in_folder"]
