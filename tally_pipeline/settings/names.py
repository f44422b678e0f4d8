"""Finds misspelt names of settings, which would otherwise be ignored silently."""

from __future__ import annotations

import re
from collections.abc import Collection
from difflib import get_close_matches

PREFIXES = ("TALLY_", "TMDB_")

_OF_OUR_TESTS = ("TALLY_TEST_", "TALLY_SHARED")

# TMDB's own page calls it the "API Read Access Token": a name like this is meant as a credential.
_CREDENTIALS = (
    (frozenset({"TOKEN", "BEARER", "JWT"}), "TMDB_API_TOKEN"),
    (frozenset({"KEY", "APIKEY"}), "TMDB_API_KEY"),
)

_OF_A_KEY = ("TMDB", "MOVIEDB", "TOKEN", "API_KEY", "APIKEY")

_OF_OTHERS = ("OMDB", "IMDB", "TVDB")
"""Services whose keys' names are a letter away from TMDB's."""

_FARTHEST = 2

_ALIKE_WITHIN_A_PREFIX = 0.75
_ALIKE = 0.88
"""The similarity of two names (difflib's ratio) from which one counts as a misspelling of the other. Within a prefix,
`PATH` would pass for `PORT` below 0.75; without one, other programs' names would pass below 0.88."""


def is_ours(name: str) -> bool:
    """True if the name has one of Tally's prefixes, in any case; those of the tests do not count."""
    upper = name.upper()
    return upper.startswith(PREFIXES) and not upper.startswith(_OF_OUR_TESTS)


def meant(name: str, known: Collection[str]) -> str | None:
    """The setting among `known` that the unknown `name` probably means; None for another program's name."""
    written = re.sub(r"\W", "_", name.upper(), flags=re.ASCII).strip("_")
    if written in known:
        return written
    within = mentioned(written, known)
    if within is not None:
        return within
    prefix, _, rest = written.partition("_")
    if f"{prefix}_" in PREFIXES:
        words = set(rest.split("_"))
        if prefix == "TMDB":
            for credential, setting in _CREDENTIALS:
                if words & credential:
                    return setting
        by_rest = {
            setting.partition("_")[2]: setting for setting in known if setting.startswith(f"{prefix}_")
        }
        alike = get_close_matches(rest, by_rest, 1, _ALIKE_WITHIN_A_PREFIX)
        longer = [of_setting for of_setting in by_rest if words <= set(of_setting.split("_"))]
        found = alike or sorted(longer, key=len)
        return by_rest[found[0]] if found else None
    return next(iter(get_close_matches(written, known, 1, _ALIKE)), None)


def nearly(name: str, known: Collection[str]) -> str | None:
    """The setting that a name in the environment nearly is: at most two letters apart, underscores aside.

    None for a name without a near one, and for those of services whose names are that near.
    """
    written = name.upper()
    if written.startswith(_OF_OTHERS):
        return None
    ours = (setting for setting in known if setting.startswith(PREFIXES))
    return next((setting for setting in ours if _is_near(written, setting)), None)


def may_be_the_key(name: str) -> bool:
    """True if a name in a file that is Tally's alone may be that of TMDB's key."""
    upper = re.sub(r"\W", "_", name.upper(), flags=re.ASCII)
    return any(part in upper for part in _OF_A_KEY)


def _is_near(one: str, other: str) -> bool:
    one, other = one.replace("_", ""), other.replace("_", "")
    return abs(len(one) - len(other)) <= _FARTHEST and _distance(one, other) <= _FARTHEST


def _distance(one: str, other: str) -> int:
    """The letters to insert, remove or replace that make one the other."""
    row = list(range(len(other) + 1))
    for place, letter in enumerate(one, 1):
        before, row[0] = row[0], place
        for at, of_other in enumerate(other, 1):
            before, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, before + (letter != of_other))
    return row[-1]


def mentioned(text: str, known: Collection[str]) -> str | None:
    """The longest of the names that occurs in the text, in any case."""
    upper = text.upper()
    return next((name for name in sorted(known, key=lambda name: (-len(name), name)) if name in upper), None)
