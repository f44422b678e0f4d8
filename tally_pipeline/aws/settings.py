"""The places of the pipeline's parts on AWS: Terraform's outputs, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AwsSettings:
    """The names of everything that `deploy/` sets up.

    `environment` names it among several of one account: the dimension of its metrics.

    Credentials come from AWS's own chain, other endpoints from `AWS_ENDPOINT_URL` and
    `AWS_ENDPOINT_URL_<SERVICE>`: neither is a setting of Tally's.
    """

    region: str
    environment: str
    lake_bucket: str
    results_bucket: str
    database: str
    workgroup: str
    events_queue_url: str
    dead_letters_queue_url: str | None = None
    alerts_topic_arn: str | None = None
    token_parameter: str | None = None
