"""The charts' specs, which Vega draws in the page (vega/, written by scripts/vega.py: nothing is fetched).

Each is a Vega-Lite spec without data; the page adds the data. Colours are the page's CSS variables, so that a chart
follows the page into dark mode.
"""

from __future__ import annotations

from typing import Any

COLOURS = 10
"""Colours that the page defines for lines: `--line-0` and on. The eleventh line is the first colour, dashed."""

FONT = 'ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif'
"""The page's font by name: Vega measures labels on a canvas, where "inherit" is another font, and would cut them."""

_FADED = 0.14
_OFF_OTHERS = "focus < 0 || focus === datum.k"


def popularity() -> dict[str, Any]:
    """Popularity of shows by day."""
    return lines("Popularity of the list's top shows by day")


def genres() -> dict[str, Any]:
    """A measure of genres by day."""
    return lines("Genres of the list by day")


def lines(description: str) -> dict[str, Any]:
    """The Vega-Lite spec of lines over days.

    Data `points`: t (ms since the epoch), v (null breaks the line), k (which line), c (its colour's number),
    dashed, lone (no neighbour on either side), name, day, said (v in words).
    Data `missing`: from, to (ms), hatched. Data `span`: t of the first and last day. Parameter `focus`: the k
    of the highlighted line, or -1; `suffix`: the text behind a value.
    """
    return _LINES | {"description": description}


# Ranks are negative, so that the first place is on top.
_LABEL = "format(abs(datum.value), ',~g') + suffix"

_X_TICKS = {"tickCount": {"expr": "width < 480 ? 4 : 8"}, "labelFlush": True}

_X = {"field": "t", "type": "temporal", "scale": {"type": "utc", "nice": False}}
_Y = {"field": "v", "type": "quantitative", "scale": {"zero": False, "nice": True}}
_COLOUR = {
    "field": "c",
    "type": "nominal",
    "legend": None,
    "scale": {
        "domain": list(range(COLOURS)),
        "range": [f"var(--line-{number})" for number in range(COLOURS)],
    },
}
_OPACITY = {"condition": {"test": _OFF_OTHERS, "value": 1}, "value": _FADED}

_LINES: dict[str, Any] = {
    "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
    "description": "",
    "width": "container",
    "height": 320,
    "autosize": {"type": "fit-x", "contains": "padding"},
    "background": "transparent",
    "params": [{"name": "focus", "value": -1}, {"name": "suffix", "value": ""}],
    "encoding": {
        "x": {**_X, "axis": {"title": None, "format": "%-d %b", "grid": False, **_X_TICKS}},
    },
    "layer": [
        {"data": {"name": "span", "values": []}, "mark": {"type": "rule", "opacity": 0}},
        {
            "data": {"name": "missing", "values": []},
            "mark": {"type": "rect", "fill": "url(#hatch)", "stroke": None, "aria": False},
            "encoding": {"x": {"field": "from", "type": "temporal"}, "x2": {"field": "to"}},
        },
        {
            "data": {"name": "points", "values": []},
            "encoding": {
                "y": {**_Y, "axis": {"title": None, "labelExpr": _LABEL, "tickCount": 5}},
                "color": _COLOUR,
                "opacity": _OPACITY,
            },
            "layer": [
                {
                    "mark": {
                        "type": "line",
                        "strokeWidth": 2,
                        "strokeJoin": "round",
                        "strokeCap": "round",
                        "invalid": "break-paths-show-path-domains",
                        "aria": False,
                    },
                    "encoding": {
                        "detail": {"field": "k"},
                        "strokeDash": {
                            "field": "dashed",
                            "legend": None,
                            "scale": {"domain": [False, True], "range": [[1, 0], [5, 4]]},
                        },
                    },
                },
                {
                    "transform": [{"filter": "datum.lone"}],
                    "mark": {"type": "point", "filled": True, "size": 22, "aria": False},
                },
                {
                    "transform": [{"filter": "isValid(datum.v)"}],
                    "params": [
                        {
                            "name": "near",
                            "select": {
                                "type": "point",
                                "fields": ["t", "k"],
                                "on": "pointermove",
                                "clear": "pointerout",
                                "nearest": True,
                            },
                        }
                    ],
                    "mark": {"type": "point", "filled": True, "size": 60, "aria": False},
                    "encoding": {
                        "opacity": {
                            "condition": {"param": "near", "empty": False, "value": 1},
                            "value": 0,
                        },
                        "tooltip": {"field": "said"},
                    },
                },
            ],
        },
    ],
    "config": {
        "font": FONT,
        "view": {"stroke": None},
        "axis": {
            "labelColor": "var(--muted)",
            "labelFontSize": 12,
            "labelPadding": 8,
            "gridColor": "var(--rule)",
            "domain": False,
            "ticks": False,
        },
    },
}
