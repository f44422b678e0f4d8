"""Text from TMDB is shown in the UI as it is, never rendered."""

from __future__ import annotations

import re

import dagster as dg
import pytest

from tally_pipeline.datasets.shows import SILVER_SHOWS
from tally_pipeline.datasets.shows.contract import COLUMNS, PARTITION_KEYS
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import column_schema, markdown_table
from tally_pipeline.query.tables import TABLES, TableSpec, athena_columns
from testkit.pipeline import POPULAR, Pipeline, day, put, row, rows

NASTY = "<script>alert(1)</script> | **x** [a](b)"
SHOWN = r"&lt;script&gt;alert\(1\)&lt;/script&gt; \| \*\*x\*\* \[a\]\(b\)"


def cell(value: object) -> str:
    (line,) = markdown_table([{"cell": value}]).value.splitlines()[2:]
    return line.removeprefix("| ").removesuffix(" |")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (NASTY, SHOWN),
        ("one\n\n# two\r\n| three", r"one \# two \| three"),
        ("`code` _it_ ~gone~ ![i](u)", r"\`code\` \_it\_ \~gone\~ \!\[i\]\(u\)"),
        ("back\\slash", r"back\\slash"),
        ("&amp; &lt;", r"&amp;amp; &amp;lt;"),
        ('Grey\'s "Anatomy"', 'Grey\'s "Anatomy"'),
        (None, ""),
        (["GB", "US"], "GB, US"),
        (8.0, "8.0"),
        ("日本語 😀", "日本語 😀"),
        ("x" * 500, "x" * 160 + "…"),
    ],
)
def test_nothing_in_a_cell_is_markup(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_a_table_without_rows_says_so() -> None:
    assert markdown_table([]).value == "*none*"


def test_a_shows_name_is_no_markup_in_any_metadata(pipeline: Pipeline) -> None:
    """Neither in the previews nor among the offenders."""
    put(
        pipeline.lake,
        day(),
        [row(1, name=NASTY), *rows(20, first=2), row(99, name=NASTY, vote_average=NASTY)],
    )
    result = pipeline.refine()
    assert result.success
    preview = pipeline.metadata(common.silver_key(POPULAR))["preview"]
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "pass_rate"]
    for text in (preview, str(found.metadata["offenders"].value)):
        assert "&lt;script&gt;alert" in text
        assert "<script" not in text
        assert "**x**" not in text
        assert "](b)" not in text
    # Each line has as many cells as the head.
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in preview.splitlines()} == {7}


def test_a_name_that_tmdb_captures_is_no_markup_in_bronzes_preview(pipeline: Pipeline) -> None:
    run_id = "0a0a0a0a-0000-4000-8000-000000000000"
    put(pipeline.lake, day(), [row(1, name=NASTY)], name=run_id)
    assert pipeline.run("capture", assets=[common.bronze_key(POPULAR)], run_id=run_id).success
    assert SHOWN in pipeline.metadata(common.bronze_key(POPULAR))["preview"]


def test_dagsters_column_schema_is_the_contracts() -> None:
    columns = column_schema(SILVER_SHOWS, unique="show_id").columns
    shown = [(column.name, column.type, column.description) for column in columns]
    own = [column for column in COLUMNS if column.name not in PARTITION_KEYS]
    keys = [(key, "string", f"Partition. {meaning}") for key, meaning in PARTITION_KEYS.items()]
    assert shown == [*((column.name, column.athena_type, column.description) for column in own), *keys]
    assert [column.name for column in columns if column.constraints.unique] == ["show_id"]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_the_columns_that_dagster_shows_are_those_of_a_query_and_their_types(
    pipeline: Pipeline, table: TableSpec
) -> None:
    """The partition keys, which no file holds, are among them."""
    graph = pipeline.definitions.get_repository_def().asset_graph
    for key in graph.get_all_asset_keys():
        metadata = graph.get(key).metadata
        if str(metadata.get("dagster/table_name", "")).split(" ")[0] == table.name:
            schema = metadata["dagster/column_schema"]
            assert isinstance(schema, dg.TableSchema)
            assert [(one.name, one.type) for one in schema.columns] == athena_columns(table.presented)
            assert all(one.description for one in schema.columns)
