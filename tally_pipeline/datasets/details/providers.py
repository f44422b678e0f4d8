"""`silver_providers`: the providers of all offers, with their brands."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from tally_pipeline.checks.check import SHOWN, Check, Finding, Findings
from tally_pipeline.datasets.details.brands import brand_of, look_alikes, mapped
from tally_pipeline.datasets.details.derived import DETAILS, OfDetails, unnested
from tally_pipeline.plurals import counted
from tally_pipeline.tables.columns import BIGINT, BOOLEAN, INT, STRING, Column
from tally_pipeline.tables.sources import Sources
from tally_pipeline.tables.table import Engine

EVERY_OFFER_COUNTED = Check(
    "every_offer_counted", "The providers' offers add up to those of the details.", blocking=True
)
BRANDS_KNOWN = Check(
    "brands_known", "No provider outside the map of brands looks like a plan or channel of another."
)

_SOURCE = f"{DETAILS}.offers"


class Providers(OfDetails):
    name = "providers"
    description = (
        "The providers that offer a show as of the day, with their brands. JustWatch's data, via TMDB."
    )
    key = ("provider_id",)
    columns = (
        Column("provider_id", BIGINT, "TMDB's id of the provider; unique within a day.", _SOURCE),
        Column("provider_name", STRING, "Its name.", _SOURCE, True),
        Column("brand_id", BIGINT, "The provider that stands for its brand.", _SOURCE),
        Column("brand", STRING, "The brand's name.", _SOURCE),
        Column("is_mapped", BOOLEAN, "True if the map of brands names it.", _SOURCE),
        Column("countries", INT, "Countries in which it offers a show.", _SOURCE),
        Column("shows", INT, "Shows that it offers.", f"{_SOURCE} {DETAILS}.show_id"),
        Column("offers", INT, "Its offers.", _SOURCE),
    )
    checks = (EVERY_OFFER_COUNTED, BRANDS_KNOWN)
    previewed = ("provider_name", "brand", "countries", "shows", "offers")
    reads = ("show_id", "offers")

    def made_from(self, details: pa.Table) -> pa.Table:
        rows = unnested(details, "offers", ("show_id",))
        by_provider = rows.group_by("provider_id").aggregate(
            [
                ("provider_name", "max"),
                ("country", "count_distinct"),
                ("show_id", "count_distinct"),
                ("kind", "count"),
            ]
        )
        found = by_provider.to_pydict()
        pairs = list(zip(found["provider_id"], found["provider_name_max"], strict=True))
        of = [brand_of(provider_id, name) for provider_id, name in pairs]
        return pa.table(
            {
                "provider_id": found["provider_id"],
                "provider_name": found["provider_name_max"],
                "brand_id": [brand.id for brand in of],
                "brand": [brand.name for brand in of],
                "is_mapped": [mapped(provider_id) is not None for provider_id, _ in pairs],
                "countries": found["country_count_distinct"],
                "shows": found["show_id_count_distinct"],
                "offers": found["kind_count"],
            },
            schema=self.schema,
        )

    def preview(self, rows: pa.Table) -> pa.Table:
        return super().preview(rows.sort_by([("offers", "descending")]))

    def findings(self, sources: Sources, engine: Engine, day: str, rows: pa.Table) -> Findings:
        offers = pc.sum(pc.list_value_length(self.details(sources, day)["offers"])).as_py() or 0
        held = pc.sum(rows["offers"]).as_py() or 0
        names = zip(rows["provider_id"].to_pylist(), rows["provider_name"].to_pylist(), strict=True)
        return [
            (
                EVERY_OFFER_COUNTED,
                Finding(
                    passed=held == offers,
                    summary=f"{counted(held, 'offer')} of {counted(rows.num_rows, 'provider')}, the details have"
                    f" {offers}",
                    remedy="A bug in datasets/details/providers.py.",
                    numbers={"providers": rows.num_rows, "offers": held},
                ),
            ),
            (BRANDS_KNOWN, brands_known([(number, name) for number, name in names if name])),
        ]


def brands_known(providers: Sequence[tuple[int, str]]) -> Finding:
    """`providers`: id and name of each."""
    alike = look_alikes(providers)
    return Finding(
        passed=not alike,
        serious=False,
        summary=f"{counted(len(alike), 'provider')} outside the map of brands"
        f" {'looks' if len(alike) == 1 else 'look'} like a plan or channel of another",
        remedy="A plan would pay for the same thing twice. Add them to a brand in datasets/details/brands.toml, or a"
        " brand of their own each, if they are different services.",
        numbers={"look_alikes": len(alike)},
        offenders=[
            {"provider_id": number, "name": name, "looks like": other}
            for number, name, other in alike[:SHOWN]
        ],
    )


PROVIDERS = Providers()
