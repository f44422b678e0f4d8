"""Metadata for Dagster's UI: previews, counts, schemas, lineage. Text from TMDB is shown, never rendered."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dagster as dg

from tally_pipeline import markdown
from tally_pipeline.checks.check import Finding
from tally_pipeline.contracts.contract import athena_type
from tally_pipeline.datasets import AnyDataset
from tally_pipeline.datasets.shows.contract import COLUMNS, PARTITION_KEYS
from tally_pipeline.lake.tables import TableSpec
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars, Rows
from tally_pipeline.tables.table import Table

WHAT_TO_DO, WHERE_TO_LOOK = "What to do", "Where to look (SQL)"
"""The entries of a check that should be read first."""

# Neither too dark nor too light for the UI's two themes.
_BAR, _MISSING = "#5b8def", "#9aa4b2"
_BAR_WIDTH, _STEP, _HEIGHT = 7, 9, 48
_DIGITS = 4
"""Digits behind the point in a preview. The files have all of them."""
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+!|~-])")


def finding_metadata(finding: Finding) -> dict[str, Any]:
    """The metadata of a finding: the remedy, SQL that shows the offenders, numbers (plotted over time), offenders.

    Dagster sorts them by name, capitals first, so entries that should be read first begin with one. They are text,
    because Dagster shows Markdown only after a click.
    """
    metadata: dict[str, Any] = dict(finding.numbers)
    if not finding.passed and finding.remedy:
        metadata[WHAT_TO_DO] = finding.remedy
    if finding.sql:
        metadata[WHERE_TO_LOOK] = finding.sql
    if finding.offenders:
        metadata["offenders"] = markdown_table(finding.offenders)
    return metadata


def rendered(shown: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a partition's metadata to Dagster's types."""
    return {name: _rendered(value) for name, value in shown.items()}


def _rendered(value: Any) -> Any:
    match value:
        case Rows(rows):
            return markdown_table(rows)
        case Bars(series, least):
            return sparklines(series, least)
    return value


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Rows as a Markdown table whose cells contain no markup."""
    if not rows:
        return dg.MetadataValue.md("*none*")
    names = list(rows[0])
    return dg.MetadataValue.md(
        markdown.table(names, ([_cell(row.get(name)) for name in names] for row in rows))
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        value = round(value, _DIGITS)
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    one_line = " ".join(text.split())
    short = one_line if len(one_line) <= 160 else one_line[:160] + "…"
    return _MARKDOWN.sub(r"\\\1", html.escape(short, quote=False))


def column_schema(
    table: TableSpec, *, unique: str = "", nullable: Collection[str] = frozenset()
) -> dg.TableSchema:
    """A table's columns, then its partition keys, in Dagster's types; `unique` is the column unique within a day."""
    return _with_keys(
        [
            dg.TableColumn(
                field.name,
                athena_type(field.type),
                description=(field.metadata or {}).get(b"comment", b"").decode(),
                constraints=dg.TableColumnConstraints(
                    nullable=field.name in nullable, unique=field.name == unique
                ),
            )
            for field in table.schema
        ],
        keys=table.partitions,
    )


def _with_keys(columns: Sequence[dg.TableColumn], keys: Sequence[str]) -> dg.TableSchema:
    """A table's columns with the partition keys at the end, as in a query."""
    return dg.TableSchema(
        columns=[
            *(column for column in columns if column.name not in keys),
            *(
                dg.TableColumn(
                    key,
                    "string",
                    description=f"Partition. {PARTITION_KEYS[key]}",
                    constraints=dg.TableColumnConstraints(nullable=False),
                )
                for key in keys
            ),
        ]
    )


def lineage_from_bronze(dataset: AnyDataset, bronze: dg.AssetKey) -> dg.TableColumnLineage:
    """TMDB's source fields of each column of silver."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(bronze, field) for field in fields]
            for column, fields in dataset.lineage.items()
        }
    )


def lineage_from_silver(silver: Sequence[dg.AssetKey]) -> dg.TableColumnLineage:
    """The lineage of the table's columns: silver's, of every list."""
    return dg.TableColumnLineage(
        {column.name: [dg.TableColumnDep(asset, column.name) for asset in silver] for column in COLUMNS}
    )


def gold_lineage(table: Table, assets: Mapping[str, Sequence[dg.AssetKey]]) -> dg.TableColumnLineage:
    """The source columns of each gold column; `assets` are the keys of the assets in each source table."""
    return dg.TableColumnLineage(
        {
            column.name: [
                dg.TableColumnDep(asset, source_column)
                for source_table, source_column in column.sources
                for asset in assets[source_table]
            ]
            for column in table.columns
            if column.sources
        }
    )


def sparkline(values: Sequence[float | None], least: float = 0) -> dg.MarkdownMetadataValue:
    """Values as small bars from `least` up, in their order; None is a visible gap."""
    return sparklines({"": values}, least)


def sparklines(series: Mapping[str, Sequence[float | None]], least: float = 0) -> dg.MarkdownMetadataValue:
    """Several sparklines below each other, each after its name, on one scale."""
    known = [value for values in series.values() for value in values if value is not None]
    if not known:
        return dg.MetadataValue.md("*nothing to draw*")
    most = max(known)
    parts = []
    for name, values in series.items():
        picture = base64.b64encode(_bars(values, least, most).encode()).decode()
        parts.append(f"{_cell(name)} ![{_in_words(values)}](data:image/svg+xml;base64,{picture})".strip())
    return dg.MetadataValue.md("\n\n".join(parts))


def _bars(values: Sequence[float | None], least: float, most: float) -> str:
    """An SVG in an image element, which runs no scripts and loads nothing."""
    span = most - least
    marks = []
    for place, value in enumerate(values):
        # A missing value is a flat grey mark below the bars' base line.
        share = 0.0 if value is None or span <= 0 else max(0.0, (value - least) / span)
        height = 2 if value is None else max(1, round(share * (_HEIGHT - 4)))
        top = _HEIGHT - 2 if value is None else _HEIGHT - 3 - height
        colour = _MISSING if value is None else _BAR
        marks.append(
            f'<rect x="{place * _STEP}" y="{top}" width="{_BAR_WIDTH}" height="{height}" fill="{colour}"/>'
        )
    width = len(values) * _STEP
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT}"'
        f' viewBox="0 0 {width} {_HEIGHT}">{"".join(marks)}</svg>'
    )


def _in_words(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "no values"
    missing = f", {len(values) - len(known)} missing" if len(known) < len(values) else ""
    return f"{counted(len(values), 'value')} from {min(known):g} to {max(known):g}, the last {known[-1]:g}{missing}"
