"""The checks of details: what passes, what warns, what stops publishing, and what each says."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tally_pipeline.bronze.details_capture import PartRef
from tally_pipeline.checks.check import Finding
from tally_pipeline.datasets.details import checks
from tally_pipeline.datasets.details.refinement import Counts
from testkit.details import manifest

DAY = "2026-01-07"
SOUND = Counts(
    replies=100,
    silver_rows=112,
    fresh=98,
    carried=12,
    gone=2,
    quarantined=0,
    offers=11_000,
    fresh_offers=9800,
    untitled=0,
    oldest_days=3,
    by_rule={},
    new_fields={},
)


def counts(**changes: Any) -> Counts:
    return msgspec.structs.replace(SOUND, **changes)


def outcome(finding: Finding) -> str:
    if finding.passed:
        return "passed"
    assert finding.remedy
    return "blocks" if finding.serious else "warns"


def part(shows: int) -> PartRef:
    return PartRef(key="k", sha256="s", shows=tuple(range(1, shows + 1)))


def test_a_capture_in_which_every_show_is_gone_is_empty() -> None:
    assert outcome(checks.not_empty(manifest(DAY, [part(2)], gone=[1]))) == "passed"
    assert outcome(checks.not_empty(manifest(DAY, [part(2)], gone=[1, 2]))) == "blocks"
    assert outcome(checks.not_empty(manifest(DAY))) == "blocks"


@pytest.mark.parametrize(("missing", "expected"), [(0, "passed"), (1, "warns"), (5, "warns"), (6, "blocks")])
def test_one_missing_show_in_twenty_is_tolerated(missing: int, expected: str) -> None:
    capture = manifest(DAY, [part(100 - missing)], missing=range(1000, 1000 + missing), stopped_by="the key")
    finding = checks.every_show_answered(capture)
    assert outcome(finding) == expected
    assert f"{100 - missing} of 100 shows answered" in finding.summary
    assert [one["show_id"] for one in finding.offenders] == list(range(1000, 1000 + missing))
    assert "the key" in finding.summary


def test_a_budget_that_leaves_shows_out_warns() -> None:
    assert outcome(checks.budget_suffices(manifest(DAY, [part(1)]))) == "passed"
    finding = checks.budget_suffices(manifest(DAY, [part(1)], left_out=7))
    assert (outcome(finding), finding.numbers["left_out"]) == ("warns", 7)


@pytest.mark.parametrize(
    ("fresh", "quarantined", "expected"),
    [(98, 0, "passed"), (0, 0, "passed"), (98, 2, "passed"), (97, 3, "blocks")],
)
def test_replies_that_break_the_contract_block_below_the_least_pass_rate(
    fresh: int, quarantined: int, expected: str
) -> None:
    finding = checks.pass_rate(counts(fresh=fresh, quarantined=quarantined), 98.0, [], "SELECT 1")
    assert outcome(finding) == expected
    assert finding.sql == ("SELECT 1" if quarantined else "")


def test_a_show_that_stands_twice_blocks() -> None:
    assert outcome(checks.show_id_unique(112, SOUND)) == "passed"
    assert checks.show_id_unique(111, SOUND).numbers == {"repeated": 1}
    assert outcome(checks.show_id_unique(111, SOUND)) == "blocks"


def test_a_reply_or_a_row_that_is_not_accounted_for_blocks() -> None:
    whole = manifest(DAY, [part(100)], gone=[1, 2])
    assert outcome(checks.accounts_for_every_reply(SOUND, whole)) == "passed"
    for one in (
        counts(fresh=97),
        counts(gone=1),
        counts(carried=11),
        counts(replies=99, fresh=97, silver_rows=111),
    ):
        assert outcome(checks.accounts_for_every_reply(one, whole)) == "blocks"


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        (9800, "passed"),
        (7350, "passed"),
        (7340, "warns"),
        (12_250, "passed"),
        (12_260, "warns"),
        (98_000, "warns"),
        (3930, "warns"),
        (3910, "blocks"),
        (0, "blocks"),
    ],
)
def test_a_quarter_more_or_fewer_offers_a_show_warns_and_a_loss_of_most_blocks(
    offers: int, expected: str
) -> None:
    before = ("2026-01-06", SOUND)
    finding = checks.offers_per_show(counts(fresh_offers=offers), before, accepted=False)
    assert outcome(finding) == expected
    assert outcome(checks.offers_per_show(counts(fresh_offers=offers), before, accepted=True)) in (
        "passed",
        "warns",
    )


def test_offers_are_not_compared_with_a_day_that_has_none_nor_without_one() -> None:
    for before in (None, ("2026-01-06", counts(fresh=0)), ("2026-01-06", counts(fresh_offers=0))):
        assert outcome(checks.offers_per_show(SOUND, before, accepted=False)) == "passed"
    assert outcome(checks.offers_per_show(counts(fresh=0), ("2026-01-06", SOUND), accepted=False)) == "passed"


def test_shows_without_a_title_and_new_fields_warn() -> None:
    assert outcome(checks.titles_there(SOUND)) == outcome(checks.fields_known(SOUND)) == "passed"
    assert checks.titles_there(counts(untitled=1)).summary == "1 row is without a title"
    assert outcome(checks.titles_there(counts(untitled=1))) == "warns"
    finding = checks.fields_known(counts(new_fields={"mood": 3, "watch/providers.lease": 1}))
    assert outcome(finding) == "warns"
    assert finding.summary == "new: mood (3 replies), watch/providers.lease (1 replies)"
