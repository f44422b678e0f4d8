"""Reads one of TMDB's replies about a show: sound as a whole, or every reason against it.

msgspec reads a sound reply straight into the contract's types. One that it refuses is diagnosed member by member.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from tally_pipeline.bronze.rawjson import MalformedJsonError, beginning, members
from tally_pipeline.contracts.rules import WHITE_SPACE, is_day
from tally_pipeline.datasets.details import contract
from tally_pipeline.datasets.details.contract import KINDS, KNOWN_FIELDS, Rule, RunningSeason, Show

Reason = tuple[Rule, str]
"""A rule that a reply breaks, and how, in words."""

_SEASON = re.compile(r"season/\d+")
_show = msgspec.json.Decoder(Show)
_season = msgspec.json.Decoder(RunningSeason)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_BY_FIELD = {field.encode_name: field for field in msgspec.structs.fields(Show)}


@dataclass(frozen=True)
class ReadReply:
    """A reply read. `show` is None if it is rejected, for these `reasons`."""

    show: Show | None
    running: RunningSeason | None
    reasons: tuple[Reason, ...] = ()
    # Fields that the contract does not know.
    new_fields: frozenset[str] = frozenset()


def read(body: bytes, show_id: int) -> ReadReply:
    """Read TMDB's reply about the show that was asked for."""
    try:
        parts = _object.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        try:
            parts = {name: msgspec.Raw(value) for name, value in members(body).items()}
        except MalformedJsonError as error:
            rule: Rule = "not_an_object" if body.lstrip()[:1] not in (b"{", b"") else "unreadable"
            return ReadReply(None, None, ((rule, f"the reply {error}{beginning(body)}"),))
    new = frozenset(name for name in parts if name not in KNOWN_FIELDS and not _SEASON.fullmatch(name))
    season = next((name for name in parts if _SEASON.fullmatch(name)), None)
    show: Show | None
    try:
        show = _show.decode(body)
        running = _season.decode(parts[season]) if season else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        show, running, reasons, kinds = _diagnose(parts, season)
        new |= kinds
        if reasons or show is None:
            return ReadReply(None, None, tuple(reasons), new)
    reasons = [*_of_another(show, show_id), *_impossible_dates(show, running)]
    return ReadReply(None if reasons else show, running, tuple(reasons), new)


def text(value: str | None) -> str | None:
    """A text, or None if it is blank."""
    return value if value and value.strip(WHITE_SPACE) else None


def _of_another(show: Show, show_id: int) -> Iterator[Reason]:
    if show.id != show_id:
        yield "wrong_show", f"`id` is {show.id}, and {show_id} was asked for"


def _impossible_dates(show: Show, running: RunningSeason | None) -> Iterator[Reason]:
    for where, value in _dates(show, running):
        if value and value.strip(WHITE_SPACE) and not is_day(value):
            yield "impossible_date", f"`{where}` is {value!r}, and no day of the calendar"


def _dates(show: Show, running: RunningSeason | None) -> Iterator[tuple[str, str | None]]:
    yield "first_air_date", show.first_air_date
    yield "last_air_date", show.last_air_date
    for name, episode in (("last", show.last_episode_to_air), ("next", show.next_episode_to_air)):
        if episode is not None:
            yield f"{name}_episode_to_air.air_date", episode.air_date
    for season in show.seasons or ():
        yield f"seasons[{season.season_number}].air_date", season.air_date
    for one in running.episodes if running else ():
        yield f"season/{one.season_number} episode {one.episode_number} air_date", one.air_date


def _diagnose(
    parts: dict[str, msgspec.Raw], season: str | None
) -> tuple[Show | None, RunningSeason | None, list[Reason], frozenset[str]]:
    """The reply from its members, each reason against one of them, and the kinds of offers that are new."""
    values: dict[str, Any] = {}
    reasons: list[Reason] = []
    kinds: frozenset[str] = frozenset()
    for name, field in _BY_FIELD.items():
        if name not in parts:
            if field.required:
                reasons.append(("field_missing", f"`{name}` is not there"))
            continue
        raw = parts[name]
        try:
            if name == contract.OFFERS:
                values[field.name], kinds = _offers(bytes(raw))
            else:
                values[field.name] = msgspec.json.decode(raw, type=field.type)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reasons.append(_reason(name, error))
    running = None
    if season is not None:
        try:
            running = _season.decode(parts[season])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            reasons.append(_reason(season, error))
    return (None if reasons else Show(**values)), running, reasons, kinds


def _offers(raw: bytes) -> tuple[contract.Offers, frozenset[str]]:
    """The offers of the known kinds, and the other kinds that stand there."""
    countries = msgspec.json.decode(raw, type=contract.RawOffers).results
    known = {"link", *KINDS}
    new = {kind for by_kind in countries.values() for kind in by_kind if kind not in known}
    kept = {
        country: {kind: value for kind, value in by_kind.items() if kind in known}
        for country, by_kind in countries.items()
    }
    cleaned = msgspec.json.encode({"results": kept})
    offers = msgspec.json.decode(cleaned, type=contract.Offers)
    return offers, frozenset(f"{contract.OFFERS}.{kind}" for kind in new)


def _reason(name: str, error: BaseException) -> Reason:
    said = str(error)
    where = said.partition(" - at `$")[2].rstrip("`")
    what = said.partition(" - at `")[0]
    rule: Rule = "field_missing" if "missing required field" in said else "wrong_type"
    return rule, f"`{name}{where}`: {what[:1].lower()}{what[1:]}"
