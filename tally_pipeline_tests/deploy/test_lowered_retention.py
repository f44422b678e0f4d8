"""`retention_days` is lowered from 180 to 90: when what was written before goes, and what makes it go in time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tally_pipeline.lake import layout
from tally_pipeline.lake.retention import Retention
from tally_pipeline_tests.deploy.terraform import planned
from testkit.aws.lifecycle import Bucket, Rule

DAY = datetime(2026, 1, 1, 3, tzinfo=UTC)
KEY = layout.silver_key("popular_shows", "2026-01-01")
BEFORE, AFTER = Retention(163), Retention(73)


@pytest.fixture(scope="module")
def lowered(roots: dict[str, Path]) -> list[Rule]:
    """The rules after the change. None of before acts on these objects until the 61st day, when it is made."""
    plan = planned(roots["lake"], "lake.tftest.hcl", "a_lower_retention")
    rules = plan["aws_s3_bucket_lifecycle_configuration.lake"]["rule"]
    return [Rule.of_plan(rule) for rule in rules if rule["id"] != "litter"]


def _gone_after(rules: list[Rule], written: int, rebuilt: int | None = None) -> int:
    """Days from the object's day until nothing of it is left."""
    bucket = Bucket(rules)
    bucket.put(KEY, BEFORE.tags(KEY, (DAY + timedelta(written)).date()), DAY + timedelta(written))
    for late in range(written, 400):
        now = DAY + timedelta(late)
        if late == rebuilt:
            bucket.put(KEY, AFTER.tags(KEY, now.date()), now)
        bucket.pass_until(now)
        if not bucket.versions:
            return late
    raise AssertionError("it stayed")


@pytest.mark.slow
def test_what_was_written_in_time_goes_by_the_lower_value(lowered: list[Rule]) -> None:
    assert _gone_after(lowered, written=0) <= 90


@pytest.mark.slow
def test_what_was_written_late_goes_by_the_value_of_then_unless_it_is_rebuilt(
    lowered: list[Rule],
) -> None:
    assert 90 < _gone_after(lowered, written=60) <= 180
    assert _gone_after(lowered, written=60, rebuilt=62) <= 90
