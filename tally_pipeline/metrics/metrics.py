"""The pipeline's metrics: their names, in one place, and what may be sent of them.

None has dimensions: a metric with them is another series for each value, found by nobody who does not name it,
and billed by itself. What a list did is in Dagster's metadata.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

PIPELINE = "Tally/DataPipeline"
QUALITY = "Tally/DataQuality"

Unit = Literal["Count", "Seconds", "Percent"]


@dataclass(frozen=True)
class Metric:
    """One series of CloudWatch; `description` says what one value means and how to read many."""

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
    """The names of all metrics, by namespace: what alarms and dashboards may speak of."""
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
    """Where metrics go."""

    def send(self, data: Sequence[Datum]) -> None:
        """Send values, as of now. What cannot be sent is a warning in the log: never a reason for a run to fail."""
        ...


class Unsent:
    """Where nobody watches: a lake on one's own machine."""

    def send(self, data: Sequence[Datum]) -> None:
        """Does nothing."""
