"""The tables that are made from a day of details: against plain Python, and what their checks find in broken ones."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tally_pipeline.bronze.details_capture import Carried, Reply
from tally_pipeline.checks.check import Findings
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.datasets.details.brands import brand_of
from tally_pipeline.datasets.details.contract import KINDS
from tally_pipeline.datasets.details.derived import OfDetails
from tally_pipeline.datasets.details.offers import OFFERS
from tally_pipeline.datasets.details.providers import PROVIDERS
from tally_pipeline.datasets.details.refinement import refine
from tally_pipeline.datasets.details.seasons import SEASONS
from tally_pipeline.lake import parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.store import Store
from tally_pipeline.tables.sources import Sources
from testkit import details
from testkit.details import Parts, manifest, offer, show

DAY, BEFORE = "2026-01-07", "2026-01-04"

PROVIDER = st.sampled_from([8, 1796, 9, 500_000, 500_001])
OFFERED = st.dictionaries(
    st.sampled_from(["GB", "US", "DE"]),
    st.dictionaries(
        st.sampled_from([*KINDS, "link"]),
        st.lists(
            st.builds(offer, PROVIDER, st.sampled_from(["A", "B"]), st.none() | st.integers(0, 9)), max_size=4
        ),
        max_size=4,
    ),
    max_size=3,
)
SEASON = st.fixed_dictionaries(
    {"season_number": st.integers(0, 3)},
    optional={"name": st.sampled_from(["", "Season"]), "episode_count": st.integers(0, 9)},
)
SHOW = st.tuples(st.booleans(), OFFERED, st.lists(SEASON, max_size=4) | st.none())


def refined(shows: list[tuple[bool, dict[str, Any], list[dict[str, Any]] | None]]) -> pa.Table:
    """Silver of these shows; those with a true flag are carried from a day before."""
    replies: dict[bool, list[Reply]] = {True: [], False: []}
    for number, (is_old, offered, seasons) in enumerate(shows, 1):
        results = {
            country: {kind: "x" if kind == "link" else found for kind, found in by_kind.items()}
            for country, by_kind in offered.items()
        }
        body = show(number, seasons=seasons, **{details.OFFERS: {"results": results}})
        replies[is_old].append(details.reply(number, body))
    parts = Parts()
    carried = [Carried(dt=BEFORE, part=parts.put(BEFORE, "b", replies[True]))] if replies[True] else []
    fresh = [parts.put(DAY, "a", replies[False])] if replies[False] else []
    return refine(manifest(DAY, fresh, carried=carried), parts.read).silver


def made(table: OfDetails, silver: pa.Table) -> list[dict[str, Any]]:
    rows = table.made_from(silver.select(table.reads)).sort_by([(name, "ascending") for name in table.key])
    assert rows.schema.equals(table.schema)
    return [dict(row) for row in rows.to_pylist()]


@given(st.lists(SHOW, max_size=5))
def test_offers_are_those_of_the_details_each_with_its_brand_show_and_age(shows: list[Any]) -> None:
    silver = refined(shows)
    plain = [
        {
            "show_id": row["show_id"],
            "title": row["title"],
            **{name: one[name] for name in ("country", "kind", "provider_id", "provider_name")},
            "display_priority": one["display_priority"],
            "seen_on": row["seen_on"],
            "age_days": row["age_days"],
        }
        for row in silver.to_pylist()
        for one in row["offers"]
    ]
    found = made(OFFERS, silver)
    by_name = sorted(plain, key=lambda one: str(one["provider_name"]))
    last = {one["provider_id"]: one["provider_name"] for one in by_name}
    for one in found:
        brand = brand_of(one["provider_id"], last[one["provider_id"]])
        assert (one.pop("brand_id"), one.pop("brand")) == (brand.id, brand.name)
    by_key = [tuple(one[name] for name in OFFERS.key) for one in found]
    assert by_key == sorted(set(by_key))
    assert found == sorted(plain, key=lambda one: tuple(one[name] for name in OFFERS.key))
    assert {one["age_days"] for one in found} <= {0, 3}


@given(st.lists(SHOW, max_size=5))
def test_each_season_of_a_show_stands_once_and_providers_add_up(shows: list[Any]) -> None:
    silver = refined(shows)
    seasons = {
        (row["show_id"], one["season_number"]) for row in silver.to_pylist() for one in row["season_list"]
    }
    assert [(one["show_id"], one["season_number"]) for one in made(SEASONS, silver)] == sorted(seasons)
    offers = made(OFFERS, silver)
    counts = Counter(one["provider_id"] for one in offers)
    found = made(PROVIDERS, silver)
    assert {one["provider_id"]: one["offers"] for one in found} == counts
    for one in found:
        own = [other for other in offers if other["provider_id"] == one["provider_id"]]
        assert one["shows"] == len({other["show_id"] for other in own})
        assert one["countries"] == len({other["country"] for other in own})
        assert one["brand_id"] == own[0]["brand_id"]
        assert one["is_mapped"] == (one["provider_id"] < 500_000)


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """A lake with a day of details."""
    lake = Lake(Store.in_folder(tmp_path), "sandbox")
    shows = [
        (False, {"GB": {"flatrate": [offer(8, "Netflix")], "buy": [offer(900, "Netflix Kids")]}}, None)
    ] * 2
    lake.store.put(
        DETAILS.silver_key(DAY), parquet.encode_table(refined([*shows, (False, {}, [{"season_number": 1}])]))
    )
    return Sources.of(lake, [])


def outcomes(findings: Findings) -> dict[str, str]:
    return {
        check.name: "passed" if one.passed else "blocks" if one.serious else "warns"
        for check, one in findings
    }


@pytest.mark.parametrize(
    ("table", "check"),
    [(OFFERS, "every_offer"), (SEASONS, "every_season"), (PROVIDERS, "every_offer_counted")],
)
def test_a_table_that_lost_a_row_is_not_published(table: OfDetails, check: str, sources: Sources) -> None:
    rows = table.rows(sources, None, DAY)  # type: ignore[arg-type]  # these ask no engine
    assert outcomes(table.findings(sources, None, DAY, rows))[check] == "passed"  # type: ignore[arg-type]
    lost = table.findings(sources, None, DAY, rows.slice(1))  # type: ignore[arg-type]
    assert outcomes(lost)[check] == "blocks"
    assert all(one.remedy for _, one in lost if not one.passed)


def test_a_provider_that_looks_like_a_brands_plan_is_told_of_and_published(sources: Sources) -> None:
    rows = PROVIDERS.rows(sources, None, DAY)  # type: ignore[arg-type]
    ((_, _), (_, known)) = PROVIDERS.findings(sources, None, DAY, rows)  # type: ignore[arg-type]
    assert (known.passed, known.serious) == (False, False)
    assert list(known.offenders) == [{"provider_id": 900, "name": "Netflix Kids", "looks like": "Netflix"}]
