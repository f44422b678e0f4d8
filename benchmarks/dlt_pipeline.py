"""The four lists on dlt, as its documentation has it: what Tally is measured and proven against.

`python -m benchmarks.dlt_pipeline URL FOLDER DAY [--threads]` loads the lists into Parquet files. It knows nothing of
Tally, so that starting it costs what starting dlt costs.

- The source: paginator and selector told explicitly, as is advised for production.
  https://dlthub.com/docs/dlt-ecosystem/verified-sources/rest_api/basic
- The destination: a folder, Parquet, one Hive-style folder a day by the layout. A merge needs Delta tables there;
  with plain files it falls back to append. https://dlthub.com/docs/dlt-ecosystem/destinations/filesystem
- Contracts: https://dlthub.com/docs/general-usage/schema-contracts
- Lists in threads: https://dlthub.com/docs/reference/performance#extract
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import dlt
from dlt.destinations import filesystem
from dlt.extract.source import DltSource
from dlt.sources.rest_api import rest_api_source
from requests import Response

DATASET = "tmdb"
LAYOUT = "{table_name}/dt={day}/{load_id}.{file_id}.{ext}"
_TIMEZONE = {"timezone": "Africa/Abidjan"}

ContractMode = Literal["evolve", "freeze", "discard_row", "discard_value"]


@dataclass(frozen=True)
class TmdbList:
    """A list of TMDB's: `path` below the API's base URL, `pages` at most (None: as many as `total_pages` says)."""

    name: str
    path: str
    pages: int | None = 500
    params: Mapping[str, str] | None = None


LISTS = (
    TmdbList("popular_shows", "tv/popular", 50),
    TmdbList("trending_shows", "trending/tv/day", 25),
    TmdbList("airing_today", "tv/airing_today", params=_TIMEZONE),
    TmdbList("on_the_air", "tv/on_the_air", params=_TIMEZONE),
)


@dataclass(frozen=True)
class Options:
    """Options of dlt; the defaults are dlt's.

    `delta`: merge by day and id, in Delta tables. `declared`: vote_average is declared a double. `guarded`: a hook
    of one's own looks into each reply and raises when it has no `results`. `threads`: the lists at the same time.
    """

    new_columns: ContractMode = "evolve"
    replace: bool = False
    delta: bool = False
    declared: bool = False
    guarded: bool = False
    threads: bool = False


def shows(
    base_url: str, day: str, lists: Sequence[TmdbList] = LISTS, options: Options | None = None
) -> DltSource:
    """The lists as one source."""
    chosen = options or Options()
    defaults: dict[str, Any] = {
        "write_disposition": "replace" if chosen.replace else "append",
        "schema_contract": {"columns": chosen.new_columns},
    }
    if chosen.delta:
        defaults |= {
            "write_disposition": {"disposition": "merge", "strategy": "upsert"},
            "primary_key": ["dt", "id"],
            "table_format": "delta",
            "processing_steps": [{"map": lambda row: {**row, "dt": day}}],
        }
    if chosen.declared:
        defaults["columns"] = {"vote_average": {"data_type": "double"}}
    if chosen.guarded:
        defaults["endpoint"] = {"response_actions": [_require_results]}
    config: Any = {
        "client": {"base_url": f"{base_url}/"},
        "resource_defaults": defaults,
        "resources": [{"name": one.name, "endpoint": _endpoint(one)} for one in lists],
    }
    return rest_api_source(config, name=DATASET, parallelized=chosen.threads)


def pipeline(folder: Path, day: str, name: str = DATASET) -> dlt.Pipeline:
    """A pipeline that keeps its state and its lake in the folder."""
    lake = filesystem((folder / "lake").absolute().as_uri(), layout=LAYOUT, extra_placeholders={"day": day})
    return dlt.pipeline(
        pipeline_name=name, pipelines_dir=str(folder / "pipelines"), destination=lake, dataset_name=DATASET
    )


def _endpoint(one: TmdbList) -> Any:
    # dlt stops before `maximum_page` where pages are counted from 1.
    limit = {} if one.pages is None else {"maximum_page": one.pages + 1}
    return {
        "path": one.path,
        "params": {"language": "en-US", **(one.params or {})},
        "data_selector": "results",
        "paginator": {"type": "page_number", "base_page": 1, "total_path": "total_pages", **limit},
    }


def _require_results(reply: Response, *_: Any, **__: Any) -> None:
    if reply.ok and not reply.json().get("results"):
        raise ValueError(f"no results in the reply: {reply.text[:200]}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dlt_pipeline")
    parser.add_argument("url")
    parser.add_argument("folder", type=Path)
    parser.add_argument("day")
    parser.add_argument("--threads", action="store_true")
    told = parser.parse_args()
    source = shows(told.url, told.day, options=Options(threads=told.threads))
    print(pipeline(told.folder, told.day).run(source, loader_file_format="parquet"))


if __name__ == "__main__":
    main()
