"""The environment in which `tally` runs on AWS, as `tally deploy settings` would have it."""

from __future__ import annotations

from pathlib import Path

from tally_pipeline.aws.session import Aws
from testkit.pipeline import environment

ON_AWS = {
    "TALLY_DEPLOYMENT": "aws",
    "AWS_REGION": "eu-central-1",
    "TALLY_ENVIRONMENT": "tally-test",
    "TALLY_LAKE_BUCKET": "tally-datalake-test",
    "TALLY_RESULTS_BUCKET": "tally-athena-results-test",
    "TALLY_GLUE_DATABASE": "tally_test",
    "TALLY_ATHENA_WORKGROUP": "tally-test",
    "TALLY_EVENTS_QUEUE_URL": "https://sqs.eu-central-1.amazonaws.com/123456789012/tally-test-events",
    "TALLY_TOKEN_PARAMETER": "/tally/test/tmdb-token",
}
"""Complete settings for AWS whose resources do not exist."""


def settings_of(aws: Aws, home: Path, base_url: str) -> dict[str, str]:
    """Settings for this AWS, with captures from `base_url`."""
    settings = aws.settings
    named = {
        "TALLY_DEPLOYMENT": "aws",
        "AWS_REGION": settings.region,
        "TALLY_ENVIRONMENT": settings.environment,
        "TALLY_LAKE_BUCKET": settings.lake_bucket,
        "TALLY_RESULTS_BUCKET": settings.results_bucket,
        "TALLY_GLUE_DATABASE": settings.database,
        "TALLY_ATHENA_WORKGROUP": settings.workgroup,
        "TALLY_EVENTS_QUEUE_URL": settings.events_queue_url,
        "TALLY_DEAD_LETTERS_QUEUE_URL": settings.dead_letters_queue_url or "",
        "TALLY_ALERTS_TOPIC_ARN": settings.alerts_topic_arn or "",
        "TALLY_TOKEN_PARAMETER": settings.token_parameter or "",
    }
    return environment(home, base_url, **named)
