"""The cases for Tally and dlt: TMDB's behaviour in each run, and dlt's options."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any, get_args

import msgspec

from benchmarks.dlt_pipeline import ContractMode, Options
from proof.dlt_side.outcomes import Offer
from tally_pipeline.tmdb.lists import MAX_PAGES, ShowList, list_named
from tally_pipeline.tmdb.sandbox import Recordings, Sandbox, parse_fault
from tally_pipeline.tmdb.sandbox.replies import Reply, with_body

POPULAR, AIRING_TODAY = list_named("popular_shows"), list_named("airing_today")

REAL_REPEAT = "2025-12-24"
INVENTED_REPEAT = date(2026, 3, 1)
"""Days on which airing_today repeats a show across pages: recorded from TMDB, and in the sandbox's world."""

Serve = Callable[[], Sandbox]


@dataclass(frozen=True)
class Case:
    """A case. `runs` are made one after the other, each against a server of its own.

    `pages` None: as deep as the list goes. `about` is the column whose values the case is about. `day_before`:
    dlt's first run is of the day before, so that it knows the columns.
    """

    name: str
    runs: Sequence[Serve]
    pages: int | None
    show_list: ShowList = POPULAR
    about: str = ""
    on_dlt: Options = field(default_factory=Options)
    under_dagster: bool = False
    day_before: bool = False
    offered: Serve = Sandbox

    def offer(self) -> Offer:
        """The content of the pages without a fault, each show once."""
        shows: dict[int, Any] = {}
        with self.offered() as sandbox:
            for number in range(1, (self.pages or MAX_PAGES) + 1):
                reply = sandbox.answer(f"/3{self.show_list.path}?page={number}", {})
                page = msgspec.json.decode(reply.body)
                shows |= {row["id"]: row for row in page["results"]}
                if number >= page["total_pages"]:
                    break
        return Offer(len(shows), sum(self.about in row for row in shows.values()))


def all_cases(pages: int) -> list[Case]:
    """Every case, `pages` deep where the depth is not the point."""
    return [
        *_ways_to_count(pages),
        *_new_fields(pages),
        *_wrong_under_200(pages),
        *_passing(pages),
        *_broken(),
    ]


def _ways_to_count(pages: int) -> list[Case]:
    recorded = _recordings()
    if recorded:
        whose, real = "TMDB's own", lambda: Sandbox(recordings=Recordings(recorded, REAL_REPEAT))
    else:
        whose, real = "invented, for want of recordings", lambda: Sandbox(day=INVENTED_REPEAT)
    repeat = Case(f"a repeat across pages ({whose})", [real], MAX_PAGES, AIRING_TODAY, offered=real)
    twice = Case("the same day run twice", [Sandbox, Sandbox], pages)
    votes = Case(
        "whole-number votes: 8, not 8.0", [WholeVotes], pages, about="vote_average", offered=WholeVotes
    )
    delta = Options(delta=True)
    return [
        repeat,
        replace(repeat, name="the same; dlt: merge into Delta", on_dlt=delta),
        twice,
        replace(twice, name="the same; dlt: merge into Delta", on_dlt=delta),
        Case("popular as deep as it goes; dlt: no page cap", [Sandbox], None),
        Case("the same; dlt: capped at 500", [Sandbox], MAX_PAGES),
        votes,
        replace(votes, name="the same; dlt: declared a double", on_dlt=Options(declared=True)),
    ]


def _new_fields(pages: int) -> list[Case]:
    changed = _with("new-field")
    return [
        Case(
            f"a new field on every row; dlt: columns {mode}",
            [Sandbox, changed],
            pages,
            about="mood",
            on_dlt=Options(new_columns=mode),
            day_before=True,
            offered=changed,
        )
        for mode in get_args(ContractMode)
    ]


def _wrong_under_200(pages: int) -> list[Case]:
    error_body = _case("an error body under 200, for ever", pages, "error-body:page=2")
    return [
        _case("an empty 200", pages, "empty"),
        Case(
            "an empty 200 after a good run; dlt: replace",
            [Sandbox, _with("empty")],
            pages,
            on_dlt=Options(replace=True),
        ),
        _case("an empty page amid the list", pages, "empty-page:page=2"),
        _case("an error body under 200, once", pages, "error-body:page=2,times=1"),
        error_body,
        _under_dagster(error_body),
        replace(
            error_body, name="the same; dlt: a hook of one's own that raises", on_dlt=Options(guarded=True)
        ),
        _case("HTML under 200, once", pages, "html:page=2,times=1"),
        _case("HTML under 200, for ever", pages, "html:page=2"),
    ]


def _passing(pages: int) -> list[Case]:
    return [
        _case("429 with Retry-After", pages, "rate-limited:page=2,times=1"),
        _case("429 with Retry-After as a date", pages, "rate-limited-date:page=2,times=1"),
        _case("429 without Retry-After", pages, "rate-limited-silent:page=2,times=1"),
        *(
            _case(f"{times} times 503 on one page", pages, f"server-error:page=2,times={times}")
            for times in range(1, 7)
        ),
    ]


def _broken() -> list[Case]:
    late = _case("page 41 stays broken after 40 good ones", 50, "broken-page:page=41")
    return [late, _under_dagster(late)]


def _case(name: str, pages: int, *faults: str) -> Case:
    return Case(name, [_with(*faults)], pages)


def _under_dagster(case: Case) -> Case:
    return replace(case, name=f"{case.name}; dlt under Dagster", under_dagster=True)


def _with(*faults: str) -> Serve:
    return lambda: Sandbox(faults=[parse_fault(fault) for fault in faults])


class WholeVotes(Sandbox):
    """TMDB as it was in 2022: an average without decimals is a whole number; the first row's is one."""

    def answer(self, target: str, headers: Mapping[str, str]) -> Reply:
        reply = super().answer(target, headers)
        page = msgspec.json.decode(reply.body)
        page["results"][0]["vote_average"] = 8.0
        for row in page["results"]:
            if row["vote_average"].is_integer():
                row["vote_average"] = int(row["vote_average"])
        return with_body(reply, msgspec.json.encode(page))


def _recordings() -> Path | None:
    shared = Path(os.environ.get("TALLY_SHARED", Path(__file__).parents[3] / "shared"))
    folder = shared / "tmdb" / "recordings"
    return folder if folder.is_dir() else None
