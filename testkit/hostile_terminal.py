"""Texts that would control a terminal, passed to every command that prints."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from testkit import tally
from testkit.pipeline import day, environment, row
from testkit.tmdb.scripted_server import Answer, ScriptedServer, error_body, page_body

EVIL = (
    "clear \x1b[2J\x1b[H", "title \x1b]0;owned\x07", "red \x1b[31mred", "link \x1b]8;;https://evil.example\x1b\\x",
    "csi \x9b31m", "next line \x85x", "device \x1bP$q\x1b\\", "\u202egnp.exe", "\u2066isolate", "a\u2028b\u2029c",
    "back\b\b\b\rover", "nul\0del\x7f", "[red]markup[/red] [/b] [link=https://evil.example]x[/link]", ":boom: \\[x]",
    "two\nlines\tand\n\u2713 published", "marks \u200e\u200f\u061c", "\ufeffbom", "\x0bvertical\x0cfeed",
    "zero\u200bwidth\u200c\u200d\u2060",
)  # fmt: skip

STEERED = re.compile(r"\x1b\[2J|\x1b[\]P]|[\x07\x9b\u202e\u2066\u2028]")
"""Sequences that no command of Tally's may write, even with colours and bars on a terminal."""

_MARKS = {
    "\u061c",
    "\u180e",
    "\ufeff",
    *map(chr, range(0x200B, 0x2010)),
    *map(chr, range(0x202A, 0x202F)),
    *map(chr, range(0x2060, 0x2070)),
}


def steering(text: str) -> list[str]:
    """The characters of the text that must not reach a terminal; line ends may."""
    steers = {"Cc", "Cs", "Zl", "Zp"}
    return [c for c in text if c != "\n" and (unicodedata.category(c) in steers or c in _MARKS)]


def commands(folder: Path, *, whole: bool) -> Iterator[tuple[str, tally.Ran]]:
    """Every command that prints, each with its output, in a home full of such texts; the slow ones if `whole`."""
    evil = [row(1 + n, name=name, original_name=name, overview=name) for n, name in enumerate(EVIL)]
    broken = [row(500, name=EVIL[0], vote_average=EVIL[1]), row(501, name=EVIL[3], first_air_date=EVIL[4])]
    many = [row(1000 + n, **{EVIL[0]: "a new field"}) for n in range(80)]
    with ScriptedServer(total_pages=1) as server:
        told = environment(folder / "home", server.url, TMDB_ATTEMPTS="1")

        def run(*argv: str) -> tuple[str, tally.Ran]:
            return " ".join(argv)[:60], tally.run(folder, told, *argv)

        rows = [json.dumps(one) for one in (*evil, *many, *broken)]
        server.always[1] = Answer(page_body(1, rows, 1, len(rows)))
        yield run("sync", "--list", "popular_shows")
        server.always[1] = Answer(error_body(34, " ".join(EVIL[:12])), 404)
        yield run("sync", "--list", "popular_shows")
        if whole:
            server.always[1] = Answer(" ".join(EVIL[10:]).encode(), 500, {"Content-Type": "text/html"})
            yield run("sync", "--list", "popular_shows", "--json")
            yield run("rebuild")
        yield run("logs")
        yield run("status")
        yield run("status", "--json")
        for more in ((), ("--all",), ("--format", "json")):
            yield run("query", "SELECT title, original_title, overview, rank, dt FROM silver_shows", *more)
            yield run("query", "SELECT * FROM quarantine_shows", *more)
        yield run("query", "SELECT title FROM silver_shows", "--output", "\x1b[31mshows.csv")
        yield run("query", "SELECT * FROM silver_shows WHERE CAST(title AS double) > 1")
        for text in EVIL:
            yield run("query", f'SELECT "{text}" FROM silver_shows'.replace("\0", ""))
        yield run("report")
        yield run("report", "--day", "2026-01-01")
        yield run("deploy", "check")
        yield run("deploy", "check", "--json")
        lake = folder / "home" / "sandbox" / "lake"
        stray = (
            lake
            / "bronze"
            / "tmdb"
            / "shows"
            / "popular_shows"
            / f"dt={day()}"
            / "\u202e\u2028[red]stray.json"
        )
        stray.write_text("no capture")
        yield run("audit")
        yield run("audit", "--json")
        yield run("export", str(folder / "export"))
        shutil.rmtree(lake)
        yield run("export", str(folder / "export"))
        for argv in (["sync", "--list", EVIL[0]], [EVIL[1]], ["query", "--sample", EVIL[2]], ["up", EVIL[7]]):
            yield run(*argv)
