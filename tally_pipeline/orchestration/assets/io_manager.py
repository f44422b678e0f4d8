"""The assets' only access to the lake: loads their inputs and publishes their results.

    defs.load_asset_value(["silver_shows", "popular_shows"], partition_key="2025-12-24")

Each write is atomic. A day of silver, gold or the report replaces the last version only if no check objects; rejected
rows are kept in any case. Bronze is written once and never replaced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import dagster as dg
import msgspec
import pyarrow as pa

from tally_pipeline.bronze.captures import UnreadableCaptureError
from tally_pipeline.datasets import DATASETS, AnyDataset
from tally_pipeline.datasets.captures import capture_keys, choose, newest_silver
from tally_pipeline.datasets.dataset import Capture, Options
from tally_pipeline.datasets.shows import stored
from tally_pipeline.gold import ALL_TABLES
from tally_pipeline.lake import layout, parquet
from tally_pipeline.lake.lake import Lake
from tally_pipeline.lake.layout import BronzeKey
from tally_pipeline.lake.store import AlreadyThereError, OvertakenError
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.asset_metadata import rendered
from tally_pipeline.orchestration.assets.failures import complete_messages
from tally_pipeline.orchestration.assets.partition_events import PartitionResult
from tally_pipeline.orchestration.assets.products import (
    ATTEMPTS,
    Days,
    Fetched,
    PageDay,
    Product,
    RefinedDay,
    TableDay,
    Versions,
)
from tally_pipeline.tables.sources import Sources

if TYPE_CHECKING:
    # A second of import that only assets with pandas frames should cost.
    import pandas as pd


class Captures:
    """A dataset's captures, as an asset's input."""

    def __init__(self, lake: Lake, dataset: AnyDataset) -> None:
        self._lake = lake
        self._dataset = dataset

    def choose(self, day: str, options: Options) -> Capture[Any]:
        """The day's capture that counts; raises `NoCaptureError`, `UnreadableCaptureError`."""
        return choose(self._lake, self._dataset, day, options)


class LakeIOManager(dg.IOManager):
    """The IO manager of all assets."""

    def __init__(self, lake: Lake, datasets: Iterable[AnyDataset] = DATASETS) -> None:
        self.lake = lake
        self._by_bronze = {dg.AssetKey(dataset.bronze_asset): dataset for dataset in datasets}
        self._by_silver = {dg.AssetKey(dataset.silver_asset): dataset for dataset in datasets}
        self._by_table = {dg.AssetKey(table.asset): table for table in ALL_TABLES}

    @property
    def source(self) -> str:
        """The source of the lake's data."""
        return self.lake.source

    # --- called by Dagster ---

    def handle_output(self, context: dg.OutputContext, obj: Days | pa.Table | pd.DataFrame) -> None:
        """Publish the days of one of Tally's assets, one after the other; or replace the table of another asset (one
        partition a run)."""
        if isinstance(obj, Days):
            try:
                self.publish_days(obj)
                obj.settle()
            except BaseException:
                obj.give_up()
                raise
            return
        table = obj if isinstance(obj, pa.Table) else pa.Table.from_pandas(obj, preserve_index=False)
        key = self._table_key(context.asset_key, context.partition_key)
        self.lake.store.put(key, parquet.encode_table(table))
        context.add_output_metadata(
            {"dagster/partition_row_count": table.num_rows, "dagster/uri": self.lake.store.uri(key)}
        )

    def load_input(self, context: dg.InputContext) -> Any:
        """Load a dataset's captures from bronze; else the partition, as a pandas frame or an annotated Arrow table.

        An input of several partitions is one table, with the partition's day in the column `dt`.
        """
        dataset = self._by_bronze.get(context.asset_key)
        if dataset is not None:
            return Captures(self.lake, dataset)
        tables = []
        for day in context.asset_partition_keys:
            table = parquet.decode(self.lake.store.get(self._table_key(context.asset_key, day)))
            tables.append(table.append_column("dt", pa.array([day] * table.num_rows, pa.string())))
        # A column without values on one day has no type there.
        combined = pa.concat_tables(tables, promote_options="default")
        return combined if context.dagster_type.typing_type is pa.Table else combined.to_pandas()

    # --- publishing ---

    def publish_days(self, days: Days) -> None:
        """Publish the days as they are computed."""
        with complete_messages():
            days.publish(self.publish)

    def versions(self, asset: dg.AssetKey, days: Sequence[str]) -> Versions:
        """The versions of the objects that publishing these days of an asset replaces."""
        keys = {key for day in days for key in self._replaced_by(asset, day)}
        if len(days) == 1:
            return {key: self.lake.store.version(key) for key in keys}
        # For many days a listing costs less.
        folders = {key.partition("/dt=")[0] for key in keys}
        listed = {info.key: info.version for folder in folders for info in self.lake.store.list(folder)}
        return {key: listed.get(key) for key in keys}

    def publish(self, product: Product, versions: Versions) -> PartitionResult:
        """Publish one day in place of these versions, unless its checks object; rejected rows are kept in any case.
        Raises `OvertakenError` if another writer published the day or replaced its inputs."""
        if self.lake.store.is_shared and not product.inputs_stand():
            raise OvertakenError(f"what {product.day} was made from was replaced by another writer meanwhile")
        if product.failure:
            return PartitionResult(product.day, product.findings, failure_reason=product.failure)
        match product:
            case Fetched():
                return self._keep(product)
            case RefinedDay():
                return self._publish_silver(product, versions)
            case TableDay():
                return self._publish_table(product, versions)
            case PageDay():
                return self._publish_page(product, versions)
        metadata = rendered(product.metadata) | {"source": self.lake.source}
        return PartitionResult(product.day, product.findings, metadata, failure_reason=product.objections)

    def publish_now(self, asset: dg.AssetKey, product: Product) -> PartitionResult:
        """Publish one day in place of the present versions. Raises as `publish`."""
        return self.publish(product, self.versions(asset, [product.day]))

    def _keep(self, product: Fetched) -> PartitionResult:
        dataset, key = product.dataset, product.key
        again = "Materialize the day in a new run."
        for name, body in product.objects:
            try:
                self.lake.write_once(name, body)
            except AlreadyThereError as error:
                if not dataset.keeps(name, self.lake.store.get(name), body):
                    died = "An attempt of this run died while it wrote, and what came now is another."
                    return PartitionResult(key.dt, (), failure_reason=f"{error}. {died} {again}")
        try:
            return capture_result(self.lake, dataset, key)
        except UnreadableCaptureError as error:
            return PartitionResult(key.dt, (), failure_reason=f"{error}. {again}")

    def _publish_silver(self, product: RefinedDay, versions: Versions) -> PartitionResult:
        dataset, day = product.dataset, product.day
        silver_key, quarantine_key = dataset.silver_key(day), dataset.quarantine_key(day)
        where, is_news = {}, True
        if quarantine_key is not None and product.quarantine is not None:
            is_news = self._replace(quarantine_key, product.quarantine, product, versions)
            where = {"quarantine": self.lake.store.uri(quarantine_key)}
        if product.objections:
            rejected = f" Rejected rows: {where['quarantine']}" if where else ""
            return replace(self._refused(product, silver_key, rejected), is_news=is_news)
        # Whatever is in quarantine: a run that was killed may have left that.
        is_news = self._replace(silver_key, product.silver, product, versions)
        metadata = rendered(product.metadata) | {
            "dagster/uri": self.lake.store.uri(silver_key),
            "source": self.lake.source,
            "bronze object": self.lake.store.uri(str(product.made_from)),
            **where,
        }
        return PartitionResult(day, product.findings, metadata, is_news=is_news)

    def _replace(self, key: str, rows: pa.Table, product: RefinedDay, versions: Versions) -> bool:
        """Replace a file of the day; True if none was made from this capture before, by whomever."""
        is_known = self.lake.is_made_from(key, str(product.made_from))
        is_ours = self.lake.store.replace(key, parquet.encode(rows, product.footer), versions[key])
        return is_ours and not is_known

    def _publish_table(self, product: TableDay, versions: Versions) -> PartitionResult:
        key = product.key
        if product.objections:
            return self._refused(product, key)
        self.lake.store.replace(key, parquet.encode(product.rows, product.footer), versions[key])
        metadata = rendered(product.metadata) | {
            "dagster/partition_row_count": product.rows.num_rows,
            "dagster/uri": self.lake.store.uri(key),
            "source": self.lake.source,
        }
        return PartitionResult(product.day, product.findings, metadata)

    def _publish_page(self, product: PageDay, versions: Versions) -> PartitionResult:
        """Publish the day's page; also as the latest one, if no newer day has a page."""
        key = layout.report_key(product.day)
        if product.objections:
            return self._refused(product, key)
        self.lake.store.replace(key, product.page, versions[key])
        latest = product.day == newest_report(self.lake)
        if latest:
            self._point_at_latest()
        uri = self.lake.store.uri(key)
        metadata = rendered(product.metadata) | {
            "dagster/uri": uri,
            "page": dg.MetadataValue.path(uri),
            "is the latest": latest,
            "source": self.lake.source,
        }
        return PartitionResult(product.day, product.findings, metadata)

    def _point_at_latest(self) -> None:
        """Copy the newest day's present page to the latest one: the last writer has seen all earlier pages."""
        key = layout.latest_report_key()
        for attempt in range(ATTEMPTS):
            version, newest = self.lake.store.version(key), newest_report(self.lake)
            if newest is None:
                return
            page = self.lake.store.get(layout.report_key(newest))
            try:
                self.lake.store.replace(key, page, version, shows=newest)
            except OvertakenError:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def _replaced_by(self, asset: dg.AssetKey, day: str) -> list[str]:
        """The keys that publishing a day of an asset replaces; none of bronze or the table over silver."""
        dataset = self._by_silver.get(asset)
        if dataset is not None:
            return [key for key in (dataset.silver_key(day), dataset.quarantine_key(day)) if key]
        if asset == common.REPORT:
            return [layout.report_key(day)]
        table = self._by_table.get(asset)
        if table is not None:
            return [table.file_key(day)]
        return [self._table_key(asset, day)] if asset.path[0] == layout.GOLD else []

    def _refused(self, product: Product, key: str, note: str = "") -> PartitionResult:
        is_published = self.lake.store.exists(key)
        stays = "The day's last good file stays." if is_published else "The day has no file yet."
        return PartitionResult(
            product.day, product.findings, failure_reason=f"{product.objections} {stays}{note}"
        )

    # --- reading ---

    @property
    def reading(self) -> Lake:
        """The lake, read-only."""
        return Lake(self.lake.store.read_only(), self.lake.source, self.lake.locks)

    def sources(self, lists: Iterable[str]) -> Sources:
        """Gold's inputs: the present files of these lists."""
        return Sources.of(self.reading, lists)

    def locked(
        self, makes: dg.AssetKey, reads: Iterable[dg.AssetKey], log: Any
    ) -> AbstractContextManager[None]:
        """While this lasts, no other run makes this asset or its inputs."""
        names = [key.to_python_identifier() for key in reads]
        return self.lake.locks.hold(makes.to_python_identifier(), names, log)

    def has(self, key: BronzeKey) -> bool:
        """True if a capture is stored already."""
        return self.lake.store.exists(str(key))

    def capture_keys(self, dataset: AnyDataset, day: str) -> list[BronzeKey]:
        """The captures of a day in bronze."""
        return capture_keys(self.lake, dataset, day)

    def _table_key(self, asset: dg.AssetKey, day: str) -> str:
        """The key of a day of an asset's table: silver's for a silver asset, else in a folder of the asset's name."""
        dataset = self._by_silver.get(asset)
        return dataset.silver_key(day) if dataset else f"{'/'.join(asset.path)}/dt={day}/data.parquet"

    def published_counts(self, dataset: AnyDataset, day: str) -> msgspec.Struct | None:
        """The counts of a published day; None without a file of Tally's."""
        footer = self.lake.footer_if_ours(dataset.silver_key(day), dataset.footer_type)
        return getattr(footer, "counts", None)

    def rows_stated(self, name: str, day: str) -> int | None:
        """The row count in the footer of a day of a list's silver; None without one. Raises `ForeignFileError`."""
        footer = stored.silver_footer(self.lake, name, day)
        return footer.counts.silver_rows if footer else None

    def newest(self, dataset: AnyDataset) -> pa.Table | None:
        """A dataset's newest silver; None if there never was any."""
        return newest_silver(self.lake, dataset)


def newest_report(lake: Lake) -> str | None:
    """The newest day with a report."""
    days = filter(None, map(layout.day_of, lake.store.folders(layout.REPORTS)))
    return next(
        (day for day in sorted(days, reverse=True) if lake.store.exists(layout.report_key(day))), None
    )


def capture_result(lake: Lake, dataset: AnyDataset, key: BronzeKey) -> PartitionResult:
    """The result of a capture in bronze, written by a run or not.

    Raises `NoSuchObjectError`, `UnreadableCaptureError`.
    """
    capture = dataset.read(lake.store, key)
    beside = dataset.place.key_beside(str(key))
    metadata = rendered(dataset.show_capture(capture)) | {"dagster/uri": lake.store.uri(str(key))}
    if beside is not None:
        metadata["receipt"] = lake.store.uri(beside)
    return PartitionResult(key.dt, dataset.judge_capture(capture), metadata)
