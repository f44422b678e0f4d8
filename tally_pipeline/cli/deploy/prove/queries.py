"""Trials of Athena: each table counted and held against the lake's files, and each sample query, with its bytes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq

from tally_pipeline import clock
from tally_pipeline.cli.deploy.prove.proof import Proof
from tally_pipeline.cli.deploy.prove.trial import Seen, Trial
from tally_pipeline.lake import parquet
from tally_pipeline.lake.store import LakeError
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.plurals import counted
from tally_pipeline.query import samples
from tally_pipeline.query.engine import Answer, QueryError
from tally_pipeline.query.tables import TABLES

COUNTED_DAYS = 7
"""Days, today included, whose rows are counted: the genres come once a week."""


def trials(proof: Proof) -> Iterator[Trial]:
    """A trial for each table and for each sample query."""
    for spec in TABLES:
        yield Trial(
            f"table {spec.name}",
            "Glue has the contract's columns, and Athena counts the lake's own rows.",
            partial(_table, proof, spec),
        )
    for name in samples.names():
        yield Trial(f"sample {name}", samples.question(name), partial(_sample, proof, name))


def statements() -> Iterator[str]:
    """The SQL of every trial."""
    yield from (_count(spec) for spec in TABLES)
    yield from map(samples.read, samples.names())


def _table(proof: Proof, spec: TableSpec) -> Seen:
    try:
        different = proof.deployment.query_engine.differences(spec.name)
        answer = proof.deployment.query_engine.measure(_count(spec))
    except QueryError as error:
        return Seen(False, str(error), f'mend what it names, then try: tally query "{_count(spec)}"')
    rows, files = answer.rows.to_pylist()[0]["n"], _rows_in_files(proof, spec)
    told = f"{counted(rows, 'row')} of {COUNTED_DAYS} days, the lake's files hold {files}; {_cost(answer)}"
    if different:
        told += "; " + "; ".join(
            f"{one['place']}: {one['table']}, not {one['contract']}" for one in different
        )
    return Seen(
        rows == files and not different,
        told,
        "prove again when no run is under way; if it stays: `tally deploy check`, and first_ingest_date in deploy/",
        answer.bytes_scanned,
    )


def _sample(proof: Proof, name: str) -> Seen:
    try:
        answer = proof.deployment.query_engine.measure(samples.read(name))
    except QueryError as error:
        return Seen(False, str(error), f"mend what it names, then try: tally query --sample {name}")
    rows = counted(answer.rows.num_rows, "row")
    return Seen(True, f"{rows}; {_cost(answer)}", scanned=answer.bytes_scanned)


def _count(spec: TableSpec) -> str:
    today = clock.today()
    first = today - timedelta(days=COUNTED_DAYS - 1)
    return f"SELECT count(*) AS n FROM {spec.name} WHERE dt BETWEEN '{first}' AND '{today}'"


def _rows_in_files(proof: Proof, spec: TableSpec) -> int:
    """The rows of the table's files of these days, by Parquet's own metadata."""
    store, today = proof.deployment.lake.store, clock.today()
    days = {f"dt={today - timedelta(days=back)}" for back in range(COUNTED_DAYS)}
    depth = spec.pattern.count("/")
    rows = 0
    for info in store.list(spec.prefix):
        parts = info.key.split("/")
        if len(parts) != depth + 1 or parts[-2] not in days:
            continue
        tail = store.tail(info.key, parquet.FOOTER_BYTES)
        if parquet.footer_length(tail) > len(tail):
            tail = store.tail(info.key, parquet.footer_length(tail))
        try:
            rows += pq.read_metadata(pa.BufferReader(tail)).num_rows
        except (pa.ArrowException, OSError) as error:
            raise LakeError(f"{store.uri(info.key)} is no Parquet file ({error}): rebuild its day") from error
    return rows


def _cost(answer: Answer) -> str:
    scanned = "bytes not told" if answer.bytes_scanned is None else f"{answer.bytes_scanned:,} bytes scanned"
    return f"{scanned}, {answer.seconds:.1f} s"
