"""Silver files: what is read is what was written, and a damaged or foreign file is called so."""

from __future__ import annotations

import io

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.datasets.series import SeriesFooter, refinement
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.footer import Footer, footer_for
from tally_pipeline.datasets.shows.refinement import Refined, refine
from tally_pipeline.lake import parquet
from tally_pipeline.lake.parquet import FOOTER_BYTES, BronzeRef, ForeignFileError
from testkit.captures import bare, show
from testkit.tmdb.export_server import file_of, line

REFINED: Refined = refine(
    bare(*(show(number) for number in range(1, 51)), b"5"),
    data_type="popular_shows",
    dt="2025-12-24",
    key="k",
)
FOOTER: Footer = footer_for((BronzeRef("bronze/k.json", "ab" * 32),), "complete", "tmdb", REFINED.counts)
FILE = parquet.encode(REFINED.silver, FOOTER)


def test_a_table_reads_as_it_was_written() -> None:
    table = parquet.decode(FILE)

    assert table.equals(REFINED.silver)
    assert table.schema.equals(contract.SILVER)


def test_a_column_keeps_its_comment() -> None:
    field = parquet.decode(FILE).schema.field("rank")

    assert field.metadata[b"comment"] == b"The show's place in the list, 1 first."


def test_quarantine_reads_as_it_was_written() -> None:
    assert parquet.decode(parquet.encode(REFINED.quarantine, FOOTER)).equals(REFINED.quarantine)


def test_the_footer_says_where_the_file_comes_from_and_its_books() -> None:
    assert parquet.read_footer(FILE[-FOOTER_BYTES:], Footer) == FOOTER
    assert FOOTER.contract_version == contract.VERSION
    assert FOOTER.counts.balanced


def test_the_footer_is_read_from_just_the_end_of_the_file() -> None:
    length = parquet.footer_length(FILE[-8:])

    assert length < len(FILE)
    assert parquet.read_footer(FILE[-length:], Footer) == FOOTER


def test_the_files_are_compressed_with_snappy() -> None:
    metadata = pq.read_metadata(io.BytesIO(FILE))

    columns = metadata.row_group(0)
    assert {columns.column(i).compression for i in range(columns.num_columns)} == {"SNAPPY"}


@pytest.mark.parametrize("table", [REFINED.silver, REFINED.quarantine], ids=["silver", "quarantine"])
def test_a_file_without_rows_has_no_row_group_and_all_its_columns(table: pa.Table) -> None:
    empty = parquet.encode(table.slice(0, 0), FOOTER)

    assert pq.read_metadata(io.BytesIO(empty)).num_row_groups == 0
    assert parquet.decode(empty).schema.names == table.schema.names
    assert duckdb.read_parquet(io.BytesIO(empty)).columns == table.schema.names


def test_the_same_table_and_footer_give_the_same_bytes() -> None:
    assert parquet.encode(REFINED.silver, FOOTER) == FILE


def foreign() -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table({"a": [1]}), file)
    return file.getvalue()


@pytest.mark.parametrize("body", [b"", b"PAR1", b"{}", b"PAR1PAR1", FILE[:100], FILE[100:-1]])
def test_what_is_no_parquet_file_is_called_so(body: bytes) -> None:
    with pytest.raises(ForeignFileError, match="not a Parquet file"):
        parquet.decode(body)
    with pytest.raises(ForeignFileError, match="not a file that Tally wrote"):
        parquet.read_footer(body, Footer)


def test_a_parquet_file_of_another_tool_has_no_footer_of_ours() -> None:
    assert parquet.decode(foreign()).to_pydict() == {"a": [1]}
    with pytest.raises(ForeignFileError, match="not a file that Tally wrote"):
        parquet.read_footer(foreign(), Footer)


def rewritten(table: pa.Table) -> bytes:
    """As pandas or PyArrow write a table that they read: with whatever the footer said."""
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def test_a_file_of_series_that_lost_rows_is_not_believed_what_its_footer_counts() -> None:
    made = refinement.refine(file_of([*(line(n) for n in range(1, 9)), b"bad", b"bad"]), key="k")
    footer = SeriesFooter(
        bronze=(), contract_version="1", source="tmdb", ingestion_timestamp=None, counts=made.counts
    )
    for table in (made.silver, made.quarantine):
        kept = parquet.decode(parquet.encode(table, footer))
        assert parquet.read_footer(rewritten(kept), SeriesFooter) == footer
        for fewer in (kept.slice(1), kept.slice(0, 0)):
            with pytest.raises(ForeignFileError, match=r"it holds \d rows, its footer says \d"):
                parquet.read_footer(rewritten(fewer), SeriesFooter)


@given(st.integers(0, len(FILE) - 1), st.integers(0, 255), st.none() | st.integers(0, len(FILE)))
def test_a_damaged_file_is_read_or_called_damaged_but_never_crashes(
    place: int, value: int, length: int | None
) -> None:
    damaged = bytearray(FILE)
    damaged[place] = value

    for read in (parquet.decode, lambda body: parquet.read_footer(body, Footer)):
        try:
            read(bytes(damaged)[:length])
        except ForeignFileError:
            continue


def test_damage_anywhere_in_the_footer_is_called_so() -> None:
    for place in range(len(FILE) - 4000, len(FILE), 7):
        damaged = bytearray(FILE)
        damaged[place] ^= 0xFF
        try:
            parquet.read_footer(bytes(damaged), Footer)
        except ForeignFileError:
            continue
