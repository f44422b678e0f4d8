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


def mentioned(text: str, known: Collection[str]) -> str | None:
    """The longest of the names that occurs in the text, in any case."""
    upper = text.upper()
    return next((name for name in sorted(known, key=lambda name: (-len(name), name)) if name in upper), None)
