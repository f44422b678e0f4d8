"""The check of what people declare: lists, datasets, gold tables. Said when the registry is read, not in a run."""

from __future__ import annotations

import re
from collections.abc import Iterable

NAME = re.compile(r"[a-z][a-z0-9_]*")
"""A name that stays the same in S3's keys, in SQL, in Dagster's asset keys and in Python."""


class DeclarationError(Exception):
    """A declaration cannot be used. The message names its file, and every fault with its remedy."""


def require(where: str, faults: Iterable[str]) -> None:
    """Raise `DeclarationError` if there are faults in the declarations of `where`, a file or folder."""
    if found := list(faults):
        raise DeclarationError(f"{where}: {'; '.join(found)}")


def name_faults(kind: str, names: Iterable[str]) -> Iterable[str]:
    """The faults of names: each must be new, and in lower case with underscores."""
    seen = set()
    for name in names:
        if not NAME.fullmatch(name):
            yield (
                f"{kind} {name!r} needs a name of lower-case letters, digits and underscores, a letter first: it"
                " becomes a folder, an asset key and a word in SQL"
            )
        if name in seen:
            yield f"two {kind}s are called {name!r}: choose another name for one of them"
        seen.add(name)
