"""What CloudWatch was told, as the usual commands find it: by the environment."""

from __future__ import annotations

from datetime import timedelta

from tally_pipeline.aws.session import Aws
from tally_pipeline.metrics.cloudwatch import dimensions
from tally_pipeline.metrics.metrics import Metric
from testkit.pinned import real_now


def values(aws: Aws, metric: Metric) -> dict[str, float]:
    """Sum, SampleCount and Minimum of the metric over the last hours; empty when nothing was sent."""
    now = real_now()  # values have the time of the server, whose clock no test sets
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace=metric.namespace,
        MetricName=metric.name,
        Dimensions=dimensions(aws.settings.environment),
        StartTime=now - timedelta(hours=1),
        EndTime=now + timedelta(hours=1),
        Period=86_400,
        Statistics=["Sum", "SampleCount", "Minimum"],
        Unit=metric.unit,
    )["Datapoints"]
    names = ("Sum", "SampleCount", "Minimum")
    return {name: points[0][name] for name in names} if points else {}


def series(aws: Aws) -> set[tuple[str, str, str]]:
    """Namespace, name and dimensions of every series there is."""
    listed = aws.client("cloudwatch").list_metrics()["Metrics"]
    return {(one["Namespace"], one["MetricName"], str(one["Dimensions"])) for one in listed}
