"""Bronze: TMDB's responses, kept for good, byte for byte; one asset a dataset."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import dagster as dg

from tally_pipeline import clock
from tally_pipeline.datasets import AnyDataset
from tally_pipeline.datasets.dataset import CaptureError, CaptureSession
from tally_pipeline.orchestration.assets import common
from tally_pipeline.orchestration.assets.factory import Step, partitioned_asset
from tally_pipeline.orchestration.assets.failures import StepRetryError
from tally_pipeline.orchestration.assets.products import Fetched, Product
from tally_pipeline.tmdb.errors import MissingExportError, TmdbError, TransientError

RETRY_AFTER_SECONDS = 60
"""The wait before a capture is tried again as a whole; doubled each time."""

PATIENCE_DAYS = 3
"""After this many failures in a row of days that should be available, the others are not requested."""


def bronze_asset(
    dataset: AnyDataset, partitions: dg.PartitionsDefinition, source: str
) -> dg.AssetsDefinition:
    """The bronze asset of a dataset."""
    spec = common.described(
        common.bronze_key(dataset),
        group="bronze",
        source=source,
        kinds={"json", "bronze"},
        description=dataset.bronze_description,
        partitions=partitions,
    )
    return partitioned_asset(
        spec,
        lambda step: _capture(step, dataset),
        op=dataset.bronze_op,
        checks=dataset.bronze_checks,
        options=dataset.capture_options,
        reads=None,
        needs={"tmdb", "settings"},
        pool=dataset.pool,
        op_tags=common.capture_tags(dataset),
    )


def _capture(step: Step, dataset: AnyDataset) -> Iterator[Product]:
    """Capture each day by itself: a missing one fails alone. After repeated failures the others are not requested."""
    today, in_a_row, last_error = clock.today().isoformat(), 0, ""
    session = CaptureSession(
        step.resources.tmdb, step.lake.lake, step.resources.settings.state / "captures", step.context.log
    )
    for number, day in enumerate(step.days, start=1):
        key = dataset.place.key(day, step.context.run.run_id)
        product = Product(day=day)
        if not dataset.is_fetchable(day, today):
            product.failure = dataset.too_late(day, today, step.lake.capture_keys(dataset, day))
        elif in_a_row >= PATIENCE_DAYS:
            product.failure = (
                f"not asked for, after {PATIENCE_DAYS} days in a row did not come. The last: {last_error}"
            )
        elif step.lake.has(key):
            step.context.log.info(f"This run wrote {key} before; it is used as it is.")
            product = Fetched(day=day, dataset=dataset, key=key, objects=())
        else:
            try:
                objects = iter(dataset.fetch(session, key, step.options))
                # Errors come with the first object; the others are made while the IO manager stores them.
                first = next(objects)
                product, in_a_row = (
                    Fetched(day=day, dataset=dataset, key=key, objects=chain([first], objects)),
                    0,
                )
            except (TmdbError, CaptureError) as error:
                _retry_if_wanted(step, error)
                # A missing day does not make the others likely to fail.
                in_a_row = 0 if isinstance(error, MissingExportError) else in_a_row + 1
                product.failure = last_error = str(error)
        yield product
        step.log_result(product, number, "kept")


def _retry_if_wanted(step: Step, error: TmdbError | CaptureError) -> None:
    """Raises `StepRetryError` if the run was launched with retries and one may help."""
    most, retries = getattr(step.options, "retries", 0), step.context.retry_number
    if isinstance(error, TransientError) and retries < most:
        raise StepRetryError(str(error), most=most, seconds=RETRY_AFTER_SECONDS * 2**retries) from None
