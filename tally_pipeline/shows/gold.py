"""The gold contract, once: the tables by day that are made from silver, their columns, and where each comes from.

Arrow and Athena schemas, Dagster's column schemas and lineage, and the data dictionary all derive from `TABLES`.
Every table has the partition `dt` besides: the day it describes. A day that is missing in silver is never
filled in: what would compare with it is null, and a column says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from tally_pipeline.shows.contract import athena_type

VERSION = "2"
"""Stands in the footer of every gold file; raise it when a column or its meaning changes."""

SPANS = (1, 7, 28)
"""Days over which trends look back."""

PRIOR_VOTES = 500
"""How many votes of the list's own average a genre's Bayesian mean starts from.

A genre with far fewer votes stays near the list's average, one with far more stands for itself."""

KINDS = ("riser", "faller", "entry", "exit", "riser_7d", "faller_7d")
"""The kinds of movers: since the list's last day before, and over exactly 7 days (`_7d`)."""

MOVERS_KEPT = 25
"""Movers of a kind and list that are kept."""

INT = pa.int32()
BIGINT = pa.int64()
DOUBLE = pa.float64()
STRING = pa.string()
BOOLEAN = pa.bool_()
COUNTS = pa.map_(pa.string(), pa.int32())
"""From a name (a list, a rule) to a number."""

SHOWS = "silver_shows"
GENRES = "silver_genres"


@dataclass(frozen=True)
class Column:
    """One column of a gold table. `sources` are the columns it comes from, as `silver_shows.popularity`."""

    name: str
    type: pa.DataType
    description: str
    sources: tuple[str, ...] = ()
    nullable: bool = False

    @property
    def athena_type(self) -> str:
        """The type as Athena and Glue name it."""
        return athena_type(self.type)

    @property
    def arrow_field(self) -> pa.Field:
        return pa.field(self.name, self.type, metadata={"comment": self.description})


@dataclass(frozen=True)
class Table:
    """One gold table: `gold/<name>/dt=<day>/data.parquet`, queried as `gold_<name>`.

    `key` are the columns that tell its rows of one day apart. `window` is how far back a day's rows depend on
    silver, in words.
    """

    name: str
    description: str
    window: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def sql_name(self) -> str:
        return f"gold_{self.name}"

    @property
    def schema(self) -> pa.Schema:
        """The schema of every file of the table. `dt` is the partition, not a column of the file."""
        return pa.schema([column.arrow_field for column in self.columns])


def _shows(*names: str) -> tuple[str, ...]:
    return tuple(f"{SHOWS}.{name}" for name in names)


def _changes(days: int) -> tuple[Column, ...]:
    ago = "the day before" if days == 1 else f"{days} days before"
    null = "null when the show was not seen on that very day"
    popularity, rank = _shows("popularity"), _shows("rank")
    return (
        Column(f"change_{days}d", DOUBLE, f"Popularity minus that of {ago}; {null}.", popularity, True),
        Column(
            f"change_{days}d_pct",
            DOUBLE,
            f"The same in per cent of the popularity of {ago}; {null}, or its popularity was 0.",
            popularity,
            True,
        ),
        Column(
            f"rank_change_{days}d",
            INT,
            f"Places climbed since {ago}, by best rank; negative when it fell; {null}.",
            rank,
            True,
        ),
    )


def _gap(days: int) -> Column:
    ago = "the day before" if days == 1 else f"{days} days before"
    return Column(f"gap_{days}d", BOOLEAN, f"Whether the lake has no data at all of {ago}.")


TRENDS = Table(
    name="show_popularity_trends",
    description="Each show of the day, over all lists: popularity, ranks, change over 1, 7 and 28 days, its past.",
    window="the day itself and every day before it",
    key=("show_id",),
    columns=(
        Column("show_id", BIGINT, "TMDB's id of the show; unique within the day.", _shows("show_id")),
        Column("title", STRING, "Title, as in the list where it is most popular.", _shows("title")),
        Column("popularity", DOUBLE, "The highest over the day's lists.", _shows("popularity")),
        Column(
            "ranks", COUNTS, "Its rank in every list that holds it, by list.", _shows("data_type", "rank")
        ),
        Column("lists", INT, "Number of lists that hold it.", _shows("data_type")),
        Column("best_rank", INT, "Its best rank over the day's lists.", _shows("rank")),
        *_changes(1),
        *_changes(7),
        *_changes(28),
        *(_gap(days) for days in SPANS),
        Column("peak_popularity", DOUBLE, "Its highest popularity up to this day.", _shows("popularity")),
        Column("peak_dt", STRING, "The first day on which it had that, YYYY-MM-DD.", _shows("popularity")),
        Column("first_seen", STRING, "The first day on which a list held it, YYYY-MM-DD.", _shows("show_id")),
        Column("days_seen", INT, "Days on which a list held it, this one included.", _shows("show_id")),
        Column("streak", INT, "Days in a row up to this one on which a list held it.", _shows("show_id")),
        Column(
            "streak_broken_by_gap",
            BOOLEAN,
            "Whether the lake has no data of the day before the streak: it may be longer than is known.",
        ),
        Column("window_days_missing", INT, "Of the 28 days before, those of which the lake has no data."),
    ),
)

GENRE_ANALYTICS = Table(
    name="genre_analytics",
    description="Each genre by list and day: shows, popularity, votes, share of the list, change over 7 days.",
    window="the day itself and the one 7 days before",
    key=("data_type", "genre_id"),
    columns=(
        Column("data_type", STRING, "The list.", _shows("data_type")),
        Column("genre_id", BIGINT, "TMDB's id of the genre.", _shows("genre_ids")),
        Column(
            "genre", STRING, "Its name; null where TMDB's genres do not have it.", (f"{GENRES}.name",), True
        ),
        Column(
            "shows",
            INT,
            "Shows of the list that have the genre; a show counts for each of its genres.",
            _shows("genre_ids"),
        ),
        Column("share", DOUBLE, "The same as a share of all shows of the list, 0 to 1.", _shows("genre_ids")),
        Column("mean_popularity", DOUBLE, "Mean of their popularity.", _shows("genre_ids", "popularity")),
        Column("median_popularity", DOUBLE, "Median of their popularity.", _shows("genre_ids", "popularity")),
        Column("total_popularity", DOUBLE, "Sum of their popularity.", _shows("genre_ids", "popularity")),
        Column(
            "vote_average_weighted",
            DOUBLE,
            "Mean of all votes on them, 0 to 10; null when nobody voted.",
            _shows("genre_ids", "vote_average", "vote_count"),
            True,
        ),
        Column(
            "vote_average_bayes",
            DOUBLE,
            f"The same with {PRIOR_VOTES} votes more, each the mean of all votes on the list: few votes cannot top"
            " it; null when nobody voted on the list.",
            _shows("genre_ids", "vote_average", "vote_count"),
            True,
        ),
        Column(
            "shows_change_7d",
            INT,
            "Shows minus those of 7 days before (0 where the list had none of the genre); null when the list has no"
            " data of that day.",
            _shows("genre_ids"),
            True,
        ),
        Column(
            "total_popularity_change_7d",
            DOUBLE,
            "Total popularity minus that of 7 days before; null as `shows_change_7d`.",
            _shows("genre_ids", "popularity"),
            True,
        ),
        Column("gap_7d", BOOLEAN, "Whether the lake has no data of this list 7 days before."),
    ),
)

TOP_MOVERS = Table(
    name="top_movers",
    description="What moved most in each list, by popularity and rank, since its last day with data and over 7 days:"
    " risers, fallers, entries, exits.",
    window="the day itself, each list's last day before it, however long ago, and the one 7 days before",
    key=("data_type", "kind", "place"),
    columns=(
        Column("data_type", STRING, "The list.", _shows("data_type")),
        Column(
            "kind",
            STRING,
            f"One of {', '.join(KINDS)}. A riser's popularity grew, by more than that of the list's median show,"
            " and it lost no place; a faller's the other way round.",
            _shows("show_id", "popularity", "rank"),
        ),
        Column(
            "place",
            INT,
            f"Place among its kind, 1 first, {MOVERS_KEPT} at most: risers and fallers by `score`,"
            " entries and exits by rank.",
            _shows("popularity", "rank"),
        ),
        Column("show_id", BIGINT, "TMDB's id of the show.", _shows("show_id")),
        Column("title", STRING, "Its title; of an exit, that of the compared day.", _shows("title")),
        Column("rank", INT, "Its rank; null for an exit.", _shows("rank"), True),
        Column("rank_before", INT, "Its rank on the compared day; null for an entry.", _shows("rank"), True),
        Column(
            "rank_change",
            INT,
            "Places climbed; negative when it fell; null for entries and exits.",
            _shows("rank"),
            True,
        ),
        Column(
            "popularity", DOUBLE, "Its popularity in the list; null for an exit.", _shows("popularity"), True
        ),
        Column(
            "popularity_before",
            DOUBLE,
            "The same on the compared day; null for an entry.",
            _shows("popularity"),
            True,
        ),
        Column(
            "popularity_change",
            DOUBLE,
            "Popularity minus that; null for entries and exits.",
            _shows("popularity"),
            True,
        ),
        Column(
            "compared_dt",
            STRING,
            "The compared day, YYYY-MM-DD: the list's last before this one; for `_7d` the one 7 days before.",
        ),
        Column("gap_days", INT, "Days between the two without data of the list; 0 when none is missing."),
        Column(
            "score",
            DOUBLE,
            "How much the move counts: (`doublings` + log2(`rank_before` / `rank`)) / log2(1 + the better rank);"
            " negative for fallers, null for entries and exits.",
            _shows("popularity", "rank"),
            True,
        ),
        Column(
            "doublings",
            DOUBLE,
            "log2(`popularity` / `popularity_before`), less than 1 counted as 1, minus that of the list's median"
            " show; null for entries and exits.",
            _shows("popularity"),
            True,
        ),
        Column(
            "list_drift_pct",
            DOUBLE,
            "Change in popularity, in per cent, of the median of the shows that the list holds on both days: how far"
            " the scale moved for all; null when it holds none on both.",
            _shows("popularity"),
            True,
        ),
        Column(
            "kind_shows",
            INT,
            f"Shows of this kind in the list, those beyond the {MOVERS_KEPT} kept included.",
            _shows("show_id"),
        ),
    ),
)

DATA_QUALITY_DAILY = Table(
    name="data_quality_daily",
    description="The books of each list and day: rows, repeats, quarantined rows by reason, pass rate, verdict."
    " A list of which the day has nothing has a row too, without numbers.",
    window="the day itself: bronze, and what the files of silver and quarantine say about themselves",
    key=("data_type",),
    columns=(
        Column("data_type", STRING, "The list."),
        Column("rows", INT, "Rows in the capture; null when nothing was refined.", nullable=True),
        Column("silver_rows", INT, "Rows that keep every rule, each show once.", _shows("show_id"), True),
        Column("repeats", INT, "Rows whose show stood in the capture already.", nullable=True),
        Column("quarantined", INT, "Rows that broke a rule.", nullable=True),
        Column("quarantined_by_rule", COUNTS, "The same by rule, those that were broken.", nullable=True),
        Column("pass_rate", DOUBLE, "Per cent of the rows that keep every rule.", nullable=True),
        Column("verdict", STRING, "Bronze's verdict on the capture: complete, partial, …", nullable=True),
        Column("source", STRING, "Whose data it is: tmdb or sandbox.", nullable=True),
        Column(
            "published", BOOLEAN, "Whether the day has silver. If not, the numbers are the last attempt's."
        ),
        Column("captured_at", STRING, "When the capture began, RFC 3339, UTC.", nullable=True),
        Column(
            "hours_since_capture",
            DOUBLE,
            "Hours from the capture to the end of the day (UTC); negative when it was captured later.",
            nullable=True,
        ),
        Column("bronze_objects", INT, "Captures of the list in bronze under this day."),
    ),
)

TABLES: tuple[Table, ...] = (TRENDS, GENRE_ANALYTICS, TOP_MOVERS, DATA_QUALITY_DAILY)
"""Every gold table."""
