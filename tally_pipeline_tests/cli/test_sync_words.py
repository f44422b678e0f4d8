"""What `tally sync` prints on its way and at its end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from tally_pipeline.cli.summary import by_list
from tally_pipeline.cli.sync import _progress, closing_table, tell_warnings
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import Store
from tally_pipeline.tmdb.capture import PageProgress
from tally_pipeline.tmdb.lists import LISTS
from testkit.captures import capture, page, show
from testkit.pipeline import POPULAR

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


def test_a_list_that_lacks_promised_shows_is_named_with_the_numbers(tmp_path: Path) -> None:
    lake = Lake(Store.in_folder(tmp_path / "lake"), "tmdb")
    rows = [[show(20 * number + place) for place in range(20)] for number in range(3)]
    pages = [page(1, rows[0]), page(2, rows[1][:5]), page(3, rows[2])]
    lake.write_bronze(BronzeKey(POPULAR.name, "2025-12-24", "run-1"), capture(pages))
    found = by_list(lake, [POPULAR], "2025-12-24", "run-1", {})
    said = io.StringIO()
    tell_warnings(Console(file=said, width=140), found)
    assert found[POPULAR.name]["verdict"] == "complete"
    assert said.getvalue() == "popular_shows: 45 of 60 promised shows came.\n"
