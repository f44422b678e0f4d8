"""SQL of DuckDB's own is refused with what Athena has in its place, or a query would work on a laptop alone."""

from __future__ import annotations

import pytest

from tally_pipeline.query.engine import QueryError
from tally_pipeline_tests.query.conftest import Lake, show


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT dt, count(*) FROM silver_shows GROUP BY ALL", "no GROUP BY ALL: name the columns"),
        ("SELECT dt FROM silver_shows ORDER BY ALL", "no ORDER BY ALL"),
        ("SELECT * EXCLUDE (title) FROM silver_shows", "no * EXCLUDE"),
        ("SELECT * REPLACE (1 AS rank) FROM silver_shows", "no * REPLACE"),
        ("SELECT list_sort(genre_ids) FROM silver_shows", "no list_sort(): use array_sort"),
        ("SELECT len(title) FROM silver_shows", "no len(): use length, or cardinality for an array"),
        ("SELECT genre_ids[1:2] FROM silver_shows", "no slices: write slice(array, start, length)"),
        ("SELECT rank::varchar FROM silver_shows", "no :: cast: use CAST(… AS …)"),
        ("SELECT DISTINCT ON (dt) dt, title FROM silver_shows", "no DISTINCT ON"),
        ("SELECT title FROM silver_shows WHERE title ILIKE 'a%'", "no ILIKE: write lower(…) LIKE"),
        ("SELECT unnest(genre_ids) FROM silver_shows", "CROSS JOIN UNNEST"),
        ("SELECT {'a': 1} FROM silver_shows", "no {…} literal"),
        ("SELECT median(rank), arg_max(title, rank) FROM silver_shows", "no arg_max(): use max_by"),
    ],
)
def test_sql_that_athena_does_not_take_is_not_taken_here(lake: Lake, sql: str, says: str) -> None:
    with pytest.raises(QueryError, match=r"^Athena, whose SQL this is, has no ") as raised:
        lake.engine.query(sql)
    assert says in str(raised.value)


def test_athenas_own_sql_that_looks_like_it_is_taken(lake: Lake) -> None:
    lake.put("2026-01-01", [show(1, genre_ids=[18])])
    sql = """
        SELECT "all", 'len(x)::{}' AS text, slice(genre_ids, 1, 1) AS some, ARRAY[1][1] AS one, list
        FROM (SELECT title AS "all", genre_ids, data_type AS list FROM silver_shows)
        CROSS JOIN UNNEST(genre_ids) AS genres (genre_id)
        ORDER BY "all"
    """
    (row,) = lake.rows(sql)
    assert (row["text"], row["some"], row["one"], row["list"]) == ("len(x)::{}", [18], 1, "popular_shows")


@pytest.mark.parametrize(
    "sql",
    [
        "WITH list (a) AS (SELECT title FROM silver_shows), median (b) AS (SELECT a FROM list) SELECT b FROM median",
        "SELECT list.g FROM silver_shows CROSS JOIN UNNEST(genre_ids) AS list (g)",
    ],
)
def test_a_table_of_the_querys_own_may_be_called_like_one_of_duckdbs_functions(lake: Lake, sql: str) -> None:
    lake.put("2026-01-01", [show(1, genre_ids=[18])])
    assert len(lake.rows(sql)) == 1
