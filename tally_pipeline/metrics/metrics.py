"""The pipeline's metrics: all their names, in one place, and the interface that sends values.

Their one dimension is the environment, or the data of one would keep another's alarms quiet. Each value of a
dimension is a series that is billed by itself: so figures by list are in Dagster's metadata, and two environments
stay within the ten series that are always free.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

PIPELINE = "Tally/DataPipeline"
QUALITY = "Tally/DataQuality"

ENVIRONMENT_DIMENSION = "Environment"

Unit = Literal["Count", "Seconds", "Percent"]


@dataclass(frozen=True)
class Metric:
    """One series in CloudWatch; `description` explains one value and the reading of many."""

    namespace: str
    name: str
    unit: Unit
    description: str


TOTAL_SHOWS_INGESTED = Metric(
    PIPELINE,
    "TotalShowsIngested",
    "Count",
    "Rows that one list published to silver. The sum is what came in; none for a day means nothing did.",
)
PIPELINE_RUN_FAILURES = Metric(
    PIPELINE,
    "PipelineRunFailures",
    "Count",
    "1 for each run that failed, 0 for each that succeeded. The sum is how many failed.",
)
PIPELINE_RUN_DURATION = Metric(
    PIPELINE, "PipelineRunDuration", "Seconds", "How long one run took, from its start to its end."
)
DATA_QUALITY_PASS_RATE = Metric(
    QUALITY,
    "DataQualityPassRate",
    "Percent",
    "Percent of one list's rows that hold the contract. The minimum is the worst list.",
)
QUARANTINED_ROWS = Metric(
    QUALITY, "QuarantinedRows", "Count", "Rows of one list that were rejected. The sum is over all lists."
)
METRICS = (
    TOTAL_SHOWS_INGESTED,
    PIPELINE_RUN_FAILURES,
    PIPELINE_RUN_DURATION,
    DATA_QUALITY_PASS_RATE,
    QUARANTINED_ROWS,
)


def by_namespace() -> dict[str, list[str]]:
    """The names of all metrics, by namespace, for alarms and dashboards."""
    return {
        namespace: [metric.name for metric in METRICS if metric.namespace == namespace]
        for namespace in (PIPELINE, QUALITY)
    }


@dataclass(frozen=True)
class Datum:
    """One value of a metric, in its unit."""

    metric: Metric
    value: float


class Metrics(Protocol):
    """A destination of metrics."""

    def send(self, data: Sequence[Datum]) -> None:
        """Send values, as of now. A failure is logged as a warning and never fails a run."""
        ...


class Unsent:
    """No destination, for a lake on one's own machine."""

    def send(self, data: Sequence[Datum]) -> None:
        """Does nothing."""
