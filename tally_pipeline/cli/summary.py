"""The results of a run by list, read from the lake: the closing table and the JSON of `tally sync`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tally_pipeline.datasets.shows import checks, stored
from tally_pipeline.datasets.shows.footer import Footer
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import NoSuchObjectError
from tally_pipeline.tmdb.lists import ShowList


def by_list(
    lake: Lake, lists: Sequence[ShowList], day: str, run_id: str, errors: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """The numbers captured, refined and published in the run, by list. `errors`: failures by list."""
    return {
        show_list.name: _of_list(lake, show_list.name, day, run_id, errors.get(show_list.name))
        for show_list in lists
    }


def _of_list(lake: Lake, data_type: str, day: str, run_id: str, error: str | None) -> dict[str, Any]:
    key = BronzeKey(data_type, day, run_id)
    summary: dict[str, Any] = {
        "day": day,
        "source": lake.source,
        "run_id": run_id,
        "pages": 0,
        "rows": 0,
        "repeats": 0,
        "quarantined": 0,
        "silver_rows": 0,
        "verdict": None,
        "warning": None,
        "new_fields": [],
        "published": False,
        "keys": [],
        "error": error,
    }
    try:
        stated = stored.read_bronze(lake, key).metadata
    except NoSuchObjectError:
        return summary
    promised = checks.as_many_as_promised(stated)
    summary |= {
        "warning": None if promised.passed else promised.summary,
        "pages": len(stated.pages),
        "rows": sum(record.rows for record in stated.pages),
        "verdict": stated.verdict,
        "keys": [str(key)],
    }
    quarantine = layout.quarantine_key(data_type, day)
    refined = _footer_of(lake, quarantine, key)
    if refined is not None:
        summary |= {
            "repeats": refined.counts.repeats,
            "quarantined": refined.counts.quarantined,
            "new_fields": list(refined.counts.new_fields),
            "keys": [*summary["keys"], quarantine],
        }
    silver = layout.silver_key(data_type, day)
    published = _footer_of(lake, silver, key)
    if published is not None:
        summary |= {
            "silver_rows": published.counts.silver_rows,
            "published": True,
            "keys": [*summary["keys"], silver],
        }
    return summary


def _footer_of(lake: Lake, key: str, bronze: BronzeKey) -> Footer | None:
    """The footer of a file, if it was made from this capture or, by a run at the same time, from a later one."""
    footer = lake.footer_if_ours(key, Footer)
    if footer is None:
        return None
    made_from = [BronzeKey.parse(ref.key) for ref in footer.bronze]
    captured = _captured_at(lake, bronze)
    fresh = any(made == bronze or (made and _captured_at(lake, made) > captured) for made in made_from)
    return footer if fresh else None


def _captured_at(lake: Lake, key: BronzeKey) -> str:
    return stored.read_bronze(lake, key).metadata.ingestion_timestamp or ""
