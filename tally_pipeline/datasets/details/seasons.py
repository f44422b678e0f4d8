"""`silver_seasons`: the seasons of each show."""

from __future__ import annotations

import pyarrow as pa

from tally_pipeline.checks.check import Check, Finding, Findings
from tally_pipeline.datasets.details.derived import DETAILS, OfDetails, unnested
from tally_pipeline.plurals import counted
from tally_pipeline.tables.columns import BIGINT, DOUBLE, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Engine

EVERY_SEASON = Check(
    "every_season", "It holds the seasons that the details hold, each once a show.", blocking=True
)


class Seasons(OfDetails):
    name = "seasons"
    description = "The seasons of each show as of the day, specials as number 0."
    key = ("show_id", "season_number")
    columns = (
        Column("show_id", BIGINT, "TMDB's id of the show.", f"{DETAILS}.show_id"),
        Column("title", STRING, "The show's title.", f"{DETAILS}.title", True, few=True),
        Column(
            "season_number", INT, "The season's number, 0 for specials.", f"{DETAILS}.season_list", few=True
        ),
        Column("name", STRING, "The season's name.", f"{DETAILS}.season_list", True, few=True),
        Column("air_date", STRING, "Its first episode's date, YYYY-MM-DD.", f"{DETAILS}.season_list", True),
        Column("episode_count", INT, "Its number of episodes.", f"{DETAILS}.season_list", True),
        Column("vote_average", DOUBLE, "The mean of its votes, 0 to 10.", f"{DETAILS}.season_list", True),
        Column("seen_on", STRING, "The day of the reply that says so.", f"{DETAILS}.seen_on", few=True),
        Column("age_days", INT, "Days since then.", f"{DETAILS}.age_days"),
    )
    checks = (EVERY_SEASON,)
    previewed = ("show_id", "title", "season_number", "air_date", "episode_count", "age_days")
    reads = ("show_id", "title", "season_list", "seen_on", "age_days")

    def made_from(self, details: pa.Table) -> pa.Table:
        rows = unnested(details, "season_list", ("show_id", "title", "seen_on", "age_days"))
        rows = rows.select(self.schema.names).cast(self.schema)
        # Should TMDB ever send a season twice, the first counts.
        places = pa.array(range(rows.num_rows), pa.int64())
        first = rows.append_column("place", places).group_by(list(self.key)).aggregate([("place", "min")])
        return rows.take(first["place_min"])

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        details = self.details(sources, day)
        stated = {
            (show_id, season["season_number"])
            for show_id, seasons in zip(
                details["show_id"].to_pylist(), details["season_list"].to_pylist(), strict=True
            )
            for season in seasons
        }
        held = set(zip(rows["show_id"].to_pylist(), rows["season_number"].to_pylist(), strict=True))
        return [
            (
                EVERY_SEASON,
                Finding(
                    passed=held == stated,
                    summary=f"{counted(len(held), 'season')}, the details have {len(stated)}",
                    remedy="A bug in datasets/details/seasons.py.",
                    numbers={"seasons": len(held)},
                ),
            )
        ]


SEASONS = Seasons()
