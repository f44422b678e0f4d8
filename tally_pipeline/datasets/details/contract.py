"""The contract of details: what of TMDB's reply about a show becomes a column, and which replies are rejected.

Shapes were taken from 47 details and the offers of 34 shows that TMDB sent in 2025-26; field types:
https://developer.themoviedb.org/reference/tv-series-details and its siblings `watch/providers`, `external_ids`,
`content_ratings`, `keywords`, `tv-season-details`. A field that TMDB leaves out, a blank and null are all null:
running shows and old ones lack most of them. What is there must have its type, or the reply is rejected.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
import pyarrow as pa

VERSION = "1"
"""Written into the footer of every file; raise it when a column or a rule changes."""

KINDS = ("flatrate", "buy", "rent", "ads", "free")
"""The kinds of offers: in a subscription, to buy, to rent, with advertisements, free."""

OFFERS = "watch/providers"
"""TMDB's field of offers."""

Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Id = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
Number = Annotated[float, msgspec.Meta(ge=0)]
Vote = Annotated[float, msgspec.Meta(ge=0, le=10)]
Text = str | None


class _Read(msgspec.Struct, gc=False):
    """The base of what a reply is read into: a tree, so Python need not look for cycles in it."""


class Named(_Read):
    id: Id
    name: str


class Network(_Read):
    name: Text = None


class Episode(_Read):
    """An episode; `air_date` is '' or absent where it is not known."""

    season_number: Count
    episode_number: Count
    name: Text = None
    air_date: Text = None
    runtime: Count | None = None
    episode_type: Text = None


class Season(_Read):
    season_number: Count
    name: Text = None
    air_date: Text = None
    episode_count: Count | None = None
    vote_average: Vote | None = None


class Offer(_Read):
    provider_id: Id
    provider_name: Text = None
    display_priority: int | None = None
    logo_path: Text = None


class Country(_Read, forbid_unknown_fields=True):
    """The offers in one country, by kind; `link` is TMDB's own page of them. A new kind is told by the diagnosis."""

    link: Text = None

    # Tuples: most of these are empty, and an empty tuple costs nothing.
    flatrate: tuple[Offer, ...] = ()
    buy: tuple[Offer, ...] = ()
    rent: tuple[Offer, ...] = ()
    ads: tuple[Offer, ...] = ()
    free: tuple[Offer, ...] = ()

    @property
    def by_kind(self) -> tuple[tuple[Offer, ...], ...]:
        """The offers of each kind, in the order of `KINDS`."""
        return self.flatrate, self.buy, self.rent, self.ads, self.free


class Offers(_Read):
    results: dict[str, Country]


class RawOffers(_Read):
    """The same, each kind's offers unread."""

    results: dict[str, dict[str, msgspec.Raw]]


class ExternalIds(_Read):
    imdb_id: Text = None
    tvdb_id: int | None = None
    wikidata_id: Text = None


class Rating(_Read):
    iso_3166_1: str
    rating: Text = None


class Ratings(_Read):
    results: list[Rating] = []


class Keywords(_Read):
    results: list[Named] = []


class RunningSeason(_Read):
    season_number: Count
    episodes: list[Episode] = []


class Show(_Read):
    """TMDB's reply about a show, as far as columns are made from it. Its season is read apart: its name varies."""

    id: Id
    offers: Offers = msgspec.field(name=OFFERS)
    name: Text = None
    original_name: Text = None
    overview: Text = None
    status: Text = None
    type: Text = None
    in_production: bool | None = None
    first_air_date: Text = None
    last_air_date: Text = None
    original_language: Text = None
    origin_country: list[str] | None = None
    genres: list[Named] | None = None
    networks: list[Network] | None = None
    episode_run_time: list[Count] | None = None
    number_of_episodes: Count | None = None
    number_of_seasons: Count | None = None
    popularity: Number | None = None
    vote_average: Vote | None = None
    vote_count: Count | None = None
    poster_path: Text = None
    homepage: Text = None
    last_episode_to_air: Episode | None = None
    next_episode_to_air: Episode | None = None
    seasons: list[Season] | None = None
    external_ids: ExternalIds | None = None
    content_ratings: Ratings | None = None
    keywords: Keywords | None = None


KNOWN_FIELDS = frozenset(
    {
        *(field.encode_name for field in msgspec.structs.fields(Show)),
        "adult",
        "backdrop_path",
        "created_by",
        "languages",
        "production_companies",
        "production_countries",
        "softcore",
        "spoken_languages",
        "tagline",
    }
)
"""The fields of a reply that are expected. Others are told, kept in bronze, and break nothing."""

Rule = Literal["unreadable", "not_an_object", "wrong_show", "field_missing", "wrong_type", "impossible_date"]

RULES: dict[Rule, str] = {
    "unreadable": "the reply's text is something no JSON parser takes",
    "not_an_object": "the reply is not a JSON object",
    "wrong_show": "`id` is not that of the show that was asked for",
    "field_missing": "`id` or `watch/providers` is not there, or a field within one that says what it is about",
    "wrong_type": "a field's value has another type than the contract's, or lies outside its range",
    "impossible_date": "a date is neither blank nor a day of the calendar, written YYYY-MM-DD",
}
"""Every reason to reject a reply, and its meaning."""

SEASON = pa.struct(
    [
        pa.field("season_number", pa.int32()),
        pa.field("name", pa.string()),
        pa.field("air_date", pa.string()),
        pa.field("episode_count", pa.int32()),
        pa.field("vote_average", pa.float64()),
    ]
)
EPISODE = pa.struct(
    [
        pa.field("season_number", pa.int32()),
        pa.field("episode_number", pa.int32()),
        pa.field("air_date", pa.string()),
        pa.field("name", pa.string()),
        pa.field("runtime", pa.int32()),
        pa.field("episode_type", pa.string()),
    ]
)
OFFER = pa.struct(
    [
        pa.field("country", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("provider_id", pa.int64()),
        pa.field("provider_name", pa.string()),
        pa.field("display_priority", pa.int32()),
    ]
)


def _column(name: str, type_: pa.DataType, comment: str, source: str, *, few: bool = False) -> pa.Field:
    metadata = {"comment": comment, "source": source} | ({"values": "few"} if few else {})
    return pa.field(name, type_, metadata=metadata)


_EPISODE_TYPES = "standard, mid_season or finale"

SILVER: pa.Schema = pa.schema(
    [
        _column("show_id", pa.int64(), "TMDB's id of the show; unique within a day.", "id"),
        _column("title", pa.string(), "Its title in the captured language.", "name"),
        _column("original_title", pa.string(), "Its title in its own language.", "original_name"),
        _column("overview", pa.string(), "Its synopsis.", "overview"),
        _column("status", pa.string(), "Returning Series, Ended, Canceled, In Production, …", "status", few=True),
        _column("type", pa.string(), "Scripted, Reality, Miniseries, …", "type", few=True),
        _column("in_production", pa.bool_(), "True if more is being made.", "in_production"),
        _column("first_air_date", pa.string(), "The first episode's date, YYYY-MM-DD.", "first_air_date", few=True),
        _column("last_air_date", pa.string(), "The last aired episode's date.", "last_air_date", few=True),
        _column("original_language", pa.string(), "Its language's code.", "original_language", few=True),
        _column("origin_country", pa.list_(pa.string()), "The codes of its countries.", "origin_country", few=True),
        _column("genre_ids", pa.list_(pa.int64()), "TMDB's ids of its genres, each once.", "genres", few=True),
        _column("keywords", pa.list_(pa.string()), "TMDB's keywords.", "keywords", few=True),
        _column("networks", pa.list_(pa.string()), "The networks that show it first.", "networks", few=True),
        _column("runtime", pa.int32(), "Minutes of an episode, as far as TMDB says one.", "episode_run_time"),
        _column("episodes", pa.int32(), "The number of episodes.", "number_of_episodes"),
        _column("seasons", pa.int32(), "The number of seasons, without specials.", "number_of_seasons"),
        _column("popularity", pa.float64(), "TMDB's popularity score.", "popularity"),
        _column("vote_average", pa.float64(), "The mean of all votes, 0 to 10.", "vote_average"),
        _column("vote_count", pa.int64(), "The number of votes.", "vote_count"),
        _column("poster_path", pa.string(), "The path of its poster at TMDB's image server.", "poster_path"),
        _column("homepage", pa.string(), "Its own page.", "homepage"),
        _column("imdb_id", pa.string(), "Its id at IMDb.", "external_ids"),
        _column("tvdb_id", pa.int64(), "Its id at TheTVDB.", "external_ids"),
        _column("wikidata_id", pa.string(), "Its id at Wikidata.", "external_ids"),
        _column("ratings", pa.map_(pa.string(), pa.string()), "Age ratings by country.", "content_ratings"),
        _column("last_episode_date", pa.string(), "Date of the last aired episode.", "last_episode_to_air"),
        _column("last_episode_season", pa.int32(), "Its season.", "last_episode_to_air"),
        _column("last_episode_number", pa.int32(), "Its number in the season.", "last_episode_to_air"),
        _column("last_episode_type", pa.string(), f"{_EPISODE_TYPES}.", "last_episode_to_air", few=True),
        _column("next_episode_date", pa.string(), "Date of the next episode.", "next_episode_to_air"),
        _column("next_episode_season", pa.int32(), "Its season.", "next_episode_to_air"),
        _column("next_episode_number", pa.int32(), "Its number in the season.", "next_episode_to_air"),
        _column("next_episode_type", pa.string(), f"{_EPISODE_TYPES}.", "next_episode_to_air", few=True),
        _column("season_list", pa.list_(SEASON), "Its seasons, specials as number 0.", "seasons"),
        _column("running_episodes", pa.list_(EPISODE), "The episodes of the season that was asked for.", "season/N"),
        _column("is_gone", pa.bool_(), "True if TMDB said on this day that there is no such show.", "", few=True),
        _column("offers", pa.list_(OFFER), "Where it can be watched, by JustWatch.", "watch/providers", few=True),
        _column("seen_on", pa.string(), "The day (UTC) on which TMDB's reply was captured.", "", few=True),
        _column("age_days", pa.int32(), "Days since then.", ""),
    ]
)  # fmt: skip
"""The schema of every silver file, by show. `dt` is the partition, not a column of the file."""

QUARANTINE: pa.Schema = pa.schema(
    [
        pa.field("raw", pa.string(), metadata={"comment": "TMDB's reply as it came."}),
        pa.field("show_id", pa.int64(), metadata={"comment": "The show that was asked for."}),
        pa.field("rules", pa.list_(pa.string()), metadata={"comment": "Every rule that it breaks, by name."}),
        pa.field("reasons", pa.list_(pa.string()), metadata={"comment": "The same in words."}),
        pa.field("bronze_key", pa.string(), metadata={"comment": "The bronze object that holds it."}),
    ]
)
"""The schema of every quarantine file."""

LINEAGE = {field.name: (source.decode(),) for field in SILVER if (source := field.metadata[b"source"])}
"""TMDB's source field of each column."""

NULLABLE = frozenset(SILVER.names) - {
    "show_id",
    "origin_country",
    "genre_ids",
    "keywords",
    "networks",
    "ratings",
    "season_list",
    "running_episodes",
    "offers",
    "is_gone",
    "seen_on",
    "age_days",
}
"""The columns that may be null. Lists are empty where TMDB says nothing."""
