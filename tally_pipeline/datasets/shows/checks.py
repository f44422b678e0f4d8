"""The data quality checks, as pure functions from counts to findings. Dagster's checks are thin glue over them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import mean, median
from typing import Any

from tally_pipeline.bronze.list_capture import Metadata
from tally_pipeline.checks.check import SHOWN, Check, Finding
from tally_pipeline.datasets.shows import contract
from tally_pipeline.datasets.shows.refinement import Counts
from tally_pipeline.plurals import counted, noun
from tally_pipeline.tmdb.lists import ROWS_PER_PAGE

VOLUME_TOLERANCE = 0.30
"""The tolerated difference between the number of rows and the last days' median."""

NULL_RATE_TOLERANCE = 0.10
"""The tolerated increase, as a share of rows, of a column's nulls over the last days' mean."""


REPEATS_WARN = 0.05
"""A greater share of rows that repeat a show warns. TMDB caches every page separately, so a show that moves meanwhile
is on two pages, and another on none. Of the recorded pages, four pairs of neighbours of 2025-12-24, one pair shared
one show: 1 of 160 rows. One at every page's border would be 1 row of 20."""

REPEATS_BLOCK = 0.20
"""Beyond this a day is not published: four times the worst recorded border, at every border. Each repeated show
means a skipped one, so one of five would be missing, and ranks say little."""


NOT_EMPTY = Check("not_empty", "The capture holds rows at all.", blocking=True)
PAGE_SET_COMPLETE = Check(
    "page_set_complete", "Every page that was asked for came back; none stayed broken.", blocking=True
)
ETAGS_MATCH = Check("etags_match", "Each page's bytes hash to the ETag that TMDB sent with them.")
FIELDS_KNOWN = Check(
    "fields_known",
    "The rows have the fields that the contract knows. A new field warns; a lost one that rows must have is an"
    " error: every row is then rejected and the day is not published.",
)
AS_MANY_AS_PROMISED = Check(
    "as_many_as_promised",
    "The pages brought as many shows as TMDB's totals promise for them. What repeats, totals that drifted and one"
    " show at each border of pages are no shortfall.",
)
BRONZE_CHECKS = (NOT_EMPTY, PAGE_SET_COMPLETE, AS_MANY_AS_PROMISED, ETAGS_MATCH, FIELDS_KNOWN)

PASS_RATE = Check(
    "pass_rate", "Enough rows keep every rule of the contract; the others are in quarantine.", blocking=True
)
SHOW_ID_UNIQUE = Check("show_id_unique", "No show stands in the list twice.", blocking=True)
ACCOUNTS_FOR_EVERY_ROW = Check(
    "accounts_for_every_row",
    "Rows in bronze = silver + repeats + quarantine, and bronze holds as many as its metadata says.",
    blocking=True,
)
REPEATS_RARE = Check(
    "repeats_rare",
    f"Few rows repeat a show: each stands for one that was skipped. Over {REPEATS_WARN:.0%} warns; over"
    f" {REPEATS_BLOCK:.0%} nothing is published.",
    blocking=True,
)
VOLUME = Check("volume", "The number of rows is near the median of the last seven days.")
NULL_RATES = Check("null_rates", "No column has many more nulls than over the last seven days.")
GENRES_KNOWN = Check("genres_known", "Every genre id is one of TMDB's TV genres.")
SILVER_CHECKS = (
    PASS_RATE,
    SHOW_ID_UNIQUE,
    ACCOUNTS_FOR_EVERY_ROW,
    REPEATS_RARE,
    VOLUME,
    NULL_RATES,
    GENRES_KNOWN,
)


def not_empty(metadata: Metadata, rows: int) -> Finding:
    return Finding(
        passed=rows > 0,
        summary=counted(rows, "row") if rows else "TMDB answered with a list that holds no rows",
        remedy="Silver keeps its last good file. Look at the list on TMDB's site; materialize bronze again later.",
        numbers={"rows": rows},
    )


def page_set_complete(metadata: Metadata) -> Finding:
    pages = metadata.page_set
    gaps = metadata.missing
    summary = pages.reason if pages else f"the object says {metadata.verdict or 'nothing about its pages'}"
    again = "What came is in bronze. Materialize bronze again for a whole capture"
    return Finding(
        passed=metadata.verdict in ("complete", None),
        summary=f"{summary} ({gaps[0].error})" if gaps else summary,
        remedy=(
            f"{again}; to refine this one as it is, launch silver with allow_partial: true in the launchpad."
            if metadata.verdict == "partial"
            else f"{again}."
        ),
        numbers={"pages_missing": len(gaps), "repeats": pages.repeats if pages else 0},
        offenders=[{"page": gap.page, "error": gap.error} for gap in gaps[:SHOWN]],
    )


def as_many_as_promised(metadata: Metadata) -> Finding:
    """A page that is short in the middle of a list leaves no gap in the pages, only fewer shows than promised.

    TMDB caches every page apart: each repeat stands for a show that was skipped, a list that shrinks meanwhile skips
    some without a repeat, and its pages then state different totals. Of the four borders recorded on 2025-12-24 one
    show crossed one, and the totals were one apart: tolerated is what the capture itself shows of these, and one show
    at every border, four times the recorded.
    """
    pages = metadata.page_set
    stated = [record.total_results for record in metadata.pages if record.rows and record.total_results]
    if pages is None or not stated or metadata.missing:
        return Finding(
            True,
            "pages are missing" if metadata.missing else "nothing is promised",
            "",
            serious=False,
        )
    promised = min(*stated, pages.pages_asked * ROWS_PER_PAGE)
    shows = pages.rows - pages.repeats
    short = max(0, promised - shows)
    drifted = max(stated) - min(stated)
    short_pages = [record for record in metadata.pages[:-1] if 0 < record.rows < ROWS_PER_PAGE]
    return Finding(
        passed=short <= pages.repeats + drifted + max(0, pages.pages_got - 1),
        serious=False,
        summary=f"{shows} of {counted(promised, 'promised show')} came"
        + (f"; {counted(pages.repeats, 'row repeats', 'rows repeat')} one" if pages.repeats else ""),
        remedy=(
            f"{counted(len(short_pages), 'inner page has', 'inner pages have')} fewer than {ROWS_PER_PAGE} rows: a"
            " stale copy in TMDB's cache, or rows that TMDB withholds. Materialize bronze again later, a page lives"
            " there for up to 8 hours."
        ),
        numbers={"promised": promised, "shows": shows, "short": short},
        offenders=[{"page": record.page, "rows": record.rows} for record in short_pages[:SHOWN]],
    )


def etags_match(metadata: Metadata) -> Finding:
    differing = [record for record in metadata.pages if record.etag_is_body_hash is False]
    without = sum(record.etag is None for record in metadata.pages)
    return Finding(
        passed=not differing,
        serious=False,
        summary=f"{len(differing)} of {counted(len(metadata.pages), 'page')}"
        f" {noun(len(differing), 'differs from its ETag', 'differ from their ETag')}; {without} came without one",
        remedy=(
            "TMDB does not document that its ETags hash the body. One page: likely a proxy that rewrites replies."
            " All pages: TMDB changed its ETags; nothing is wrong with the data."
        ),
        numbers={"pages_differing": len(differing), "pages_without_etag": without},
        offenders=[{"page": r.page, "etag": r.etag, "sha256": r.sha256} for r in differing[:SHOWN]],
    )


def fields_known(new: Mapping[str, int], lost: Sequence[str]) -> Finding:
    """`new`: rows by unknown field. `lost`: contract fields that no row has."""
    required = {column.field for column in contract.COLUMNS if column.required}
    missing = [name for name in lost if name in required]
    parts = [f"new: {', '.join(new)}"] * bool(new) + [f"gone from every row: {', '.join(lost)}"] * bool(lost)
    return Finding(
        passed=not new and not lost,
        serious=bool(missing),
        summary="; ".join(parts) or "the fields are the contract's",
        remedy=(
            "A new field is kept in bronze and breaks nothing: add it to the contract (a column, or EXTRAS) when"
            " it is worth having. A lost field: look at TMDB's changelog; silver keeps its last good file."
        ),
        numbers={"new_fields": len(new), "lost_fields": len(lost)},
        offenders=[
            *({"field": name, "rows": 0, "what": "lost"} for name in lost),
            *({"field": name, "rows": rows, "what": "new"} for name, rows in new.items()),
        ][:SHOWN],
    )


def rejected_rows(data_type: str, dt: str) -> str:
    """The SQL that shows the rejected rows of a list and day."""
    return (
        "SELECT page, place, rules, reasons, raw FROM quarantine_shows"
        f" WHERE data_type = '{data_type}' AND dt = '{dt}' ORDER BY page, place"
    )


def pass_rate(counts: Counts, least: float, offenders: Sequence[Mapping[str, Any]], sql: str = "") -> Finding:
    """`least`: per cent. `offenders`: quarantined rows with their reasons; `sql` shows them all.

    A day without any sound row never passes.
    """
    return Finding(
        passed=counts.silver_rows > 0 and counts.pass_rate >= least,
        summary=(
            f"{counts.pass_rate:.2f} % of {counted(counts.bronze_rows, 'row')} keep every rule; {least:g} % must"
            if counts.bronze_rows
            else "the capture holds no rows"
        ),
        remedy=(
            "Below the bar nothing is published: silver keeps its last good file. The rejected rows are in"
            " quarantine with their reasons. If TMDB changed its rows for good, change the contract; if the rows"
            " are few and bad indeed, lower TALLY_MIN_PASS_RATE."
        ),
        numbers={"pass_rate": counts.pass_rate, "quarantined": counts.quarantined, **counts.by_rule},
        offenders=offenders[:SHOWN],
        sql=sql if counts.quarantined else "",
    )


def show_id_unique(silver_ids: int, silver_rows: int, repeats: int) -> Finding:
    return Finding(
        passed=silver_ids == silver_rows,
        summary=f"{counted(silver_rows, 'row')}, {counted(silver_ids, 'show')}; {counted(repeats, 'repeat')}"
        f" {noun(repeats, 'was', 'were')} dropped, the better rank stayed",
        remedy="A bug in refining: silver must hold each show once. Nothing is published until it is mended.",
        numbers={"repeats": repeats},
    )


def accounts_for_every_row(counts: Counts, stated: int | None) -> Finding:
    """`stated`: the number of rows by the bronze object's metadata, None if it does not say."""
    is_whole = stated in (None, counts.bronze_rows)
    return Finding(
        passed=counts.balanced and is_whole,
        summary=(
            f"{counts.bronze_rows} in bronze; {counts.silver_rows} in silver + {counted(counts.repeats, 'repeat')}"
            f" + {counts.quarantined} in quarantine"
            + ("" if is_whole else f"; the object's metadata tells of {stated}")
        ),
        remedy=(
            "A bug in refining: a row got lost or doubled. Nothing is published until it is mended."
            if is_whole
            else "The bronze object was changed after the capture: `tally audit` says more. Put the one that was"
            " captured back, or materialize bronze again while it is still that day."
        ),
        numbers={
            "bronze_rows": counts.bronze_rows,
            "silver_rows": counts.silver_rows,
            "repeats": counts.repeats,
            "quarantined": counts.quarantined,
        },
    )


def repeats_rare(counts: Counts, *, accepted: bool = False) -> Finding:
    """`accepted`: a person allowed to publish the day as it is."""
    share = counts.repeats / counts.bronze_rows if counts.bronze_rows else 0.0
    return Finding(
        passed=share <= REPEATS_WARN,
        serious=share > REPEATS_BLOCK and not accepted,
        summary=f"{counts.repeats} of {counted(counts.bronze_rows, 'row')} ({share:.1%})"
        f" {noun(counts.repeats, 'repeats', 'repeat')} a show",
        remedy=(
            "As many shows are likely missing: TMDB's cache served pages of different ages. Materialize bronze again"
            " later, a page lives there for up to 8 hours; to publish the day as it is, launch silver with"
            " allow_partial: true in the launchpad."
        ),
        numbers={"repeats": counts.repeats, "repeat_share": share},
    )


def volume(counts: Counts, history: Mapping[str, Counts]) -> Finding:
    """`history`: the published counts of up to seven days before, by day."""
    if not history:
        return Finding(
            True, f"{counted(counts.silver_rows, 'row')}; no earlier day to compare with", "", serious=False
        )
    usual = median(day.silver_rows for day in history.values())
    change = counts.silver_rows / usual - 1 if usual else 0.0
    return Finding(
        passed=not usual or abs(counts.silver_rows - usual) <= VOLUME_TOLERANCE * usual,
        serious=False,
        summary=f"{counted(counts.silver_rows, 'row')}, {change:+.0%} from {usual:g}, the median of"
        f" {counted(len(history), 'day')}",
        remedy="Look whether the depth was changed (launchpad, settings) or TMDB's list shrank or grew.",
        numbers={"rows": counts.silver_rows, "usual_rows": usual, "change": change},
        offenders=[{"day": day, "rows": past.silver_rows} for day, past in sorted(history.items())],
    )


def null_rates(counts: Counts, history: Mapping[str, Counts]) -> Finding:
    """`history`: the published counts of up to seven days before, by day."""
    rates = _null_rates(counts)
    past = [_null_rates(day) for day in history.values() if day.silver_rows]
    if not past:
        return Finding(True, "no earlier day to compare with", "", serious=False, numbers=_named(rates))
    risen = [
        {"column": name, "now": rate, "usual": usual}
        for name, rate in rates.items()
        if rate > (usual := mean(day.get(name, 0.0) for day in past)) + NULL_RATE_TOLERANCE
    ]
    return Finding(
        passed=not risen,
        serious=False,
        summary=f"{len(risen)} of {counted(len(rates), 'column')} {noun(len(risen), 'has', 'have')} many more nulls"
        f" than over the last {noun(len(past), 'day', f'{len(past)} days')}",
        remedy="Compare the named columns' rows with TMDB's site: a field may be on its way out.",
        numbers=_named(rates),
        offenders=risen[:SHOWN],
    )


def genres_known(counts: Counts, listed: Collection[int] = ()) -> Finding:
    """`listed`: the genres that TMDB listed last, newer than the contract's once TMDB adds one."""
    unknown = {genre: rows for genre, rows in counts.unknown_genres.items() if int(genre) not in listed}
    return Finding(
        passed=not unknown,
        serious=False,
        summary=counted(len(unknown), "unknown genre id") + (f": {', '.join(unknown)}" if unknown else ""),
        remedy="Materialize bronze_genres and silver_genres of today: what TMDB lists is known from then on. Add"
        " the genre to GENRES in the contract.",
        numbers={"unknown_genres": len(unknown)},
        offenders=[{"genre_id": genre, "rows": rows} for genre, rows in unknown.items()][:SHOWN],
    )


def _null_rates(counts: Counts) -> dict[str, float]:
    return {name: n / counts.silver_rows if counts.silver_rows else 0.0 for name, n in counts.nulls.items()}


def _named(rates: Mapping[str, float]) -> dict[str, float]:
    return {f"null_rate_{name}": rate for name, rate in rates.items()}
