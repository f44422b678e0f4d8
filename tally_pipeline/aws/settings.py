"""Where the pipeline's parts are on AWS: what Terraform's outputs say, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AwsSettings:
    """The names of everything that `deploy/` sets up.

    Credentials are found by AWS's own chain, other endpoints by `AWS_ENDPOINT_URL` and
    `AWS_ENDPOINT_URL_<SERVICE>`: neither is a setting of ours.
    """

    region: str
    lake_bucket: str
    results_bucket: str
    database: str
    workgroup: str
    events_queue_url: str
    dead_letters_queue_url: str | None = None
    alerts_topic_arn: str | None = None
    token_parameter: str | None = None
