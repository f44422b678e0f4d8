"""`athena/silver_shows`: the table that people query, compared with silver and the contract."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import dagster as dg

from tally_pipeline.checks.check import SHOWN, Check, Finding
from tally_pipeline.datasets.shows import ShowsDataset
from tally_pipeline.lake.parquet import ForeignFileError
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import column_schema, lineage_from_silver
from tally_pipeline.orchestration.assets.factory import Step, partitioned_asset
from tally_pipeline.orchestration.assets.products import Product
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Rows
from tally_pipeline.query.engine import Answer, QueryEngine, QueryError
from tally_pipeline.query.tables import SILVER_SHOWS
from tally_pipeline.tmdb.lists import LISTS, ShowList

SCHEMA_IS_THE_CONTRACTS = Check(
    "schema_is_the_contracts",
    "The table's columns, their types and order, and on AWS its folders and partitions, are the contract's.",
    blocking=True,
)
COUNTS_EQUAL_SILVERS = Check(
    "counts_equal_silvers", "The table holds as many rows of each list as silver wrote.", blocking=True
)
TABLE_CHECKS = (SCHEMA_IS_THE_CONTRACTS, COUNTS_EQUAL_SILVERS)

NAME = SILVER_SHOWS.name


def table_asset(
    partitions: dg.PartitionsDefinition, source: str, lists: Sequence[ShowList] = LISTS
) -> dg.AssetsDefinition:
    """The table over the silver of all lists."""
    silver = [common.silver_key(show_list) for show_list in lists]
    spec = common.described(
        common.TABLE,
        group="catalog",
        source=source,
        kinds={"athena", "sql"},
        description="The table silver_shows: silver of all lists, to query by SQL. Filter on `dt`;"
        ' `tally query "SELECT …"` and `tally query --sample NAME` answer from it.',
        deps=silver,
        metadata={
            "dagster/column_schema": column_schema(
                SILVER_SHOWS, unique=ShowsDataset.unique, nullable=ShowsDataset.nullable
            ),
            "dagster/column_lineage": lineage_from_silver(silver),
            "dagster/table_name": NAME,
        },
        partitions=partitions,
    )
    return partitioned_asset(
        spec,
        lambda step: _compare(step, lists),
        op="athena_silver_shows",
        checks=TABLE_CHECKS,
        reads=silver,
        needs={"query_engine"},
    )


def _compare(step: Step, lists: Sequence[ShowList]) -> Iterator[Product]:
    query_engine: QueryEngine = step.resources.query_engine
    versions = _silver_versions(step, step.days, lists)
    try:
        schema = schema_finding(query_engine)
        # Under another schema rows may not even be countable, and the schema is the error to report.
        counts = _count(query_engine, step.days) if schema.passed else None
    except QueryError as error:
        schema, counts = _unreadable(query_engine, error), None
    for day in step.days:
        product = (
            _compared_product(step, query_engine, day, schema, counts, lists)
            if counts
            else _failed_product(day, schema)
        )
        product.inputs_stand = partial(_stands, step, day, lists, versions)
        yield product


def _silver_versions(step: Step, days: Sequence[str], lists: Sequence[ShowList]) -> dict[str, str | None]:
    """The versions of these days' silver, which may be replaced between counting the table and reading the files."""
    keys = map(common.silver_key, lists)
    return {key: version for asset in keys for key, version in step.lake.versions(asset, days).items()}


def _stands(step: Step, day: str, lists: Sequence[ShowList], versions: Mapping[str, str | None]) -> bool:
    return _silver_versions(step, [day], lists).items() <= versions.items()


def schema_finding(query_engine: QueryEngine) -> Finding:
    """Compares the table's columns and partition keys with the contract."""
    columns = len(SILVER_SHOWS.presented.names)
    differing = query_engine.differences(NAME)
    return Finding(
        passed=not differing,
        summary=f"the table differs from the contract in {counted(len(differing), 'place')}: {_in_words(differing)}"
        if differing
        else f"all {columns} columns are the contract's",
        remedy=query_engine.remedies.schema,
        numbers={"columns": columns, "differences": len(differing)},
        offenders=differing,
    )


def counts_finding(silver: Mapping[str, int], table: Mapping[str, int], remedy: str) -> Finding:
    """Compares the table's numbers of rows with silver's; both are by list."""
    rows = [
        {"list": name, "silver": silver.get(name, 0), "table": table.get(name, 0)}
        for name in sorted({*silver, *table})
    ]
    differing = [row for row in rows if row["silver"] != row["table"]]
    return Finding(
        passed=bool(silver) and not differing,
        summary=f"{counted(sum(table.values()), 'row')} in the table, {sum(silver.values())} in silver,"
        f" {counted(len(silver), 'list')}",
        remedy=remedy,
        numbers={"rows": sum(table.values()), "lists_differing": len(differing)},
        offenders=differing or rows,
    )


def _failed_product(day: str, schema: Finding) -> Product:
    """The failed product of a day: a wrong or unreadable table is so for every day."""
    findings = [(SCHEMA_IS_THE_CONTRACTS, schema)]
    return Product(day=day, findings=findings, failure=f"{schema.summary}. {schema.remedy}")


def _unreadable(query_engine: QueryEngine, error: QueryError) -> Finding:
    return Finding(
        passed=False,
        summary=f"the table cannot be read: {str(error).removesuffix('.')}",
        remedy=query_engine.remedies.unreadable,
    )


@dataclass(frozen=True)
class _TableCounts:
    """The table's rows by day and list, and the query that counted them."""

    rows: Mapping[str, Mapping[str, int]]
    answer: Answer


def _count(query_engine: QueryEngine, days: Sequence[str]) -> _TableCounts:
    """Count the rows with one query for all days of the run. It filters on the day: on Athena, every day costs."""
    answer = query_engine.measure(
        f"SELECT dt, data_type, count(*) AS n FROM {NAME}"
        f" WHERE dt BETWEEN '{days[0]}' AND '{days[-1]}' GROUP BY dt, data_type"
    )
    rows: dict[str, dict[str, int]] = {}
    for row in answer.rows.to_pylist():
        rows.setdefault(row["dt"], {})[row["data_type"]] = row["n"]
    return _TableCounts(rows, answer)


def _compared_product(
    step: Step,
    query_engine: QueryEngine,
    day: str,
    schema: Finding,
    table_counts: _TableCounts,
    lists: Sequence[ShowList],
) -> Product:
    silver, foreign = _silver_rows(step, day, lists)
    table = table_counts.rows.get(day, {})
    counts = counts_finding(silver, table, query_engine.remedies.counts)
    metadata: dict[str, Any] = {
        "dagster/partition_row_count": sum(table.values()),
        "dagster/table_name": NAME,
        "rows by list": Rows(counts.offenders),
        "lists": len(silver),
        "engine": query_engine.describe(),
        **_query_metadata(table_counts.answer),
        "try": dg.MetadataValue.md(
            f"```sql\nSELECT * FROM {NAME} WHERE dt = '{day}' ORDER BY rank LIMIT 10\n```"
        ),
    }
    failed = list(foreign)
    if not silver and not foreign:
        failed = [f"there is no silver of {day}; materialize silver_shows for it first."]
    elif not counts.passed:
        failed.append(f"{counts.summary}. {counts.remedy}")
    findings = ((SCHEMA_IS_THE_CONTRACTS, schema), (COUNTS_EQUAL_SILVERS, counts))
    return Product(day=day, findings=findings, metadata=metadata, failure=" ".join(failed))


def _query_metadata(answer: Answer) -> dict[str, Any]:
    """The query's cost and link, as far as the engine reports them."""
    metadata: dict[str, Any] = {"query time (s)": round(answer.seconds, 3)}
    if answer.bytes_scanned is not None:
        metadata["bytes scanned"] = answer.bytes_scanned
    if answer.link:
        metadata["query"] = dg.MetadataValue.url(answer.link)
    return metadata


def _silver_rows(step: Step, day: str, lists: Sequence[ShowList]) -> tuple[dict[str, int], list[str]]:
    """The rows stated in the day's files, by list, and an error for each file without a statement."""
    rows: dict[str, int] = {}
    foreign: list[str] = []
    for show_list in lists:
        try:
            stated_rows = step.lake.rows_stated(show_list.name, day)
        except ForeignFileError as error:
            foreign.append(str(error))
        else:
            if stated_rows is not None:
                rows[show_list.name] = stated_rows
    return rows, foreign


def _in_words(differing: Sequence[Mapping[str, str]]) -> str:
    sentences = [f"{one['place']} is {one['table']}, not {one['contract']}" for one in differing[:SHOWN]]
    return "; ".join(sentences) + (" …" if len(differing) > SHOWN else "")
