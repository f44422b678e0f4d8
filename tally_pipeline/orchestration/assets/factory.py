"""The factory of all assets: partitioned by day, checked, published day by day by the IO manager."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg
from pydantic import create_model

from tally_pipeline.checks.check import Check
from tally_pipeline.datasets.dataset import Options
from tally_pipeline.orchestration.assets.io_manager import LakeIOManager
from tally_pipeline.orchestration.assets.partition_events import MAX_DAYS_A_RUN, check_specs, conclude, settle
from tally_pipeline.orchestration.assets.products import Days, Product

BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=MAX_DAYS_A_RUN)

IO_MANAGER = "io_manager"
"""The resource through which all assets read and publish."""


@dataclass(frozen=True)
class Step:
    """One run of an asset: its days in order, its options, its inputs."""

    context: dg.AssetExecutionContext
    days: Sequence[str]
    options: Options
    inputs: Mapping[str, Any]
    lake: LakeIOManager
    resources: Any

    def log_result(self, product: Product, number: int, outcome: str = "published") -> None:
        """Log the result of a day."""
        if product.result is None:
            outcome = "another writer published it meanwhile; it is made anew"
        refusal = product.result.failure_reason if product.result else ""
        self.context.log.info(f"{product.day} ({number} of {len(self.days)}): {refusal or outcome}")


def partitioned_asset(
    spec: dg.AssetSpec,
    compute: Callable[[Step], Iterator[Product]],
    *,
    op: str,
    checks: Sequence[Check],
    options: type[Options] = Options,
    inputs: Mapping[str, dg.AssetIn] | None = None,
    reads: Collection[dg.AssetKey] | None = (),
    needs: Collection[str] = (),
    pool: str | None = None,
    op_tags: Mapping[str, str] | None = None,
) -> dg.AssetsDefinition:
    """An asset that `compute` makes, one product a day.

    While it is made, no other run makes it or the assets that it `reads` (None: without locks). `needs` are the
    resources that it uses besides the IO manager.
    """
    fields: dict[str, Any] = {name: (field.annotation, field) for name, field in options.model_fields.items()}
    config = create_model(options.__name__, __base__=dg.Config, **fields)
    assert spec.partitions_def is not None

    @dg.multi_asset(
        name=op,
        specs=[spec.with_io_manager_key(IO_MANAGER)],
        check_specs=check_specs(checks, spec.key, spec.partitions_def),
        ins=dict(inputs or {}),
        can_subset=True,
        backfill_policy=BACKFILL,
        config_schema=config.to_fields_dict() if options.model_fields else None,
        required_resource_keys={IO_MANAGER, *needs},
        pool=pool,
        op_tags=op_tags,
    )
    def make(
        context: dg.AssetExecutionContext, **loaded: Any
    ) -> Iterator[dg.MaterializeResult[Days] | dg.AssetCheckResult]:
        lake: LakeIOManager = context.resources.io_manager
        chosen = options(**(context.op_execution_context.op_config or {}))
        step = Step(context, sorted(context.partition_keys), chosen, loaded, lake, context.resources)
        with ExitStack() as alone:
            if reads is not None:
                alone.enter_context(lake.locked(spec.key, reads, context.log.info))
            # When an output fails Dagster leaves this generator open: other runs would wait for its locks for ever.
            days = Days(
                step.days,
                lambda chosen: compute(replace(step, days=chosen)),
                lambda chosen: lake.versions(spec.key, chosen),
                lambda results: settle(context, spec.key, results),
                alone.close,
            )
            if spec.key in context.selected_asset_keys and not days.is_refused(alone=len(step.days) == 1):
                yield dg.MaterializeResult(asset_key=spec.key, value=days)
            else:
                # Dagster accepts no output of an unselected asset, and a refused day must not count as one.
                lake.publish_days(days)
            yield from conclude(context, spec.key, days.results)

    return make
