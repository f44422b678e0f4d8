"""The silver contract is the one that was agreed on, and all that derives from it agrees with it."""

from __future__ import annotations

import io
from typing import get_args

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tally_pipeline.contracts.contract import ATHENA_TYPES, RULES, Column, Rule
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.contract import COLUMNS

AGREED = [
    ("show_id", "int64", "bigint"),
    ("title", "string", "string"),
    ("original_title", "string", "string"),
    ("popularity", "double", "double"),
    ("vote_average", "double", "double"),
    ("vote_count", "int64", "bigint"),
    ("first_air_date", "string", "string"),
    ("genre_ids", "list<item: int64>", "array<bigint>"),
    ("origin_country", "list<item: string>", "array<string>"),
    ("poster_path", "string", "string"),
    ("backdrop_path", "string", "string"),
    ("overview", "string", "string"),
    ("original_language", "string", "string"),
    ("ingestion_date", "string", "string"),
    ("data_type", "string", "string"),
    ("rank", "int32", "int"),
]


def test_the_columns_are_those_agreed_on_in_their_order_and_types() -> None:
    assert [(column.name, str(column.type), column.athena_type) for column in COLUMNS] == AGREED


def test_the_arrow_schema_is_the_contracts_with_its_comments() -> None:
    assert [(field.name, str(field.type)) for field in contract.SILVER] == [agreed[:2] for agreed in AGREED]
    assert [field.metadata[b"comment"].decode() for field in contract.SILVER] == [
        c.description for c in COLUMNS
    ]


def test_the_partition_keys_are_data_type_and_dt() -> None:
    assert list(contract.PARTITION_KEYS) == ["data_type", "dt"]
    assert "dt" not in contract.SILVER.names


def test_every_rule_says_what_it_means() -> None:
    assert set(RULES) == set(get_args(Rule))
    assert all(RULES.values())


def test_every_column_and_field_of_the_files_is_described() -> None:
    assert all(column.description.endswith(".") for column in COLUMNS)
    assert all(field.metadata[b"comment"] for field in contract.QUARANTINE)


def test_every_type_of_the_quarantine_has_a_name_in_athena() -> None:
    assert {field.type for field in contract.QUARANTINE} <= ATHENA_TYPES.keys()


@pytest.mark.parametrize("column", [c for c in COLUMNS if c.field], ids=lambda column: column.name)
def test_a_required_column_is_never_null_and_an_optional_one_may_be(column: Column) -> None:
    assert column.nullable is not column.required


def test_tmdbs_names_that_silver_renames_are_three() -> None:
    renamed = {column.name: column.field for column in COLUMNS if column.field not in (None, column.name)}

    assert renamed == {"show_id": "id", "title": "name", "original_title": "original_name"}


def test_tmdb_has_sixteen_tv_genres() -> None:
    assert len(contract.GENRES) == 16
    assert contract.GENRES[10765] == "Sci-Fi & Fantasy"


def test_the_schemas_survive_parquet() -> None:
    for schema in (contract.SILVER, contract.QUARANTINE):
        file = io.BytesIO()
        pq.write_table(pa.Table.from_pylist([], schema=schema), file)
        assert pq.read_table(file).schema.equals(schema)
