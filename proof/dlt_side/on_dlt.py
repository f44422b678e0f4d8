"""Runs cases on dlt in a process of its own: `python -m proof.dlt_side.on_dlt JOBS.json` puts RESULTS.json beside it.

What dlt says of each run is its exception, if it raises one, and what it logs at WARNING or above, as is its default.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

import dagster as dg
import dlt
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from dagster_dlt import DagsterDltResource
from deltalake import DeltaTable
from dlt.extract.source import DltSource
from dlt.pipeline.exceptions import PipelineStepFailed

from benchmarks import dlt_on_dagster, dlt_pipeline
from benchmarks.dlt_pipeline import Options

RESULTS = "results.json"

QUIET = {"RUNTIME__DLTHUB_TELEMETRY": "false"}
"""The environment in which dlt sends nothing about this machine anywhere."""

_LOGGER = "dlt"


class Load(msgspec.Struct, frozen=True):
    """One run of the pipeline: from which server, into which day."""

    url: str
    day: str


class Job(msgspec.Struct, frozen=True):
    """A list's loads, one after the other, into one folder, and how dlt is to go about them."""

    name: str
    folder: str
    list_name: str
    pages: int | None
    loads: tuple[Load, ...]
    options: Options = Options()
    under_dagster: bool = False


class Found(msgspec.Struct, frozen=True):
    """The last load's day in the end, its number of values by column, and the messages of each load."""

    name: str
    rows: int
    shows: int
    values: dict[str, int]
    said: tuple[str, ...]


def main() -> None:
    path = Path(sys.argv[1])
    jobs = msgspec.json.decode(path.read_bytes(), type=list[Job])
    path.with_name(RESULTS).write_bytes(msgspec.json.encode([done(job) for job in jobs]))


def done(job: Job) -> Found:
    """The job, done."""
    said = tuple(_loaded(job, load) for load in job.loads)
    table = stored(Path(job.folder), job.list_name, job.loads[-1].day, delta=job.options.delta)
    values = {name: len(table) - table[name].null_count for name in table.column_names}
    return Found(job.name, len(table), len(set(table["id"].to_pylist())) if values else 0, values, said)


def stored(folder: Path, list_name: str, day: str, *, delta: bool = False) -> pa.Table:
    """All rows of a list's day that a reader sees."""
    place = folder / "lake" / dlt_pipeline.DATASET / list_name
    if delta:
        if not DeltaTable.is_deltatable(str(place)):
            return pa.table({})
        return DeltaTable(str(place)).to_pyarrow_table(filters=[("dt", "=", day)])
    # One by one: with `freeze` or `evolve` files of a day may differ in their columns.
    parts = [pq.ParquetFile(path).read() for path in sorted((place / f"dt={day}").glob("*.parquet"))]
    return pa.concat_tables(parts, promote_options="permissive") if parts else pa.table({})


def _loaded(job: Job, load: Load) -> str:
    """One load; returns what dlt said of it, empty when it had nothing to say."""
    one = next(known for known in dlt_pipeline.LISTS if known.name == job.list_name)
    source = dlt_pipeline.shows(load.url, load.day, [replace(one, pages=job.pages)], job.options)
    target = dlt_pipeline.pipeline(Path(job.folder), load.day, job.name)
    heard = _Heard()
    logging.getLogger(_LOGGER).addHandler(heard)
    try:
        return (_under_dagster if job.under_dagster else _alone)(source, target) or heard.first
    finally:
        logging.getLogger(_LOGGER).removeHandler(heard)


def _alone(source: DltSource, target: dlt.Pipeline) -> str:
    try:
        target.run(source, loader_file_format="parquet")
    except PipelineStepFailed as error:
        return f"{type(error.exception).__name__}: {_last_words(error.exception)}"
    return ""


def _under_dagster(source: DltSource, target: dlt.Pipeline) -> str:
    with dg.DagsterInstance.ephemeral() as instance:
        result = dg.materialize(
            [dlt_on_dagster.as_assets(source, target)],
            instance=instance,
            resources={"dlt": DagsterDltResource()},
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
    errors = [event.step_failure_data.error for event in result.all_events if event.is_step_failure]
    causes = [error.cause for error in errors if error and error.cause]
    return f"the run failed: {causes[0].message}" if causes else "" if result.success else "the run failed"


def _last_words(error: BaseException | None) -> str:
    """The innermost reason: dlt wraps it several times."""
    while error is not None and error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}"


class _Heard(logging.Handler):
    """Keeps the first warning."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.first = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.first = self.first or f"logged {record.levelname}: {record.getMessage()}"


if __name__ == "__main__":
    main()
