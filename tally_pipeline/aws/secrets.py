"""Reads TMDB's token from the SSM Parameter Store."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tally_pipeline.aws.errors import AwsError, explained
from tally_pipeline.aws.session import Aws

UNSET = "unset"
"""The parameter's initial value, set by `deploy/`, until somebody sets the token."""

_replies_log = logging.getLogger("botocore.parsers")


def read_secret(aws: Aws, name: str) -> str:
    """The decrypted value of a SecureString parameter. Raises `AwsError`, which never holds the value."""
    with explained("read the TMDB token", f"SSM parameter {name}"), unlogged():
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


@contextmanager
def unlogged() -> Iterator[None]:
    """Keeps botocore, which under DEBUG logs every response's body, from logging those of this thread inside."""
    here = threading.get_ident()

    def is_anothers(record: logging.LogRecord) -> bool:
        return record.thread != here

    _replies_log.addFilter(is_anothers)
    try:
        yield
    finally:
        _replies_log.removeFilter(is_anothers)
