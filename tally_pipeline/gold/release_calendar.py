"""`release_calendar`: the episodes to come, and when seasons are complete."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from tally_pipeline.checks.check import SHOWN, Check, Finding, Findings
from tally_pipeline.days import days_after, days_between
from tally_pipeline.gold import details
from tally_pipeline.gold.details import DETAILS, silver_key
from tally_pipeline.gold.gaps import BUG, GAPS_ARE_TOLD, gaps_finding
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars
from tally_pipeline.tables.columns import BIGINT, BOOLEAN, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import LOOK_BACK_DAYS, Engine, Inputs, Table

FINALE = "finale"
"""TMDB's type of a season's last episode; a mid-season finale is of another."""

SPECIALS = 0
"""TMDB's number of the season that gathers specials: it is never complete."""

DAYS_PLOTTED = 28

EVERY_DATE_IN_IT = Check(
    "every_date_in_it",
    "Every date to come that a show of silver has is in the calendar, and no other.",
    blocking=True,
)

_OF = "silver_details"

Row = dict[str, Any]


class ReleaseCalendar(Table):
    name = "release_calendar"
    description = (
        "The episodes that are dated from the day on, and seasons that are announced for a day without their"
        " episodes; which episode completes its season, and which date moved."
    )
    window = f"the day itself and the last day with details before it within {LOOK_BACK_DAYS} days"
    follows = DETAILS
    key = ("show_id", "season_number", "episode_number")
    kind = "python"
    columns = (
        Column("air_date", STRING, "The day it airs, YYYY-MM-DD, as TMDB has it.", f"{_OF}.running_episodes"),
        Column("days_until", INT, "Days until then; 0 on the day itself.", f"{_OF}.running_episodes"),
        Column("show_id", BIGINT, "TMDB's id of the show.", f"{_OF}.show_id"),
        Column("title", STRING, "Its title.", f"{_OF}.title", True),
        Column("season_number", INT, "The season; 0 holds specials.", f"{_OF}.running_episodes"),
        Column(
            "episode_number",
            INT,
            "The episode; null for a season that is announced without its episodes.",
            f"{_OF}.running_episodes",
            True,
        ),
        Column(
            "episode_name", STRING, "Its name; null when it has none yet.", f"{_OF}.running_episodes", True
        ),
        Column(
            "episode_type",
            STRING,
            "TMDB's type: standard, mid_season, finale; null when it says none.",
            f"{_OF}.running_episodes",
            True,
        ),
        Column("is_finale", BOOLEAN, "Whether it is the season's finale.", f"{_OF}.running_episodes"),
        Column(
            "season_complete_on",
            STRING,
            "The day on which the season's last episode airs: known when as many are listed as the season has, all"
            " with a day, or when its finale has one; else null.",
            f"{_OF}.running_episodes {_OF}.season_list",
            True,
        ),
        Column(
            "completes_season",
            BOOLEAN,
            "Whether it is the last episode of that day: with it the season can be watched whole.",
            f"{_OF}.running_episodes {_OF}.season_list",
        ),
        Column("networks", pa.list_(STRING), "The networks of the show.", f"{_OF}.networks"),
        Column(
            "moved_from",
            STRING,
            "The day it had as of the last day with details before this one, if it was another; else null.",
            f"{_OF}.running_episodes",
            True,
        ),
        Column("seen_on", STRING, "The day of TMDB's reply that says so.", f"{_OF}.seen_on"),
    )
    checks = (EVERY_DATE_IN_IT, GAPS_ARE_TOLD)
    previewed = ("air_date", "title", "season_number", "episode_number", "completes_season", "moved_from")

    def obstacle(self, sources: Sources, day: str) -> str:
        return details.lacking(sources, (DETAILS,), day)

    def inputs(self, sources: Sources, day: str) -> Inputs:
        days = [day, earlier] if (earlier := self._before(sources, day)) else [day]
        return Inputs(sources.named(sorted(silver_key(DETAILS, dt) for dt in days)))

    def rows(self, sources: Sources, engine: Engine, day: str) -> pa.Table:
        shows, before = _shows(sources, day), _shows(sources, self._before(sources, day))
        return self.of_shows(day, shows, before)

    def of_shows(self, day: str, shows: Iterable[Row], before: Iterable[Row]) -> pa.Table:
        """The calendar of `day` (YYYY-MM-DD), by its days; `shows` and `before` are rows of silver's details."""
        dated = {key: date for show in before for key, date in _dates(show).items()}
        rows = [row for show in shows for row in _rows(show, day, dated)]
        rows.sort(key=_order)
        return pa.Table.from_pylist(rows, schema=self.schema)

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        earlier = self._before(sources, day)
        shows = _shows(sources, day)
        return [
            (EVERY_DATE_IN_IT, every_date_in_it(rows, shows, day)),
            (GAPS_ARE_TOLD, moves_tell_gaps(rows, day, earlier)),
        ]

    def preview(self, rows: pa.Table) -> pa.Table:
        return super().preview(rows.sort_by([(name, "ascending") for name in ("air_date", "title")]))

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        airing = Counter(rows["air_date"].to_pylist())
        days = [days_after(day, ahead) for ahead in range(DAYS_PLOTTED)]
        return {f"episodes a day, next {DAYS_PLOTTED} days": Bars.of([airing[one] for one in days])}

    def _before(self, sources: Sources, day: str) -> str | None:
        return details.day_before(sources, (DETAILS,), day, since=self.earliest(day))


class Key(NamedTuple):
    """An episode; without a number, a season that is announced."""

    show_id: int
    season: int
    episode: int | None


def _episodes(show: Row) -> dict[Key, Row]:
    """The listed episodes of a show, with or without a day: the running season's and the next one, each once."""
    found = {
        Key(show["show_id"], one["season_number"], one["episode_number"]): one
        for one in show["running_episodes"] or ()
    }
    following = _next_episode(show)
    if following["season_number"] is not None and following["episode_number"] is not None:
        key = Key(show["show_id"], following["season_number"], following["episode_number"])
        # The season's list knows the name as well; where it lacks the episode or its day, the show's reply tells.
        listed = {name: value for name, value in found.get(key, {}).items() if value is not None}
        found[key] = following | listed
    return found


def _next_episode(show: Row) -> Row:
    """The next episode by the show itself, with nulls for what it does not say."""
    return {
        "season_number": show["next_episode_season"],
        "episode_number": show["next_episode_number"],
        "air_date": show["next_episode_date"],
        "episode_type": show["next_episode_type"],
        "name": None,
    }


def _announced(show: Row, episodes: Iterable[Key]) -> dict[Key, str]:
    """The dated seasons of a show without a listed episode, with their days."""
    listed = {key.season for key in episodes}
    return {
        Key(show["show_id"], season["season_number"], None): season["air_date"]
        for season in show["season_list"] or ()
        if season["air_date"] and season["season_number"] not in listed
    }


def _dates(show: Row) -> dict[Key, str]:
    """The days of a show's episodes and announced seasons."""
    episodes = _episodes(show)
    dated = {key: one["air_date"] for key, one in episodes.items() if one["air_date"]}
    return dated | _announced(show, episodes)


def _rows(show: Row, day: str, dated_before: Mapping[Key, str]) -> list[Row]:
    """The rows of one show."""
    episodes = _episodes(show)
    complete = {season: _complete_on(show, season, episodes) for season in {key.season for key in episodes}}
    rows = []
    for key, air_date in _dates(show).items():
        if air_date < day:
            continue
        episode = episodes.get(key, {})
        last_key, season_complete_on = complete.get(key.season, (None, None))
        was = dated_before.get(key)
        rows.append(
            {
                "air_date": air_date,
                "days_until": days_between(day, air_date),
                "show_id": key.show_id,
                "title": show["title"],
                "season_number": key.season,
                "episode_number": key.episode,
                "episode_name": episode.get("name") or None,
                "episode_type": episode.get("episode_type") or None,
                "is_finale": episode.get("episode_type") == FINALE,
                "season_complete_on": season_complete_on,
                "completes_season": key == last_key,
                "networks": show["networks"] or [],
                "moved_from": was if was != air_date else None,
                "seen_on": show["seen_on"],
            }
        )
    return rows


def _complete_on(show: Row, season: int, episodes: Mapping[Key, Row]) -> tuple[Key | None, str | None]:
    """The episode that completes a season, and its day; both None unless it is known."""
    listed = {key: one for key, one in episodes.items() if key.season == season}
    dates = {key: one["air_date"] for key, one in listed.items() if one["air_date"]}
    counts = {one["season_number"]: one["episode_count"] or 0 for one in show["season_list"] or ()}
    has_finale = any(listed[key]["episode_type"] == FINALE for key in dates)
    is_whole = len(dates) == len(listed) >= counts.get(season, 0) > 0
    if season == SPECIALS or not (has_finale or is_whole):
        return None, None
    last = max(dates, key=lambda key: (dates[key], key.episode))
    return last, dates[last]


def _order(row: Row) -> tuple[int, int, int]:
    return (
        row["show_id"],
        row["season_number"],
        -1 if row["episode_number"] is None else row["episode_number"],
    )


def _shows(sources: Sources, day: str | None) -> Sequence[Row]:
    """The shows of a day's details, with the columns that a calendar needs; none without a day."""
    if day is None:
        return ()
    needed = (
        "show_id title networks seen_on season_list running_episodes"
        " next_episode_date next_episode_season next_episode_number next_episode_type"
    ).split()
    shows: list[Row] = details.read(sources, DETAILS, day, needed).to_pylist()
    return shows


def every_date_in_it(calendar: pa.Table, shows: Iterable[Row], day: str) -> Finding:
    """`shows`: the rows of silver's details. Looks for each date by itself, show by show."""
    told = {
        (row["show_id"], row["season_number"], row["episode_number"]): row["air_date"]
        for row in calendar.to_pylist()
    }
    known: dict[tuple[int, int | None, int | None], set[str]] = {}
    announced: list[tuple[int, int, str]] = []
    for show in shows:
        episodes = [*(show["running_episodes"] or ()), _next_episode(show)]
        for one in episodes:
            if None not in (one["season_number"], one["episode_number"], one["air_date"]):
                key = show["show_id"], one["season_number"], one["episode_number"]
                # The season's list and the next episode may name two days: one of them is told.
                known.setdefault(key, set()).add(one["air_date"])
        listed = {one["season_number"] for one in episodes if one["episode_number"] is not None}
        announced += [
            (show["show_id"], season["season_number"], season["air_date"])
            for season in show["season_list"] or ()
            if season["air_date"] and season["season_number"] not in listed
        ]
    for show_id, number, date in announced:
        known[show_id, number, None] = {date}
    lost = [
        {"show_id": key[0], "season": key[1], "episode": key[2], "air_date": min(dates)}
        for key, dates in known.items()
        if min(dates) >= day and key not in told
    ]
    made_up = [
        {"show_id": key[0], "season": key[1], "episode": key[2], "air_date": date}
        for key, date in told.items()
        if date < day or date not in known.get(key, ())
    ]
    return Finding(
        passed=not lost and not made_up,
        summary=f"{counted(len(told), 'date')} to come: {len(lost)} lost, {len(made_up)} made up",
        remedy=BUG,
        numbers={"dates": len(told), "lost": len(lost), "made_up": len(made_up)},
        offenders=[*lost, *made_up][:SHOWN],
    )


def moves_tell_gaps(calendar: pa.Table, day: str, before: str | None) -> Finding:
    """`before`: the day with which dates are compared; None without one."""
    moved = [row for row in calendar.to_pylist() if row["moved_from"] is not None]
    wrong = [
        {name: row[name] for name in ("show_id", "season_number", "episode_number", "air_date", "moved_from")}
        for row in moved
        if before is None or row["moved_from"] == row["air_date"]
    ]
    gap = days_between(before, day) - 1 if before else 0
    gaps = [f"{counted(gap, 'day')} without details between {before} and {day}"] if gap else []
    return gaps_finding(wrong, gaps, {"moved": len(moved), "gap_days": gap})


TABLE = ReleaseCalendar()
