"""The map of brands: what stands in it, what is wrong with a broken one, and who is missing from it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from tally_pipeline.datasets.details.brands import Brand, brand_of, look_alikes, mapped, parse
from tally_pipeline.datasets.details.providers import brands_known
from tally_pipeline.declaration import DeclarationError
from tally_pipeline.tmdb.sandbox.brands import PROVIDERS

RECORDED = 187
"""Providers that offer one of the recorded shows."""


def test_a_brands_plans_are_one_brand_and_a_stranger_stands_for_itself() -> None:
    assert brand_of(1796, "Netflix basic with Ads") == brand_of(8, "Netflix") == Brand(8, "Netflix")
    assert mapped(3) is None
    assert (brand_of(3, "Google Play"), brand_of(3, None)) == (Brand(3, "Google Play"), Brand(3, "3"))


def test_each_of_the_sandboxs_providers_has_the_brand_that_it_was_invented_with() -> None:
    for provider in PROVIDERS:
        brand = mapped(provider.id)
        assert brand is not None
        assert brand.name == provider.brand


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[brand]]\nname = 'A'\nid = 1\nproviders = [2]", "A: `id` must be one of `providers`"),
        (
            "[[brand]]\nname='A'\nid=1\nproviders=[1,3]\n[[brand]]\nname='B'\nid=2\nproviders=[2,3]",
            "the provider 3 is in A and in B: leave it in one of them",
        ),
        (
            "[[brand]]\nname = 'A'\nid = 1",
            "each \\[\\[brand\\]\\] has `name`, `id` and `providers`.*'providers'",
        ),
        ("[[brand]]\nname = 'A'\nid = 'x'\nproviders = [1]", "each \\[\\[brand\\]\\] has"),
        ("[[brand]]\nname = 'A'\nid = 1\nproviders = 1", "each \\[\\[brand\\]\\] has"),
        ("brand = 3", "each \\[\\[brand\\]\\] has"),
        ("[[brand", "each \\[\\[brand\\]\\] has .*TOMLDecodeError"),
    ],
)
def test_a_fault_of_the_map_is_told_with_the_file_and_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(DeclarationError, match=f"datasets/details/brands.toml: {says}"):
        parse(text)


def test_a_provider_outside_the_map_that_looks_like_a_plan_or_channel_of_another_is_told() -> None:
    named = [
        (8, "Netflix"),
        (900, "Netflix Kids"),
        (901, "Lupa"),
        (902, "lupa Amazon Channel "),
        (903, "Lupa TV"),
    ]
    assert look_alikes(named) == [
        (900, "Netflix Kids", "Netflix"),
        (901, "Lupa", "lupa Amazon Channel "),
        (902, "lupa Amazon Channel ", "Lupa"),
    ]
    finding = brands_known(named)
    assert (finding.passed, finding.serious) == (False, False)
    assert finding.summary == "3 providers outside the map of brands look like a plan or channel of another"
    assert brands_known([(8, "Netflix"), (1796, "Netflix Standard with Ads"), (903, "Lupa TV")]).passed


def test_no_provider_that_was_recorded_looks_like_anothers_plan_and_is_in_no_brand(recordings: Path) -> None:
    names: dict[int, str] = {}
    for path in (recordings / "2025-12-24").glob("tv_*_watch_providers.json"):
        for by_kind in msgspec.json.decode(path.read_bytes())["results"].values():
            for kind in by_kind.keys() - {"link"}:
                names |= {one["provider_id"]: one["provider_name"] for one in by_kind[kind]}
    assert len(names) == RECORDED
    assert look_alikes(names.items()) == []


def test_the_shop_that_is_named_like_a_subscription_stands_for_itself() -> None:
    assert brand_of(2, "Apple TV") != brand_of(350, "Apple TV")
