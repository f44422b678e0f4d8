"""What `tally sync` prints on its way and at its end."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from tally_pipeline.cli.sync import _progress, closing_table
from tally_pipeline.tmdb.capture import PageProgress
from tally_pipeline.tmdb.lists import LISTS

NAMES = [one.name for one in LISTS]


def test_pages_that_are_asked_for_again_say_nothing_twice() -> None:
    said = io.StringIO()
    with _progress(Console(file=said, width=140)) as on_page:
        for done, rows in ((9, 180), (10, 200), (10, 200), (10, 200), (11, 220), (11, 220)):
            on_page(PageProgress("popular_shows", done, max(10, done), rows))
    assert said.getvalue().splitlines() == [
        "popular_shows: 10 pages, 200 rows",
        "popular_shows: 11 pages, 220 rows",
    ]


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_closing_table_cuts_no_name_and_no_number_at_any_width(width: int) -> None:
    of_list: dict[str, Any] = {
        "verdict": "complete",
        "pages": 500,
        "rows": 10000,
        "repeats": 12,
        "quarantined": 3,
        "silver_rows": 9985,
        "published": False,
    }
    drawn = io.StringIO()
    Console(file=drawn, width=width).print(closing_table(dict.fromkeys(NAMES, of_list), width))
    lines = drawn.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    for name in NAMES:
        assert any(name in line and "10000" in line for line in lines)
    assert "…" not in drawn.getvalue()
    if width >= 80:
        assert sum("quarantined" in line and "silver" in line for line in lines) == 1
        assert sum("not published" in line for line in lines) == len(NAMES)
