"""`tally cost`: a bill from real runs, whose parts add up."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.cost.bill import price_list
from tally_pipeline_tests.cli.conftest import Tally
from testkit import tally

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The bill of 80 shows a day in a lake three days old."""
    home = tmp_path_factory.mktemp("cost")
    ran = tally.run(
        home, {"TALLY_HOME": str(home / "lake")}, "cost", "--shows", "80", "--days", "3", "--json"
    )
    assert ran.code == 0, ran.err
    assert not (home / "lake").exists(), "it has a lake of its own"
    return ran.json


@pytest.mark.slow
def test_what_was_counted_is_said(told: Any) -> None:
    assert told["counted"] == {"rows": 80, "days": 3}
    assert (told["shows_a_day"], told["days"]) == (80, 3)


@pytest.mark.slow
def test_the_bill_is_the_sum_of_its_parts_at_the_prices_listed(told: Any) -> None:
    prices = {price.what: price for price in price_list().prices.values()}
    for charge in told["bill"]:
        parts = [part["quantity"] for part in told["parts"] if part["price"] == charge["price"]]
        assert sum(parts) == pytest.approx(charge["quantity"], abs=0.01)
        price = prices[charge["price"]]
        billed = max(0, charge["quantity"] - price.always_free)
        assert charge["to_pay"] == pytest.approx(billed * price.usd / price.per, abs=1e-4)
    for total in ("before_allowances", "to_pay", "first_year"):
        assert told["total_usd"][total] == pytest.approx(sum(one[total] for one in told["bill"]), abs=1e-5)


@pytest.mark.slow
def test_a_sync_writes_what_it_is_known_to_write(told: Any) -> None:
    requests = {
        part["part"]: part["quantity"]
        for part in told["parts"]
        if (part["price"], part["known"]) == ("S3 PUT and LIST", "measured")
    }
    # Bronze, silver and quarantine of four lists, four gold tables, the report twice: 18 objects, and listings.
    assert requests["capture, refine, gold, report"] / 30 >= 18
    # Once today is there, the hourly checks ask for it by name: a listing costs as much as twelve such looks.
    assert "hourly checks" not in requests
    looks = {
        part["part"]: part["quantity"]
        for part in told["parts"]
        if (part["price"], part["known"]) == ("S3 GET", "measured")
    }
    # The silver of four lists, and of details.
    assert looks["hourly checks"] == 720 * 5


@pytest.mark.slow
def test_every_query_of_a_sync_is_there_and_filtered(told: Any) -> None:
    queries = told["queries_of_a_sync"]
    assert any(
        query["sql"].startswith("SELECT dt, data_type, count(*) AS n FROM silver_shows") for query in queries
    )
    assert all(query["billed_mb"] == 10 for query in queries)


@pytest.mark.slow
def test_nobody_held_the_prices_against_their_sources_and_that_is_said(told: Any) -> None:
    unchecked = [price.what for price in price_list().prices.values() if not price.checked]
    assert told["prices"]["unchecked"] == unchecked
    assert "from memory" in told["prices"]["said"]


@pytest.mark.slow
def test_the_documents_say_what_the_command_says(tmp_path: Path) -> None:
    """Within a tenth: the sandbox's lists are longer on some days than on others."""
    told = tally.run(tmp_path, {"TALLY_HOME": str(tmp_path / "lake")}, "cost", "--json").json["total_usd"]
    page = (DOCS / "aws.md").read_text(encoding="utf-8")
    (stated,) = re.findall(r"a lake of 30 days costs \*\*\$([\d.]+) a month\*\*", page)
    (before,) = re.findall(r"before any allowance it is \$([\d.]+\d)", page)
    assert float(stated) == pytest.approx(told["to_pay"], rel=0.1)
    assert float(before) == pytest.approx(told["before_allowances"], rel=0.1)
    in_words = {7: "seven", 8: "eight", 9: "nine", 10: "ten"}[round(told["to_pay"] * 100)]
    assert f"for about {in_words} cents a month" in (DOCS.parent / "README.md").read_text(encoding="utf-8")


def test_a_number_that_cannot_be_is_refused(run_tally: Tally) -> None:
    assert run_tally("cost", "--shows", "0").code == 2
    assert run_tally("cost", "--days", "many").code == 2
