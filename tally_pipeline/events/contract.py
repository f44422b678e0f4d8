"""The contract of viewers' events: a request, its events, and the properties of each by name and schema number.

The names follow Segment's specification of video events where it has one
(https://segment.com/docs/connections/spec/video/). No field takes free text, so that no name, address or other trace
of a person can come in by one. A published event keeps its fields: to change them, declare another class with the
next schema number (`contract.schema.json` holds what is published, and a test holds this module to it).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

MOST_EVENTS = 100
"""Events in a request."""
MOST_BYTES = 256 * 1024
"""Bytes of a request's body, unpacked. Kinesis takes records of a megabyte, SQS messages of 256 KiB [D]."""
HEARTBEAT_SECONDS = 10
"""Seconds of play between two `playback_progress`."""

SANDBOX_APP = "tv.tally.sandbox"
"""The app of the sandbox's invented viewers, by which their events can be told from real ones for ever."""

_HEX = "[0-9a-f]"
_END = r"$(?!\n)"
"""Python's `$` is also before a last line feed."""

Uuid: TypeAlias = Annotated[
    str, Meta(pattern=f"^{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}{_END}")
]
"""A UUID in lower case: RFC 9562."""
UuidV7: TypeAlias = Annotated[
    str, Meta(pattern=f"^{_HEX}{{8}}-{_HEX}{{4}}-7{_HEX}{{3}}-[89ab]{_HEX}{{3}}-{_HEX}{{12}}{_END}")
]
"""A UUID that begins with the device's time in milliseconds: RFC 9562, 5.7."""
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)]
"""A time with its zone, RFC 3339."""
Word: TypeAlias = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9][A-Za-z0-9_.+ -]{{0,59}}{_END}")]
"""A word of a program: an app's id or version, a model's name. No @, so that it is no address."""
Id: TypeAlias = Annotated[int, Meta(ge=1, le=2**53 - 1)]
"""TMDB's id of a show or provider."""
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=172_800)]
"""Seconds of a video, two days at most."""
Season: TypeAlias = Annotated[int, Meta(ge=0, le=10_000)]
Episode: TypeAlias = Annotated[int, Meta(ge=0, le=100_000)]
Consent: TypeAlias = Literal["necessary", "analytics", "personalisation"]
Surface: TypeAlias = Literal["home", "list", "search", "show", "watchlist", "notification", "other"]


class App(Struct, frozen=True):
    """The app that sends."""

    id: Word
    version: Word
    os: Word


class Request(Struct, frozen=True):
    """The body of `POST /v1/events`. Its events are not looked into here: a bad one costs none of the others."""

    sent_at: Moment
    device_id: Uuid
    app: App
    events: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MOST_EVENTS)]


class Event(Struct, frozen=True):
    """One event. `seq` counts an install's events; `user_id` is a random pseudonym, null for nobody."""

    event_id: UuidV7
    name: Annotated[str, Meta(pattern=rf"^[a-z][a-z0-9_]{{0,59}}{_END}")]
    schema: Annotated[int, Meta(ge=1, le=9_999)]
    occurred_at: Moment
    seq: Count
    session_id: Uuid
    user_id: Uuid | None
    consent: Annotated[list[Consent], Meta(min_length=1, max_length=3)]
    props: msgspec.Raw


class Props(Struct, frozen=True):
    """The properties of an event of one name and schema number."""


class AppOpened(Props, frozen=True):
    source: Literal["icon", "notification", "link", "widget", "other"]


class ShowViewed(Props, frozen=True):
    show_id: Id
    surface: Surface


class SearchPerformed(Props, frozen=True):
    """Not the text: people search for people."""

    words: Count
    results: Count


class WatchlistAdded(Props, frozen=True):
    show_id: Id
    surface: Surface


class WatchlistRemoved(Props, frozen=True):
    show_id: Id


class _Playback(Props, frozen=True):
    """`playback_id` is one run of a player over one episode; `provider_id` is TMDB's, of the service that plays."""

    playback_id: Uuid
    show_id: Id
    season: Season
    episode: Episode
    provider_id: Id
    position_s: Seconds


class PlaybackStarted(_Playback, frozen=True):
    duration_s: Seconds


class PlaybackProgress(_Playback, frozen=True):
    """Every `HEARTBEAT_SECONDS` of play. What was played is the `played_s` before `position_s`."""

    played_s: Annotated[float, Meta(ge=0, le=60)]


class PlaybackCompleted(_Playback, frozen=True):
    played_s: Annotated[float, Meta(ge=0, le=60)]


class EpisodeMarkedWatched(Props, frozen=True):
    show_id: Id
    season: Season
    episode: Episode


class RatingGiven(Props, frozen=True):
    show_id: Id
    rating: Annotated[float, Meta(ge=0.5, le=10)]


class SubscriptionStarted(Props, frozen=True):
    provider_id: Id


class SubscriptionCancelled(Props, frozen=True):
    provider_id: Id
    reason: Literal["price", "content", "technical", "unused", "other", "not_said"]


class RecommendationShown(Props, frozen=True):
    show_id: Id
    model: Word
    model_version: Word
    rank: Annotated[int, Meta(ge=1, le=1_000)]
    surface: Surface


class RecommendationClicked(RecommendationShown, frozen=True):
    pass


PROPS: dict[tuple[str, int], type[Props]] = {
    ("app_opened", 1): AppOpened,
    ("show_viewed", 1): ShowViewed,
    ("search_performed", 1): SearchPerformed,
    ("watchlist_added", 1): WatchlistAdded,
    ("watchlist_removed", 1): WatchlistRemoved,
    ("playback_started", 1): PlaybackStarted,
    ("playback_progress", 1): PlaybackProgress,
    ("playback_completed", 1): PlaybackCompleted,
    ("episode_marked_watched", 1): EpisodeMarkedWatched,
    ("rating_given", 1): RatingGiven,
    ("subscription_started", 1): SubscriptionStarted,
    ("subscription_cancelled", 1): SubscriptionCancelled,
    ("recommendation_shown", 1): RecommendationShown,
    ("recommendation_clicked", 1): RecommendationClicked,
}
"""The properties by the event's name and schema number."""
