"""What each data quality check passes and fails, and what it tells the person who looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tally_pipeline.bronze.completeness import assess
from tally_pipeline.bronze.list_capture import Metadata, MissingPage, decode, encode, read_page
from tally_pipeline.checks import check
from tally_pipeline.checks.check import Check, Finding, stops_publishing
from tally_pipeline.contracts.contract import RULES
from tally_pipeline.datasets.shows import checks
from tally_pipeline.datasets.shows.refinement import Counts, refine
from testkit.captures import capture, page, reply, show

NULLABLE = ("first_air_date", "poster_path", "backdrop_path", "overview", "original_language")


def counts(silver_rows: int = 100, **changed: Any) -> Counts:
    """Books of a clean capture, but for what is changed."""
    clean: dict[str, Any] = {
        "bronze_rows": silver_rows,
        "silver_rows": silver_rows,
        "repeats": 0,
        "quarantined": 0,
        "by_rule": dict.fromkeys(RULES, 0),
        "nulls": dict.fromkeys(NULLABLE, 0),
        "new_fields": {},
        "lost_fields": (),
        "unknown_genres": {},
    }
    return Counts(**(clean | changed))


def partial(missing: int) -> Metadata:
    numbers = tuple(range(2, 2 + missing))
    return Metadata(
        verdict="partial",
        page_set=assess(missing=numbers, ids_by_page=[[1]], totals=[(9, 180)]),
        missing=tuple(MissingPage(page=number, error=f"page {number}: HTTP 503") for number in numbers),
    )


def with_etags(*etags: str | None) -> Metadata:
    pages = [
        read_page(number, reply(number, [show(number)]), {} if etag is None else {"ETag": etag})
        for number, etag in enumerate(etags, start=1)
    ]
    return decode(capture(pages)).metadata


# Bronze


def test_a_capture_with_rows_is_not_empty() -> None:
    assert checks.not_empty(Metadata(), 1).passed


def test_a_capture_without_rows_is_empty() -> None:
    found = checks.not_empty(Metadata(), 0)

    assert not found.passed
    assert found.serious
    assert found.numbers == {"rows": 0}


def test_a_complete_page_set_passes() -> None:
    found = checks.page_set_complete(decode(capture([page(1, [show(1)]), page(2, [show(1)])])).metadata)

    assert found.passed
    assert found.summary == "all 2 pages came back with 2 rows, 1 of them a repeat"
    assert found.numbers == {"pages_missing": 0, "repeats": 1}


def test_a_missing_page_fails_the_page_set_and_is_named_with_its_error() -> None:
    found = checks.page_set_complete(partial(1))

    assert not found.passed
    assert found.serious
    assert found.offenders == [{"page": 2, "error": "page 2: HTTP 503"}]
    assert "allow_partial" in found.remedy


def test_an_empty_capture_fails_the_page_set_and_nobody_is_told_to_refine_it() -> None:
    found = checks.page_set_complete(decode(capture([page(1, [])])).metadata)

    assert not found.passed
    assert "allow_partial" not in found.remedy


def of_pages(*sizes: int, totals: tuple[int, ...] = (200,)) -> Metadata:
    """A capture of pages with so many rows each, of different shows; the totals alternate over the pages."""
    pages = []
    for number, size in enumerate(sizes, start=1):
        rows = ", ".join(f'{{"id": {number * 100 + row}}}' for row in range(size))
        told = totals[number % len(totals)]
        body = f'{{"page": {number}, "results": [{rows}], "total_pages": 10, "total_results": {told}}}'
        pages.append(read_page(number, body.encode(), {}))
    return decode(capture(pages)).metadata


def test_a_short_page_in_the_middle_of_a_list_warns_with_numbers() -> None:
    found = checks.as_many_as_promised(of_pages(20, 20, 5, *[20] * 7))

    assert not found.passed
    assert not found.serious
    assert found.summary == "185 of 200 promised shows came"
    assert found.numbers == {"promised": 200, "shows": 185, "short": 15}
    assert found.offenders == [{"page": 3, "rows": 5}]
    assert "1 inner page has fewer than 20 rows" in found.remedy


@pytest.mark.parametrize(
    "metadata",
    [
        of_pages(*[20] * 10),
        of_pages(*[20] * 3),
        of_pages(*[20] * 9, 11, totals=(191,)),
        # As recorded: two totals, one apart, and a show that crossed a border.
        of_pages(*[20] * 9, 19, totals=(200, 201)),
        # One show at every border.
        of_pages(*[20] * 9, 11),
        # What the totals themselves lost meanwhile.
        of_pages(*[20] * 8, 2, 1, totals=(200, 170)),
        of_pages(20, 20, totals=(0,)),
        of_pages(*[20] * 10, totals=(30,)),
        partial(3),
        Metadata(),
    ],
)
def test_what_repeats_drift_and_depth_explain_is_no_shortfall(metadata: Metadata) -> None:
    assert checks.as_many_as_promised(metadata).passed


def test_as_many_shows_as_repeat_may_be_missing() -> None:
    rows = [[show(number * 20 + place) for place in range(20)] for number in range(10)]
    pages = [page(1, rows[0]), *(page(n + 1, [*rows[n - 1][:8], *rows[n][8:]]) for n in range(1, 10))]
    found = checks.as_many_as_promised(decode(capture(pages)).metadata)
    assert found.passed, found.summary


def test_an_object_that_says_nothing_about_its_pages_passes_the_page_set() -> None:
    found = checks.page_set_complete(Metadata())

    assert found.passed
    assert found.summary == "the object says nothing about its pages"


def test_etags_that_hash_or_are_not_there_match() -> None:
    found = checks.etags_match(with_etags(None, None))

    assert found.passed
    assert found.summary == "0 of 2 pages differ from their ETag; 2 came without one"


def test_an_etag_that_differs_warns_and_names_the_page() -> None:
    found = checks.etags_match(with_etags(None, 'W/"00000000000000000000000000000000"'))

    assert not found.passed
    assert not found.serious
    assert [offender["page"] for offender in found.offenders] == [2]
    assert found.numbers == {"pages_differing": 1, "pages_without_etag": 1}


def test_known_fields_pass() -> None:
    assert checks.fields_known({}, ()).passed


def test_a_new_field_warns() -> None:
    found = checks.fields_known({"softcore": 20}, ())

    assert not found.passed
    assert not found.serious
    assert found.summary == "new: softcore"
    assert found.offenders == [{"field": "softcore", "rows": 20, "what": "new"}]


def test_a_lost_optional_field_warns_and_a_lost_required_one_is_serious() -> None:
    assert not checks.fields_known({}, ("overview",)).passed
    assert not checks.fields_known({}, ("overview",)).serious
    assert checks.fields_known({}, ("overview", "vote_average")).serious


# Silver


@pytest.mark.parametrize(
    ("quarantined", "least", "passed"),
    [
        (0, 95.0, True),
        (5, 95.0, True),
        (6, 95.0, False),
        (99, 0.0, True),
        (1, 100.0, False),
        (0, 100.0, True),
    ],
)
def test_the_pass_rate_is_held_against_its_bar(quarantined: int, least: float, passed: bool) -> None:
    books = counts(silver_rows=100 - quarantined, bronze_rows=100, quarantined=quarantined)

    found = checks.pass_rate(books, least, [])

    assert found.passed is passed
    assert found.serious
    assert found.numbers["pass_rate"] == 100 - quarantined
    assert RULES.keys() <= found.numbers.keys()


def test_an_empty_capture_never_passes_even_a_bar_of_nothing() -> None:
    found = checks.pass_rate(counts(silver_rows=0), 0.0, [])

    assert not found.passed
    assert found.summary == "the capture holds no rows"


def test_a_capture_without_one_sound_row_never_passes_even_a_bar_of_nothing() -> None:
    assert not checks.pass_rate(counts(silver_rows=0, bronze_rows=20, quarantined=20), 0.0, []).passed


def test_the_pass_rate_shows_what_was_rejected() -> None:
    rejected = [{"page": 1, "place": 2, "reasons": ["id is 0"]}]

    assert checks.pass_rate(counts(), 95.0, rejected).offenders == rejected


def test_a_show_that_stands_twice_in_silver_fails() -> None:
    assert checks.show_id_unique(39, 39, 1).passed
    assert not checks.show_id_unique(38, 39, 1).passed


def test_books_that_do_not_balance_fail() -> None:
    assert checks.accounts_for_every_row(counts(39, bronze_rows=41, repeats=1, quarantined=1), None).passed
    found = checks.accounts_for_every_row(counts(39, bronze_rows=41, repeats=1), 41)
    assert not found.passed
    assert found.summary == "41 in bronze; 39 in silver + 1 repeat + 0 in quarantine"
    assert "A bug in refining" in found.remedy


def test_a_bronze_object_with_fewer_rows_than_it_tells_of_fails() -> None:
    assert checks.accounts_for_every_row(counts(40), 40).passed
    found = checks.accounts_for_every_row(counts(40), 60)
    assert not found.passed
    assert found.serious
    assert found.summary.endswith("; the object's metadata tells of 60")
    assert "changed after the capture" in found.remedy


@pytest.mark.parametrize(
    ("rows", "repeats", "passed", "serious"),
    [
        (0, 0, True, False),
        (40, 1, True, False),
        (100, 5, True, False),
        (100, 6, False, False),
        (100, 20, False, False),
        (100, 21, False, True),
        (200, 180, False, True),
    ],
)
def test_repeats_warn_beyond_5_per_cent_of_the_rows_and_block_beyond_20(
    rows: int, repeats: int, passed: bool, serious: bool
) -> None:
    found = checks.repeats_rare(counts(rows - repeats, bronze_rows=rows, repeats=repeats))
    assert (found.passed, found.serious) == (passed, serious)
    assert found.numbers["repeats"] == repeats


def test_repeats_that_a_person_accepted_only_warn() -> None:
    found = checks.repeats_rare(counts(20, bronze_rows=200, repeats=180), accepted=True)
    assert (found.passed, found.serious) == (False, False)
    assert found.summary == "180 of 200 rows (90.0%) repeat a show"


def test_the_repeats_of_tmdbs_recorded_neighbours_pass(recordings: Path) -> None:
    """What the thresholds were read off: pages 1 and 2 of four lists, one of which share one show."""
    repeats: dict[str, int] = {}
    for name in ("popular", "top_rated", "airing_today", "on_the_air"):
        bodies = [
            (recordings / "2025-12-24" / f"tv_{name}__page-{number}.json").read_bytes() for number in (1, 2)
        ]
        pages = [read_page(number, body, {}) for number, body in enumerate(bodies, start=1)]
        books = refine(decode(encode(pages, Metadata())), data_type=name, dt="2025-12-24", key="k").counts
        assert books.bronze_rows == 40
        assert checks.repeats_rare(books).passed
        repeats[name] = books.repeats
    assert repeats == {"popular": 0, "top_rated": 0, "airing_today": 1, "on_the_air": 0}


@pytest.mark.parametrize(
    ("rows", "passed"), [(100, True), (130, True), (70, True), (131, False), (69, False)]
)
def test_the_volume_is_held_against_the_median_of_the_days_before(rows: int, passed: bool) -> None:
    history = {"2025-12-21": counts(100), "2025-12-22": counts(1), "2025-12-23": counts(101)}

    found = checks.volume(counts(rows), history)

    assert found.passed is passed
    assert not found.serious
    assert found.numbers["usual_rows"] == 100
    assert [offender["day"] for offender in found.offenders] == sorted(history)


def test_the_first_day_has_no_volume_to_be_held_against() -> None:
    assert checks.volume(counts(), {}).passed
    assert checks.volume(counts(), {"2025-12-23": counts(0)}).passed


@pytest.mark.parametrize(("nulls", "passed"), [(5, True), (15, True), (16, False), (100, False), (0, True)])
def test_null_rates_are_held_against_the_mean_of_the_days_before(nulls: int, passed: bool) -> None:
    def with_nulls(number: int) -> Counts:
        return counts(nulls=dict.fromkeys(NULLABLE, 0) | {"overview": number})

    found = checks.null_rates(with_nulls(nulls), {"2025-12-22": with_nulls(0), "2025-12-23": with_nulls(10)})

    assert found.passed is passed
    assert not found.serious
    assert found.numbers["null_rate_overview"] == nulls / 100
    assert [offender["column"] for offender in found.offenders] == ([] if passed else ["overview"])


def test_the_first_day_has_no_null_rates_to_be_held_against() -> None:
    found = checks.null_rates(counts(nulls={"overview": 100}), {"2025-12-23": counts(0)})

    assert found.passed
    assert found.numbers == {"null_rate_overview": 1.0}


def test_an_unknown_genre_warns_and_is_named() -> None:
    found = checks.genres_known(counts(unknown_genres={"28": 3}))

    assert not found.passed
    assert not found.serious
    assert found.offenders == [{"genre_id": "28", "rows": 3}]
    assert checks.genres_known(counts()).passed


# All of them


def failing() -> Iterator[Finding]:
    """Each check's failure, with more offenders than can be shown wherever it names any."""
    many = range(check.SHOWN * 3)
    yield checks.not_empty(Metadata(), 0)
    yield checks.page_set_complete(partial(len(many)))
    yield checks.as_many_as_promised(of_pages(*[5] * len(many), totals=(1200,)))
    yield checks.etags_match(with_etags(*['"differs"'] * len(many)))
    yield checks.fields_known({f"new{n}": 1 for n in many}, tuple(f"lost{n}" for n in range(13)))
    yield checks.pass_rate(counts(0, bronze_rows=60, quarantined=60), 95.0, [{"place": n} for n in many])
    yield checks.show_id_unique(1, 2, 0)
    yield checks.accounts_for_every_row(counts(1, bronze_rows=2), None)
    yield checks.accounts_for_every_row(counts(1), 2)
    yield checks.repeats_rare(counts(1, bronze_rows=2, repeats=1))
    yield checks.volume(counts(1), {f"2025-12-0{day}": counts() for day in range(1, 8)})
    yield checks.null_rates(
        counts(nulls={f"column{n}": 100 for n in many}),
        {"2025-12-23": counts(nulls={f"column{n}": 0 for n in many})},
    )
    yield checks.genres_known(counts(unknown_genres={str(n): 1 for n in many}))


@pytest.mark.parametrize("found", list(failing()), ids=lambda found: found.summary[:40])
def test_a_failure_says_what_to_do_and_names_at_most_twenty_offenders(found: Finding) -> None:
    assert not found.passed
    assert found.summary
    assert found.remedy.endswith(".")
    assert len(found.offenders) <= 20
    assert all(isinstance(number, int | float) for number in found.numbers.values())


def test_a_lost_field_is_named_before_new_ones_take_up_the_room() -> None:
    found = checks.fields_known({f"new{n}": 1 for n in range(20)}, ("vote_average",))

    assert {"field": "vote_average", "rows": 0, "what": "lost"} in found.offenders


def test_every_check_is_declared_once_with_a_description() -> None:
    every = (*checks.BRONZE_CHECKS, *checks.SILVER_CHECKS)

    assert len({check.name for check in every}) == len(every)
    assert all(check.description.endswith(".") for check in every)
    assert [check.name for check in every if check.blocking] == [
        "not_empty",
        "page_set_complete",
        "pass_rate",
        "show_id_unique",
        "accounts_for_every_row",
        "repeats_rare",
    ]


@pytest.mark.parametrize("blocking", [True, False])
@pytest.mark.parametrize("serious", [True, False])
@pytest.mark.parametrize("passed", [True, False])
def test_only_a_blocking_check_that_failed_seriously_stops_publishing(
    blocking: bool, serious: bool, passed: bool
) -> None:
    check = Check("of_a_test", "", blocking=blocking)
    finding = Finding(passed, "", "", serious=serious)
    assert stops_publishing(check, finding) == (blocking and serious and not passed)
