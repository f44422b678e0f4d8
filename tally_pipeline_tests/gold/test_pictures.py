"""Small plots in Dagster's metadata."""

from __future__ import annotations

import base64
import re
from xml.etree import ElementTree as ET

from tally_pipeline.orchestration.assets.asset_metadata import sparkline, sparklines
from tally_pipeline.previews import BINS, distribution

SVG = "{http://www.w3.org/2000/svg}"
IMAGE = re.compile(r"!\[([^\]]*)\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)")


def bars(markdown: str) -> list[list[int]]:
    """The heights of every picture's bars."""
    pictures = [ET.fromstring(base64.b64decode(data)) for _, data in IMAGE.findall(markdown)]
    return [[int(rect.attrib["height"]) for rect in picture.iter(f"{SVG}rect")] for picture in pictures]


def test_bars_stand_as_high_as_their_values() -> None:
    (heights,) = bars(sparkline([0, 25, 50, 100]).value)
    assert heights[0] < heights[1] < heights[2] < heights[3]
    assert abs(heights[2] * 2 - heights[3]) <= 1


def test_a_missing_value_looks_like_no_value() -> None:
    markdown = sparkline([1.0, None, 1.0]).value
    picture = base64.b64decode(IMAGE.findall(markdown)[0][1]).decode()
    colours = re.findall(r'fill="([^"]+)"', picture)
    assert colours[0] == colours[2] != colours[1]
    assert "1 missing" in markdown


def test_a_picture_says_in_words_what_it_shows() -> None:
    assert "3 values from 980 to 1000, the last 990" in sparkline([980, 1000, 990]).value


def test_pictures_below_each_other_share_one_scale_and_names_are_not_markup() -> None:
    markdown = sparklines({"popular_shows": [100.0], "<b>x</b>": [50.0]}).value
    high, low = bars(markdown)
    assert high[0] > low[0]
    assert "popular\\_shows" in markdown
    assert "<b>" not in markdown


def test_nothing_to_draw_is_said() -> None:
    assert sparkline([]).value == "*nothing to draw*"
    assert sparkline([None, None]).value == "*nothing to draw*"


def test_equal_values_are_drawn_without_an_error() -> None:
    assert bars(sparkline([0, 0]).value) == [[1, 1]]


def test_a_distribution_counts_every_value_once() -> None:
    counts = distribution([0.0, 1.0, 10.0, 7603.9])
    assert len(counts) == BINS
    assert sum(count or 0 for count in counts) == 4
    assert sum(count or 0 for count in distribution([])) == 0
