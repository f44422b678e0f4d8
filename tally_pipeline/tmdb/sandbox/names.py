"""Invented words: the titles of the sandbox's shows, their languages and their overviews.

Every title contains a place that does not exist, so that a show of the sandbox cannot pass for a real one.
Everything is drawn with `random()` alone: only its sequence for a seed is guaranteed by Python to stay.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

Draw = Callable[[], float]
"""Gives the next of a show's own random numbers, at least 0 and less than 1."""

_T = TypeVar("_T")


class Tongue(NamedTuple):
    """A language: its share of the shows, the countries it is made in, the syllables it is built of."""

    code: str
    share: float
    countries: str
    syllables: str


# Shares as in TMDB's lists of December 2025. `cn` is TMDB's own code for Cantonese.
_TONGUES = (
    Tongue("en", 0.40, "US US US GB CA AU", ""),
    Tongue("ja", 0.11, "JP", "カキクケコ サシスセソ タテト ナニノ マミムモ ラリルレロ ワン ガギゴ"),
    Tongue("ko", 0.09, "KR", "가 나 다 라 마 바 사 아 자 차 카 타 파 하 별 꽃 달 숲 강 눈"),
    Tongue("zh", 0.09, "CN CN TW", "云 星 山 风 花 月 梦 影 雪 龙 桥 海 城 灯 鹤"),
    Tongue("es", 0.07, "ES MX CO AR", "que ño bri sal mó lun tí dor va cal"),
    Tongue("pt", 0.05, "BR PT", "ção bru mel ã zé lin dou pa vó mar"),
    Tongue("fr", 0.04, "FR BE", "blé que ô mi rieu çon va lune prou é"),
    Tongue("de", 0.04, "DE AT", "wim pfer zü lö schnab el burg quast ing ä"),
    Tongue("tr", 0.03, "TR", "gü lış ça öz yıl dur kö şe ba ği"),
    Tongue("ru", 0.02, "RU", "зву бы рлы ква щу мя фы ло дун жи"),
    Tongue("tl", 0.02, "PH", "ang bu lo ki wa ta mang pu li ga"),
    Tongue("cn", 0.02, "HK", "愛 雲 夢 龍 橋 燈 鶴 樓 飛 鳳"),
    Tongue("ar", 0.01, "EG SA", "با لو مير زو قا نون دي را شم هو"),
    Tongue("hi", 0.01, "IN", "का मो री ला ज़ू पे तन गु वी शो"),
)
_SCRIPTS_WITHOUT_SPACES = {"ja", "ko", "zh", "cn"}

_FRONT = "Zor Quib Wum Glim Florp Snaz Brin Thrum Plock Yib Grom Vexi Mumb Drizz Klon Squee Oob Fizz".split()
_MIDDLE = ["", "", "ba", "le", "o", "wi", "ulu", "anda", "iki", "umple"]
_BACK = "dorf ville ton ington aria mere wick ania ossa upp esk holm".split()
_ADJECTIVES = (
    "Wobbly Midnight Velvet Reluctant Clockwork Soggy Luminous Forgotten Polite Magnetic Crooked Seventh "
    "Bashful Sour Borrowed Paper Restless Backward Frozen Whispering"
).split()
_NOUNS = (
    "Teapot Lighthouse Bagpipe Detective Turnip Drummer Parliament Parasol Walrus Postilion Carousel "
    "Beekeeper Submarine Wardrobe Pancake Glacier Librarian Trombone Hedgehog Ferryboat"
).split()
_TITLES = (
    "The {adjective} {noun} of {place}",
    "{place}",
    "{place}: {adjective} {noun}",
    "My {noun} from {place}",
    "{adjective} in {place}",
    "{noun} & {other}: {place}",
    "Once upon a {noun} in {place}",
    "{place} {noun}s",
)
_SENTENCES = (
    "In the town of {place}, a {adjective} {noun} finds what nobody had lost.",
    "Three generations of {noun}s fight over the last {other} of {place}.",
    "After the {adjective} Winter, {place} votes for a {noun} — and regrets it at once.",
    'They call it "the {adjective} {noun}"; only the {other} knows its real name.',
    "Every week one {noun} leaves {place}, until a single {other} is left.",
    "A documentary crew follows the {noun}s of {place} through their {adjective} season.",
    "Nobody believes the {other}’s story, least of all the {adjective} {noun}.",
    "Love, debts and a stolen {noun} bring two families back to {place}.",
)

TITLE_PARTS: tuple[Sequence[str], ...] = (
    ("The ", "", "My "),
    tuple(f"{word} " for word in _ADJECTIVES),
    tuple(f"{word} of " for word in _NOUNS),
    _FRONT,
    _MIDDLE,
    _BACK,
)
"""Any choice of one of each part makes a title, for callers that need very many titles."""


class Prose(NamedTuple):
    """The words of one show, in TMDB's fields."""

    name: str
    original_name: str
    original_language: str
    origin_country: list[str]
    overview: str


def pick(draw: Draw, choices: Sequence[_T]) -> _T:
    """One of `choices`, each as likely as the other."""
    return choices[int(draw() * len(choices))]


def invent(draw: Draw) -> Prose:
    """The words of a show, with TMDB's habits: no overview in 6 %, now and then a blank before the name."""
    tongue = _tongue(draw)
    place = _place(draw)
    title = _fill(draw, pick(draw, _TITLES), place)
    original = _original(draw, tongue, title)
    name = original if draw() < 0.08 else title
    blank = " " if draw() < 0.004 else ""
    return Prose(
        blank + name, blank + original, tongue.code, _countries(draw, tongue), _overview(draw, place)
    )


def sentence(draw: Draw) -> str:
    """One sentence about a place of its own."""
    return _fill(draw, pick(draw, _SENTENCES), _place(draw))


def heading(draw: Draw) -> str:
    """The title of an episode."""
    return f"The {pick(draw, _ADJECTIVES)} {pick(draw, _NOUNS)}"


def person(draw: Draw) -> str:
    """The name of someone who does not exist."""
    return f"{pick(draw, _FRONT)}{pick(draw, _MIDDLE)} {pick(draw, _FRONT)}{pick(draw, _BACK)}"


def _place(draw: Draw) -> str:
    return pick(draw, _FRONT) + pick(draw, _MIDDLE) + pick(draw, _BACK)


def _tongue(draw: Draw) -> Tongue:
    left = draw()
    for tongue in _TONGUES:
        left -= tongue.share
        if left < 0:
            return tongue
    return _TONGUES[0]


def _fill(draw: Draw, pattern: str, place: str) -> str:
    return pattern.format(
        adjective=pick(draw, _ADJECTIVES), noun=pick(draw, _NOUNS), other=pick(draw, _NOUNS), place=place
    )


def _original(draw: Draw, tongue: Tongue, title: str) -> str:
    if not tongue.syllables:
        return title
    if tongue.code in _SCRIPTS_WITHOUT_SPACES:
        letters = tongue.syllables.replace(" ", "")
        return "".join(pick(draw, letters) for _ in range(3 + int(draw() * 5)))
    syllables = tongue.syllables.split()
    words = ("".join(pick(draw, syllables) for _ in range(2 + int(draw() * 2))) for _ in range(2))
    return " ".join(word.capitalize() for word in words)


def _countries(draw: Draw, tongue: Tongue) -> list[str]:
    country, chance = pick(draw, tongue.countries.split()), draw()
    if chance < 0.01:
        return []
    if chance < 0.05:
        return list(dict.fromkeys((country, pick(draw, pick(draw, _TONGUES).countries.split()))))
    return [country]


def _overview(draw: Draw, place: str) -> str:
    chance = draw()
    if chance < 0.06:
        return ""
    sentences = 12 + int(draw() * 8) if chance > 0.99 else 1 + int(draw() * 4)
    joint = "\n\n" if chance < 0.09 else " "
    return joint.join(_fill(draw, pick(draw, _SENTENCES), place) for _ in range(sentences))
