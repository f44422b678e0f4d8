"""A lake of what TMDB really sent on two days. The older replies, from 2022, stand for a day of the same autumn."""

from __future__ import annotations

import json
from pathlib import Path

from requests.structures import CaseInsensitiveDict

from tally_pipeline.bronze import list_capture
from tally_pipeline.bronze.list_capture import Metadata, Page, read_page
from tally_pipeline.datasets import named
from tally_pipeline.datasets.captures import choose
from tally_pipeline.datasets.shows.footer import footer_for
from tally_pipeline.datasets.shows.refinement import refine
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import Store
from tally_pipeline_tests.gold.conftest import write_genres
from testkit.stored_days import publish_silver, write_quarantine
from testkit.tmdb.own_lists import LISTS

THEN, NOW = "2025-10-10", "2025-12-24"
SNAPSHOTS = {THEN: "2022-11-26", NOW: "2025-12-24"}
"""The recordings' snapshot of each day."""

GAP_DAYS = 74
"""Days between the two, counted on a calendar."""


def recorded_lake(recordings: Path, folder: Path) -> Lake:
    """Both snapshots as two days: what of each list was recorded; the trending week stands for the day."""
    lake = Lake(Store.in_folder(folder), "tmdb")
    entries = [json.loads(line) for line in (recordings / "index.jsonl").read_text("utf-8").splitlines()]
    for day, snapshot in SNAPSHOTS.items():
        for show_list in LISTS:
            pages: dict[int, Page] = {}
            for entry in entries:
                path = entry["path"]
                here = path == show_list.path_for("week") and entry["status"] == 200
                if entry["snapshot"] == snapshot and here:
                    number = int(entry["query"].get("page", "1"))
                    body = (recordings / entry["body"]).read_bytes()
                    pages[number] = read_page(number, body, CaseInsensitiveDict(entry["headers"]))
            if pages:
                _keep(lake, show_list.name, day, list(pages.values()))
        (genres,) = [
            entry
            for entry in entries
            if (entry["snapshot"], entry["path"]) == (snapshot, "/genre/tv/list")
            and entry["query"].get("language", "en-US").startswith("en")
        ][:1]
        told = json.loads((recordings / genres["body"]).read_text("utf-8"))["genres"]
        write_genres(Path(lake.store.root), day, {genre["id"]: genre["name"] for genre in told})
    return lake


def _keep(lake: Lake, data_type: str, day: str, pages: list[Page]) -> None:
    key = BronzeKey(data_type, day, "recorded")
    told = Metadata(
        ingestion_timestamp=f"{day}T12:00:00Z", data_type=data_type, source="tmdb", verdict="complete"
    )
    lake.write_bronze(key, list_capture.encode(pages, told))
    capture = choose(lake, named(data_type), day)
    refined = refine(capture.content, data_type=data_type, dt=day, key=str(key))
    footer = footer_for((capture.ref,), "complete", "tmdb", refined.counts)
    publish_silver(lake, data_type, day, refined, footer)
    write_quarantine(lake, data_type, day, refined, footer)
