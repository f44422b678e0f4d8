"""Ninety days of four lists, invented here, and the tables that a report is made from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import mean, median
from typing import Any

import pyarrow as pa

from tally_pipeline.datasets.shows.contract import GENRES
from tally_pipeline.days import days_after, days_before
from tally_pipeline.gold import (
    availability_changes,
    data_quality_daily,
    genre_analytics,
    release_calendar,
    show_popularity_trends,
    top_movers,
)
from tally_pipeline.report.inputs import Inputs, window
from tally_pipeline.tmdb.lists import list_named
from tally_pipeline_tests.gold import second_way

DAY = "2026-11-23"
SIZES = {"popular_shows": 60, "trending_shows": 30, "airing_today": 20, "on_the_air": 40}
LISTS = tuple(map(list_named, SIZES))
RTL = "\N{RIGHT-TO-LEFT OVERRIDE}مسلسل “الليل” 2"
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerk" * 5
EMOJI = "👩\u200d👩\u200d👧\u200d👦 Family & 🏳️\u200d🌈 <Friends>"
EVIL = "</script><script>window.hurt=1</script><img src=x onerror=window.hurt=1>"

_FIRST = "Silent Northern Paper Glass Golden Crooked Distant Hollow Burning Little Borrowed Quiet".split()
_SECOND = (
    "Harbour Winter Orchard Signal Detectives Kitchen Republic Tides Lantern Neighbours Atlas Hour".split()
)

Row = dict[str, Any]


@dataclass
class World:
    """`silver[list][day]`: ids by rank. What `lost` names has no data; what `held` names was held back."""

    days: tuple[str, ...]
    lost: set[tuple[str, str]]
    held: set[tuple[str, str]]
    titles: dict[int, str] = field(default_factory=dict)
    genres: dict[int, list[int]] = field(default_factory=dict)
    popularity: dict[tuple[int, str], float] = field(default_factory=dict)
    silver: dict[str, dict[str, list[int]]] = field(default_factory=dict)


def world(
    day: str = DAY,
    *,
    shows: int = 100,
    lost: Sequence[tuple[str, str]] = (),
    held: Sequence[tuple[str, str]] = (),
    begins: int = 0,
    seed: int = 7,
) -> World:
    """A world whose popularities drift. `begins`: how many of the window's days come before the lake."""
    dice = random.Random(seed)
    made = World(window(day), set(lost), set(held))
    score = {}
    for show in range(1, shows + 1):
        made.titles[show] = f"{dice.choice(_FIRST)} {dice.choice(_SECOND)}"
        made.genres[show] = dice.sample(sorted(GENRES), dice.choice([1, 1, 2, 3]))
        score[show] = 900 / (1 + show / 12) * dice.uniform(0.7, 1.3)
    made.titles |= {1: EVIL, 10: RTL, 13: LONG, 4: EMOJI, 5: "Rock & <Roll> “Live”"}
    for at, now in enumerate(made.days):
        for show in score:
            score[show] = max(1.0, score[show] * dice.uniform(0.945, 1.059))
            made.popularity[show, now] = round(score[show], 3)
        for one in LISTS:
            noise = {show: value * dice.uniform(0.85, 1.15) for show, value in score.items()}
            ranked = sorted(noise, key=lambda show: -noise[show])[: SIZES[one.name]]
            if at >= begins and (one.name, now) not in made.lost | made.held:
                made.silver.setdefault(one.name, {})[now] = ranked
    return made


def inputs(made: World, day: str = DAY, source: str = "tmdb") -> Inputs:
    """What a report of `day` is made from, computed in plain Python."""
    published = [
        {"dt": dt, "data_type": name, "shows": len(ids)}
        for name, days in made.silver.items()
        for dt, ids in days.items()
    ]
    places = [
        {
            "dt": dt, "data_type": name, "show_id": show, "title": made.titles[show],
            "rank": rank, "popularity": made.popularity[show, dt],
        }
        for name, days in made.silver.items()
        for dt, ids in days.items()
        for rank, show in enumerate(ids, start=1)
    ]  # fmt: skip
    return Inputs(
        day=day,
        source=source,
        lists=LISTS,
        first_days={one.name: min(made.silver.get(one.name, {}), default=None) for one in LISTS},
        movers=movers_table(second_way.movers(history(made), day)),
        trends=trends_table(_trends(made, day)),
        genres=genres_table([row for one in LISTS for row in _genres(made, one.name, day)]),
        quality=quality_table(_quality(made)),
        published=pa.Table.from_pylist(published, schema=PUBLISHED),
        places=pa.Table.from_pylist(places, schema=PLACES),
        genre_history=pa.Table.from_pylist(_genre_history(made), schema=GENRE_HISTORY),
        rejected=pa.Table.from_pylist(
            [
                {
                    "data_type": "popular_shows",
                    "page": 3,
                    "place": 4,
                    "reasons": ["`name` is '  ': it holds nothing but white space"],
                    "raw": '{"id": 12, "name": "  ", "overview": "' + EVIL + '"}',
                }
            ],
            schema=REJECTED,
        ),
        offer_changes=offer_changes_table(_offer_changes(made, day)),
        calendar=calendar_table(_calendar(made, day)),
        details_days=[dt for dt in made.days if any(dt in days for days in made.silver.values())],
    )


def _offer_changes(made: World, day: str) -> list[Row]:
    """Shows that moved between brands within the week: in many countries, in one, between replies of a week; one that
    TMDB has no more."""
    if not any(dt < day for days in made.silver.values() for dt in days):
        return []
    rows = []
    countries = "AR AT AU BR CA CH DE ES FR GB JP US".split()
    for show in sorted(made.titles)[:40]:
        change = "arrival" if show % 2 else "departure"
        seen_on = days_before(day, show % 7)
        for country in countries[: 1 + show * 5 % len(countries)]:
            rows.append(
                {
                    "dt": seen_on, "change": change, "reason": "show_gone" if show == 4 else "offer",
                    "show_id": show, "title": made.titles[show], "country": country,
                    "kind": ("flatrate", "ads", "buy")[show % 3], "brand_id": show % 5,
                    "brand": ("Lumora", "Quibble & <Sons>", RTL, "Noctiva", "Brindle+")[show % 5],
                    "seen_on": seen_on, "compared_seen_on": days_before(seen_on, (1, 7)[show % 4 == 0]),
                }
            )  # fmt: skip
    return rows


def _calendar(made: World, day: str) -> list[Row]:
    """Seasons that become complete in this week and the next ones, dates that moved, and an announced season."""
    rows = []
    for show in sorted(made.titles)[:24]:
        until = show * 3 % 26
        air_date = days_after(day, until)
        is_announced = show == 20
        rows.append(
            {
                "air_date": air_date, "days_until": until, "show_id": show, "title": made.titles[show],
                "season_number": 2, "episode_number": None if is_announced else 8, "episode_name": None,
                "episode_type": "finale", "is_finale": not is_announced, "season_complete_on": air_date,
                "completes_season": not is_announced, "networks": ["HBO", EVIL], "seen_on": day,
                "moved_from": days_before(air_date, 7) if show % 3 == 2 else None,
            }
        )  # fmt: skip
    return rows


def _trends(made: World, day: str) -> list[Row]:
    lists = {name: days[day] for name, days in made.silver.items() if day in days}
    rows = []
    for show in sorted({show for ids in lists.values() for show in ids}):
        ranks = {name: ids.index(show) + 1 for name, ids in lists.items() if show in ids}
        row: Row = {
            "show_id": show,
            "title": made.titles[show],
            "popularity": made.popularity[show, day],
            "ranks": list(ranks.items()),
            "lists": len(ranks),
            "best_rank": min(ranks.values()),
        }
        for back in (1, 7, 28):
            then = made.days[made.days.index(day) - back]
            on_any = [days[then] for days in made.silver.values() if then in days]
            seen = any(show in ids for ids in on_any)
            before = made.popularity[show, then] if seen else None
            row[f"change_{back}d"] = row["popularity"] - before if before else None
            row[f"change_{back}d_pct"] = 100 * (row["popularity"] / before - 1) if before else None
            row[f"rank_change_{back}d"] = 0 if seen else None
            row[f"gap_{back}d"] = not on_any
        seen_on = [d for d in made.days if any(show in days.get(d, ()) for days in made.silver.values())]
        peak = max(seen_on, key=lambda d: made.popularity[show, d])
        streak = 0
        while streak < len(made.days) and made.days[-1 - streak] in seen_on:
            streak += 1
        row |= {
            "peak_popularity": made.popularity[show, peak],
            "peak_dt": peak,
            "first_seen": seen_on[0],
            "days_seen": len(seen_on),
            "streak": streak,
            "streak_broken_by_gap": False,
            "window_days_missing": 0,
        }
        rows.append(row)
    return rows


def history(made: World) -> dict[str, dict[str, list[Row]]]:
    """The world as silver's rows, by day and list."""
    found: dict[str, dict[str, list[Row]]] = {}
    for name, days in made.silver.items():
        for day, ids in days.items():
            found.setdefault(day, {})[name] = [
                {
                    "show_id": show,
                    "title": made.titles[show],
                    "rank": rank,
                    "popularity": made.popularity[show, day],
                }
                for rank, show in enumerate(ids, start=1)
            ]
    return found


def _genres(made: World, name: str, day: str) -> list[Row]:
    ids = made.silver.get(name, {}).get(day, [])
    at = made.days.index(day)
    week = made.silver.get(name, {}).get(made.days[at - 7]) if at >= 7 else None
    rows = []
    for genre in sorted(GENRES):
        pops = [made.popularity[show, day] for show in ids if genre in made.genres[show]]
        if not pops:
            continue
        then = sum(genre in made.genres[show] for show in week) if week is not None else None
        rows.append(
            {
                "data_type": name,
                "genre_id": genre,
                "genre": GENRES[genre],
                "shows": len(pops),
                "share": len(pops) / len(ids),
                "mean_popularity": mean(pops),
                "median_popularity": median(pops),
                "total_popularity": sum(pops),
                "vote_average_weighted": 7.1,
                "vote_average_bayes": 7.0 + genre % 10 / 10,
                "shows_change_7d": len(pops) - then if then is not None else None,
                "total_popularity_change_7d": None,
                "gap_7d": week is None,
            }
        )
    return rows


def _genre_history(made: World) -> list[Row]:
    rows = []
    for name, days in made.silver.items():
        for dt, ids in days.items():
            by_genre: dict[int, list[float]] = {}
            for show in ids:
                for genre in made.genres[show]:
                    by_genre.setdefault(genre, []).append(made.popularity[show, dt])
            rows += [
                {
                    "dt": dt,
                    "data_type": name,
                    "genre_id": genre,
                    "shows": len(pops),
                    "mean_popularity": sum(pops) / len(pops),
                }
                for genre, pops in sorted(by_genre.items())
            ]
    return rows


def _quality(made: World) -> list[Row]:
    dice = random.Random(1)
    rows = []
    for one in LISTS:
        days = made.silver.get(one.name, {})
        for dt in sorted({*days, *(dt for name, dt in made.held if name == one.name)}):
            held = (one.name, dt) in made.held
            bad = dice.choice([0, 0, 0, 0, 1, 2]) if not held else 40
            bad = 2 if dt == DAY and one.name == "popular_shows" else bad
            total = SIZES[one.name] + bad + 2
            rows.append(
                {
                    "dt": dt,
                    "data_type": one.name,
                    "rows": total,
                    "silver_rows": 0 if held else len(days[dt]),
                    "repeats": 2,
                    "quarantined": bad,
                    "quarantined_by_rule": [("blank_name", bad)] if bad else [],
                    "pass_rate": 100 * (total - bad) / total,
                    "verdict": "complete",
                    "source": "tmdb",
                    "published": not held,
                    "captured_at": f"{dt}T03:00:07Z",
                    "hours_since_capture": 20.998,
                    "bronze_objects": 1,
                }
            )
    return rows


def _schema(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(list(columns.items()))


_TEXT, _INT, _BIG, _DOUBLE = pa.string(), pa.int32(), pa.int64(), pa.float64()
PUBLISHED = _schema(dt=_TEXT, data_type=_TEXT, shows=_BIG)
PLACES = _schema(dt=_TEXT, data_type=_TEXT, show_id=_BIG, title=_TEXT, rank=_INT, popularity=_DOUBLE)
GENRE_HISTORY = _schema(dt=_TEXT, data_type=_TEXT, genre_id=_BIG, shows=_BIG, mean_popularity=_DOUBLE)
REJECTED = _schema(data_type=_TEXT, page=_INT, place=_INT, reasons=pa.list_(_TEXT), raw=_TEXT)
QUALITY = pa.schema([pa.field("dt", _TEXT), *data_quality_daily.TABLE.schema])


def movers_table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=top_movers.TABLE.schema)


def trends_table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=show_popularity_trends.TABLE.schema)


def genres_table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=genre_analytics.TABLE.schema)


def quality_table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=QUALITY)


def offer_changes_table(rows: list[Row]) -> pa.Table:
    schema = availability_changes.TABLE.schema
    return pa.Table.from_pylist(rows, schema=pa.schema([pa.field("dt", _TEXT), *schema]))


def calendar_table(rows: list[Row]) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=release_calendar.TABLE.schema)
