"""The types of commands' parameters, and their shell completion."""

from __future__ import annotations

from datetime import date

import click
from click.shell_completion import CompletionItem

from tally_pipeline.tmdb.lists import LISTS, ShowList, UnknownListError, list_named


class Number(click.ParamType[int]):
    """A whole number between these, both included."""

    name = "number"

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        text = str(value)
        # Python parses no numbers of thousands of digits.
        if not text.isdecimal() or len(text) > 100 or not self._least <= int(text) <= self._most:
            self.fail(f"{text!r} is not a number from {self._least} to {self._most}", param, ctx)
        return int(text)


class Day(click.ParamType[str]):
    """A day, YYYY-MM-DD."""

    name = "day"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        try:
            day = date.fromisoformat(text).isoformat()
        except ValueError:
            day = None
        if day != text:  # 20251224 and 2025-W52-3 are days too, to Python
            self.fail(f"{text!r} is not a day; give one as in 2025-12-24", param, ctx)
        return text


class OneList(click.ParamType[ShowList]):
    """A list of TMDB's, by its name."""

    name = "list"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> ShowList:
        try:
            return list_named(str(value))
        except UnknownListError as error:
            self.fail(str(error), param, ctx)

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(one.name, help=one.title) for one in LISTS if one.name.startswith(incomplete)]


class Sample(click.ParamType[str]):
    """A sample query, by its name."""

    name = "sample"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        from tally_pipeline.query import samples

        return [
            CompletionItem(name, help=samples.question(name))
            for name in samples.names()
            if name.startswith(incomplete)
        ]
