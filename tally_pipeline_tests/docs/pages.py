"""The pages in Markdown: their blocks of code, their headings, their links."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]

_FENCE = re.compile(
    r"(?:^ *<!-- (?P<note>[^\n]*) -->\n)?^(?P<indent> *)```(?P<language>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A block of code: on which page and line, in which language, and the comment right above it, if there is one."""

    page: str
    line: int
    language: str
    text: str
    note: str

    @property
    def not_run(self) -> str | None:
        """Why it is not run; None when it is."""
        return self.note.removeprefix("not run: ") if self.note.startswith("not run:") else None

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page; `name` is its path from the project's folder."""

    name: str

    @property
    def path(self) -> Path:
        return ROOT / self.name

    @cached_property
    def text(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def blocks(self) -> list[Block]:
        return [
            Block(
                self.name,
                self.text.count("\n", 0, found.start("language")) + 1,
                found["language"].strip(),
                re.sub(rf"^{found['indent']}", "", found["text"], flags=re.MULTILINE),
                found["note"] or "",
            )
            for found in _FENCE.finditer(self.text)
        ]

    @cached_property
    def prose(self) -> str:
        """The text without its blocks of code."""
        return _FENCE.sub("", self.text)

    @cached_property
    def links(self) -> list[str]:
        """What its links and pictures lead to."""
        return _LINK.findall(re.sub(r"`[^`\n]*`", "`code`", self.prose))

    @cached_property
    def anchors(self) -> set[str]:
        """What a link may name after #: its headings, as code forges write them."""
        seen: dict[str, int] = {}
        anchors = set()
        for heading in re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE):
            slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
            count = seen.get(slug, 0)
            seen[slug] = count + 1
            anchors.add(f"{slug}-{count}" if count else slug)
        return anchors


PAGES = [
    Page(path.relative_to(ROOT).as_posix())
    for path in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
]
NEWCOMERS = ("docs/adding-a-list.md", "docs/adding-a-dataset.md", "docs/adding-a-gold-table.md")
"""The pages whose pieces are put into a copy of the project."""


def page(name: str) -> Page:
    """The page of this name."""
    return next(one for one in PAGES if one.name == name)
