"""Knowledge of the lake for `tally plan`: offers and the release calendar of the shows that are wished for."""

from __future__ import annotations

from collections.abc import Sequence

from tally_pipeline.datasets.details.brands import brand_ids
from tally_pipeline.deployment import Settings, deploy
from tally_pipeline.lake import layout
from tally_pipeline.lake.lake import Lake
from tally_pipeline.plans.brands import Brands
from tally_pipeline.plans.from_lake import (
    CALENDAR_COLUMNS,
    OFFER_COLUMNS,
    SEASON_COLUMNS,
    SHOW_COLUMNS,
    STREAMED,
    LakesOffers,
    LakesSeasons,
)
from tally_pipeline.plans.known import NoOffers, NoSeasons, Offers, Seasons
from tally_pipeline.plans.wishes import Wishes
from tally_pipeline.query.engine import QueryEngine


def knowledge(settings: Settings, asked: Wishes) -> tuple[Offers, Seasons]:
    """The lake's newest offers and dates of the shows of which the wishes leave them open; none without a lake.

    Raises `QueryError`, `LakeError`.
    """
    unknown_offers = sorted({wish.show_id for wish in asked.wishes if wish.providers is None})
    unknown_dates = sorted({wish.show_id for wish in asked.wishes if wish.earliest is None})
    if not unknown_offers and not unknown_dates:
        return NoOffers(), NoSeasons()
    deployment = deploy(settings)
    lake, engine = deployment.lake, deployment.query_engine
    return (
        _offers(lake, engine, unknown_offers, asked.country),
        _seasons(lake, engine, unknown_dates),
    )


def brands() -> Brands:
    """The provider that stands for each provider's brand, by the map of brands."""
    return brand_ids()


def _offers(lake: Lake, engine: QueryEngine, show_ids: Sequence[int], country: str) -> Offers:
    day = _newest(lake, "silver", "offers")
    if day is None or not show_ids:
        return LakesOffers((), ())
    within = f"dt = '{day}' AND show_id IN ({', '.join(map(str, show_ids))})"
    kinds = ", ".join(f"'{kind}'" for kind in STREAMED)
    rows = engine.query(
        f"SELECT {', '.join(OFFER_COLUMNS)} FROM silver_offers"
        f" WHERE {within} AND country = '{country}' AND kind IN ({kinds})"
    )
    shows = engine.query(f"SELECT {', '.join(SHOW_COLUMNS)} FROM silver_details WHERE {within}")
    return LakesOffers(rows.to_pylist(), shows.to_pylist())


def _seasons(lake: Lake, engine: QueryEngine, show_ids: Sequence[int]) -> Seasons:
    day = _newest(lake, "gold", "release_calendar")
    if day is None or not show_ids:
        return NoSeasons()
    within = f"dt = '{day}' AND show_id IN ({', '.join(map(str, show_ids))})"
    calendar = engine.query(
        f"SELECT DISTINCT {', '.join(CALENDAR_COLUMNS)} FROM gold_release_calendar WHERE {within}"
    )
    seasons = engine.query(f"SELECT {', '.join(SEASON_COLUMNS)} FROM silver_seasons WHERE {within}")
    return LakesSeasons(calendar.to_pylist(), seasons.to_pylist())


def _newest(lake: Lake, layer: str, table: str) -> str | None:
    """The newest day with a file of a table; None without any."""
    days = [day for name in lake.store.folders(f"{layer}/{table}") if (day := layout.day_of(name))]
    return next(
        (day for day in sorted(days, reverse=True) if lake.store.exists(layout.table_key(layer, table, day))),
        None,
    )
