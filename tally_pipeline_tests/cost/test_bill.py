"""The arithmetic of the bill, and the prices it is made with."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline import clock
from tally_pipeline.cost.bill import Line, Price, charges, price_list

PRICES = {
    "requests": Price("requests", "requests", 0.40, 1_000_000, "https://example.org", always_free=1_000_000),
    "storage": Price("storage", "GB-months", 0.023, 1, "https://example.org", first_year_free=5),
}


def of(*lines: Line) -> dict[str, Any]:
    """Before allowances, to pay, and in the first year, by price."""
    return {one.price.what: (one.before, one.to_pay, one.first_year) for one in charges(lines, PRICES)}


def test_what_is_always_free_is_taken_off_once_for_all_lines_together() -> None:
    half = Line("looks", "requests", 750_000, "computed")
    assert of(half)["requests"] == (pytest.approx(0.3), 0, 0)
    assert of(half, half)["requests"] == (pytest.approx(0.6), pytest.approx(0.2), pytest.approx(0.2))


def test_what_is_free_in_the_first_year_is_not_counted_in_what_is_to_pay() -> None:
    before, to_pay, first_year = of(Line("bronze", "storage", 6, "measured"))["storage"]
    assert (before, to_pay, first_year) == (pytest.approx(0.138), pytest.approx(0.138), pytest.approx(0.023))


def test_what_is_not_used_is_not_on_the_bill() -> None:
    assert of() == {}
    assert list(of(Line("bronze", "storage", 1, "measured"))) == ["storage"]


@given(st.lists(st.floats(0, 1e9), max_size=5), st.sampled_from(sorted(PRICES)))
def test_an_allowance_never_makes_a_bill_negative_or_larger(quantities: list[float], name: str) -> None:
    for charge in charges([Line("any", name, quantity, "computed") for quantity in quantities], PRICES):
        assert 0 <= charge.first_year <= charge.to_pay <= charge.before


def test_every_price_has_a_source_and_is_confirmed_by_a_document_on_a_day_or_unconfirmed() -> None:
    listed = price_list()
    assert listed.region == "us-east-1"
    assert date.fromisoformat(listed.date) > date(2025, 1, 1)
    for price in listed.prices.values():
        assert price.usd > 0
        assert price.per > 0
        assert price.source.startswith("https://aws.amazon.com/")
        assert bool(price.checked) == bool(price.seen_at)
        if price.checked:
            assert price.seen_at.startswith("https://")
            assert date(2026, 11, 1) <= date.fromisoformat(price.checked) <= clock.today()


def test_the_allowances_that_are_always_free_are_awss() -> None:
    free = {name: price.always_free for name, price in price_list().prices.items() if price.always_free}
    assert (free["metrics"], free["alarms"], free["dashboards"], free["sqs"]) == (10, 10, 3, 1_000_000)
    assert "s3_write" not in free
    assert "s3_storage" not in free
