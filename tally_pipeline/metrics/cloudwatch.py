"""Sends the metrics to CloudWatch."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from itertools import groupby

from tally_pipeline.aws.errors import AwsError, explained
from tally_pipeline.aws.session import Aws
from tally_pipeline.metrics.metrics import ENVIRONMENT_DIMENSION, Datum

_log = logging.getLogger(__name__)


def dimensions(environment: str) -> list[dict[str, str]]:
    """The dimensions of an environment's metrics. CloudWatch finds a series by exactly these."""
    return [{"Name": ENVIRONMENT_DIMENSION, "Value": environment}]


class CloudWatchMetrics:
    """Metrics in CloudWatch, with the environment as their only dimension."""

    def __init__(self, aws: Aws) -> None:
        self._aws = aws

    def send(self, data: Sequence[Datum]) -> None:
        """Sends one request for each namespace and 1,000 values. Their time is that of the request."""
        ordered = sorted(data, key=lambda datum: datum.metric.namespace)
        for namespace, of_one in groupby(ordered, key=lambda datum: datum.metric.namespace):
            self._put(namespace, list(of_one))

    def _put(self, namespace: str, data: Sequence[Datum]) -> None:
        metric_data = [
            {
                "MetricName": datum.metric.name,
                "Dimensions": dimensions(self._aws.settings.environment),
                "Unit": datum.metric.unit,
                "Value": datum.value,
            }
            for datum in data
        ]
        try:
            with explained("send metrics", f"CloudWatch namespace {namespace}"):
                self._aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=metric_data)
        except AwsError as error:
            names = ", ".join(sorted({d.metric.name for d in data}))
            _log.warning(
                "%s were not sent: %s What was published stays; alarms on them see nothing.", names, error
            )
