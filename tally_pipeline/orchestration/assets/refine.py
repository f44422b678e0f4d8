"""Silver: a day's capture refined under its dataset's contract, published only if its checks allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import msgspec

from tally_pipeline import clock
from tally_pipeline.bronze.captures import UnreadableCaptureError
from tally_pipeline.checks.check import Finding
from tally_pipeline.datasets import GENRES, AnyDataset
from tally_pipeline.datasets.captures import NoCaptureError
from tally_pipeline.datasets.dataset import Capture, CheckContext, PublishedHistory
from tally_pipeline.deployment import Settings
from tally_pipeline.metrics.metrics import METRICS, Datum, Metrics
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import column_schema, lineage_from_bronze
from tally_pipeline.orchestration.assets.factory import Step, partitioned_asset
from tally_pipeline.orchestration.assets.io_manager import Captures
from tally_pipeline.orchestration.assets.products import Product, RefinedDay

NEWS_FOR = timedelta(hours=24)
"""The age beyond which refining a capture again sends no metrics, so that it triggers no alarm."""


def silver_asset(
    dataset: AnyDataset, partitions: dg.PartitionsDefinition, source: str
) -> dg.AssetsDefinition:
    """The silver asset of a dataset."""
    key, bronze = common.silver_key(dataset), common.bronze_key(dataset)
    spec = common.described(
        key,
        group="silver",
        source=source,
        kinds={"parquet", "silver"},
        description=dataset.silver_description,
        deps=[bronze],
        metadata={
            "dagster/column_schema": column_schema(
                dataset.silver_table, unique=dataset.unique, nullable=dataset.nullable
            ),
            "dagster/column_lineage": lineage_from_bronze(dataset, bronze),
            "dagster/table_name": dataset.table_name,
        },
        partitions=partitions,
    )
    return partitioned_asset(
        spec,
        lambda step: _refine(step, dataset),
        op=dataset.silver_op,
        checks=dataset.silver_checks,
        options=dataset.refine_options,
        inputs={"captures": dg.AssetIn(key=bronze)},
        needs={"settings", "metrics"},
        op_tags=common.op_tags(dataset),
    )


class _History:
    """The counts of published days, read once each."""

    def __init__(self, read: Callable[[str], msgspec.Struct | None]) -> None:
        self._read = read
        self._known: dict[str, msgspec.Struct | None] = {}

    def published(self, day: str, counts: msgspec.Struct) -> None:
        self._known[day] = counts

    def counts(self, day: str) -> msgspec.Struct | None:
        if day not in self._known:
            self._known[day] = self._read(day)
        return self._known[day]


def _refine(step: Step, dataset: AnyDataset) -> Iterator[Product]:
    settings: Settings = step.resources.settings
    metrics: Metrics = step.resources.metrics
    captures: Captures = step.inputs["captures"]
    history = _History(lambda day: step.lake.published_counts(dataset, day))
    for number, day in enumerate(step.days, start=1):
        against = CheckContext(
            settings.min_pass_rate, PublishedHistory(day, history.counts), lambda: _genres_listed(step)
        )
        try:
            capture = captures.choose(day, step.options)
            refined = dataset.refine(capture)
        except (NoCaptureError, UnreadableCaptureError) as error:
            nothing = Finding(False, "there is nothing to refine", str(error))
            product = Product(day=day, findings=((dataset.silver_checks[0], nothing),), failure=str(error))
            yield product
            step.log_result(product, number)
            continue
        passed_over = {"passed over": list(capture.passed_over)} if capture.passed_over else {}
        product = RefinedDay(
            day=day,
            findings=dataset.judge(capture, refined, step.options, against),
            metadata={
                **dataset.show(capture, refined, against.past),
                "bronze sha256": capture.sha256,
                **passed_over,
            },
            dataset=dataset,
            silver=refined.silver,
            quarantine=refined.quarantine,
            footer=dataset.footer(capture, refined, step.lake.source),
            made_from=capture.key,
        )
        yield product
        step.log_result(product, number)
        if product.result is None:
            continue
        published = not product.result.failure_reason
        if published:
            history.published(day, refined.counts)
        # After the verdict is there, so that of two machines one sends them. Who is killed before sends none: that
        # rings no alarm, for the day's other lists are sent, and nothing is ever counted twice.
        if product.result.is_news:
            metrics.send(_recent_metrics(capture, dataset.measures(capture, refined, published=published)))


def _genres_listed(step: Step) -> Mapping[int, str]:
    """The genres' names by id in their newest silver; empty without any."""
    table = step.lake.newest(GENRES)
    return dict(zip(table["id"].to_pylist(), table["name"].to_pylist(), strict=True)) if table else {}


def _recent_metrics(capture: Capture[Any], measures: Mapping[str, float]) -> list[Datum]:
    """The metrics of a capture, if it is recent."""
    # A capture without a time counts as made on its day.
    at = capture.captured_at or datetime.fromisoformat(capture.key.dt).replace(tzinfo=UTC)
    if clock.now() - at > NEWS_FOR:
        return []
    by_name = {metric.name: metric for metric in METRICS}
    return [Datum(by_name[name], value) for name, value in measures.items()]
