"""Metrics: their names, and that CloudWatch gets them; a CloudWatch that fails is a warning and no more."""

from __future__ import annotations

import logging

import pytest

from tally_pipeline.aws.session import Aws
from tally_pipeline.metrics.cloudwatch import CloudWatchMetrics, dimensions
from tally_pipeline.metrics.metrics import (
    DATA_QUALITY_PASS_RATE,
    METRICS,
    QUARANTINED_ROWS,
    TOTAL_SHOWS_INGESTED,
    Datum,
    Unsent,
    by_namespace,
)
from tally_pipeline_tests.metrics import seen
from testkit.aws.faulty_aws import ACCESS_KEY

DATA = [
    Datum(TOTAL_SHOWS_INGESTED, 2500),
    Datum(DATA_QUALITY_PASS_RATE, 97.5),
    Datum(TOTAL_SHOWS_INGESTED, 500),
    Datum(QUARANTINED_ROWS, 0),
]


def test_the_metrics_are_these_and_fit_into_what_is_always_free() -> None:
    assert by_namespace() == {
        "Tally/DataPipeline": ["TotalShowsIngested", "PipelineRunFailures", "PipelineRunDuration"],
        "Tally/DataQuality": ["DataQualityPassRate", "QuarantinedRows"],
    }
    assert 2 * len(METRICS) <= 10  # of two environments


def test_values_are_found_in_cloudwatch_by_their_environment(bare_aws: Aws) -> None:
    CloudWatchMetrics(bare_aws).send(DATA)
    assert seen.values(bare_aws, TOTAL_SHOWS_INGESTED) == {"Sum": 3000, "SampleCount": 2, "Minimum": 500}
    assert seen.values(bare_aws, DATA_QUALITY_PASS_RATE)["Minimum"] == 97.5
    assert seen.values(bare_aws, QUARANTINED_ROWS) == {"Sum": 0, "SampleCount": 1, "Minimum": 0}
    of_ours = str(dimensions("tally-test"))
    assert seen.series(bare_aws) == {(one.metric.namespace, one.metric.name, of_ours) for one in DATA}


def test_nothing_to_send_asks_nobody(bare_aws: Aws) -> None:
    CloudWatchMetrics(bare_aws).send([])
    assert seen.series(bare_aws) == set()


def test_a_metric_that_cannot_be_sent_is_a_warning_with_the_remedy(
    bare_aws: Aws, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    with caplog.at_level(logging.WARNING):
        CloudWatchMetrics(Aws(bare_aws.settings)).send(DATA[:1])
    (record,) = [record for record in caplog.records if record.name.startswith("tally_pipeline")]
    assert record.levelno == logging.WARNING
    said = record.getMessage()
    assert "TotalShowsIngested" in said
    assert "Tally/DataPipeline" in said
    assert "check the network" in said.lower()
    assert ACCESS_KEY not in caplog.text


def test_a_lake_on_ones_own_machine_sends_nothing() -> None:
    Unsent().send(DATA)
