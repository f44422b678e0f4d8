"""The contents of a lake, its problems, and the contents that an undisturbed process would have made."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from proof.children.child import Command, run
from tally_pipeline.datasets.captures import audit
from tally_pipeline.datasets.shows import stored
from tally_pipeline.datasets.shows.footer import Footer
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.parquet import FOOTER_BYTES, read_footer
from tally_pipeline.lake.store import Store

BRONZE = "bronze/"


def lake_of(home: Path) -> Lake:
    return Lake(Store.in_folder(home / "sandbox" / "lake"), "sandbox")


def environment(home: Path, base_url: str, **changes: str) -> dict[str, str]:
    """Settings of a fast pipeline: two pages a list, practically no rate limit."""
    depths = {
        f"TALLY_PAGES_{name}": "2"
        for name in ("POPULAR_SHOWS", "TRENDING_SHOWS", "AIRING_TODAY", "ON_THE_AIR")
    }
    hurry = {"TMDB_REQUESTS_PER_SECOND": "1000", "TMDB_TIMEOUT_SECONDS": "20"}
    return {"TALLY_HOME": str(home), "TMDB_BASE_URL": base_url, **depths, **hurry, **changes}


def objects(lake: Lake) -> dict[str, bytes]:
    """Every object that a listing shows, by key."""
    return {found.key: lake.store.get(found.key) for found in lake.store.list("")}


def bronze(held: Mapping[str, bytes]) -> dict[str, bytes]:
    return {key: body for key, body in held.items() if key.startswith(BRONZE)}


def staging_files(lake: Lake) -> list[str]:
    """Files of writes that did not end: they are there, and no listing shows them."""
    root = Path(lake.store.root)
    shown = {found.key for found in lake.store.list("")}
    files = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return sorted(set(files) - shown)


def problems(lake: Lake) -> list[str]:
    """The unreadable or inconsistent objects: there must be none, whenever a process was killed."""
    found = [f"{one.key}: {one.problems}" for one in audit(lake) if one.problems or one.unproven]
    for key, body in objects(lake).items():
        found += [f"{key}: {problem}" for problem in _problems(lake, key, body)]
    # A staging file is named after the object it was to become; anything else is nobody's.
    found += [f"{name}: a stray file" for name in staging_files(lake) if "#" not in name]
    return found


def _problems(lake: Lake, key: str, body: bytes) -> Iterator[str]:
    try:
        if key.endswith(".parquet"):
            table = pq.read_table(io.BytesIO(body))
            if key.startswith((f"{layout.SILVER}/", f"{layout.QUARANTINE}/")):
                yield from _reconciled(lake, key, table)
        elif key.endswith(".json"):
            json.loads(body)
        elif key.endswith(".html"):
            if not body.rstrip().endswith(b"</html>"):
                yield "the page ends before its end"
        else:
            yield "nobody knows what it is"
    except (pa.ArrowException, OSError, ValueError) as error:
        yield f"it cannot be read: {error}"


def _reconciled(lake: Lake, key: str, table: pa.Table) -> Iterator[str]:
    """Rows against the footer's counts, and those against the capture it names."""
    footer: Footer = read_footer(lake.store.tail(key, FOOTER_BYTES), Footer)
    counts = footer.counts
    stated = counts.silver_rows if key.startswith(f"{layout.SILVER}/") else counts.quarantined
    if table.num_rows != stated:
        yield f"{table.num_rows} rows, its footer says {stated}"
    if counts.bronze_rows != counts.silver_rows + counts.repeats + counts.quarantined:
        yield f"its counts do not add up: {counts}"
    for ref in footer.bronze:
        parsed = BronzeKey.parse(ref.key)
        made_of = stored.read_bronze(lake, parsed) if parsed else None
        if made_of is None or (made_of.sha256, len(made_of.rows())) != (ref.sha256, counts.bronze_rows):
            yield f"it was not made from {ref.key} as that is"


def undisturbed(home: Path, environ: Mapping[str, str], scratch: Path) -> dict[str, bytes]:
    """Everything that one process makes, alone, of the bronze that the home's lake holds.

    A rebuild makes no genres: those that the home has are what its gold is made with.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    there, here = home / "sandbox" / "lake", scratch / "sandbox" / "lake"
    shutil.copytree(there / "bronze", here / "bronze")
    shutil.copy(there / layout.OWNERSHIP_MARKER, here / layout.OWNERSHIP_MARKER)
    if (there / "silver" / "genres").exists():
        shutil.copytree(there / "silver" / "genres", here / "silver" / "genres")
    ended = run(Command(scratch, {**environ, "TALLY_HOME": str(scratch)}, ["rebuild"]))
    if ended.code != 0:
        raise RuntimeError(f"a rebuild that nobody disturbed ended with {ended.code}:\n{ended.said}")
    return objects(lake_of(scratch))


def differing(held: Mapping[str, bytes], should: Mapping[str, bytes]) -> list[str]:
    """Keys whose objects are not the same, with what is wrong."""
    found = [f"{key} is absent" for key in should.keys() - held.keys()]
    found += [f"{key} should not be there" for key in held.keys() - should.keys()]
    return sorted(
        found + [f"{key} differs" for key in held.keys() & should.keys() if held[key] != should[key]]
    )
