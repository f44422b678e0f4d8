"""`silver_offers`: where each show can be watched."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.checks.check import Check, Finding, Findings
from tally_pipeline.datasets.details.brands import brand_of
from tally_pipeline.datasets.details.contract import KINDS
from tally_pipeline.datasets.details.derived import DETAILS, OfDetails, unnested
from tally_pipeline.plurals import counted
from tally_pipeline.previews import Bars
from tally_pipeline.tables.columns import BIGINT, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Engine

EVERY_OFFER = Check("every_offer", "It holds as many offers as the details, of each kind.", blocking=True)

_SOURCE = f"{DETAILS}.offers"


class Offers(OfDetails):
    name = "offers"
    description = (
        "Where each show can be watched as of the day: one row an offer of a provider in a country. JustWatch's data,"
        " via TMDB: name JustWatch wherever you show it."
    )
    # In this order, in which neighbours are alike, a file is half as large as in the order of shows.
    key = ("provider_id", "kind", "country", "show_id")
    columns = (
        Column("show_id", BIGINT, "TMDB's id of the show.", f"{DETAILS}.show_id"),
        Column("title", STRING, "The show's title.", f"{DETAILS}.title", True, few=True),
        Column("country", STRING, "The country's code (ISO 3166-1).", _SOURCE, few=True),
        Column("kind", STRING, f"One of {', '.join(KINDS)}.", _SOURCE, few=True),
        Column("provider_id", BIGINT, "TMDB's id of the provider.", _SOURCE, few=True),
        Column("provider_name", STRING, "The provider's name.", _SOURCE, True, few=True),
        Column("brand_id", BIGINT, "The provider that stands for its brand.", _SOURCE, few=True),
        Column("brand", STRING, "The brand's name.", _SOURCE, few=True),
        Column("display_priority", INT, "TMDB's order of providers in the country.", _SOURCE, True),
        Column("seen_on", STRING, "The day of the reply that says so.", f"{DETAILS}.seen_on", few=True),
        Column("age_days", INT, "Days since then.", f"{DETAILS}.age_days"),
    )
    checks = (EVERY_OFFER,)
    previewed = ("title", "country", "kind", "provider_name", "brand", "age_days")
    reads = ("show_id", "title", "offers", "seen_on", "age_days")

    def made_from(self, details: pa.Table) -> pa.Table:
        rows = unnested(details, "offers", ("show_id", "title", "seen_on", "age_days"))
        providers = rows.select(["provider_id", "provider_name"])
        names = providers.group_by("provider_id").aggregate([("provider_name", "max")]).to_pydict()
        found = {
            provider_id: brand_of(provider_id, name)
            for provider_id, name in zip(names["provider_id"], names["provider_name_max"], strict=True)
        }
        keys = pa.array(list(found), pa.int64())
        places = pc.index_in(rows["provider_id"], value_set=keys)
        brand_ids = pa.array([brand.id for brand in found.values()], pa.int64())
        brands = pa.array([brand.name for brand in found.values()], pa.string())
        rows = rows.append_column("brand_id", brand_ids.take(places))
        rows = rows.append_column("brand", brands.take(places))
        return rows.select(self.schema.names).cast(self.schema)

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        kinds = pc.list_flatten(self.details(sources, day)["offers"].combine_chunks()).field("kind")
        stated, held = _by(kinds), _by(rows["kind"])
        return [
            (
                EVERY_OFFER,
                Finding(
                    passed=held == stated,
                    summary=f"{counted(rows.num_rows, 'offer')}, the details have {sum(stated.values())}",
                    remedy="A bug in datasets/details/offers.py.",
                    numbers=dict(held),
                ),
            )
        ]

    def plots(self, engine: Engine, day: str, rows: pa.Table) -> dict[str, Bars]:
        countries = sorted(_by(rows["country"]).values(), reverse=True)
        return {"offers by country": Bars.of([float(number) for number in countries])}


def _by(values: pa.Array | pa.ChunkedArray) -> dict[str, int]:
    """The number of each value."""
    return {one["values"]: one["counts"] for one in pc.value_counts(values).to_pylist()}


OFFERS = Offers()
