"""The same cases on Tally and on dlt, against the same sandbox: what each ends with, and whether it said so.

dlt runs as `benchmarks/dlt_pipeline.py` has it, with dlt's defaults elsewhere. Where dlt does better the proof does
not hold, and the table says so.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import msgspec

from benchmarks.processes import BenchmarkError, environment
from proof.dlt_side import cases as beside_dlt_cases
from proof.dlt_side import kills as beside_dlt_kills
from proof.dlt_side.cases import Case
from proof.dlt_side.on_dlt import QUIET, RESULTS, Found, Job, Load
from proof.dlt_side.outcomes import Offer, Outcome, better
from proof.report import Proof, verdict
from tally_pipeline.datasets.shows import stored
from tally_pipeline.deployment import deploy, load_settings
from tally_pipeline.lake.lake import Lake
from tally_pipeline.tmdb.settings import TmdbSettings
from testkit import pipeline as product

_COLUMNS = ("case", "Tally ends", "dlt ends", "better", "verdict")
_QUICKER = 0.1  # of the wait between attempts, in the short form, on both sides


def prove(long: bool, seed: int) -> Proof:
    """All cases; `long`: 50 pages instead of 3, the waits that both have by default, ten kills of each kind."""
    cases = beside_dlt_cases.all_cases(50 if long else 3)
    pace = 1.0 if long else _QUICKER
    with tempfile.TemporaryDirectory(prefix="tally-proof-") as name:
        folder = Path(name)
        with _on_dlt(folder / "dlt", cases, pace) as ended:
            ours = [
                _on_tally(folder / "tally" / str(number), case, pace) for number, case in enumerate(cases)
            ]
            theirs = ended()
        rows = [
            _row(case.name, tally, dlt, case.offer(), case.about)
            for case, tally, dlt in zip(cases, ours, theirs, strict=True)
        ]
        rows += [
            _row(name, tally, dlt, beside_dlt_kills.OFFER, "")
            for name, tally, dlt in beside_dlt_kills.tried(folder / "kills", 10 if long else 1, seed)
        ]
    return Proof(
        name="beside_dlt",
        title="the same cases on Tally and on dlt",
        columns=_COLUMNS,
        rows=[row for row, _ in rows],
        holds=all(held for _, held in rows),
        seed=seed,
        notes=_notes([str(row[3]) for row, _ in rows]),
    )


def _row(name: str, tally: Outcome, dlt: Outcome, offer: Offer, about: str) -> tuple[Sequence[object], bool]:
    """A row of the table, and whether it holds: Tally shows nothing wrong, and dlt does no better."""
    who = better(tally, dlt, offer)
    holds = who != "dlt" and tally.standing(offer) in ("whole", "nothing, and said so")
    return (name, tally.words(offer, about), dlt.words(offer, about), who, verdict(holds)), holds


def _notes(betters: Sequence[str]) -> Sequence[str]:
    return (
        f"Better: Tally in {betters.count('Tally')}, dlt in {betters.count('dlt')}, even in {betters.count('even')}."
        " *Whole* beats *nothing, and said so*, that beats *wrong, and said so*, that beats *silently wrong*; of two"
        " that are alike, who kept more of what came.",
        "*Rows* are what a reader of the day's table finds in the end; rows *kept* lie in bronze besides. *Says* is a"
        " failed run or a failed or warning check on Tally's side, an exception or a logged warning on dlt's.",
        "dlt: rest_api source with its paginator, selector and page cap told, filesystem destination, Parquet,"
        " append, as its documentation has it (addresses in benchmarks/dlt_pipeline.py). Plain files cannot be merged"
        " into; where a merge would help it is tried on Delta tables.",
        "Where somebody foresaw the case dlt can be told: a declared column, a hook of one's own. With `evolve` its"
        " table has the new field at once; Tally announces it and keeps it in bronze, and silver has it once the"
        " contract does. Its append may hold a day twice by design: `_dlt_load_id` tells the loads apart.",
        "The short form waits a tenth of each side's own time between attempts; how often they try is each side's"
        " default.",
    )


# --- Tally -------------------------------------------------------------------------------------------------


def _on_tally(home: Path, case: Case, pace: float) -> Outcome:
    """The list's bronze, silver and the table, run by Dagster as `tally sync` does."""
    home.mkdir(parents=True)
    with dg.DagsterInstance.ephemeral() as instance:
        for serve in case.runs:
            with serve() as sandbox:
                pipeline = _pipeline(home, instance, sandbox.base_url, case, pace)
                result = pipeline.sync(case.show_list)
    product.assert_sound(pipeline.lake)
    said = list(product.failures(result).values())
    for asset in product.both(case.show_list):
        said += [
            f"check {name}: {how}" for name, how in product.checks(result, asset).items() if how != "passed"
        ]
    return _in(pipeline.lake, case, "; ".join(said))


def _pipeline(
    home: Path, instance: dg.DagsterInstance, base_url: str, case: Case, pace: float
) -> product.Pipeline:
    told = {
        "TALLY_HOME": str(home),
        "TMDB_BASE_URL": base_url,
        "TMDB_REQUESTS_PER_SECOND": "1000",
        f"TALLY_PAGES_{case.show_list.name.upper()}": str(case.pages or "all"),
    }
    settings = load_settings(told, dotenv=None)
    quick = replace(settings.tmdb, backoff_seconds=pace * TmdbSettings.backoff_seconds)
    return product.Pipeline(deploy(replace(settings, tmdb=quick)), instance)


def _in(lake: Lake, case: Case, said: str) -> Outcome:
    """The outcome in the lake, of today."""
    name = case.show_list.name
    captures = [stored.read_bronze(lake, key) for key in lake.bronze_keys(name)]
    newest = max(captures, key=lambda one: one.metadata.ingestion_timestamp or "", default=None)
    offered = [msgspec.json.decode(row) for row in newest.rows()] if newest else []
    if stored.silver_footer(lake, name, product.day()) is None:
        return Outcome(0, 0, 0, len(offered), said)
    silver = lake.read_silver(name, product.day())
    if case.about in silver.column_names:
        values = len(silver) - silver[case.about].null_count
    else:
        values = sum(case.about in row for row in offered)  # not of the contract: kept in bronze
    return Outcome(len(silver), len(set(silver["show_id"].to_pylist())), values, len(offered), said)


# --- dlt ---------------------------------------------------------------------------------------------------


@contextmanager
def _on_dlt(folder: Path, cases: Sequence[Case], pace: float) -> Iterator[Callable[[], list[Outcome]]]:
    """All cases on dlt in another process meanwhile; yields what waits for their outcomes."""
    folder.mkdir(parents=True)
    today = date.fromisoformat(product.day())
    with ExitStack() as servers:
        jobs = []
        for number, case in enumerate(cases):
            urls = [servers.enter_context(serve()).base_url for serve in case.runs]
            days = [today] * len(urls)
            if case.day_before:
                days[0] -= timedelta(days=1)
            loads = tuple(Load(url, day.isoformat()) for url, day in zip(urls, days, strict=True))
            name = f"case_{number}"
            home = str(folder / name)
            jobs.append(
                Job(name, home, case.show_list.name, case.pages, loads, case.on_dlt, case.under_dagster)
            )
        told = folder / "jobs.json"
        told.write_bytes(msgspec.json.encode(jobs))
        environ = environment(folder, **QUIET, RUNTIME__REQUEST_BACKOFF_FACTOR=f"{pace:g}")
        log = folder / "said.log"
        with log.open("wb") as output:
            command = [sys.executable, "-m", "proof.dlt_side.on_dlt", str(told)]
            process = subprocess.Popen(command, env=environ, cwd=folder, stdout=output, stderr=output)

        def outcomes() -> list[Outcome]:
            if process.wait():
                raise BenchmarkError(
                    f"`proof.dlt_side.on_dlt` broke:\n{log.read_text(errors='replace')[-4000:]}"
                )
            found = msgspec.json.decode((folder / RESULTS).read_bytes(), type=list[Found])
            return [_outcome(one, case) for one, case in zip(found, cases, strict=True)]

        try:
            yield outcomes
        finally:
            process.kill()
            process.wait()


def _outcome(found: Found, case: Case) -> Outcome:
    return Outcome(found.rows, found.shows, found.values.get(case.about, 0), found.rows, found.said[-1])
