"""Watchlists by name, as a person puts them into the lake: each is what `tally plan` takes as wishes."""

from __future__ import annotations

import json
from typing import Any

from tally_pipeline.plans import wishes
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.wishes import Wishes


def read(body: bytes, where: str) -> dict[str, Wishes]:
    """The watchlists in an object's bytes; `where` names it in errors. Raises `PlanError`."""
    try:
        content = json.loads(body.decode("utf-8-sig"), object_pairs_hook=lambda pairs: _object(pairs, where))
    except UnicodeDecodeError:
        raise PlanError(f"{where} is not text in UTF-8; write it anew") from None
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{where} is no JSON ({error}); mend it there") from None
    if not isinstance(content, dict) or not all(isinstance(one, dict) for one in content.values()):
        raise PlanError(
            f"{where} is no object of watchlists by name; write what docs/planning.md has, under a name for each"
        )
    for name in content:
        if not name.strip() or not name.isprintable():
            raise PlanError(
                f"{where} has a watchlist called {name!r}; give it a name of letters that can be shown"
            )
    return {
        str(name): wishes.read(json.dumps(one, ensure_ascii=False), f"{where}, {name}")
        for name, one in content.items()
    }


def _object(pairs: list[tuple[str, Any]], where: str) -> dict[str, Any]:
    """A JSON object; a name that stands in it twice would hide the first. Raises `PlanError`."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise PlanError(f"{where} has {twice!r} twice in one object; leave one of them, or rename it")
    return found
