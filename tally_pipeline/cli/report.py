"""`tally report`: prints the page's place, and opens it. Builds nothing."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.tmdb.lists import LISTS


class NoReportError(Exception):
    """There is no report of the day, or none at all; the message says how to make one."""


def report(settings: Settings, day: str | None, *, show: bool) -> int:
    """Print the place of the report of `day` (None: the newest), and open it in the browser if `show`."""
    lake = deploy(settings).lake
    key = _key(lake, day)
    uri = lake.store.uri(key)
    print(uri)
    if show:
        webbrowser.open((_fetched(settings, lake, key) if "://" in uri else Path(uri)).as_uri())
    return 0


def _fetched(settings: Settings, lake: Lake, key: str) -> Path:
    """A local copy for the browser, which cannot open objects in a bucket."""
    page = settings.state / "report.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(lake.store.get(key))
    return page


def _remedy(lake: Lake, day: str) -> str:
    """The remedy for a day without a report."""
    if any(lake.bronze_keys(one.name, day) for one in LISTS):
        return f"`tally rebuild --first {day} --last {day}` makes it"
    return "bronze holds nothing of that day, so there is nothing to make one from"


def _key(lake: Lake, day: str | None) -> str:
    key = layout.report_key(day) if day else layout.latest_report_key()
    if lake.store.exists(key):
        return key
    of = f"of {day}" if day else "yet"
    how = _remedy(lake, day) if day else "run `tally sync`"
    there = [
        name.removeprefix("dt=") for name in lake.store.folders(layout.REPORTS) if name.startswith("dt=")
    ]
    newest = f" The newest is of {there[-1]}." if day and there else ""
    raise NoReportError(f"there is no report {of} in {lake.store.root}: {how}.{newest}")
