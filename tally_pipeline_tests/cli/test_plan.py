"""`tally plan`: a plan as JSON and for people, and one sentence for every fault of its two files."""

from __future__ import annotations

import ctypes
import json
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.plans.problem import Problem
from tally_pipeline.plans.solve import Solution, solve
from tally_pipeline_tests.cli.conftest import Tally
from tally_pipeline_tests.plans.instances import plan_of, toml
from testkit.tally import Ran

WISHES: dict[str, Any] = {
    "country": "US",
    "start": "2026-01",
    "months": 3,
    "anchors": [8],
    "budget_per_month": 30.0,
    "hours_per_month": 40,
    "wishes": [
        {
            "show_id": 1,
            "season": 2,
            "hours": 8,
            "weight": 1,
            "earliest": "2026-02",
            "latest": "2026-03",
            "providers": [8, 9],
        },
        {"show_id": 2, "season": 1, "hours": 12.5, "weight": 2, "earliest": None, "providers": [15]},
        {"show_id": 3, "season": 1, "hours": 5},
    ],
}
PLANS = [plan_of(8, 7.99, "Netflix with ads"), plan_of(9, 8.99, "Prime"), plan_of(15, 9.99, "Hulu")]
ANSWER = {
    "status": "optimal",
    "gap": 0.0,
    "watched_weight": 3,
    "cost": 33.96,
    "switches": 1,
    "months": [
        {"month": "2026-01", "subscribed": [8, 15], "watch": [{"show_id": 2, "season": 1, "provider": 15}]},
        {"month": "2026-02", "subscribed": [8], "watch": [{"show_id": 1, "season": 2, "provider": 8}]},
        {"month": "2026-03", "subscribed": [8], "watch": []},
    ],
    "not_watched": [
        {
            "show_id": 3,
            "season": 1,
            "why": "no offers of it in US are known; give its providers in W.json, or capture the shows' details"
            " (`tally sync --details`)",
        }
    ],
    "baselines": {"all_services": 80.91, "rotation": 33.96},
}


@pytest.fixture
def plan(tmp_path: Path, run_tally: Tally) -> Any:
    """Runs `tally plan` with these wishes and prices, each the content or a text."""

    def run(*argv: str, wishes: object = WISHES, prices: object = PLANS) -> Ran:
        (tmp_path / "W.json").write_text(wishes if isinstance(wishes, str) else json.dumps(wishes))
        (tmp_path / "P.toml").write_text(prices if isinstance(prices, str) else toml(prices))  # type: ignore[arg-type]
        return run_tally("plan", "--wishes", "W.json", "--prices", "P.toml", "--price-age", "36500", *argv)

    return run


def test_a_plan_is_told_as_json(plan: Any) -> None:
    ran = plan("--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json == ANSWER


def test_people_see_what_to_pay_and_watch_when_and_why(plan: Any) -> None:
    ran = plan()
    assert ran.code == 0
    for words in (
        "What to subscribe to in US, 2026-01 to 2026-03",
        "Netflix with ads (8) (anchor)",
        "Hulu (15), from now on",
        "show 2 season 1 on Hulu (15)",
        "It watches 2 of 3 wishes, a weight of 3 of 4, for 33.96 USD in 3 months, with 1 switch.",
        "Proven: no plan watches more; ",
        "All services all the time: 80.91 USD; this plan saves 46.95 USD.",
        "One service at a time: 33.96 USD, for a weight of 3; this plan saves 0.00 USD.",
        "- show 3 season 1: no offers of it in US are known; give its providers in W.json",
        "- Hulu (15) at 9.99 USD from 2025-01-01 on: https://example.org/prices, checked 2026-02-01, ",
    ):
        assert words in ran.out


def test_names_and_sources_of_others_cannot_steer_a_terminal_or_the_table(plan: Any) -> None:
    hostile = "\x1b[2J[red]\n\u202e"
    ran = plan(prices=[plan_of(8, 7.99, hostile, source=hostile), plan_of(15, 9.99, "Hulu")])
    assert ran.code == 0
    assert "\x1b" not in ran.out + ran.err
    assert r"\x1b[2J[red]\n\u202e (8) (anchor)" in ran.out


def test_an_old_price_and_a_missing_one_are_warned_of_beside_the_plan(plan: Any) -> None:
    ran = plan(
        "--json", "--price-age", "0", prices=[PLANS[0], plan_of(15, 9.99, "Hulu", checked="2020-01-31")]
    )
    assert ran.code == 0
    assert ran.json["status"] == "optimal"
    assert "tally: P.toml: plans[1].checked is 2020-01-31, " in ran.err
    assert "look up Hulu at https://example.org/prices, and set price and checked" in ran.err
    assert "tally: P.toml has no price of provider 9 in US: the plan does without; " in ran.err


def test_what_the_solver_prints_itself_is_not_amid_the_json(
    plan: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def chatty(problem: Problem, seconds: float) -> Solution:
        ctypes.CDLL(None).printf(b"HighsMipSolverData::transformNewIntegerFeasibleSolution\n")
        return solve(problem, seconds)

    monkeypatch.setattr("tally_pipeline.cli.plan.solve", chatty)
    assert plan("--json").json == ANSWER
    ctypes.CDLL(None).fflush(None)
    assert capfd.readouterr().out == ""


def changed(**keys: object) -> dict[str, Any]:
    return WISHES | keys


def wished(**keys: object) -> dict[str, Any]:
    return WISHES | {"wishes": [WISHES["wishes"][0] | keys]}


@pytest.mark.parametrize(
    ("wishes", "says"),
    [
        ("", "W.json is not JSON: Expecting value in line 1, column 1; mend it there"),
        ("{", "W.json is not JSON: "),
        ("[" * 100_000, "W.json is not JSON that can be read: "),
        ('{"months": ' + "9" * 5000 + "}", "W.json is not JSON that can be read: "),
        ('{"months": 1, "months": 2}', "the key 'months' stands twice in one table; write it anew"),
        ("[]", "W.json: it is []; it must be a table of keys and values"),
        ({}, "W.json: wishes is missing; give a list of tables"),
        (changed(wishes={}), "W.json: wishes is {}; give a list of tables"),
        (changed(wishes=[3]), "W.json: wishes[0] is 3; it must be a table of keys and values"),
        (changed(mouths=3), "W.json: mouths is no key that is known here; did you mean 'months'? the keys are: coun"),
        (changed(country="usa"), "W.json: country is 'usa'; give a country's two capital letters, as in US"),
        (changed(start="2026-13"), "W.json: start is '2026-13'; give a month, as in 2026-02"),
        (changed(start=2026), "W.json: start is 2026; give a month, as in 2026-02"),
        (changed(months=0), "W.json: months is 0; give a whole number from 1 to 36"),
        (changed(months=37), "W.json: months is 37; give a whole number from 1 to 36"),
        (changed(months=True), "W.json: months is True; give a whole number from 1 to 36"),
        (changed(anchors=8), "W.json: anchors is 8; give a list of providers' ids, as in [8, 9]"),
        (changed(anchors=["8"]), "W.json: anchors[0] is '8'; give a whole number from 1 to "),
        (changed(anchors=[77]), "W.json: anchors has 77, of which P.toml has no price in US for 2026-01; put it the"),
        (changed(budget_per_month=-1), "W.json: budget_per_month is -1; give a number from 0 to 1,000,000"),
        (changed(budget_per_month="30"), "W.json: budget_per_month is '30'; give a number from 0 to 1,000,000"),
        (changed(budget_per_month=7.98), "W.json: budget_per_month is 7.98, and the anchors alone cost 7.99 in 2026"),
        (changed(hours_per_month=float("nan")), "W.json: hours_per_month is NaN; give a number from 0 to 1,000,000"),
        (changed(hours_per_month=1e99), "W.json: hours_per_month is 1E+99; give a number from 0 to 1,000,000"),
        (wished(show_id=0), "W.json: wishes[0].show_id is 0; give a whole number from 1 to "),
        (wished(season=-1), "W.json: wishes[0].season is -1; give a whole number from 0 to "),
        (wished(hours=1e-99), "W.json: wishes[0].hours is 1E-99; give a number from 0 to 1,000,000 with at most 6 d"),
        (wished(weight=0), "W.json: wishes[0].weight is 0; give a number above 0 and up to 1,000,000"),
        (wished(weight=-2), "W.json: wishes[0].weight is -2; give a number above 0"),
        (wished(earliest="soon"), "W.json: wishes[0].earliest is 'soon'; give a month, as in 2026-02"),
        (wished(lastest="2026-03"), "W.json: wishes[0].lastest is no key that is known here; did you mean 'latest'?"),
        (wished(providers="Hulu"), "W.json: wishes[0].providers is 'Hulu'; give a list of providers' ids, as in [8,"),
        (
            changed(wishes=[WISHES["wishes"][0]] * 2),
            "W.json: wishes[1] is show 1 season 2 again, as wishes[0]; leave one, with the weight of both",
        ),
        (changed(wishes=[{}] * 501), "W.json: wishes has 501 entries; leave 500 at most"),
    ],
)  # fmt: skip
def test_wishes_that_are_wrong_are_told_by_their_key(plan: Any, wishes: object, says: str) -> None:
    ran = plan("--json", wishes=wishes)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert says in ran.err
    assert ran.err.startswith("tally: ")


@pytest.mark.parametrize(
    ("prices", "says"),
    [
        ("plans = [", "P.toml is not TOML: "),
        ("plans = " + "[" * 100_000, "P.toml is not TOML: "),
        ("price = 3", "P.toml: price is no key that is known here; the keys are: plans"),
        ("[plans]", "P.toml: plans is {}; give a list of tables"),
        ([plan_of(8, 1, prize=3)], "P.toml: plans[0].prize is no key that is known here; did you mean 'price'?"),
        ([plan_of(0, 1)], "P.toml: plans[0].provider_id is 0; give a whole number from 1 to "),
        ([plan_of(8, 1), plan_of(9, -1)], "P.toml: plans[1].price is -1; give a number from 0 to 1,000,000"),
        ([plan_of(8, 1, currency="$")], "P.toml: plans[0].currency is '$'; give a currency's three capital letters,"),
        ([plan_of(8, 1, currency="EUR"), plan_of(15, 1)], "P.toml: plans[0] is in EUR and plans[1] in USD; give all"),
        ([plan_of(8, 1, "")], "P.toml: plans[0].name is ''; give the plan's name"),
        ([plan_of(8, 1, source=3)], "P.toml: plans[0].source is 3; give the page that says so"),
        ([plan_of(8, 1, valid_from="2026")], "P.toml: plans[0].valid_from is '2026'; give a day, as in 2026-02-24"),
        ([plan_of(8, 1, checked="yesterday")], "P.toml: plans[0].checked is 'yesterday'; give a day, as in 2026-02-"),
        (
            [plan_of(8, 1), plan_of(8, 2)],
            "P.toml: plans[1] is the plan 'basic' of provider 8 in US from 2025-01-01 again, as plans[0]; leave one",
        ),
    ],
)  # fmt: skip
def test_prices_that_are_wrong_are_told_by_their_key(plan: Any, prices: object, says: str) -> None:
    ran = plan("--json", prices=prices)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert says in ran.err


def test_a_day_is_read_in_every_form_that_toml_has_for_it(plan: Any) -> None:
    days = ("2025-01-01", "2025-01-01T00:00:00Z", '"2025-01"', '"2025-01-01"')
    for day in days:
        listed = toml(PLANS).replace('valid_from = "2025-01-01"', f"valid_from = {day}")
        assert plan("--json", prices=listed).json == ANSWER


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--wishes", "nowhere", "--prices", "P"], "--wishes nowhere cannot be read (No such file or directory); na"),
        (["--wishes", ".", "--prices", "P"], "--wishes . cannot be read (Is a directory); name the file"),
        (["--wishes", "binary", "--prices", "P"], "--wishes binary is not text in UTF-8; write it anew"),
        (["--wishes", "long", "--prices", "P"], "--wishes long has more than 10,000,000 bytes; name the file"),
        (["--prices", "P"], "missing option '--wishes'; `tally plan --help`"),
        (["--wishes", "W", "--prices", "P", "--seconds", "0"], "'0' is not a number from 1 to 3600"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, run_tally: Tally, argv: list[str], says: str
) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe{}")
    with (tmp_path / "long").open("wb") as stream:
        stream.truncate(10_000_001)
    ran = run_tally("plan", *argv)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert says in ran.err
