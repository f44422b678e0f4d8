"""Every error of AWS's says which resource, what happened and what to do, and gives no secret away."""

from __future__ import annotations

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError
from obstore import exceptions as obstore_exceptions

from tally_pipeline.aws.errors import AwsError, code_of, explain, explained

QUEUE = "https://sqs.eu-central-1.amazonaws.com/123456789012/tally-dev-events"


def refused(code: str, message: str = "AWS's words.", operation: str = "ReceiveMessage") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def from_obstore(text: str, inside: str = "") -> obstore_exceptions.GenericError:
    return obstore_exceptions.GenericError(
        f"Generic S3 error: Error performing PUT https://b.s3.eu-central-1.amazonaws.com/k in 4ms - {text}\n\n"
        f"Debug source:\nGeneric {{ {inside} }}"
    )


@pytest.mark.parametrize(
    ("code", "meaning", "remedy"),
    [
        ("AccessDenied", "may not do it (ReceiveMessage)", "attach the policy tally-<env>-pipeline"),
        ("AccessDeniedException", "may not do it (ReceiveMessage)", "tally-<env>-pipeline"),
        ("ThrottlingException", "limits how fast", "Wait some minutes"),
        ("SlowDown", "limits how fast", "Wait some minutes"),
        ("ServiceUnavailable", "AWS failed", "Wait some minutes"),
        ("NoSuchBucket", "no such bucket", "TALLY_LAKE_BUCKET"),
        ("EntityNotFoundException", "no such database or table", "`terraform apply` in deploy/"),
        ("ParameterNotFound", "no such parameter", "aws ssm put-parameter"),
        ("AWS.SimpleQueueService.NonExistentQueue", "no such queue", "TALLY_EVENTS_QUEUE_URL"),
        ("ExpiredTokenException", "have expired", "Log in again"),
        ("InvalidClientTokenId", "does not know these credentials", "AWS_PROFILE"),
        ("AuthorizationHeaderMalformed", "another region", "AWS_REGION"),
        ("PermanentRedirect", "another region", "AWS_REGION"),
        ("RequestTimeTooSkewed", "clock", "timedatectl"),
        ("SomethingNew", "AWS refused it", "tally deploy check"),
    ],
)
def test_a_code_of_awss_gets_its_meaning_and_remedy(code: str, meaning: str, remedy: str) -> None:
    told = explain(refused(code), "receive messages from", QUEUE)

    assert told.startswith(f"could not receive messages from {QUEUE}: ")
    assert meaning in told
    assert remedy in told
    assert f"({code}: AWS's words)" in told


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (boto.NoCredentialsError(), "no credentials for AWS can be had"),
        (boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "no credentials"),
        (
            boto.ProfileNotFound(profile="typo"),
            "no credentials for AWS can be had (ProfileNotFound: The config",
        ),
        (boto.UnauthorizedSSOTokenError(), "have expired"),
        (boto.EndpointConnectionError(endpoint_url=QUEUE), "cannot be reached"),
        (boto.ConnectTimeoutError(endpoint_url=QUEUE), "cannot be reached"),
        (boto.ReadTimeoutError(endpoint_url=QUEUE), "cannot be reached, or does not answer"),
        (boto.SSLError(endpoint_url=QUEUE, error="x"), "cannot be reached"),
        (boto.NoRegionError(), "another region"),
    ],
)
def test_what_boto_raises_by_itself_gets_its_meaning(error: Exception, meaning: str) -> None:
    assert meaning in explain(error, "read", "x")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (from_obstore("status code: 403: <?xml?>\n<Error><Code>AccessDenied</Code></Error>"), "AccessDenied"),
        (from_obstore("status code: 503 Service Unavailable: "), "503"),
        (from_obstore("Received redirect without LOCATION, … incorrectly configured region"), "PermanentRedirect"),
        (from_obstore("HTTP error: error sending request", "HttpError { kind: Connect }"), "Connect"),
        (from_obstore("HTTP error: error sending request", "HttpError { kind: Timeout }"), "Timeout"),
        (obstore_exceptions.UnauthenticatedError("for External AWS credential provider: SSOTokenLoadError: Error"),
         "SSOTokenLoadError"),
        (from_obstore("whatever"), "GenericError"),
    ],
)  # fmt: skip
def test_obstores_text_gives_awss_code(error: Exception, code: str) -> None:
    assert code_of(error) == code


def test_the_action_that_is_not_allowed_is_named() -> None:
    said = 'User: arn:aws:iam::1:user/x is not authorized to perform: s3:PutObject on resource: "arn:…"'
    by_obstore = from_obstore("status code: 403: <Error><Code>AccessDenied</Code></Error>")

    assert "may not do it (s3:PutObject)" in explain(refused("AccessDenied", said), "write", "x")
    assert "may not do it (s3:PutObject)" in explain(by_obstore, "write", "x")


@pytest.mark.parametrize(
    "said", ["Signature expired: 20251224T0300 is now earlier than", "Signature not yet current"]
)
def test_a_signature_out_of_its_time_is_a_wrong_clock(said: str) -> None:
    assert "clock" in explain(refused("InvalidSignatureException", said), "read", "x")


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("The AWS Access Key Id AKIAIOSFODNN7EXAMPLE does not exist", "AKIAIOSFODNN7EXAMPLE"),
        ("ASIAIOSFODNN7EXAMPLE expired", "ASIAIOSFODNN7EXAMPLE"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY is wrong", "wJalrXUtnFEMI"),
        (f"The provided token is malformed: {'FwoGZXIvYXdzE' * 20}==", "FwoGZXIvYXdzE"),
        ("get https://b.s3.amazonaws.com/k?X-Amz-Signature=abc123&X-Amz-Credential=who", "abc123"),
        ("Authorization: AWS4-HMAC-SHA256 Credential=who/2025/eu, Signature=abc123", "abc123"),
    ],
)
def test_no_secret_is_given_away(text: str, secret: str) -> None:
    told = explain(refused("InvalidAccessKeyId", text), "read", "s3://b/k")

    assert secret not in told
    assert "***" in told
    assert "s3://b/k" in told


def test_a_failure_inside_explained_is_of_the_type_asked_for_and_hides_its_cause() -> None:
    class TableError(Exception):
        pass

    with (
        pytest.raises(
            TableError, match=r"could not look up glue table t: .*no such database or table"
        ) as caught,
        explained("look up", "glue table t", TableError),
    ):
        raise refused("EntityNotFoundException")
    assert caught.value.__suppress_context__
    with pytest.raises(AwsError), explained("look up", "x"):
        raise boto.NoCredentialsError


def test_other_errors_pass_through_explained() -> None:
    with pytest.raises(KeyError), explained("look up", "x"):
        raise KeyError("a bug")
