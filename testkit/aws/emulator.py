"""`python -m testkit.aws.emulator`: ministack, whose alarms look at the series with exactly their dimensions.

By itself it evaluates an alarm over all series of the metric's name
(https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html#Dimension says otherwise).
"""

from __future__ import annotations

import runpy
from typing import Any

from ministack.services import cloudwatch  # type: ignore[import-untyped]


def _evaluated(alarm: dict[str, Any]) -> None:
    """Evaluate an alarm over its own series alone."""
    every = cloudwatch._metrics
    dimensions = {one["Name"]: one["Value"] for one in alarm.get("Dimensions") or ()}
    key = (alarm.get("Namespace"), alarm.get("MetricName"), cloudwatch._dims_key(dimensions))
    cloudwatch._metrics = {key: points} if (points := dict(every.items()).get(key)) else {}
    try:
        _evaluate(alarm)
    finally:
        cloudwatch._metrics = every


_evaluate = cloudwatch._evaluate_alarm
cloudwatch._evaluate_alarm = _evaluated

if __name__ == "__main__":
    runpy.run_module("ministack", run_name="__main__")
