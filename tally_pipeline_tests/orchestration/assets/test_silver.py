"""Silver: refined from the day's latest complete capture, and published only when it is good enough."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tally_pipeline.lake import layout
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import WHAT_TO_DO, WHERE_TO_LOOK
from testkit.pipeline import (
    CHECKS,
    POPULAR,
    Pipeline,
    assert_sound,
    capture,
    checks,
    contents,
    day,
    failures,
    footer_of,
    outcome_of,
    put,
    row,
    rows,
)

SILVER = common.silver_key(POPULAR)
KEY = layout.silver_key(POPULAR.name, day())
ALLOWED = {"silver_popular_shows": {"allow_partial": True}}
BAD = row(99, name=" ")


def test_a_partial_capture_is_not_refined_and_says_how_to(pipeline: Pipeline) -> None:
    key = put(pipeline.lake, day(), rows(20), missing=[2])
    result = pipeline.refine()
    (why,) = failures(result).values()
    assert not result.success
    assert f"bronze holds no complete capture of popular_shows for {day()}. It holds: {key} is partial" in why
    assert "allow_partial: true" in why
    assert KEY not in contents(pipeline.lake)
    assert checks(result, SILVER) == {"pass_rate": "failed"}


def test_a_partial_capture_that_a_person_allows_says_so_in_the_file_and_the_ui(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(), rows(20), missing=[2])
    result = pipeline.refine(config=ALLOWED)
    assert result.success
    assert footer_of(pipeline.lake, KEY).verdict == "partial"
    assert pipeline.metadata(SILVER)["verdict"] == "PARTIAL: refined because allow_partial was set"
    assert_sound(pipeline.lake)


def test_a_complete_capture_goes_before_a_later_partial_one_even_when_allowed_partial_is_not_set(
    pipeline: Pipeline,
) -> None:
    whole = put(pipeline.lake, day(), rows(20), name="whole", at="03:00:00")
    later = put(pipeline.lake, day(), rows(10), name="later", at="05:00:00", missing=[2])
    assert pipeline.refine().success
    footer = footer_of(pipeline.lake, KEY)
    assert ([ref.key for ref in footer.bronze], footer.verdict) == ([str(whole)], "complete")
    assert pipeline.metadata(SILVER)["passed over"] == [f"{later} is partial"]


@pytest.mark.parametrize("config", [None, ALLOWED])
def test_an_empty_capture_is_never_refined(pipeline: Pipeline, config: dict[str, dict[str, bool]]) -> None:
    put(pipeline.lake, day(), [])
    result = pipeline.refine(config=config)
    (why,) = failures(result).values()
    assert "is empty" in why
    assert KEY not in contents(pipeline.lake)


def test_a_day_without_a_capture_is_refused_in_words(pipeline: Pipeline) -> None:
    (why,) = failures(pipeline.refine(on=day(2))).values()
    assert f"bronze holds no complete capture of popular_shows for {day(2)}. It holds: nothing at all" in why


def test_the_latest_complete_capture_of_the_day_wins(pipeline: Pipeline) -> None:
    late = put(pipeline.lake, day(), rows(30), name="a-late", at="09:00:00")
    put(pipeline.lake, day(), rows(20), name="b-early", at="03:00:00")
    assert pipeline.refine().success
    assert [ref.key for ref in footer_of(pipeline.lake, KEY).bronze] == [str(late)]
    assert pipeline.lake.read_silver(POPULAR.name, day()).num_rows == 30


def test_below_the_bar_nothing_is_published_and_the_last_good_file_stays(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(), rows(20), name="good", at="03:00:00")
    assert pipeline.refine().success
    good = contents(pipeline.lake)[KEY]
    bad = put(pipeline.lake, day(), [*rows(18), BAD, "no row"], name="bad", at="04:00:00")

    result = pipeline.refine()

    (why,) = failures(result).values()
    assert "90.00 % of 20 rows keep every rule; 95 % must" in why
    assert "The day's last good file stays" in why
    assert contents(pipeline.lake)[KEY] == good
    quarantined = pipeline.lake.read_quarantine(POPULAR.name, day()).to_pylist()
    assert [(one["page"], one["place"], one["rules"]) for one in quarantined] == [
        (1, 19, ["blank_name"]),
        (1, 20, ["not_an_object"]),
    ]
    assert {one["bronze_key"] for one in quarantined} == {str(bad)}
    assert checks(result, SILVER)["pass_rate"] == "failed"
    assert set(checks(result, SILVER)) == CHECKS["silver"]
    assert pipeline.statuses(SILVER, "pass_rate", [day()]) == {day(): "FAILED"}
    assert_sound(pipeline.lake)


def test_a_failed_pass_rate_counts_by_rule_and_names_offenders(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(), [BAD] * 30)
    result = pipeline.refine()
    (found,) = [one for one in result.get_asset_check_evaluations() if one.check_name == "pass_rate"]
    shown = {name: value.value for name, value in found.metadata.items()}
    assert (shown["blank_name"], shown["quarantined"], shown["pass_rate"]) == (30, 30, 0)
    assert str(shown["offenders"]).count("\n") == 1 + 20
    # Dagster's history sorts them.
    assert sorted(shown)[:2] == [WHAT_TO_DO, WHERE_TO_LOOK]
    assert "TALLY_MIN_PASS_RATE" in str(shown[WHAT_TO_DO])


def test_the_sql_of_a_failed_pass_rate_shows_the_rejected_rows_of_that_list_and_day(
    pipeline: Pipeline,
) -> None:
    for on in (day(1), day()):
        put(pipeline.lake, on, [*rows(18), BAD, f"no row of {on}"])
        evaluated = pipeline.refine(on=on).get_asset_check_evaluations()
        (found,) = [one for one in evaluated if one.check_name == "pass_rate"]
        answer = pipeline.deployment.query_engine.query(str(found.metadata[WHERE_TO_LOOK].value)).to_pylist()
        assert [(row["place"], row["raw"]) for row in answer][1:] == [(20, f'"no row of {on}"')]
        assert len(answer) == 2


def test_a_check_that_passed_with_a_few_rejected_rows_shows_them_and_asks_for_nothing(
    pipeline: Pipeline,
) -> None:
    put(pipeline.lake, day(), [*rows(99), BAD])
    (found,) = [
        one for one in pipeline.refine().get_asset_check_evaluations() if one.check_name == "pass_rate"
    ]
    assert WHAT_TO_DO not in found.metadata
    assert pipeline.deployment.query_engine.query(str(found.metadata[WHERE_TO_LOOK].value)).num_rows == 1


def test_a_day_of_repeats_is_not_published_unless_a_person_allows_it(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(), rows(20), name="good", at="03:00:00")
    assert pipeline.refine().success
    good = contents(pipeline.lake)[KEY]
    put(pipeline.lake, day(), rows(20) * 10, name="repeats", at="04:00:00")

    result = pipeline.refine()

    (why,) = failures(result).values()
    assert "180 of 200 rows (90.0%) repeat a show" in why
    assert "allow_partial: true" in why
    assert contents(pipeline.lake)[KEY] == good
    assert checks(result, SILVER)["repeats_rare"] == "failed"

    allowed = pipeline.refine(config=ALLOWED)
    assert allowed.success
    assert checks(allowed, SILVER)["repeats_rare"] == "warning"


def test_more_repeats_than_lists_have_while_they_drift_are_a_warning(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(), [*rows(28), row(1), row(2)])
    result = pipeline.refine()
    assert result.success
    assert checks(result, SILVER)["repeats_rare"] == "warning"


def test_an_object_that_lost_rows_since_it_was_captured_is_not_published(pipeline: Pipeline) -> None:
    key = BronzeKey(POPULAR.name, day(), "shorter")
    whole, shorter = capture(key, rows(20)), capture(key, rows(12))
    about = whole[whole.index(b'], "_metadata"') :]
    pipeline.lake.write_bronze(key, shorter[: shorter.index(b'], "_metadata"')] + about)
    (why,) = failures(pipeline.refine()).values()
    assert (
        "12 in bronze; 12 in silver + 0 repeats + 0 in quarantine; the object's metadata tells of 20" in why
    )
    assert "tally audit" in why
    assert KEY not in contents(pipeline.lake)


def test_an_object_that_calls_itself_complete_and_names_missing_pages_is_partial(pipeline: Pipeline) -> None:
    key = BronzeKey(POPULAR.name, day(), "astray")
    body = capture(key, rows(20), missing=[2]).replace(b'"verdict":"partial"', b'"verdict":"complete"')
    pipeline.lake.write_bronze(key, body)
    (why,) = failures(pipeline.refine()).values()
    assert f"{key} is partial" in why


def test_the_bar_is_a_setting(faulty: Callable[..., Pipeline]) -> None:
    pipeline = faulty(TALLY_MIN_PASS_RATE="90")
    put(pipeline.lake, day(), [*rows(18), BAD, "no row"])
    assert pipeline.refine().success
    assert footer_of(pipeline.lake, KEY).counts.quarantined == 2


def test_the_same_bronze_gives_the_same_bytes(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(), [*rows(30), row(1), BAD])
    assert pipeline.refine().success
    first = contents(pipeline.lake)
    assert pipeline.refine().success
    assert contents(pipeline.lake) == first


def test_an_unreadable_object_is_passed_over_and_named(pipeline: Pipeline) -> None:
    pipeline.lake.write_bronze(BronzeKey(POPULAR.name, day(), "broken"), b'{"results": [')
    (why,) = failures(pipeline.refine()).values()
    assert f"popular_shows/dt={day()}/broken.json is not a capture" in why
    put(pipeline.lake, day(), rows(20), name="whole")
    assert pipeline.refine().success
    (passed_over,) = pipeline.metadata(SILVER)["passed over"]
    assert "broken.json is not a capture" in passed_over


def test_an_object_of_another_list_is_refused_in_words(pipeline: Pipeline) -> None:
    key = BronzeKey(POPULAR.name, day(), "astray")
    body = capture(BronzeKey("airing_today", day(), "astray"), rows(20))
    pipeline.lake.write_bronze(key, body)
    (why,) = failures(pipeline.refine()).values()
    assert "it says it is a capture of airing_today, yet lies under popular_shows" in why


def test_tmdbs_rows_are_not_refined_in_the_sandboxs_lake(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(), rows(20), source="tmdb")
    (why,) = failures(pipeline.refine()).values()
    assert "is tmdb data in a lake of sandbox data" in why


def test_volume_and_null_rates_look_at_the_last_seven_days(pipeline: Pipeline) -> None:
    for ago in range(9, 0, -1):
        # The two oldest days would make today's numbers usual.
        shows = [row(i, overview="") for i in range(1, 41)] if ago > 7 else rows(20)
        put(pipeline.lake, day(ago), shows)
    assert pipeline.refine(on=(day(9), day(1))).success
    put(pipeline.lake, day(), [row(i, overview="") for i in range(1, 41)])

    result = pipeline.refine()

    assert result.success
    found = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert outcome_of(found["volume"]) == "warning"
    assert "40 rows, +100% from 20, the median of 7 days" in str(found["volume"].description)
    assert outcome_of(found["null_rates"]) == "warning"
    assert "1 of " in str(found["null_rates"].description)
    assert "overview" in str(found["null_rates"].metadata["offenders"].value)


def test_unknown_genres_are_a_warning(pipeline: Pipeline) -> None:
    put(pipeline.lake, day(), [*rows(20), row(21, genre_ids=[18, 10402])])
    result = pipeline.refine()
    assert result.success
    assert checks(result, SILVER) == dict.fromkeys(CHECKS["silver"], "passed") | {"genres_known": "warning"}


def test_the_ui_shows_the_books_and_where_they_come_from(pipeline: Pipeline) -> None:
    key = put(pipeline.lake, day(), [*rows(30), row(1), BAD])
    pipeline.refine()
    shown = pipeline.metadata(SILVER)
    counts = ("bronze rows", "dagster/partition_row_count", "repeats", "quarantined")
    assert [shown[name] for name in counts] == [32, 30, 1, 1]
    assert shown["pass rate (%)"] == pytest.approx(100 * 31 / 32)
    assert shown["bronze object"].endswith(str(key))
    assert shown["bronze sha256"] == footer_of(pipeline.lake, KEY).bronze[0].sha256
    assert shown["dagster/uri"].endswith(KEY)
    assert shown["quarantine"].endswith(layout.quarantine_key(POPULAR.name, day()))
    assert len(shown["preview"].splitlines()) == 12
