"""A gold table more is one module, its SQL and one line: everything that knows gold then knows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import tally_pipeline
from tally_pipeline.gold import TABLES
from tally_pipeline.tmdb.lists import LISTS

pytestmark = pytest.mark.slow

PACKAGE = Path(tally_pipeline.__file__).parent
NAME = "list_lengths"
MODULE = '''
"""`list_lengths`: how long each list is."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from tally_pipeline.tables.columns import INT, STRING, Column
from tally_pipeline.tables.table import Engine, Inputs, SqlTable, by_list
from tally_pipeline.tables.sources import Sources
from tally_pipeline.previews import Bars
from tally_pipeline.checks.check import Check, Finding, Findings

AS_LONG_AS_SILVER = Check("as_long_as_silver", "Each list is as long as in silver.", blocking=True)


class ListLengths(SqlTable):
    name = "list_lengths"
    description = "How many shows each list holds."
    window = "the day itself"
    key = ("data_type",)
    columns = (
        Column("data_type", STRING, "The list.", "data_type"),
        Column("shows", INT, "Shows that it holds.", "show_id"),
    )
    checks = (AS_LONG_AS_SILVER,)
    previewed = ("data_type", "shows")

    def inputs(self, sources: Sources, day: str) -> Inputs:
        return Inputs(sources.named(sources.silver_keys([day])))

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        silver = {name: shows.num_rows for name, shows in sources.silver_of(day).items()}
        agree = silver == {row["data_type"]: row["shows"] for row in rows.to_pylist()}
        return [(AS_LONG_AS_SILVER, Finding(agree, f"{len(silver)} lists in silver", "Mend the SQL."))]

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        return {"length by list": Bars(by_list(rows, "shows"))}


TABLE = ListLengths()
'''
SQL = """
-- How long each list is.
SELECT data_type, CAST(count(*) AS integer) AS shows
FROM silver_shows
WHERE dt = :day
GROUP BY data_type
"""
LAST_LINE = f'    "{TABLES[-1].name}",\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of Tally with one table more."""
    house = tmp_path_factory.mktemp("house")
    copy = house / "tally_pipeline"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "gold" / f"{NAME}.py").write_text(MODULE.lstrip())
    (copy / "gold" / f"{NAME}.sql").write_text(SQL.lstrip())
    registry = copy / "gold" / "__init__.py"
    text = registry.read_text()
    assert text.count(LAST_LINE) == 1
    registry.write_text(text.replace(LAST_LINE, f'{LAST_LINE}    "{NAME}",\n'))
    return house


@pytest.fixture(scope="module")
def seen(house: Path) -> dict[str, Any]:
    """What `look_at_table` sees of it."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("TALLY_", "TMDB_"))}
    environ |= {"TALLY_HOME": str(house / "home"), "PYTHONPATH": f"{house}{os.pathsep}{PACKAGE.parent}"}
    ended = subprocess.run(
        [sys.executable, "-m", "tally_pipeline_tests.gold.look_at_table", NAME],
        env=environ,
        cwd=house,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr[-4000:]
    told: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return told


def test_it_is_materialized_and_its_check_runs_day_by_day(seen: dict[str, Any]) -> None:
    assert seen["in Dagster"]
    assert len(seen["days"]) == 2
    assert seen["checks"] == {f"as_long_as_silver {day}": True for day in seen["days"]}


def test_it_has_a_preview_and_a_plot(seen: dict[str, Any]) -> None:
    assert all(f"| {one.name}".replace("_", r"\_") in seen["metadata"]["preview"] for one in LISTS)
    assert seen["metadata"]["length by list"].count("data:image/svg+xml") == len(LISTS)


def test_tally_query_answers_from_it(seen: dict[str, Any]) -> None:
    rows = [(row["dt"], row["data_type"]) for row in seen["queried"]]
    assert rows == [(day, name) for day in seen["days"] for name in sorted(one.name for one in LISTS)]
    assert all(row["shows"] > 0 for row in seen["queried"])


def test_the_catalogue_and_the_data_dictionary_have_it(seen: dict[str, Any]) -> None:
    columns = [(column["name"], column["type"]) for column in seen["in Glue"]["columns"]]
    assert columns == [("data_type", "string"), ("shows", "int")]
    assert seen["in Glue"]["prefix"] == f"gold/{NAME}"
    assert f"#### `gold_{NAME}`" in seen["in the data dictionary"]
    assert "| `shows` | `int` | Shows that it holds. |" in seen["in the data dictionary"]


def test_it_is_made_anew_when_what_it_was_made_from_is_another(seen: dict[str, Any]) -> None:
    assert seen["stale"] == {}
    assert f"gold/{NAME}" in seen["stale when a list is gone"][seen["days"][-1]]
    assert seen["days"][0] not in seen["stale when a list is gone"]
