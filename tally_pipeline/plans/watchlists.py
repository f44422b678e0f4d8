"""Watchlists by name, as a person puts them into the lake: each is what `tally plan` takes as wishes."""

from __future__ import annotations

import json

from tally_pipeline.plans import wishes
from tally_pipeline.plans.errors import PlanError
from tally_pipeline.plans.wishes import Wishes


def read(body: bytes, where: str) -> dict[str, Wishes]:
    """The watchlists in an object's bytes; `where` names it in errors. Raises `PlanError`."""
    try:
        content = json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise PlanError(f"{where} is not text in UTF-8; write it anew") from None
    except (ValueError, RecursionError) as error:
        raise PlanError(f"{where} is no JSON ({error}); mend it there") from None
    if not isinstance(content, dict) or not all(isinstance(one, dict) for one in content.values()):
        raise PlanError(
            f"{where} is no object of watchlists by name; write what docs/planning.md has, under a name for each"
        )
    return {
        str(name): wishes.read(json.dumps(one, ensure_ascii=False), f"{where}, {name}")
        for name, one in content.items()
    }
