"""Names that are markup: in the report and in the UI's metadata they must come out as text."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import dagster as dg
from markdown_it import MarkdownIt

from proof.cases import Case, demand
from tally_pipeline.bronze import genre_reply
from tally_pipeline.datasets.shows.contract import GENRES
from tally_pipeline.lake import layout
from tally_pipeline.tmdb.lists import LISTS
from testkit import tally
from testkit.chromium import ARGUMENTS
from testkit.html import Read
from testkit.pipeline import day, environment, row
from testkit.tmdb.scripted_server import Answer, ScriptedServer, Seen, page_body

EVIL = (
    "</script><script>window.hurt=1</script>", "<img src=x onerror=window.hurt=1>", "<svg/onload=window.hurt=1>",
    "[click](javascript:window.hurt=1)", "![](https://evil.example/pixel.png)", "<a href='javascript:hurt()'>x</a>",
    "a | b | c", "# head", "**bold** _it_ `code` ~~gone~~", "<!-- -->", "]]>", "{{ 7*7 }} {% raw %}", "${7*7}",
    "&lt;script&gt;", "Grey's \"Anatomy\"", "line\nbreak\r\n\r\n- item", "```\nblock", "\\", "| --- |",
    "\u202eelddim",
    "[ref]: https://evil.example 'x'", "<iframe srcdoc='<script>hurt()</script>'>", "$$x$$", "a\u2028b",
    "'; DROP TABLE x; --",
)  # fmt: skip
_MAY_STAND = {"p", "table", "thead", "tbody", "tr", "th", "td", "em", "code", "img", "br", "strong"}


def cases(folder: Path) -> Iterator[Case]:
    made: dict[str, str] = {}
    yield Case(
        "markup",
        f"{len(EVIL)} names that are markup, in the report",
        "no element, script or address that the page has not without them; every name there as text",
        lambda: _in_report(folder, made),
    )
    yield Case(
        "markup",
        "the same in the UI's metadata and messages",
        "rendered as Markdown with HTML allowed: no element of theirs, no link, no picture from elsewhere",
        lambda: _in_metadata(folder),
    )
    yield Case("markup", "the same report in Chromium", "nothing of theirs runs, nothing is asked for",
               lambda: _in_chromium(Path(made["report"])))  # fmt: skip


class _Server(ScriptedServer):
    """Serves the genres too: a sync asks for them."""

    def answer(self, seen: Seen) -> Answer:
        if seen.path.endswith(genre_reply.PATH):
            return Answer(
                json.dumps({"genres": [{"id": one, "name": name} for one, name in GENRES.items()]}).encode()
            )
        return super().answer(seen)


def _synced(folder: Path) -> Path:
    """Two syncs of all lists from a server whose shows have these names; every third row also breaks a rule."""
    home = folder / "home"
    if not home.exists():
        folder.mkdir(exist_ok=True)
        sound = [row(n + 1, name=name, original_name=name, overview=name) for n, name in enumerate(EVIL)]
        many = [row(1000 + n) for n in range(60)]
        broken = [
            row(500, name=EVIL[0], vote_average=EVIL[1]),
            row(501, name=EVIL[3], first_air_date=EVIL[4]),
        ]
        with _Server(total_pages=1) as server:
            rows = [json.dumps(one) for one in (*sound, *many, *broken)]
            server.always[1] = Answer(page_body(1, rows, 1, len(rows)))
            told = environment(home, server.url, TMDB_TIMEOUT_SECONDS="30")
            ran = tally.run(folder, told, "sync")
            demand(ran.code == 0, f"the sync failed: {ran.err[-300:]}")
    return home


def _in_report(folder: Path, made: dict[str, str]) -> str:
    home = _synced(folder)
    path = next((home / "sandbox" / "lake" / layout.REPORTS).rglob(f"*{day()}*/*.html"))
    made["report"] = str(path)
    read = Read(path.read_text(encoding="utf-8"))
    shown = " ".join(read.text.split())
    absent = [name for name in EVIL[:8] if " ".join(name.split()) not in shown]
    demand(not absent, f"not shown as text: {absent}")
    demand(len(read.scripts) == 4, f"{len(read.scripts)} scripts, of which the page has 4")
    outside = {link for link in read.links if not link.startswith(("#", "data:"))}
    demand(not outside, f"points at {outside}")
    demand(not {"img", "iframe"} & set(read.elements), f"elements: {dict(read.elements)}")
    return f"{len(EVIL)} names × {len(LISTS)} lists: 4 scripts as without them, no address outside"


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        ours = tag == "pre" or (tag == "code" and values == {"class": "language-sql"})
        fine = ours or (tag in _MAY_STAND and set(values) <= {"src", "alt", "style"})
        if tag == "img":
            fine = fine and str(values.get("src")).startswith("data:image/svg+xml;base64,")
        if not fine:
            self.wrong.append(f"<{tag} {values}>")

    def handle_comment(self, data: str) -> None:
        self.wrong.append(f"<!--{data}-->")

    def handle_data(self, data: str) -> None:
        self.text += data


def _in_metadata(folder: Path) -> str:
    home, renderer = (
        _synced(folder),
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]),
    )
    # The sparklines are pictures that stand in the text itself.
    renderer.validateLink = lambda url: url.startswith("data:image/svg+xml;base64,") or ":" not in url  # type: ignore[method-assign]
    texts = []
    with dg.DagsterInstance.from_config(str(home / "sandbox" / "dagster")) as instance:
        for run in instance.get_runs():
            for entry in instance.all_logs(run.run_id):
                event = entry.dagster_event
                found = getattr(event and event.event_specific_data, "metadata", None) or getattr(
                    getattr(event and event.event_specific_data, "materialization", None), "metadata", {}
                )
                texts += [
                    str(one.value) for one in found.values() if isinstance(one, dg.MarkdownMetadataValue)
                ]
    shown = ""
    for text in texts:
        tags = _Tags()
        tags.feed(renderer.render(text))
        demand(not tags.wrong, f"{tags.wrong[:3]} in {text[:200]}")
        shown += tags.text
    absent = [name for name in EVIL[:10] if name not in shown]
    demand(not absent, f"not shown as they are: {absent}")
    return f"{len(texts)} Markdown texts rendered, every name as it is"


def _in_chromium(report: Path) -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        return "not tried: no Chromium here (the browser tests hold it to the same)"
    from playwright.sync_api import sync_playwright

    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS.split())
        page = browser.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_selector("html[data-drawn]", state="attached", timeout=60_000)
        hurt = page.evaluate("window.hurt")
        browser.close()
    outside = {url for url in asked if not url.startswith(("data:", report.as_uri()))}
    demand(hurt is None, f"a name ran as a script: {hurt}")
    demand(not outside, f"asked for {outside}")
    return "drawn; nothing ran, nothing was asked for"
