"""A plan says why: what cannot be watched, what it saves, what it rests on, and how sure it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from tally_pipeline.plans import months, prices, wishes
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.explain import Plan, doubts, explain, rests_on, told
from tally_pipeline.plans.known import Complete, Offered
from tally_pipeline.plans.question import Question, pose
from tally_pipeline.plans.solve import solve
from tally_pipeline_tests.plans.instances import TODAY, found, plan_of, toml

NETFLIX, WITH_ADS, HULU, UNPRICED = 8, 1796, 15, 99
PLANS = [
    plan_of(NETFLIX, 17.99, "Netflix"),
    plan_of(WITH_ADS, 7.99, "Netflix with ads"),
    plan_of(HULU, 9.99, "Hulu"),
]
KNOWN = date(2026, 2, 20)


def wish(show_id: int, *providers: int, **other: Any) -> dict[str, Any]:
    return {"show_id": show_id, "season": 1, "hours": 10, "weight": 1, "providers": list(providers)} | other


def asked(*wished: Mapping[str, Any], **other: Any) -> dict[str, Any]:
    return {"country": "US", "start": "2026-01", "months": 3, "wishes": wished} | other


def whys(plan: Plan) -> dict[int, str]:
    return {wish.show_id: why for wish, why in plan.not_watched}


@dataclass
class Lake:
    """What a lake could know: the offers of show 1 and the dates of its first season."""

    remedy: str = "capture `bronze_details`"

    def of(self, show_id: int, where: object) -> Offered | None:
        return Offered(frozenset({HULU}), KNOWN) if show_id == 1 else None


class Calendar:
    def of(self, show_id: int, season: int) -> Complete | None:
        return Complete(months.number("2026-03"), KNOWN) if show_id == 1 else None


def posed(content: Mapping[str, Any], plans: list[dict[str, Any]] = PLANS, **known: Any) -> Question:
    return pose(wishes.read(json.dumps(content), "W.json"), prices.read(toml(plans), "P.toml"), **known)


def planned(question: Question) -> Plan:
    return explain(question, solve(question.problem, 60))


@pytest.mark.parametrize(
    ("one", "frame", "says"),
    [
        (wish(1, providers=None), {}, "no offers of it in US are known; give its providers in W.json"),
        (wish(1), {}, "its providers are empty in W.json: nobody has it"),
        (wish(1, HULU, hours=41), {"hours_per_month": 40}, "it takes 41 hours, and hours_per_month is 40; "),
        (wish(1, HULU, earliest="2026-04"), {}, "its earliest month is 2026-04, after the plan, which is"),
        (wish(1, HULU, latest="2025-12"), {}, "its latest month is 2025-12, before the plan, which is for 2026-01"),
        (wish(1, HULU, earliest="2026-03", latest="2026-02"), {}, "its earliest month is 2026-03, after its latest"),
        (wish(1, UNPRICED), {}, "no price of provider 99 in US is known for 2026-01 to 2026-03; put it into P.toml"),
        (wish(1, HULU), {"country": "DE"}, "no price of provider 15 in DE is known"),
        (wish(1, HULU), {"budget_per_month": 9.98}, "none of provider 15 fits budget_per_month 9.98 in 2026-01"),
        (
            wish(1, HULU),
            {"budget_per_month": 17, "anchors": [WITH_ADS]},
            "none of provider 15 fits budget_per_month 17 beside the anchors",
        ),
    ],
)  # fmt: skip
def test_a_wish_that_cannot_be_watched_says_why(
    one: Mapping[str, Any], frame: Mapping[str, Any], says: str
) -> None:
    plan = found(asked(one, wish(2, WITH_ADS), **frame), PLANS)
    assert whys(plan)[1].startswith(says)
    assert plan.status == "optimal"


def test_a_wish_that_others_outweigh_says_what_there_is_too_little_of() -> None:
    both = (wish(1, HULU, latest="2026-01"), wish(2, HULU, weight=2, latest="2026-01"))
    hours = found(asked(*both, hours_per_month=15), PLANS)
    assert whys(hours) == {
        1: "what is watched instead weighs as much or more: hours_per_month leaves no room for it in 2026-01 on Hulu"
        " (15)"
    }
    money = found(
        asked(
            wish(1, HULU, latest="2026-01"),
            wish(2, WITH_ADS, weight=2, latest="2026-01"),
            budget_per_month=10,
        ),
        PLANS,
    )
    assert "budget_per_month leaves no room" in whys(money)[1]


def test_offers_and_dates_of_the_lake_hold_where_the_wishes_leave_them_open() -> None:
    content = asked(wish(1, providers=None), wish(2, providers=None))
    plan = planned(posed(content, offers=Lake(), seasons=Calendar()))
    assert [(month.month, month.subscribed) for month in plan.months if month.watch] == [("2026-03", (HULU,))]
    assert whys(plan)[2] == (
        "no offers of it in US are known; give its providers in W.json, or capture `bronze_details`"
    )
    said = list(rests_on(plan, TODAY))
    assert (
        "the services of show 1 season 1: JustWatch's offers, via TMDB, known 2026-02-20, 9 days ago" in said
    )
    assert "show 1 season 1 is complete in 2026-03: known 2026-02-20, 9 days ago" in said
    own = asked(wish(1, WITH_ADS, earliest="2026-01"))
    plan = planned(posed(own, offers=Lake(), seasons=Calendar()))
    assert [(month.month, month.subscribed) for month in plan.months if month.watch] == [
        ("2026-01", (WITH_ADS,))
    ]


def test_a_season_that_is_complete_after_its_latest_month_says_how_that_is_known() -> None:
    plan = planned(posed(asked(wish(1, HULU, latest="2026-02")), seasons=Calendar()))
    assert whys(plan)[1] == "it is complete in 2026-03 (known 2026-02-20), after its latest, 2026-02"


def test_a_brand_is_had_by_its_cheapest_plan_where_providers_are_one_brand() -> None:
    content = asked(wish(1, NETFLIX, earliest="2026-01", latest="2026-01"))
    apart, together = planned(posed(content)), planned(posed(content, brands={WITH_ADS: NETFLIX}))
    assert (told(apart)["cost"], told(together)["cost"]) == (17.99, 7.99)
    assert together.months[0].subscribed == (NETFLIX,)
    assert (
        told(planned(posed(asked(anchors=[WITH_ADS, NETFLIX]), brands={WITH_ADS: NETFLIX})))["cost"] == 23.97
    )


def test_the_newest_price_valid_in_a_month_is_paid_and_told_with_its_age() -> None:
    plans = [*PLANS, plan_of(HULU, 11.99, "Hulu", "2026-02-15", checked="2026-03-01")]
    plan = found(asked(wish(1, HULU, earliest="2026-02"), anchors=[HULU]), plans)
    assert [float(month.cost) for month in plan.months] == [9.99, 11.99, 11.99]
    said = list(rests_on(plan, TODAY))
    assert (
        "Hulu (15) at 9.99 USD from 2025-01-01 on: https://example.org/prices, checked 2026-02-01, 28 days ago"
        in said
    )
    assert "Hulu (15) at 11.99 USD from 2026-02-15 on: https://example.org/prices, checked 2026-03-01" in said


def test_old_and_missing_prices_and_unknown_hours_are_doubts_with_a_remedy() -> None:
    plans = [
        plan_of(HULU, 9.99, "Hulu", checked="2025-08-01"),
        plan_of(NETFLIX, 9.99, "Netflix", "2026-02-01", checked="2026-03-02"),
        plan_of(WITH_ADS, 1, checked="2020-01-01"),
    ]
    content = asked(wish(1, HULU, UNPRICED, hours=None), wish(2, NETFLIX), hours_per_month=40)
    assert doubts(posed(content, plans), TODAY, 180) == [
        "P.toml: plans[1].checked is 2026-03-02, which is still to come; give the day on which the price was"
        " looked up",
        "P.toml: plans[0].checked is 2025-08-01, 212 days ago, and the limit is 180; look up Hulu at"
        " https://example.org/prices, and set price and checked",
        "P.toml has no price of provider 99 in US: the plan does without; put what you could have there as [[plans]]",
        "P.toml has a price of Netflix (8) in US only from 2026-02 on; put an earlier one there as [[plans]] if it"
        " can be had before",
        "W.json: show 1 season 1 has no hours, and takes none of hours_per_month; give its hours",
    ]
    assert doubts(posed(asked(wish(1, HULU)), PLANS), TODAY, 180) == []


def test_a_show_that_dozens_of_services_offer_makes_no_sentence_long() -> None:
    many = posed(asked(wish(1, *range(100, 140))))
    assert doubts(many, TODAY, 180) == [
        "P.toml has no price of provider 100 or 101 or 102 or 103 or 104 or 35 more in US: the plan does without; put"
        " what you could have there as [[plans]]"
    ]
    assert whys(planned(many))[1].startswith(
        "no price of provider 100 or 101 or 102 or 103 or 104 or 35 more in US"
    )


def test_savings_are_held_against_everything_and_against_one_service_at_a_time() -> None:
    content = asked(
        wish(1, HULU, weight=2, latest="2026-01"),
        wish(2, WITH_ADS, latest="2026-01"),
        wish(3, HULU, earliest="2026-02", latest="2026-02"),
        wish(4, WITH_ADS, earliest="2026-02", latest="2026-02"),
        wish(5, UNPRICED),
    )
    plan = found(content, PLANS)
    assert told(plan)["baselines"] == {"all_services": 53.94, "rotation": 17.98}
    # The weightier in January, the cheaper of two equal ones in February, nothing in March.
    assert [plan.rotation_weight, plan.watched_weight] == [3, 5]
    with_anchor = found(content | {"anchors": [WITH_ADS]}, PLANS)
    assert told(with_anchor)["baselines"] == {"all_services": 53.94, "rotation": 43.95}
    assert with_anchor.rotation_weight == 5


def test_without_time_the_plan_is_greedy_and_its_gap_is_told() -> None:
    content = asked(wish(1, HULU, WITH_ADS), wish(2, WITH_ADS, weight=2), wish(3, HULU), hours_per_month=20)
    plan = found(content, PLANS, seconds=0)
    assert (plan.status, told(plan)["status"]) == ("feasible", "feasible")
    assert plan.watched_weight == 4
    assert (plan.solution.unproven, plan.solution.gap) == ("cost", 1.0)
    assert found(content, PLANS).status == "optimal"


def test_nothing_to_watch_is_a_plan_of_the_anchors() -> None:
    plan = found(asked(anchors=[HULU]), PLANS)
    assert told(plan) == {
        "status": "optimal",
        "gap": 0.0,
        "watched_weight": 0,
        "cost": 29.97,
        "switches": 0,
        "months": [{"month": f"2026-0{month}", "subscribed": [HULU], "watch": []} for month in (1, 2, 3)],
        "not_watched": [],
        "baselines": {"all_services": 29.97, "rotation": 29.97},
    }
    assert told(found(asked(), []))["cost"] == 0


@pytest.mark.parametrize(
    ("frame", "plans", "says"),
    [
        (
            {"anchors": [HULU], "budget_per_month": 9},
            PLANS,
            "W.json: budget_per_month is 9, and the anchors alone cost 9.99 in 2026-01; raise it, or take an"
            " anchor out",
        ),
        (
            {"anchors": [77]},
            PLANS,
            "W.json: anchors has 77, of which P.toml has no price in US for 2026-01; put it there as [[plans]], or"
            " take 77 out of the anchors",
        ),
        (
            {"anchors": [HULU, NETFLIX]},
            [plan_of(HULU, 1), plan_of(NETFLIX, 1, currency="EUR")],
            "P.toml: plans[1] is in EUR and plans[0] in USD; give all plans of US in one currency, which is that of"
            " the budget",
        ),
        (
            {"anchors": [HULU, NETFLIX]},
            [plan_of(HULU, 0.000001), plan_of(NETFLIX, 1000)],
            "P.toml: the largest of the prices is 1,000,000,000 times 0.000001, the largest number that all of them"
            " are multiples of, and 100,000 times is the most; round the prices",
        ),
    ],
)
def test_what_has_no_answer_says_what_to_change(
    frame: Mapping[str, Any], plans: list[dict[str, Any]], says: str
) -> None:
    with pytest.raises(PlanError) as refused:
        found(asked(**frame), plans)
    assert str(refused.value) == says
