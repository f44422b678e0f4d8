"""The lake's knowledge before a capture of details: the shows of the lists, and the newest replies from before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence, Set
from logging import Logger

from tally_pipeline.bronze import details_capture
from tally_pipeline.bronze.details_capture import (
    Carried,
    LostPartError,
    Manifest,
    PartRef,
    UnreadableDetailsError,
)
from tally_pipeline.datasets.details.choice import ON_AIR, Known
from tally_pipeline.days import days_before, days_between
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import Place
from tally_pipeline.lake.parquet import ForeignFileError
from tally_pipeline.lake.store import LakeError, NoSuchObjectError, Store
from tally_pipeline.plans import watchlists
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.tmdb.lists import LISTS

CARRY_DAYS = 14
"""The age beyond which a reply says nothing about the day: the show counts as unknown then."""

LISTS_DAYS = 7
"""The age beyond which a list's silver does not say what to ask for."""

_STATE = ("show_id", "status", "next_episode_season", "last_episode_season", "seen_on")


def listed(lake: Lake, day: str) -> list[int]:
    """The shows of the lists' newest silver up to the day, the highest ranks first."""
    ranks: dict[int, int] = {}
    for one in LISTS:
        folder = f"{layout.SILVER}/{one.name}"
        days = [dt for name in lake.store.folders(folder) if (dt := layout.day_of(name)) and dt <= day]
        newest = max(days, default=None)
        if newest is None or newest < days_before(day, LISTS_DAYS):
            continue
        rows = lake.read_silver(one.name, newest).select(["show_id", "rank"]).to_pydict()
        for show_id, rank in zip(rows["show_id"], rows["rank"], strict=True):
            ranks[show_id] = min(rank, ranks.get(show_id, rank))
    return sorted(ranks, key=lambda show_id: (ranks[show_id], show_id))


def watched(lake: Lake, log: Logger) -> list[int]:
    """The shows on the lake's watchlists, if a person put any there. Such a file that cannot be read is reported, and
    costs no capture."""
    try:
        lists = watchlists.read(lake.store.get(layout.WATCHLISTS), lake.store.uri(layout.WATCHLISTS))
    except NoSuchObjectError:
        return []
    except (PlanError, LakeError) as error:
        log.warning(f"Shows on watchlists are not asked for: {error}")
        return []
    return sorted({wish.show_id for one in lists.values() for wish in one.wishes})


def carried(lake: Lake, place: Place, day: str) -> tuple[Carried, ...]:
    """The newest replies from before the day, by the last capture's manifest; none if that is too long ago."""
    for ago in range(1, CARRY_DAYS + 1):
        before = days_before(day, ago)
        manifest = _newest_manifest(lake.store, place, before)
        if manifest is not None:
            return tuple(carried_from(manifest, day, _rejected(lake, place, manifest)))
    return ()


def known(lake: Lake, day: str, before: Sequence[Carried]) -> Iterator[Known]:
    """The shows that these replies are about, with what the newest silver says of them."""
    states = _states(lake, day)
    for one in before:
        for show_id in one.part.shows:
            status, season = states.get(show_id, (None, None))
            yield Known(show_id, status in ON_AIR, days_between(one.dt, day), season)


def read_part(store: Store, part: PartRef) -> Iterator[details_capture.Reply]:
    """The replies of a part that are meant, in its order.

    Raises `LostPartError`, and `UnreadableDetailsError` if the part is not the one that the manifest names.
    """
    try:
        body = store.get(part.key)
    except NoSuchObjectError as error:
        raise LostPartError(f"{error}, which is a part of a capture") from error
    if (digest := hashlib.sha256(body).hexdigest()) != part.sha256:
        raise UnreadableDetailsError(
            f"{store.uri(part.key)} hashes to {digest}, the capture's manifest says {part.sha256}"
        )
    meant = set(part.shows)
    try:
        for reply in details_capture.decode_part(body):
            if reply.head.show_id in meant:
                meant.discard(reply.head.show_id)
                yield reply
    except UnreadableDetailsError as error:
        raise UnreadableDetailsError(f"{store.uri(part.key)}: {error}") from error
    if meant:
        raise UnreadableDetailsError(
            f"{store.uri(part.key)} lacks the replies about {', '.join(map(str, sorted(meant)[:5]))}, which the"
            " capture's manifest names"
        )


def _newest_manifest(store: Store, place: Place, day: str) -> Manifest | None:
    found = []
    for info in store.list(place.day_folder(day)):
        if place.parse(info.key) is None:
            continue
        try:
            found.append(details_capture.decode_manifest(store.get(info.key)))
        except (UnreadableDetailsError, NoSuchObjectError):
            continue
    return max(found, key=lambda one: one.ingestion_timestamp, default=None)


def _rejected(lake: Lake, place: Place, manifest: Manifest) -> Set[int]:
    """The shows with an older reply in the silver that was made from this capture: that of the day was rejected."""
    key = layout.table_key("silver", "details", manifest.dt)
    if not lake.is_made_from(key, str(place.key(manifest.dt, manifest.execution_id))):
        return frozenset()
    rows = parquet.decode(lake.store.get(key), columns=["show_id", "seen_on"]).to_pydict()
    pairs = zip(rows["show_id"], rows["seen_on"], strict=True)
    return {show_id for show_id, seen_on in pairs if seen_on < manifest.dt}


def carried_from(manifest: Manifest, day: str, rejected: Set[int] = frozenset()) -> Iterator[Carried]:
    """The newest reply of each show by an earlier manifest, as far as it says something about the day.

    Shows that are gone are left out. Of shows whose reply was `rejected` that day the one before stays the newest: or
    a reply that stays broken would take the show out of silver.
    """
    first = days_before(day, CARRY_DAYS)
    settled = set(manifest.gone)
    newest = [(Carried(dt=manifest.dt, part=part), rejected) for part in manifest.parts]
    older = sorted(manifest.carried, key=lambda one: one.dt, reverse=True)
    for one, passed_over in (*newest, *((one, frozenset[int]()) for one in older)):
        left = tuple(show for show in one.part.shows if show not in settled and show not in passed_over)
        settled.update(left)
        if left and one.dt >= first:
            yield Carried(dt=one.dt, part=PartRef(key=one.part.key, sha256=one.part.sha256, shows=left))


def _states(lake: Lake, day: str) -> dict[int, tuple[str | None, int | None]]:
    """Each show's state, and the season that runs or comes next, by the newest silver up to the day."""
    days = [dt for name in lake.store.folders("silver/details") if (dt := layout.day_of(name)) and dt <= day]
    for dt in sorted(days, reverse=True):
        try:
            table = parquet.decode(lake.store.get(layout.table_key("silver", "details", dt)))
            rows = table.select(list(_STATE)).to_pydict()
        except (NoSuchObjectError, ForeignFileError, KeyError):
            continue
        seasons = zip(rows["next_episode_season"], rows["last_episode_season"], strict=True)
        return {
            show_id: (status, next_season if next_season is not None else last_season)
            for show_id, status, (next_season, last_season) in zip(
                rows["show_id"], rows["status"], seasons, strict=True
            )
        }
    return {}
