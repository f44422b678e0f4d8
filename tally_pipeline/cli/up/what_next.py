"""The next steps that `tally up` prints after the first sync."""

from __future__ import annotations

import shlex
import shutil
import sysconfig
from pathlib import Path

from tally_pipeline import clock
from tally_pipeline.cli.up.past import missing
from tally_pipeline.cli.up.ui import Ui
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake


def what_next(settings: Settings, ui: Ui) -> str:
    """A few lines with links, and commands for another terminal."""
    lake, tally = deploy(settings).lake, command(settings)
    sql = (
        "SELECT rank, title, popularity FROM silver_shows WHERE data_type = 'popular_shows'"
        f" AND dt = '{clock.today()}' ORDER BY rank LIMIT 5"
    )
    report = layout.latest_report_key()
    if not lake.store.exists(report):
        where = "not made yet"
    elif settings.aws:
        where = lake.store.uri(report)
    else:
        where = (settings.lake_folder / report).as_uri()
    lines = {
        "look": f"{ui.url}/asset-groups",
        "report": where,
        "query": f'{tally} query "{sql}"',
        "past": _past(settings, lake, tally),
        "backfill": "in the UI select assets, Materialize, and choose a range of days",
    }
    return "\n".join(["What next:", *(f"{name:8} {text}" for name, text in lines.items())])


def _past(settings: Settings, lake: Lake, tally: str) -> str:
    """The way to give the lake a past, if it does not get one by itself."""
    coming = missing(settings, lake, clock.today())
    if coming:
        return f"{coming[0]} to {coming[-1]} are filled and rebuilt now, by themselves"
    if settings.sandbox_embedded:
        return f"{tally} sandbox fill --days 90, then {tally} rebuild"
    return (
        "materialize bronze_series_export for any of the last 90 days in the UI: the one source with a past"
    )


def command(settings: Settings) -> str:
    """The command `tally` as called from this folder, for this lake."""
    script = Path(sysconfig.get_path("scripts")) / "tally"
    on_path = shutil.which("tally")
    if on_path and Path(on_path).resolve() == script.resolve():
        shown = "tally"
    else:
        shown = str(script.relative_to(Path.cwd()) if script.is_relative_to(Path.cwd()) else script)
    home = (
        "" if settings.home == Path(".tally").resolve() else f"TALLY_HOME={shlex.quote(str(settings.home))} "
    )
    return home + shlex.quote(shown)
