"""The data quality checks of details, as pure functions from counts to findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tally_pipeline.bronze.details_capture import Manifest
from tally_pipeline.checks.check import SHOWN, Check, Finding
from tally_pipeline.datasets.details.refinement import Counts
from tally_pipeline.plurals import counted, noun

MISSING_BLOCKS = 0.05
"""The share of shows without an answer beyond which a capture is not refined by itself. One show in 20 is far more
than what fails singly, and less than what a broken hour of TMDB's costs."""

OFFERS_WARN = 0.25
"""The tolerated change in offers a show from the day before. Recorded five months apart, 17 shows lost 9 % and gained
11 %: a day that moves a quarter is no ordinary one."""

OFFERS_BLOCK = 0.60
"""Beyond this loss the day's offers count as broken, and nothing is published."""

NOT_EMPTY = Check("not_empty", "At least one show's reply came.", blocking=True)
EVERY_SHOW_ANSWERED = Check(
    "every_show_answered",
    f"TMDB answered for every show. Some missing warns; above {MISSING_BLOCKS:.0%} the capture is not refined, unless"
    " you say so.",
    blocking=True,
)
BUDGET_SUFFICES = Check("budget_suffices", "No show that was due had to be left out.")
BRONZE_CHECKS = (NOT_EMPTY, EVERY_SHOW_ANSWERED, BUDGET_SUFFICES)

PASS_RATE = Check(
    "pass_rate",
    "Enough replies keep every rule of the contract; the others are in quarantine.",
    blocking=True,
)
SHOW_ID_UNIQUE = Check("show_id_unique", "No show stands in the day's silver twice.", blocking=True)
ACCOUNTS_FOR_EVERY_REPLY = Check(
    "accounts_for_every_reply",
    "Replies = fresh rows + shows that are gone + replies in quarantine, and rows = fresh + carried.",
    blocking=True,
)
OFFERS_PER_SHOW = Check(
    "offers_per_show",
    f"The day's replies hold about as many offers a show as the days before: {OFFERS_WARN:.0%} off warns, a loss of"
    f" {OFFERS_BLOCK:.0%} blocks.",
    blocking=True,
)
TITLES_THERE = Check("titles_there", "Every show has a title.")
FIELDS_KNOWN = Check("fields_known", "The replies hold no field that the contract does not know.")
SILVER_CHECKS = (
    PASS_RATE,
    SHOW_ID_UNIQUE,
    ACCOUNTS_FOR_EVERY_REPLY,
    OFFERS_PER_SHOW,
    TITLES_THERE,
    FIELDS_KNOWN,
)


def not_empty(manifest: Manifest) -> Finding:
    return Finding(
        passed=manifest.got > 0,
        summary=f"{counted(manifest.got, 'show')} came",
        remedy="Materialize bronze_details of today again.",
        numbers={"shows": manifest.got},
    )


def every_show_answered(manifest: Manifest) -> Finding:
    missing, share = len(manifest.missing), manifest.missing_share
    return Finding(
        passed=not missing,
        serious=share > MISSING_BLOCKS,
        summary=f"{manifest.asked - missing} of {counted(manifest.asked, 'show')} answered, {len(manifest.gone)} of"
        f" them gone at TMDB; {missing} missing ({share:.1%})"
        + (f"; ended early: {manifest.stopped_by}" if manifest.stopped_by else ""),
        remedy="Materialize bronze_details of today again: only what is missing is asked for.",
        numbers={"asked": manifest.asked, "missing": missing, "gone": len(manifest.gone)},
        offenders=[{"show_id": one.show_id, "error": one.error} for one in manifest.missing[:SHOWN]],
    )


def budget_suffices(manifest: Manifest) -> Finding:
    return Finding(
        passed=not manifest.left_out,
        serious=False,
        summary=f"{counted(manifest.asked, 'show')} asked for, {manifest.left_out} left out",
        remedy="Raise TALLY_DETAILS_BUDGET; each show is one request a day.",
        numbers={"left_out": manifest.left_out, **manifest.chosen},
    )


def pass_rate(counts: Counts, least: float, offenders: Sequence[Mapping[str, Any]], sql: str) -> Finding:
    """`least`: per cent. `offenders`: quarantined replies with their reasons; `sql` shows them all."""
    judged = counts.fresh + counts.quarantined
    return Finding(
        passed=judged == 0 or counts.pass_rate >= least,
        summary=f"{counts.pass_rate:.2f} % of {counted(judged, 'reply', 'replies')} keep every rule; {least:g} % must"
        if judged
        else "no reply of the day to judge",
        remedy="Below the bar nothing is published: silver keeps its last good file. The rejected replies are in"
        " quarantine with their reasons. If TMDB changed its replies for good, change datasets/details/contract.py.",
        numbers={"pass_rate": counts.pass_rate, "quarantined": counts.quarantined, **counts.by_rule},
        offenders=offenders[:SHOWN],
        sql=sql if counts.quarantined else "",
    )


def show_id_unique(distinct: int, counts: Counts) -> Finding:
    return Finding(
        passed=distinct == counts.silver_rows,
        summary=f"{counted(counts.silver_rows, 'row')}, {distinct} distinct ids",
        remedy="A bug in datasets/details/refinement.py: report it with the bronze object.",
        numbers={"repeated": counts.silver_rows - distinct},
    )


def accounts_for_every_reply(counts: Counts, manifest: Manifest) -> Finding:
    named = sum(len(part.shows) for part in manifest.parts)
    return Finding(
        passed=counts.balanced and counts.replies == named,
        summary=f"{counts.replies} replies ({named} in the manifest) = {counts.fresh} fresh + {counts.gone} gone"
        f" + {counts.quarantined} in quarantine; {counted(counts.silver_rows, 'row')} = {counts.fresh} fresh"
        f" + {counts.carried} carried",
        remedy="A bug in datasets/details/refinement.py: report it with the bronze object.",
        numbers={"replies": counts.replies, "rows": counts.silver_rows},
    )


def offers_per_show(counts: Counts, before: tuple[str, Counts] | None, *, accepted: bool) -> Finding:
    """`before`: the last published day and its counts; `accepted`: publish in any case."""
    now = counts.fresh_offers / counts.fresh if counts.fresh else 0.0
    if before is None or not before[1].fresh or not before[1].fresh_offers or not counts.fresh:
        return Finding(
            passed=True,
            summary=f"{now:.1f} offers a show; no day before to compare with",
            remedy="",
            numbers={"offers_per_show": now},
        )
    day, then = before[0], before[1].fresh_offers / before[1].fresh
    change = now / then - 1
    return Finding(
        passed=abs(change) <= OFFERS_WARN,
        serious=change < -OFFERS_BLOCK and not accepted,
        summary=f"{now:.1f} offers a show, {then:.1f} on {day} ({change:+.0%})",
        remedy="Look at the day's replies: do they lack offers? If TMDB is like that now, launch silver_details with"
        " accept_volume: true. Another mix of shows moves the figure too.",
        numbers={"offers_per_show": now, "change": change},
    )


def titles_there(counts: Counts) -> Finding:
    return Finding(
        passed=not counts.untitled,
        serious=False,
        summary=f"{counted(counts.untitled, 'row')} {noun(counts.untitled, 'is', 'are')} without a title",
        remedy="TMDB always sent one: look at the replies in bronze.",
        numbers={"untitled": counts.untitled},
    )


def fields_known(counts: Counts) -> Finding:
    new = counts.new_fields
    return Finding(
        passed=not new,
        serious=False,
        summary=f"new: {', '.join(f'{name} ({number} replies)' for name, number in new.items())}"
        if new
        else "every field is known",
        remedy="Nothing is lost: bronze keeps it. Add it to datasets/details/contract.py, as a column or known.",
        numbers={"new_fields": len(new)},
    )
