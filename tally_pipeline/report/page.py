"""Renders the page: one self-contained HTML text."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tally_pipeline.gold.details import ATTRIBUTION as OFFERS_ATTRIBUTION
from tally_pipeline.report import calendar, charts, figures, formatting, sections
from tally_pipeline.report.changes import changes
from tally_pipeline.report.inputs import OFFER_DAYS, WINDOW_DAYS, Inputs
from tally_pipeline.report.offers import offer_changes
from tally_pipeline.report.releases import releases


def render(inputs: Inputs, attribution: str) -> str:
    """The day's report as HTML; the same inputs give the same text.

    It fetches nothing, and its content security policy forbids fetching. All text is escaped.
    """
    drawings = {"popularity": charts.popularity(), "genres": charts.genres()}
    scripts = (f"{{{_file('vega/vega-embed.js')}}}", _file("templates/page.js"))
    return (
        _templates()
        .get_template("page.html")
        .render(
            inputs=inputs,
            attribution=attribution,
            window_days=WINDOW_DAYS,
            changes=changes(inputs),
            calendars=calendar.calendars(inputs),
            calendar_legend=calendar.LEGEND,
            cell=calendar.CELL,
            offers=offer_changes(inputs),
            offers_attribution=OFFERS_ATTRIBUTION,
            offer_days=OFFER_DAYS,
            releases=releases(inputs),
            freshness=sections.freshness(inputs),
            quarantine=sections.quarantine(inputs),
            rejected=sections.rejected(inputs),
            sections=sections,
            formatting=formatting,
            style=Markup(_file("templates/page.css")),
            figures=Markup(figures.as_script(figures.figures(inputs))),
            drawings=Markup(figures.as_script(drawings)),
            scripts=[Markup(script) for script in scripts],
            script_hashes=[_hash(script) for script in scripts],
        )
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("tally_pipeline.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@cache
def _file(name: str) -> str:
    return files("tally_pipeline.report").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """The hash by which a content security policy allows a script."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
