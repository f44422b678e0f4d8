"""`tally query` and `tally audit`: ask the table, prove the bytes."""

from __future__ import annotations

import csv
import json
import sys
from typing import Any, Literal

import pyarrow as pa
from rich.markup import escape
from rich.table import Table

from tally_pipeline.cli import terminal
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.lake.audit import Audited, audit

Format = Literal["table", "csv", "json"]


def query(settings: Settings, sql: str, form: Format) -> int:
    """Print what the query answers; raises `QueryError`."""
    answer = deploy(settings).catalog.query(sql)
    if form == "json":
        print(json.dumps(answer.to_pylist(), indent=2, ensure_ascii=False, default=str))
    elif form == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(answer.column_names)
        writer.writerows(row.values() for row in answer.to_pylist())
    else:
        terminal.out().print(_table(answer))
        terminal.words().print(f"{answer.num_rows} rows")
    return 0


def _table(answer: pa.Table) -> Table:
    table = Table(header_style="bold")
    for field in answer.schema:
        numeric = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        table.add_column(escape(field.name), justify="right" if numeric else "left")
    for row in answer.to_pylist():
        table.add_row(*(_cell(value) for value in row.values()))
    return table


def _cell(value: Any) -> str:
    text = "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return escape(text)


def prove(settings: Settings, *, as_json: bool) -> int:
    """Audit every bronze object; 0 when everything holds."""
    lake = deploy(settings).lake
    found = [_told(audited, as_json) for audited in audit(lake)]
    broken = [audited for audited in found if audited.problems]
    unproven = [audited for audited in found if audited.unproven]
    totals = {
        "lake": lake.store.root,
        "objects": len(found),
        "pages": sum(audited.pages for audited in found),
        "rows": sum(audited.rows for audited in found),
        "broken": {audited.key: list(audited.problems) for audited in broken},
        "without_hashes": [audited.key for audited in unproven],
    }
    if as_json:
        print(json.dumps(totals, indent=2, ensure_ascii=False))
    else:
        print(
            f"{totals['objects']} objects, {totals['pages']} pages, {totals['rows']} rows in {totals['lake']}:"
            f" {len(broken)} do not hold"
            + (f", {len(unproven)} state no hashes (another tool wrote them)" if unproven else "")
        )
        if broken:
            print("Restore the named objects from a backup; silver of their days stays as it is until then.")
    return 1 if broken else 0


def _told(audited: Audited, quietly: bool) -> Audited:
    if not quietly:
        for problem in audited.problems:
            print(f"✗ {audited.key}: {problem}")
    return audited
