"""The day of an invented person: acts, each one event or a playback of many.

The day's random numbers are its own, and the person's state is all that comes from the days before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import NamedTuple

from tally_pipeline.events.contract import HEARTBEAT_SECONDS
from tally_pipeline.events.invented.people import MODEL, Device, Person, Shelf, Title, rng, uuid4

DAY_MS = 86_400_000
EPOCH = 719_163
"""The ordinal of 1970-01-01."""

CLICKS = {"1.0": 0.05, "2.0": 0.11}
"""The share of recommendations that are clicked, by the model's version."""
DROPPED = 0.45
"""The share of the series that are dropped after a few episodes."""

_HOURS = (2, 1, 0.6, 0.4, 0.4, 0.8, 2, 3.5, 3, 2.5, 2.5, 3, 4, 4, 3.5, 3.5, 4, 5, 7, 9.5, 12, 12, 9, 5)
_HOUR_ENDS = tuple(accumulate(_HOURS))
_WEEKEND = 1.45
_REASONS = ("price", "content", "unused", "unused", "technical", "other", "not_said")
_SOURCES = ("icon", "icon", "icon", "notification", "link", "widget")


class Act(NamedTuple):
    """An event of a moment: ms since 1970, its name, and its properties as JSON."""

    at: int
    name: str
    props: str


class Beats(NamedTuple):
    """Regular heartbeats of a playback: of each the position in seconds; `props` are those before it, as JSON."""

    at: int
    props: str
    positions: Sequence[int]
    every: int


@dataclass
class Visit:
    """A session on a device. `acts` are in order of time."""

    device: Device
    session_id: str
    acts: list[Act | Beats]
    first_seq: int


def live(person: Person, day: int, shelf: Shelf, heartbeat: int = HEARTBEAT_SECONDS) -> list[Visit]:
    """The person's sessions that begin on a UTC day (an ordinal); what they leave behind is in `person`."""
    if day < person.installed:
        return []
    random = rng("day", person.key, day)
    draw = random.random
    age = day - person.installed
    local_weekday = (day + (12 + person.offset) // 24) % 7
    is_weekend = local_weekday in (6, 0)
    wish = person.keenness * (1 - person.fading) ** age * (_WEEKEND if is_weekend else 1.0)
    comes = age == 0 or draw() < wish * (1.0 if person.services or age < 14 else 0.5)
    person.use = 0.93 * person.use + 0.07 * comes
    if not comes:
        return []
    starts = sorted(
        _start(person, day, draw()) for _ in range(1 + (draw() < 0.35) + (is_weekend and draw() < 0.4))
    )
    return [_visit(person, start, day, shelf, random, is_weekend, heartbeat) for start in starts]


def _start(person: Person, day: int, u: float) -> int:
    """A moment of the UTC day, by how people's local hours are liked."""
    place = u * _HOUR_ENDS[-1]
    hour = next(number for number, end in enumerate(_HOUR_ENDS) if place < end)
    within = (place - (_HOUR_ENDS[hour] - _HOURS[hour])) / _HOURS[hour]
    return (day - EPOCH) * DAY_MS + (hour - person.offset) % 24 * 3_600_000 + int(within * 3_600_000)


def _visit(
    person: Person, start: int, day: int, shelf: Shelf, random: Random, is_weekend: bool, heartbeat: int
) -> Visit:
    draw = random.random
    count = sum(day >= begin for begin in person.devices_from[: len(person.devices)])
    device = person.devices[int(draw() * count)]
    at = max(start, device.busy_until + 60_000)
    visit = _Session(person, shelf, random, at, heartbeat)
    visit.add("app_opened", f'"source":"{_SOURCES[int(draw() * len(_SOURCES))]}"')
    visit.recommend()
    if draw() < 0.25:
        visit.search()
    if draw() < 0.2 and person.watchlist:
        gone = person.watchlist.pop(int(draw() * len(person.watchlist)))
        visit.add("watchlist_removed", f'"show_id":{gone}')
    if draw() < 0.78:
        visit.watch(1.5 if is_weekend else 1.0)
    visit.subscriptions()
    first = device.seq
    device.seq += sum(len(act.positions) if isinstance(act, Beats) else 1 for act in visit.acts)
    device.busy_until = visit.at
    return Visit(device, uuid4(random), visit.acts, first)


class _Session:
    """Collects a session's acts; `at` is the moment that it has come to."""

    def __init__(self, person: Person, shelf: Shelf, random: Random, at: int, heartbeat: int) -> None:
        self.person, self.shelf, self.random, self.at = person, shelf, random, at
        self.acts: list[Act | Beats] = []
        self._draw = random.random
        self._heartbeat = heartbeat
        self._chosen: int | None = None

    def add(self, name: str, props: str, seconds: float = 12.0) -> None:
        """Add an event, and let about so many seconds pass."""
        self.acts.append(Act(self.at, name, props))
        self.at += 200 + int(self._draw() * 2_000 * seconds)

    def recommend(self) -> None:
        """Recommendations are shown, and a few clicked."""
        person, draw = self.person, self._draw
        titles = {self._liked().show_id: None for _ in range(2 + int(draw() * 4))}
        shown = [
            f'"show_id":{show},"model":"{MODEL}","model_version":"{person.model_version}","rank":{rank},"surface":"home"'
            for rank, show in enumerate(titles, start=1)
        ]
        for props in shown:
            self.add("recommendation_shown", props, 0.3)
        for show, props in zip(titles, shown, strict=True):
            if draw() < CLICKS[person.model_version]:
                self.add("recommendation_clicked", props, 2)
                self._view(show, "home")

    def search(self) -> None:
        """A search, and often a look at what it found."""
        draw = self._draw
        results = 0 if draw() < 0.1 else 1 + int(draw() * 30)
        self.add("search_performed", f'"words":{1 + int(draw() * 4)},"results":{results}')
        if results and draw() < 0.7:
            self._view(self._liked().show_id, "search")

    def watch(self, eagerness: float) -> None:
        """Episodes of one series, one after the other."""
        title = self._series()
        most = 1
        while most < 8 and self._draw() < self.person.bingeing * eagerness * 0.9:
            most += 1
        for _ in range(most):
            if not self._episode(title):
                return

    def subscriptions(self) -> None:
        """A service is cancelled: the likelier, the less the app was used of late."""
        person, draw = self.person, self._draw
        if person.services and draw() < 0.004 + 0.12 * max(0.0, 0.45 - person.use):
            service = person.services.pop(0)
            reason = _REASONS[int(draw() * len(_REASONS))]
            self.add("subscription_cancelled", f'"provider_id":{service},"reason":"{reason}"')

    def _liked(self) -> Title:
        """A title to the person's taste, mostly."""
        draw, genres = self._draw, self.shelf.genres
        taste = self.person.tastes[int(draw() * 3)]
        genre = genres[int(taste * len(genres))] if genres and draw() < 0.8 else None
        return self.shelf.draw(genre, draw())

    def _view(self, show: int, surface: str) -> None:
        person = self.person
        self.add("show_viewed", f'"show_id":{show},"surface":"{surface}"')
        self._chosen = show
        if self._draw() < 0.35 and show not in person.watchlist and show not in person.following:
            person.watchlist.append(show)
            self.add("watchlist_added", f'"show_id":{show},"surface":"show"', 3)

    def _series(self) -> Title:
        """The title that is watched: the one just looked at, a series that was begun, one of the list, or another."""
        person, draw, by_id = self.person, self._draw, self.shelf.by_id
        for show in [show for show in person.following if show not in by_id]:
            del person.following[show]
        if self._chosen is not None and self._chosen in by_id and draw() < 0.5:
            return by_id[self._chosen]
        if person.following and draw() < 0.8:
            return by_id[list(person.following)[int(draw() * len(person.following))]]
        wanted = [show for show in person.watchlist if show in by_id]
        if wanted and draw() < 0.6:
            return by_id[wanted[0]]
        return self._liked()

    def _episode(self, title: Title) -> bool:
        """Play an episode, or some of it; False if the series is at its end, dropped, or put off."""
        person, draw, show = self.person, self._draw, title.show_id
        place = person.following.get(show)
        if place is None:
            left = 1 + int(draw() * 4) if draw() < DROPPED else 100_000
            place = person.following[show] = [0, 0, 0, left]
            self._view(show, "list")
            if show in person.watchlist:
                person.watchlist.remove(show)
        season, episode, position, left = place
        if season >= len(title.episodes):
            person.following.pop(show)
            return False
        provider = self._provider(title)
        length = title.minutes * 60
        ends = draw() < (0.88 if left > 1 else 0.35)
        until = length - 1 - int(draw() * 30) if ends else position + int((length - position) * draw() * 0.8)
        playback = uuid4(self.random)
        props = (
            f'"playback_id":"{playback}","show_id":{show},"season":{season + 1},"episode":{episode + 1},'
            f'"provider_id":{provider},"position_s":'
        )
        self.acts.append(Act(self.at, "playback_started", f'{props}{position},"duration_s":{length}'))
        reached = self._play(props, position, until)
        if not ends:
            place[2], place[3] = reached, left - 1
            self._drop_if_tired(show, place)
            return False
        # What was played after the last heartbeat; after a jump close to the end, nothing.
        rest = until - reached if 0 <= until - reached < self._heartbeat else 0
        self.add("playback_completed", f'{props}{until},"played_s":{rest}', 4)
        if draw() < 0.12:
            marked = f'"show_id":{show},"season":{season + 1},"episode":{episode + 1}'
            self.add("episode_marked_watched", marked, 4)
        place[1:] = [episode + 1, 0, left - 1]
        if place[1] >= title.episodes[season]:
            place[0], place[1] = season + 1, 0
        if place[0] >= len(title.episodes):
            person.following.pop(show)
            self._rate(show, 7.5, 0.4)
            return False
        return not self._drop_if_tired(show, place)

    def _drop_if_tired(self, show: int, place: Sequence[int]) -> bool:
        if place[3] > 0:
            return False
        self.person.following.pop(show)
        self._rate(show, 4.0, 0.25)
        return True

    def _rate(self, show: int, around: float, chance: float) -> None:
        if self._draw() < chance:
            rating = min(20, max(1, int(2 * around + 6 * (self._draw() - 0.5)))) / 2
            self.add("rating_given", f'"show_id":{show},"rating":{rating}', 4)

    def _provider(self, title: Title) -> int:
        """The service by which it is played, subscribed to if none of the person's has it."""
        person = self.person
        for service in person.services:
            if service in title.providers:
                return service
        service = title.providers[int(self._draw() * len(title.providers))]
        person.services.append(service)
        self.add("subscription_started", f'"provider_id":{service}')
        return service

    def _play(self, props: str, position: int, until: int) -> int:
        """Add the heartbeats up to a position, with now and then a seek; returns the position reached."""
        every, draw = self._heartbeat, self._draw
        positions: list[int] = []
        for first, last in self._stretches(position, until):
            positions += range(first + every, last + 1, every)
        if positions:
            self.acts.append(Beats(self.at + every * 1000, props, positions, every))
        self.at += (len(positions) * every + int(draw() * every)) * 1000
        return positions[-1] if positions else position

    def _stretches(self, position: int, until: int) -> Iterator[tuple[int, int]]:
        """The stretches that are played without a jump: of one playback in eight, a part is seen again or skipped."""
        draw = self._draw
        if until - position > 300 and draw() < 0.125:
            middle = position + int((until - position) * draw())
            jump = int((draw() - 0.5) * 240)
            yield position, middle
            position = max(0, middle + jump)
        yield position, until
