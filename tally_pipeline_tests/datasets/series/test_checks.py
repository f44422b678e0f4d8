from __future__ import annotations

import pytest

from tally_pipeline.datasets.series import checks as checks
from tally_pipeline.datasets.series.refinement import Counts


def counts(rows: int = 1000, *, quarantined: int = 0, zero: int = 0, lines: int | None = None) -> Counts:
    return Counts(
        lines=rows + quarantined if lines is None else lines,
        silver_rows=rows,
        quarantined=quarantined,
        repeats=0,
        zero_popularity=zero,
        by_rule={},
        new_fields={},
        lost_fields=(),
    )


@pytest.mark.parametrize(
    ("rows", "passed", "serious"),
    [
        (1000, True, False),
        (1020, True, False),
        (1021, False, False),
        (800, False, False),
        (799, False, True),
        (1300, False, True),
    ],
)
def test_the_volume_warns_beyond_2_per_cent_and_blocks_beyond_20(
    rows: int, passed: bool, serious: bool
) -> None:
    finding = checks.volume(counts(rows), ("2026-03-01", counts(1000)))
    assert (finding.passed, finding.serious and not finding.passed) == (passed, serious)


def test_a_volume_that_a_person_accepted_only_warns() -> None:
    finding = checks.volume(counts(10), ("2026-03-01", counts(1000)), accepted=True)
    assert (finding.passed, finding.serious) == (False, False)


def test_without_an_earlier_day_there_is_nothing_to_compare_the_volume_with() -> None:
    assert checks.volume(counts(5), None).passed
    assert checks.volume(counts(5), ("2026-03-01", counts(0))).passed


def test_many_more_series_without_popularity_than_the_day_before_warn() -> None:
    before = ("2026-03-01", counts(1000, zero=100))
    assert checks.zero_popularity(counts(1000, zero=149), before).passed
    finding = checks.zero_popularity(counts(1000, zero=160), before)
    assert (finding.passed, finding.serious) == (False, False)
    assert not checks.zero_popularity(counts(1000, zero=501), None).passed


def test_the_books_must_balance() -> None:
    assert checks.accounts_for_every_line(counts(10, quarantined=2)).passed
    assert not checks.accounts_for_every_line(counts(10, quarantined=2, lines=13)).passed


def test_the_pass_rate_has_a_bar_and_an_empty_file_is_below_any() -> None:
    assert checks.pass_rate(counts(95, quarantined=5), 95, []).passed
    assert not checks.pass_rate(counts(94, quarantined=6), 95, []).passed
    assert not checks.pass_rate(counts(0), 0, []).passed


def test_ids_must_be_unique() -> None:
    assert checks.show_id_unique(10, counts(10)).passed
    assert not checks.show_id_unique(9, counts(10)).passed
