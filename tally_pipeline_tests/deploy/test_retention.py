"""A simulated year: on no day does anything hold TMDB's content for longer than its terms allow."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest

from tally_pipeline.lake import expiry, layout
from tally_pipeline.lake.retention import IN_TIME, TAG, ExpiredDayError, Retention, day_of
from tally_pipeline.lake.store import LakeError, Store
from tally_pipeline_tests.deploy.policies import denies
from tally_pipeline_tests.deploy.terraform import planned
from testkit.aws.lifecycle import Bucket, Rule, Version
from testkit.pinned import pinned, real_now

FIRST = date(2026, 1, 1)
ALLOWED = 180
"""Days: less than any six months of a calendar."""

LIST = "popular_shows"


@pytest.fixture(scope="module")
def plan(roots: dict[str, Path]) -> dict[str, dict[str, object]]:
    return planned(roots["lake"], "lake.tftest.hcl", "a_day_is_gone_after_180_days_and_results_after_7")


@pytest.fixture(scope="module")
def rules(plan: dict[str, dict[str, object]]) -> list[Rule]:
    """The bucket's rules, as Terraform plans them."""
    found = plan["aws_s3_bucket_lifecycle_configuration.lake"]["rule"]
    assert isinstance(found, list)
    return [Rule.of_plan(rule) for rule in found if rule["id"] != "litter"]


@dataclass
class Year:
    """A pipeline that writes into a bucket, and keeps an account of what it refused to write."""

    bucket: Bucket
    retention: Retention
    dice: random.Random
    refused: list[str] = field(default_factory=list)
    written: dict[str, date] = field(default_factory=dict)
    newest_report: date = FIRST
    latest: list[tuple[Version, date]] = field(default_factory=list)
    """Each version of the latest report, and the day that it shows."""

    def write(self, key: str, now: datetime, shows: date | None = None) -> None:
        try:
            tags = self.retention.tags(key, now.date(), shows.isoformat() if shows else None)
        except ExpiredDayError:
            self.refused.append(key)
            return
        version = self.bucket.put(key, tags, now)
        self.written.setdefault(key, now.date())
        if shows is not None:
            self.latest.append((version, shows))

    def live(self, today: date) -> None:
        """A day: its captures, rebuilds of past days, an import, an export of long ago, and S3's own doing."""
        now = datetime.combine(today, time(3), UTC)
        self.make(today, now)
        for _ in range(self.dice.randrange(4)):
            self.make(today - timedelta(days=self.dice.randrange(200)), now + timedelta(hours=9), anew=False)
        if self.dice.random() < 0.2:
            imported = today - timedelta(days=self.dice.randrange(200))
            self.write(f"{layout.bronze_prefix(LIST, imported.isoformat())}/import-{today}.json", now)
        if self.dice.random() < 0.1:
            old = today - timedelta(days=self.dice.randrange(91))
            self.write(f"bronze/tmdb/series_export/dt={old}/late-{today}.json.gz", now)
        self.bucket.pass_until(datetime.combine(today + timedelta(days=1), time(), UTC))

    def make(self, day: date, now: datetime, *, anew: bool = True) -> None:
        if day < FIRST:
            return
        dt = day.isoformat()
        if anew:
            self.write(f"{layout.bronze_prefix(LIST, dt)}/capture.json", now)
        elif not any(key.startswith(layout.bronze_prefix(LIST, dt)) for key in self.bucket.present()):
            return
        made = (
            layout.silver_key(LIST, dt),
            layout.quarantine_key(LIST, dt),
            layout.gold_key("top_movers", dt),
        )
        for key in (*made, layout.report_key(dt)):
            self.write(key, now)
        self.newest_report = max(self.newest_report, day)
        if day == self.newest_report:
            self.write(layout.latest_report_key(), now, shows=day)

    def too_old(self, today: date) -> list[str]:
        end_of_day = today + timedelta(days=1)
        kept = {id(version) for version in self.bucket.versions}
        latest = [
            version.key
            for version, day in self.latest
            if id(version) in kept and (end_of_day - day).days > ALLOWED
        ]
        return latest + [
            version.key
            for version in self.bucket.versions
            if (day := day_of(version.key)) and (end_of_day - date.fromisoformat(day)).days > ALLOWED
        ]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_nothing_in_the_bucket_is_older_than_the_terms_allow_whatever_was_rebuilt_when(
    rules: list[Rule], plan: dict[str, dict[str, object]], seed: int
) -> None:
    year = Year(Bucket(rules), Retention(163), random.Random(seed))
    for ago in range(365):
        today = FIRST + timedelta(days=ago)
        year.live(today)
        assert year.too_old(today) == []
        # What was written in time is there as long as it may be: nothing is lost early.
        kept = [
            key
            for key, when in year.written.items()
            if str(when) == day_of(key) and (today - when).days < 163
        ]
        assert set(kept) <= year.bucket.present()
    assert year.refused  # days from before the retention were asked for
    assert any(version.tags for version in year.bucket.versions)


@pytest.mark.slow
def test_the_year_sees_it_when_an_objects_age_is_counted_from_its_writing(rules: list[Rule]) -> None:
    without_tags = [rule for rule in rules if TAG not in rule.tags]
    year = Year(Bucket(without_tags), Retention(163), random.Random(0))
    found = []
    for ago in range(365):
        year.live(FIRST + timedelta(days=ago))
        found += year.too_old(FIRST + timedelta(days=ago))
    assert found


@pytest.mark.slow
def test_nobody_makes_bronze_expire_early_by_a_tag(
    plan: dict[str, dict[str, object]], rules: list[Rule]
) -> None:
    """By the condition keys that AWS documents: a put has no object yet whose tags a condition could find."""
    policy, kept = str(plan['aws_s3_bucket_policy.rules["lake"]']["policy"]), Retention(163)
    for late in range(163):
        today = FIRST + timedelta(days=late)
        key = f"{layout.bronze_prefix(LIST, FIRST.isoformat())}/late-{late}.json"
        arn = f"arn:aws:s3:::tally-datalake-blue-green/{key}"
        tags = kept.tags(key, today)
        creating = {
            "s3:if-none-match": "*",
            "s3:ObjectCreationOperation": "true",
            "aws:SecureTransport": "true",
        }
        assert not denies(policy, "s3:PutObject", arn, creating)
        assert not denies(policy, "s3:PutObjectTagging", arn, {"aws:SecureTransport": "true"})
        there = {f"s3:ExistingObjectTag/{name}": value for name, value in tags.items()}
        for action in ("Put", "Delete"):
            assert denies(policy, f"s3:{action}ObjectTagging", arn, there)
            assert denies(policy, f"s3:{action}ObjectVersionTagging", arn, there)
    # What is not bronze is made from it, and may be tagged.
    assert not denies(policy, "s3:PutObjectTagging", arn.replace("bronze/", "silver/"), there)
    assert IN_TIME not in {rule.tags.get(TAG) for rule in rules}


@pytest.mark.slow
def test_every_value_of_the_tag_has_its_rule(rules: list[Rule]) -> None:
    days = {rule.tags[TAG]: rule.expires_after for rule in rules if TAG in rule.tags}
    for late in range(1, 163):
        told = Retention(163).tags(layout.silver_key(LIST, FIRST.isoformat()), FIRST + timedelta(days=late))
        assert days[told[TAG]] == 163 - late


def test_a_folder_holds_no_day_beyond_its_retention_whatever_was_rebuilt_when(tmp_path: Path) -> None:
    dice, kept = random.Random(7), Retention(177)
    store = Store.in_folder(tmp_path / "lake", retention=kept)
    with pinned(FIRST) as clock:
        for ago in range(365):
            today = FIRST + timedelta(days=ago)
            clock.set(today)
            for day in (today, *(today - timedelta(days=dice.randrange(220)) for _ in range(2))):
                for key in (layout.silver_key(LIST, day.isoformat()), layout.report_key(day.isoformat())):
                    if (today - day).days >= 177:
                        with pytest.raises(LakeError, match="the lake keeps 177"):
                            store.put(key, b"rows")
                    else:
                        store.put(key, b"rows")
            # The machine is off every tenth day; what expired goes on the next.
            if ago % 10:
                expiry.remove(tmp_path / "lake", expiry.expired(store, today))
            days = [day_of(info.key) for info in store.list("silver")]
            assert all((today - date.fromisoformat(day)).days < ALLOWED - 2 for day in days if day)
            assert len(set(days)) >= min(ago + 1, 177)


@pytest.mark.slow
def test_the_latest_report_goes_with_the_day_that_it_shows_whenever_it_was_written(rules: list[Rule]) -> None:
    """Nothing is captured any more after a day, whose report is made anew half a year later."""
    bucket, kept, key = Bucket(rules), Retention(163), layout.latest_report_key()
    for ago in range(365):
        today = FIRST + timedelta(days=ago)
        if ago in (0, 100, 155, 162):
            bucket.put(key, kept.tags(key, today, FIRST.isoformat()), datetime.combine(today, time(3), UTC))
        bucket.pass_until(datetime.combine(today + timedelta(days=1), time(), UTC))
        assert bool(bucket.versions) == (ago + 1 < ALLOWED), ago
    with pytest.raises(ExpiredDayError):
        kept.tags(key, FIRST + timedelta(days=163), FIRST.isoformat())


def test_in_a_folder_the_latest_report_goes_with_the_last_day_that_has_one(tmp_path: Path) -> None:
    store = Store.in_folder(tmp_path, retention=Retention(177))
    written, today = real_now().date(), real_now().date() + timedelta(days=176)
    for day in (written - timedelta(days=3), written):  # made anew long after, its file is young
        store.put(layout.report_key(day.isoformat()), b"page")
    store.replace(layout.latest_report_key(), b"page", None, shows=written.isoformat())
    expiry.remove(tmp_path, expiry.expired(store, today))
    assert {info.key for info in store.list("reports")} == {
        layout.report_key(written.isoformat()),
        layout.latest_report_key(),
    }
    (tmp_path / layout.report_key(written.isoformat())).unlink()  # as after a removal that was broken off
    (page,) = expiry.expired(store, today)
    assert page.key == layout.latest_report_key()


def test_an_object_without_a_day_and_one_of_today_need_no_tag_unless_it_is_bronze() -> None:
    kept = Retention(163)
    assert kept.tags(layout.OWNERSHIP_MARKER, FIRST) == kept.tags(layout.latest_report_key(), FIRST) == {}
    assert kept.tags(layout.silver_key(LIST, FIRST.isoformat()), FIRST) == {}
    assert kept.tags(f"{layout.bronze_prefix(LIST, FIRST.isoformat())}/a.json", FIRST) == {TAG: IN_TIME}
    assert Retention().tags(layout.silver_key(LIST, "2000-01-01"), FIRST) == {}
