"""What TMDB really sent about 34 shows, through the client and the assets into a lake, told cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from tally_pipeline.bronze.details_capture import APPENDED, Manifest, Reply
from tally_pipeline.datasets.details import DETAILS
from tally_pipeline.lake import layout, parquet
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.automation.jobs import BELOW_DETAILS
from tally_pipeline.tmdb.sandbox import Recordings, Sandbox
from testkit import pipeline as kit
from testkit import plain_details
from testkit.pipeline import Pipeline, day

SNAPSHOT = "2025-12-24"
SHOWS, OFFERS = 34, 6436


@dataclass(frozen=True)
class World:
    """A lake with one day of these shows, refined with everything below; what the sandbox answered, by show."""

    pipeline: Pipeline
    sent: dict[int, bytes]
    requests: int

    @property
    def manifest(self) -> Manifest:
        lake = self.pipeline.lake
        (key,) = [
            key for info in lake.store.list(DETAILS.place.folder) if (key := DETAILS.place.parse(info.key))
        ]
        return DETAILS.read(lake.store, key).content.manifest

    @property
    def replies(self) -> list[Reply]:
        capture = DETAILS.read(self.pipeline.lake.store, DETAILS.place.key(day(), self.manifest.execution_id))
        return [reply for part in self.manifest.parts for reply in capture.content.read_part(part)]

    def table(self, name: str) -> pa.Table:
        return parquet.decode(self.pipeline.lake.store.get(layout.table_key("silver", name, day())))


@pytest.fixture(scope="module")
def world(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    names = sorted((recordings / SNAPSHOT).glob("tv_*_watch_providers.json"))
    shows = [int(path.name.split("_")[1]) for path in names]
    replay = Recordings(recordings, SNAPSHOT)
    with dg.DagsterInstance.ephemeral() as instance, Sandbox(recordings=replay) as sandbox:
        pipeline = Pipeline.at(tmp_path_factory.mktemp("home"), instance, sandbox.base_url)
        kit.put(pipeline.lake, day(), [kit.row(show) for show in shows])
        assert pipeline.refine().success
        for job, assets in (("capture_details", None), ("refine", BELOW_DETAILS)):
            result = pipeline.run(job, assets=assets)
            assert result.success, kit.failures(result)
        query = {"append_to_response": ",".join(APPENDED), "language": "en-US"}
        sent = {show: replay.respond(f"/tv/{show}", query).body for show in shows}
        yield World(pipeline, sent, len(sandbox.requests))


def test_every_show_is_in_bronze_byte_for_byte_as_it_was_sent(world: World) -> None:
    assert len(world.sent) == world.requests == SHOWS
    assert {reply.head.show_id: reply.body for reply in world.replies} == world.sent
    assert (world.manifest.verdict, world.manifest.asked, world.manifest.requests) == (
        "complete",
        SHOWS,
        SHOWS,
    )
    assert all(reply.is_proven for reply in world.replies)


def test_offers_are_those_that_stand_in_the_replies_counted_a_second_way(world: World) -> None:
    table = world.table("offers")
    held = [
        tuple(row.values()) for row in table.select(["show_id", "country", "kind", "provider_id"]).to_pylist()
    ]
    assert len(held) == OFFERS
    assert set(held) == plain_details.offers_of(world.sent.values())
    keys = [
        tuple(row.values()) for row in table.select(["provider_id", "kind", "country", "show_id"]).to_pylist()
    ]
    assert keys == sorted(keys)


def test_details_and_seasons_hold_what_plain_python_reads_cell_by_cell(world: World) -> None:
    plain = [plain_details.row(world.sent[show], day(), 0) for show in sorted(world.sent)]
    assert world.table("details").to_pylist() == plain
    seasons = [
        {"show_id": row["show_id"], "title": row["title"], **season, "seen_on": day(), "age_days": 0}
        for row in plain
        for season in row["season_list"]
    ]
    assert world.table("seasons").to_pylist() == seasons
    assert seasons


def test_providers_add_up_to_the_offers(world: World) -> None:
    offers = plain_details.offers_of(world.sent.values())
    held = {row["provider_id"]: row for row in world.table("providers").to_pylist()}
    assert sum(row["offers"] for row in held.values()) == OFFERS
    for provider_id in {provider for _, _, _, provider in offers}:
        own = [one for one in offers if one[3] == provider_id]
        row = held[provider_id]
        assert (row["offers"], row["shows"]) == (len(own), len({one[0] for one in own}))
        assert row["countries"] == len({one[1] for one in own})


def test_checks_tell_of_titles_that_were_not_recorded_and_of_nothing_else(world: World) -> None:
    result = world.pipeline.run("refine", assets=[common.silver_key(DETAILS)])
    outcomes = kit.checks(result, common.silver_key(DETAILS))
    assert outcomes.pop("titles_there") == "warning"
    assert set(outcomes.values()) == {"passed"}


def test_the_audit_finds_every_reply_as_it_was_received(world: World) -> None:
    key = DETAILS.place.key(day(), world.manifest.execution_id)
    found = DETAILS.audit(world.pipeline.lake.store, key, "sandbox")
    assert (found.problems, found.pages, found.rows) == ((), 1, SHOWS)
