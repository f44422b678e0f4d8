"""`tally audit`: proof that bronze holds the bytes received."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import chain

from tally_pipeline.cli import terminal
from tally_pipeline.datasets.captures import audit
from tally_pipeline.datasets.dataset import AuditResult
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.events import batches
from tally_pipeline.lake.lake import Lake
from tally_pipeline.plurals import counted


def prove(settings: Settings, *, as_json: bool) -> int:
    """Audit every bronze object; 0 when everything holds."""
    lake = deploy(settings).lake
    found = [_told(audited, as_json) for audited in chain(audit(lake), _batches_of_events(lake))]
    broken = [audited for audited in found if audited.problems]
    unproven = [audited for audited in found if audited.unproven]
    pages, rows = sum(audited.pages for audited in found), sum(audited.rows for audited in found)
    totals = {
        "lake": lake.store.root,
        "objects": len(found),
        "pages": pages,
        "rows": rows,
        "broken": {audited.key: list(audited.problems) for audited in broken},
        "without_hashes": [audited.key for audited in unproven],
    }
    if as_json:
        terminal.print_json(json.dumps(totals, indent=2, ensure_ascii=False))
    else:
        print(
            f"{counted(len(found), 'object')}, {counted(pages, 'page')}, {counted(rows, 'row')} in {lake.store.root}:"
            f" {counted(len(broken), 'does', 'do')} not hold"
            + (
                f", {counted(len(unproven), 'states', 'state')} no hashes (another tool wrote them)"
                if unproven
                else ""
            )
        )
        if broken:
            print("Restore the named objects from a backup; silver of their days stays as it is until then.")
    return 1 if broken else 0


def _batches_of_events(lake: Lake) -> Iterator[AuditResult]:
    for info in lake.store.list(batches.FOLDER):
        body = lake.store.get(info.key)
        fault = batches.fault_in(info.key, body)
        if fault is None:
            yield AuditResult(info.key, rows=gzip.decompress(body).count(b"\n"))
        else:
            yield AuditResult(info.key, problems=(fault,))


def _told(audited: AuditResult, quietly: bool) -> AuditResult:
    if not quietly:
        for problem in audited.problems:
            print(terminal.on_one_line(f"✗ {audited.key}: {problem}"))
    return audited
