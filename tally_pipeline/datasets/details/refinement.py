"""Refines a capture of details: each show's newest sound reply as of the day, one row a show.

A show that was asked for on the day counts with that reply; if that is rejected, or the show was not asked for, with
its newest reply from before, whose day stands in the row. Parts are read one after the other, so memory stays flat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pyarrow as pa

from tally_pipeline.bronze.details_capture import LostPartError, Manifest, PartRef, Reply
from tally_pipeline.datasets.details import contract
from tally_pipeline.datasets.details.contract import (
    KINDS,
    QUARANTINE,
    SILVER,
    Episode,
    Offer,
    RunningSeason,
    Show,
)
from tally_pipeline.datasets.details.reading import Reason, read, text
from tally_pipeline.days import days_between

ReadPart = Callable[[PartRef], Iterable[Reply]]
"""Reads the replies that are meant of a part. Raises `UnreadableDetailsError`, `LostPartError`."""


class Counts(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The counts of a refined capture: `replies` = `fresh` + `gone` + `quarantined`, and `silver_rows` = `fresh` +
    `carried` + `gone`, always.

    `carried`: rows from replies of days before, the oldest `oldest_days` old. `offers`: offers of all rows,
    `fresh_offers` of the day's. `new_fields`: replies with a field that the contract does not know. `untitled`: rows
    without a title. `lost`: shows whose part from before is not there any more.
    """

    replies: int
    silver_rows: int
    fresh: int
    carried: int
    gone: int
    quarantined: int
    offers: int
    fresh_offers: int
    untitled: int
    oldest_days: int
    lost: int = 0
    by_rule: dict[str, int]
    new_fields: dict[str, int]

    @property
    def pass_rate(self) -> float:
        """Per cent of the day's replies about shows that keep every rule; 0 if there are none."""
        judged = self.fresh + self.quarantined
        return 100 * self.fresh / judged if judged else 0.0

    @property
    def balanced(self) -> bool:
        """True if every reply and every row is accounted for."""
        return (
            self.replies == self.fresh + self.gone + self.quarantined
            and self.silver_rows == self.fresh + self.carried + self.gone
        )


@dataclass(frozen=True)
class Refined:
    """A capture refined: tables in the schemas `SILVER` and `QUARANTINE`, and the counts."""

    silver: pa.Table
    quarantine: pa.Table
    counts: Counts


@dataclass
class _Sums:
    """The counts while parts are read."""

    replies: int = 0
    gone: int = 0
    lost: int = 0
    fresh_offers: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    new_fields: Counter[str] = field(default_factory=Counter)


def refine(manifest: Manifest, read_part: ReadPart) -> Refined:
    """Refine the capture of a manifest. Pure but for `read_part`: the same bytes give the same result."""
    sums, tables, rejected = _Sums(), list[pa.Table](), list[dict[str, Any]]()
    settled: set[int] = set()
    for part in manifest.parts:
        rows = _Rows(manifest.dt, 0)
        for reply in read_part(part):
            sums.replies += 1
            show_id = reply.head.show_id
            if reply.is_gone:
                sums.gone += 1
                settled.add(show_id)
                rows.add_gone(show_id)
                continue
            result = read(reply.body, show_id)
            sums.new_fields.update(result.new_fields)
            if result.show is None:
                sums.by_rule.update({rule for rule, _ in result.reasons})
                rejected.append(_rejected(reply, result.reasons, part.key))
                continue
            settled.add(show_id)
            rows.add(result.show, result.running)
        sums.fresh_offers += rows.offers
        tables.append(rows.table())
    fresh = sum(table.num_rows for table in tables) - sums.gone
    tables += _carried(manifest, read_part, settled, sums)
    silver = pa.concat_tables([SILVER.empty_table(), *tables]).sort_by("show_id").combine_chunks()
    quarantine = pa.Table.from_pylist(rejected, schema=QUARANTINE).sort_by("show_id")
    offers = silver["offers"]
    counts = Counts(
        replies=sums.replies,
        silver_rows=silver.num_rows,
        fresh=fresh,
        carried=silver.num_rows - fresh - sums.gone,
        gone=sums.gone,
        quarantined=quarantine.num_rows,
        offers=sum(len(chunk.flatten()) for chunk in offers.chunks),
        fresh_offers=sums.fresh_offers,
        untitled=silver["title"].null_count - sums.gone,
        oldest_days=max(silver["age_days"].to_pylist(), default=0),
        by_rule=dict(sorted(sums.by_rule.items())),
        new_fields=dict(sorted(sums.new_fields.items())),
        lost=sums.lost,
    )
    return Refined(silver, quarantine, counts)


def _carried(manifest: Manifest, read_part: ReadPart, settled: set[int], sums: _Sums) -> Iterator[pa.Table]:
    """The rows of the shows without a sound reply of the day, from their newest sound one before."""
    for one in sorted(manifest.carried, key=lambda one: one.dt, reverse=True):
        meant = tuple(show_id for show_id in one.part.shows if show_id not in settled)
        if not meant:
            continue
        rows = _Rows(one.dt, days_between(one.dt, manifest.dt))
        try:
            for reply in read_part(PartRef(key=one.part.key, sha256=one.part.sha256, shows=meant)):
                result = read(reply.body, reply.head.show_id)
                if result.show is not None:
                    settled.add(reply.head.show_id)
                    rows.add(result.show, result.running)
        except LostPartError:
            # It expired, or was never brought along: what it said is not known any more.
            sums.lost += len(meant)
            continue
        yield rows.table()


def _rejected(reply: Reply, reasons: Sequence[Reason], key: str) -> dict[str, Any]:
    return {
        "raw": reply.body.decode("utf-8", "backslashreplace"),
        "show_id": reply.head.show_id,
        "rules": list(dict.fromkeys(rule for rule, _ in reasons)),
        "reasons": [words for _, words in reasons],
        "bronze_key": key,
    }


_NOTHING: dict[str, Any] = {
    name: []
    for name in (
        "origin_country",
        "genre_ids",
        "keywords",
        "networks",
        "ratings",
        "season_list",
        "running_episodes",
    )
}
"""The lists of a row that has none."""


class _Rows:
    """Rows of silver in the making, from the replies of one day."""

    def __init__(self, seen_on: str, age_days: int) -> None:
        self._seen_on = seen_on
        self._age_days = age_days
        self._rows: list[dict[str, Any]] = []
        self._ends = [0]
        self._country: list[str] = []
        self._kind: list[str] = []
        self._offers: list[Offer] = []

    @property
    def offers(self) -> int:
        return self._ends[-1]

    def add(self, show: Show, running: RunningSeason | None) -> None:
        self._rows.append(_row(show, running))
        # By kind, provider and country: neighbours are alike, and a file is a fifth smaller. None stands twice within
        # a list of TMDB's; if one ever does, it is one offer.
        of_kinds: list[dict[tuple[int, str], Offer]] = [{} for _ in KINDS]
        for country, of_country in show.offers.results.items():
            for of_kind, offers in zip(of_kinds, of_country.by_kind, strict=True):
                for offer in offers:
                    of_kind[offer.provider_id, country] = offer
        for kind, of_kind in zip(KINDS, of_kinds, strict=True):
            for key in sorted(of_kind):
                self._offers.append(of_kind[key])
                self._country.append(key[1])
            self._kind += [kind] * len(of_kind)
        self._ends.append(len(self._kind))

    def add_gone(self, show_id: int) -> None:
        """Add the row of a show that TMDB has no more."""
        self._rows.append({"show_id": show_id, "is_gone": True, **_NOTHING})
        self._ends.append(len(self._kind))

    def table(self) -> pa.Table:
        """The rows in silver's schema."""
        plain = pa.schema([one for one in SILVER if one.name not in ("offers", "seen_on", "age_days")])
        table = pa.Table.from_pylist(self._rows, schema=plain)
        # A few hundred names stand in many thousands of offers.
        names = {name: text(name) for name in {offer.provider_name for offer in self._offers}}
        flat = pa.StructArray.from_arrays(
            [
                pa.array(self._country, pa.string()),
                pa.array(self._kind, pa.string()),
                pa.array([offer.provider_id for offer in self._offers], pa.int64()),
                pa.array([names[offer.provider_name] for offer in self._offers], pa.string()),
                pa.array([offer.display_priority for offer in self._offers], pa.int32()),
            ],
            fields=list(contract.OFFER),
        )
        offers = pa.ListArray.from_arrays(pa.array(self._ends, pa.int32()), flat)
        rows = len(self._rows)
        columns = [
            *table.columns,
            offers,
            pa.array([self._seen_on] * rows, pa.string()),
            pa.array([self._age_days] * rows, pa.int32()),
        ]
        return pa.Table.from_arrays(columns, schema=SILVER)


def _row(show: Show, running: RunningSeason | None) -> dict[str, Any]:
    ids, ratings = show.external_ids, show.content_ratings
    return {
        "show_id": show.id,
        "is_gone": False,
        "title": text(show.name),
        "original_title": text(show.original_name),
        "overview": text(show.overview),
        "status": text(show.status),
        "type": text(show.type),
        "in_production": show.in_production,
        "first_air_date": text(show.first_air_date),
        "last_air_date": text(show.last_air_date),
        "original_language": text(show.original_language),
        "origin_country": list(dict.fromkeys(show.origin_country or ())),
        "genre_ids": list(dict.fromkeys(genre.id for genre in show.genres or ())),
        "keywords": _names(show.keywords.results if show.keywords else ()),
        "networks": _names(show.networks or ()),
        "runtime": _runtime(show),
        "episodes": show.number_of_episodes,
        "seasons": show.number_of_seasons,
        "popularity": show.popularity,
        "vote_average": show.vote_average,
        "vote_count": show.vote_count,
        "poster_path": text(show.poster_path),
        "homepage": text(show.homepage),
        "imdb_id": text(ids.imdb_id) if ids else None,
        "tvdb_id": ids.tvdb_id if ids else None,
        "wikidata_id": text(ids.wikidata_id) if ids else None,
        "ratings": _ratings(ratings),
        **_episode("last_episode", show.last_episode_to_air),
        **_episode("next_episode", show.next_episode_to_air),
        "season_list": [
            {
                "season_number": season.season_number,
                "name": text(season.name),
                "air_date": text(season.air_date),
                "episode_count": season.episode_count,
                "vote_average": season.vote_average,
            }
            for season in sorted(show.seasons or (), key=lambda season: season.season_number)
        ],
        "running_episodes": [
            {
                "season_number": one.season_number,
                "episode_number": one.episode_number,
                "air_date": text(one.air_date),
                "name": text(one.name),
                "runtime": one.runtime or None,
                "episode_type": text(one.episode_type),
            }
            for one in (running.episodes if running else ())
        ],
    }


def _names(named: Iterable[contract.Named | contract.Network]) -> list[str]:
    return list(dict.fromkeys(name for one in named if (name := text(one.name))))


def _ratings(ratings: contract.Ratings | None) -> list[tuple[str, str]]:
    """The first rating of each country: some have several, for cuts of the show."""
    first: dict[str, str] = {}
    for one in ratings.results if ratings else ():
        rating = text(one.rating)
        if rating is not None:
            first.setdefault(one.iso_3166_1, rating)
    return sorted(first.items())


def _runtime(show: Show) -> int | None:
    """The minutes of an episode: TMDB's first figure for the show, or else those of an episode next to today."""
    said = [minutes for minutes in show.episode_run_time or () if minutes]
    near = [
        one.runtime for one in (show.last_episode_to_air, show.next_episode_to_air) if one and one.runtime
    ]
    return next(iter([*said, *near]), None)


def _episode(prefix: str, episode: Episode | None) -> dict[str, Any]:
    return {
        f"{prefix}_date": text(episode.air_date) if episode else None,
        f"{prefix}_season": episode.season_number if episode else None,
        f"{prefix}_number": episode.episode_number if episode else None,
        f"{prefix}_type": text(episode.episode_type) if episode else None,
    }
