"""What only the pipeline may read: TMDB's token, kept in the SSM Parameter Store."""

from __future__ import annotations

from tally_pipeline.aws.errors import AwsError, explained
from tally_pipeline.aws.session import Aws

UNSET = "unset"
"""What `deploy/` puts into the parameter until somebody sets the token."""


def read_secret(aws: Aws, name: str) -> str:
    """The decrypted value of a SecureString parameter. Raises `AwsError`, which never holds the value."""
    with explained("read the TMDB token", f"SSM parameter {name}"):
        reply = aws.client("ssm").get_parameter(Name=name, WithDecryption=True)
    value: str = reply["Parameter"]["Value"].strip()
    if not value or value == UNSET:
        raise AwsError(
            f"the SSM parameter {name} holds no token yet. Put it there: aws ssm put-parameter --overwrite"
            f" --type SecureString --name {name} --value file:///dev/stdin"
        )
    if not value.isascii() or any(letter.isspace() for letter in value):
        raise AwsError(
            f"what the SSM parameter {name} holds is no token: there is a blank or a foreign letter in it. Copy"
            " TMDB's API Read Access Token whole, nothing besides, and put it there again"
        )
    return value
