"""What people see in the UI: previews, counts, schemas, lineage. Text from TMDB is shown, never rendered."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pyarrow as pa

from tally_pipeline.shows.contract import COLUMNS
from tally_pipeline.shows.quality import Finding

PREVIEW_ROWS = 10
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~-])")


def finding_metadata(finding: Finding) -> dict[str, Any]:
    """A check's numbers (plotted over time), its offenders, and what to do when it failed."""
    metadata: dict[str, Any] = dict(finding.numbers)
    if finding.offenders:
        metadata["offenders"] = markdown_table(finding.offenders)
    if not finding.passed:
        metadata["what to do"] = finding.todo
    return metadata


def preview(shows: pa.Table) -> dg.MarkdownMetadataValue:
    """The first shows of a table in silver's schema."""
    columns = ["rank", "show_id", "title", "popularity", "vote_average", "vote_count", "first_air_date"]
    return markdown_table(shows.select(columns).slice(0, PREVIEW_ROWS).to_pylist())


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Rows as a Markdown table in which nothing that stands in a cell is markup."""
    if not rows:
        return dg.MetadataValue.md("*none*")
    names = list(rows[0])
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(_cell(row.get(name)) for name in names) + " |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    one_line = " ".join(text.split())
    short = one_line if len(one_line) <= 160 else one_line[:160] + "…"
    return _MARKDOWN.sub(r"\\\1", html.escape(short))


def column_schema() -> dg.TableSchema:
    """Silver's columns as Dagster shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                column.athena_type,
                description=column.description,
                constraints=dg.TableColumnConstraints(
                    nullable=column.nullable, unique=column.name == "show_id"
                ),
            )
            for column in COLUMNS
        ]
    )


def lineage_from_bronze(bronze: dg.AssetKey) -> dg.TableColumnLineage:
    """Which field of TMDB's each silver column comes from."""
    return dg.TableColumnLineage(
        {
            column.name: [dg.TableColumnDep(bronze, column.field)]
            for column in COLUMNS
            if column.field is not None
        }
    )


def lineage_from_silver(silver: Sequence[dg.AssetKey]) -> dg.TableColumnLineage:
    """The table's columns are silver's, of every list."""
    return dg.TableColumnLineage(
        {column.name: [dg.TableColumnDep(asset, column.name) for asset in silver] for column in COLUMNS}
    )
