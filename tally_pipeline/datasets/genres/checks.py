"""The data quality checks of the genres, as pure functions to findings."""

from __future__ import annotations

from collections.abc import Sequence

from tally_pipeline.checks.check import SHOWN, Check, Finding
from tally_pipeline.datasets.shows import contract
from tally_pipeline.plurals import counted

MOST_GENRES_GONE = 0.50


"""A list that lacks this share of the contract's genres counts as broken: from 2022 to 2026 none went away."""


GENRE_ID_UNIQUE = Check("genre_id_unique", "No genre id is listed twice.", blocking=True)


GENRES_NAMED = Check("genres_named", "Every genre has an id and a name.", blocking=True)


GENRES_AS_CONTRACTED = Check(
    "genres_as_contracted",
    "TMDB lists the genres that the contract knows. A new or lost one warns; a list without most of them is not"
    " published.",
    blocking=True,
)


GENRE_CHECKS = (GENRE_ID_UNIQUE, GENRES_NAMED, GENRES_AS_CONTRACTED)


def genre_id_unique(ids: Sequence[int]) -> Finding:
    repeated = sorted({genre for genre in ids if ids.count(genre) > 1})
    return Finding(
        passed=not repeated,
        summary=f"{counted(len(ids), 'genre')}, {counted(len(set(ids)), 'id')}",
        remedy="Look at /genre/tv/list; silver keeps its last good file. Materialize bronze_genres again later.",
        numbers={"repeats": len(ids) - len(set(ids))},
        offenders=[{"genre_id": genre} for genre in repeated[:SHOWN]],
    )


def genres_named(rows: int, rejected: Sequence[str]) -> Finding:
    """`rows`: genres in the reply. `rejected`: the text of those without a whole id and a name."""
    return Finding(
        passed=rows > 0 and not rejected,
        summary=f"{counted(rows, 'genre')}, {len(rejected)} without an id and a name"
        if rows
        else "TMDB lists no genres",
        remedy="Look at /genre/tv/list; silver keeps its last good file. Materialize bronze_genres again later.",
        numbers={"genres": rows, "rejected": len(rejected)},
        offenders=[{"genre": text} for text in rejected[:SHOWN]],
    )


def genres_as_contracted(ids: Sequence[int]) -> Finding:
    new, missing = sorted(set(ids) - contract.GENRES.keys()), sorted(contract.GENRES.keys() - set(ids))
    is_broken = len(missing) > MOST_GENRES_GONE * len(contract.GENRES)
    return Finding(
        passed=not new and not missing,
        serious=is_broken,
        summary=f"{counted(len(new), 'genre is', 'genres are')} new, {counted(len(missing), 'is', 'are')} gone"
        if new or missing
        else "the contract's genres",
        remedy=(
            "Look at /genre/tv/list; silver keeps its last good file. Materialize bronze_genres again later; if TMDB"
            " really has other genres now, bring GENRES in the contract up to date."
            if is_broken
            else "Bring GENRES in the contract up to date; nothing is lost meanwhile."
        ),
        numbers={"new": len(new), "gone": len(missing)},
        offenders=[{"genre_id": genre, "what": "new"} for genre in new[:SHOWN]]
        + [{"genre_id": genre, "what": "gone"} for genre in missing[:SHOWN]],
    )
