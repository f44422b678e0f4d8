"""The token is read from SSM, and shows nowhere on the way."""

from __future__ import annotations

import logging

import pytest

from tally_pipeline.aws.errors import AwsError
from tally_pipeline.aws.secrets import UNSET, read_secret
from tally_pipeline.aws.session import Aws

NAME = "/tally/test/tmdb-api-token"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.a-token-that-nobody-may-see"


def put(aws: Aws, value: str) -> None:
    aws.client("ssm").put_parameter(Name=NAME, Value=value, Type="SecureString")


def test_a_token_is_in_no_log_even_where_everything_is_logged(
    bare_aws: Aws, caplog: pytest.LogCaptureFixture
) -> None:
    put(bare_aws, TOKEN)
    caplog.set_level(logging.DEBUG)
    assert read_secret(bare_aws, NAME) == TOKEN
    assert "GetParameter" in caplog.text
    assert TOKEN[:12] not in caplog.text
    # Other replies are logged again.
    caplog.clear()
    bare_aws.client("ssm").describe_parameters()
    assert "Response body" in caplog.text


def test_a_parameter_that_nobody_filled_is_told(bare_aws: Aws) -> None:
    put(bare_aws, UNSET)
    with pytest.raises(AwsError, match=f"{NAME} holds no token yet. Put it there"):
        read_secret(bare_aws, NAME)
