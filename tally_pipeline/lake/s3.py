"""Connects obstore to the lake's bucket: the AWS session's credentials and endpoint, timeouts, retries."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import NoCredentialsError
from obstore.store import S3Store

if TYPE_CHECKING:
    from tally_pipeline.aws.session import Aws

CREDENTIALS_LAST = timedelta(minutes=5)
"""The time for which obstore keeps credentials before it asks botocore again, which renews those of a role 10 minutes
before their end. obstore's default, 30 minutes, would use them past it."""


def connect(aws: Aws, bucket: str) -> S3Store:
    """The bucket; contacts at most the source of credentials. Raises botocore's errors if there are none."""
    # Imported here, so that a lake in a folder does not wait for boto3.
    from obstore.auth.boto3 import Boto3CredentialProvider

    if aws.session.get_credentials() is None:
        raise NoCredentialsError
    endpoint, patience = aws.endpoint("s3"), aws.patience
    read = timedelta(seconds=patience.read_seconds)
    return S3Store(
        bucket,
        config={
            "region": aws.settings.region,
            # A bucket with Object Lock takes no put without a checksum.
            "checksum_algorithm": "SHA256",
            # TLS certificates of AWS do not cover a bucket's name with dots; emulators have no names for buckets.
            "virtual_hosted_style_request": endpoint is None and "." not in bucket,
            **({"endpoint": endpoint} if endpoint else {}),
        },
        credential_provider=Boto3CredentialProvider(aws.session, ttl=CREDENTIALS_LAST),
        client_options={
            "allow_http": (endpoint or "").startswith("http://"),
            "connect_timeout": timedelta(seconds=patience.connect_seconds),
            "read_timeout": read,
            "timeout": 5 * read,
        },
        retry_config={
            "max_retries": 2 * patience.attempts,
            "retry_timeout": 3 * read,
            "backoff": {
                "init_backoff": timedelta(milliseconds=200),
                "max_backoff": timedelta(seconds=5),
                "base": 2,
            },
        },
    )
