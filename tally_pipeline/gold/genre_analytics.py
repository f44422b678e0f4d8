"""`genre_analytics`: each genre by list and day."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.checks.check import SHOWN, Check, Finding, Findings
from tally_pipeline.days import days_before
from tally_pipeline.gold.gaps import BUG, GAPS_ARE_TOLD, gaps_finding
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars
from tally_pipeline.tables.columns import BIGINT, BOOLEAN, DOUBLE, GENRES, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Engine, Inputs, SqlTable, by_list

PRIOR_VOTES = 500
"""The weight, in votes, of the list's average in a genre's Bayesian mean.

A genre with far fewer votes stays near the list's average, one with far more stands for itself."""

GENRE_FILES = "silver/genres"
"""The folder of the files with the genres' names."""

TOTALS_AGREE = Check(
    "totals_agree_with_silver",
    "By list, the genres' shows and popularity add up to what silver's rows say.",
    blocking=True,
)
GENRES_KNOWN = Check("genres_known", "Every genre id has a name in TMDB's genres.")


class GenreAnalytics(SqlTable):
    name = "genre_analytics"
    description = (
        "Each genre by list and day: shows, popularity, votes, share of the list, change over 7 days."
    )
    window = "the day itself and the one 7 days before"
    key = ("data_type", "genre_id")
    columns = (
        Column("data_type", STRING, "The list.", "data_type"),
        Column("genre_id", BIGINT, "TMDB's id of the genre.", "genre_ids"),
        Column("genre", STRING, "Its name; null where TMDB's genres do not have it.", f"{GENRES}.name", True),
        Column(
            "shows",
            INT,
            "Shows of the list that have the genre; a show counts for each of its genres.",
            "genre_ids",
        ),
        Column("share", DOUBLE, "The same as a share of all shows of the list, 0 to 1.", "genre_ids"),
        Column("mean_popularity", DOUBLE, "Mean of their popularity.", "genre_ids popularity"),
        Column("median_popularity", DOUBLE, "Median of their popularity.", "genre_ids popularity"),
        Column("total_popularity", DOUBLE, "Sum of their popularity.", "genre_ids popularity"),
        Column(
            "vote_average_weighted",
            DOUBLE,
            "Mean of all votes on them, 0 to 10; null when nobody voted.",
            "genre_ids vote_average vote_count",
            True,
        ),
        Column(
            "vote_average_bayes",
            DOUBLE,
            f"The same with {PRIOR_VOTES} votes more, each the mean of all votes on the list: few votes cannot top"
            " it; null when nobody voted on the list.",
            "genre_ids vote_average vote_count",
            True,
        ),
        Column(
            "shows_change_7d",
            INT,
            "Shows minus those of 7 days before (0 where the list had none of the genre); null when the list has no"
            " data of that day.",
            "genre_ids",
            True,
        ),
        Column(
            "total_popularity_change_7d",
            DOUBLE,
            "Total popularity minus that of 7 days before; null as `shows_change_7d`.",
            "genre_ids popularity",
            True,
        ),
        Column("gap_7d", BOOLEAN, "Whether the lake has no data of this list 7 days before."),
    )
    values: ClassVar = {"prior_votes": PRIOR_VOTES}
    checks = (TOTALS_AGREE, GAPS_ARE_TOLD, GENRES_KNOWN)
    previewed = ("data_type", "genre", "shows", "share", "total_popularity", "shows_change_7d")

    def inputs(self, sources: Sources, day: str) -> Inputs:
        silver = sources.silver_keys((day, days_before(day, 7)))
        genres = [
            key for key in sources.under(GENRE_FILES) if key >= f"{GENRE_FILES}/dt={self.earliest(day)}"
        ]
        return Inputs(sources.named(sorted([*silver, *genres])))

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        return [
            (TOTALS_AGREE, totals_agree(rows, sources.silver_of(day))),
            (GAPS_ARE_TOLD, genres_tell_gaps(rows, day, sources.by_list)),
            (GENRES_KNOWN, genres_known(rows)),
        ]

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> Mapping[str, Bars]:
        return {"shows by genre": Bars(by_list(rows, "shows"))}


def totals_agree(genres: pa.Table, silver: Mapping[str, pa.Table]) -> Finding:
    """`silver`: the day's silver by list."""
    rows = genres.to_pylist()
    compared = []
    for name in sorted({*silver, *(row["data_type"] for row in rows)}):
        list_rows = [row for row in rows if row["data_type"] == name]
        tags, popularity = _tagged(silver.get(name))
        compared.append(
            {
                "list": name,
                "shows": sum(row["shows"] for row in list_rows),
                "silver shows": tags,
                "popularity": math.fsum(row["total_popularity"] for row in list_rows),
                "silver popularity": popularity,
            }
        )
    differing = [
        row
        for row in compared
        if row["shows"] != row["silver shows"]
        or not math.isclose(row["popularity"], row["silver popularity"], rel_tol=1e-9, abs_tol=1e-6)
    ]
    return Finding(
        passed=not differing,
        summary=f"{len(compared) - len(differing)} of {counted(len(compared), 'list')} add up",
        remedy=BUG,
        numbers={"lists_differing": len(differing), "genres": len(rows)},
        offenders=differing or compared,
    )


def genres_tell_gaps(genres: pa.Table, day: str, days: Mapping[str, Collection[str]]) -> Finding:
    """`days`: the days with silver, by list."""
    week_ago = days_before(day, 7)
    wrong = []
    for row in genres.to_pylist():
        gap = week_ago not in days.get(row["data_type"], ())
        compared = row["shows_change_7d"] is not None, row["total_popularity_change_7d"] is not None
        if row["gap_7d"] != gap or compared != (not gap, not gap):
            wrong.append({"list": row["data_type"], "genre_id": row["genre_id"], "gap": gap})
    gaps = [f"{name} {week_ago}" for name in sorted(days) if day in days[name] and week_ago not in days[name]]
    return gaps_finding(wrong, gaps, {})


def genres_known(genres: pa.Table) -> Finding:
    nameless = genres.filter(pc.is_null(genres["genre"]))
    ids = sorted(set(nameless["genre_id"].to_pylist()))
    return Finding(
        passed=not ids,
        serious=False,
        summary=counted(len(ids), "genre id has", "genre ids have")
        + " no name"
        + (f": {', '.join(map(str, ids))}" if ids else ""),
        remedy="Materialize bronze_genres and silver_genres, then this table again. What is nameless still is new at"
        " TMDB or a film's genre.",
        numbers={"unknown_genres": len(ids)},
        offenders=nameless.select(["data_type", "genre_id", "shows"]).to_pylist()[:SHOWN],
    )


def _tagged(rows: pa.Table | None) -> tuple[int, float]:
    """The number of genres on silver's rows, and the sum of popularity, each row's once for each of its genres."""
    if rows is None:
        return 0, 0.0
    times = pc.list_value_length(rows["genre_ids"]).to_pylist()
    popularity = rows["popularity"].to_pylist()
    return sum(times), math.fsum(p * n for p, n in zip(popularity, times, strict=True))


TABLE = GenreAnalytics()
