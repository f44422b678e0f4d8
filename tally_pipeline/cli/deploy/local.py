"""The checks of `tally deploy check` for a lake in a folder, and those for a lake anywhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from tally_pipeline import clock
from tally_pipeline.aws.errors import AwsError
from tally_pipeline.cli.deploy.checked import Checked, good, unsure, wrong
from tally_pipeline.deployment import Deployment, Settings
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import LakeError
from tally_pipeline.plurals import counted
from tally_pipeline.query.engine import QueryError
from tally_pipeline.query.tables import SILVER_SHOWS
from tally_pipeline.tmdb.errors import TmdbError

LEAST_FREE = 1_000_000_000
"""Bytes of free disk below which a lake in a folder may soon be full: it lasts months, or a few big backfills."""


def checked(deployment: Deployment) -> Iterator[Checked]:
    """A lake in a folder: the folder, Dagster's history, what both hold, the query engine, TMDB."""
    settings = deployment.settings
    yield of_folder("lake folder", settings.lake_folder)
    yield of_folder("history folder", settings.dagster_home)
    # Opening it would create the folder, which a check should not.
    if settings.lake_folder.exists():
        yield of_source(deployment.lake)
    yield of_query(deployment)
    yield of_tmdb(deployment)


def of_folder(resource: str, folder: Path) -> Checked:
    """Checks that a folder is writable or can be created, and has free space."""
    there = next(parent for parent in (folder, *folder.parents) if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return wrong(
            resource, f"{there} cannot be written to", "change its owner, or set TALLY_HOME to another"
        )
    free = shutil.disk_usage(there).free
    told = str(folder) if there == folder else f"{folder} is not there yet; the first sync makes it"
    if free < LEAST_FREE:
        return unsure(resource, f"{told}; {free / 1e9:.1f} GB are free", "make room, or move TALLY_HOME")
    return good(resource, f"{told}; {free / 1e9:.0f} GB are free")


def of_source(lake: Lake) -> Checked:
    """Checks that the lake belongs to the settings' source: invented shows and TMDB's never share one."""
    try:
        claim = lake.ownership_marker()
    except LakeError as error:
        return wrong(layout.OWNERSHIP_MARKER, str(error), "mend that first")
    if claim is None:
        return good(
            layout.OWNERSHIP_MARKER,
            f"not there yet: the first capture makes this a lake of {lake.source} data",
        )
    if claim.source != lake.source:
        return wrong(
            layout.OWNERSHIP_MARKER,
            f"the lake holds {claim.source} data, the settings are for {lake.source} data",
            "point the settings at another lake, or at the other source; the two never share one",
        )
    return good(layout.OWNERSHIP_MARKER, f"a lake of {lake.source} data")


def of_query(deployment: Deployment) -> Checked:
    """Checks the query engine with one small query, of yesterday and today."""
    today = clock.today()
    first = today - timedelta(days=1)
    sql = f"SELECT count(*) AS n FROM {SILVER_SHOWS.name} WHERE dt BETWEEN '{first}' AND '{today}'"
    name = f"query by {deployment.query_engine.name}"
    try:
        rows = deployment.query_engine.query(sql).to_pylist()[0]["n"]
    except QueryError as error:
        return wrong(name, str(error), f'mend what it names, then try: tally query "{sql}"')
    return good(name, f"answers: {counted(rows, 'row')} of {first} and {today}")


def of_tmdb(deployment: Deployment) -> Checked:
    """Checks with a request for the short list of genres that TMDB answers and accepts the token."""
    settings = deployment.settings
    if settings.sandbox_embedded:
        return good("TMDB", "not asked: the SANDBOX serves invented shows. TMDB_API_TOKEN makes it TMDB's")
    where = settings.tmdb.base_url
    try:
        with deployment.tmdb.client() as client:
            client.genres()
    except (TmdbError, AwsError, ValueError) as error:  # the last: SSM's value cannot be a token
        return wrong("TMDB", f"{where}: {error}", "mend that; captures fail as well until then")
    return good("TMDB", f"{where} answers" + _takes(settings))


def _takes(settings: Settings) -> str:
    return " and takes the credentials" if settings.tmdb.token or settings.tmdb.api_key else ""
