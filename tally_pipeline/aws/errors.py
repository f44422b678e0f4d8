"""Explains AWS's errors: what happened, to which resource, and what to do now.

Knows botocore's exceptions and obstore's. The codes are AWS's own: the tables "Common errors" of each service,
and https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html#ErrorCodeList
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from botocore import exceptions as boto
from obstore import exceptions as obstore

RAISED = (boto.BotoCoreError, boto.ClientError, obstore.BaseError)
"""The exceptions of AWS's clients. For a missing object or bucket obstore also raises `FileNotFoundError`."""


class AwsError(Exception):
    """AWS refused or failed; the message names the resource and what to do."""


@dataclass(frozen=True)
class _Kind:
    """A kind of error: its codes, its meaning and the remedy. `{action}` stands for the IAM action that was tried."""

    codes: frozenset[str]
    meaning: str
    remedy: str


def _kind(codes: str, meaning: str, remedy: str) -> _Kind:
    return _Kind(frozenset(codes.split()), meaning, remedy)


_KINDS = (
    _kind(
        "AccessDenied AccessDeniedException AuthorizationError AuthorizationErrorException UnauthorizedOperation"
        " AllAccessDisabled Forbidden 403 OverLimitPermission KMS.AccessDeniedException",
        "these credentials may not do it ({action})",
        "`aws sts get-caller-identity` says whose they are: attach the policy tally-<env>-pipeline to that role or"
        " user (Terraform makes it), then run the same again",
    ),
    _kind(
        "SlowDown Throttling ThrottlingException ThrottledException TooManyRequestsException RequestThrottled"
        " RequestThrottledException RequestLimitExceeded BandwidthLimitExceeded PriorRequestNotComplete"
        " ProvisionedThroughputExceededException EC2ThrottledException KMS.ThrottlingException 429",
        "AWS limits how fast it may be asked, and still did after several attempts with growing pauses",
        "wait some minutes, then run the same again; launch fewer runs at once if it stays",
    ),
    _kind(
        "ServiceUnavailable ServiceUnavailableException InternalError InternalFailure InternalServerError"
        " InternalServiceException InternalServerException ServiceFailure RequestTimeout 500 502 503 504",
        "AWS failed, and still did after several attempts",
        "wait some minutes, then run the same again; https://health.aws.amazon.com says if it is down",
    ),
    _kind(
        "NoSuchBucket",
        "there is no such bucket",
        "check TALLY_LAKE_BUCKET and TALLY_RESULTS_BUCKET against `terraform output`, or make the bucket with"
        " `terraform apply` in deploy/",
    ),
    _kind(
        "EntityNotFoundException",
        "the Glue catalog has no such database or table",
        "check TALLY_GLUE_DATABASE against `terraform output`, or make it with `terraform apply` in deploy/",
    ),
    _kind(
        "ParameterNotFound ParameterVersionNotFound",
        "SSM has no such parameter",
        "check TALLY_TOKEN_PARAMETER against `terraform output`, and put the token there:"
        " `aws ssm put-parameter --type SecureString --overwrite --name … --value …`",
    ),
    _kind(
        "AWS.SimpleQueueService.NonExistentQueue QueueDoesNotExist NonExistentQueue",
        "there is no such queue",
        "check TALLY_EVENTS_QUEUE_URL and TALLY_DEAD_LETTERS_QUEUE_URL against `terraform output`, or make the queue"
        " with `terraform apply` in deploy/",
    ),
    _kind(
        "ResourceNotFoundException ResourceNotFound NotFound NotFoundException NoSuchEntity",
        "it is not there",
        "check the settings against `terraform output`, or make it with `terraform apply` in deploy/",
    ),
    _kind(
        "ExpiredToken ExpiredTokenException TokenRefreshRequired UnauthorizedSSOTokenError SSOTokenLoadError"
        " TokenRetrievalError RefreshWithMFAUnsupportedError",
        "the credentials have expired",
        "log in again (`aws sso login`, or renew the session's keys), then run the same again",
    ),
    _kind(
        "InvalidAccessKeyId InvalidClientTokenId UnrecognizedClientException SignatureDoesNotMatch InvalidToken"
        " InvalidSignatureException IncompleteSignature InvalidSecurity MissingAuthenticationToken",
        "AWS does not know these credentials",
        "check AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (`aws sts get-caller-identity` tries them)"
        ", then run the same again",
    ),
    _kind(
        "NoCredentialsError PartialCredentialsError CredentialRetrievalError ProfileNotFound ConfigNotFound"
        " MissingSecurityHeader NoAuthTokenError MetadataRetrievalError UnauthenticatedError",
        "no credentials for AWS can be had",
        "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role is attached;"
        " `aws sts get-caller-identity` says if they are found",
    ),
    _kind(
        "PermanentRedirect AuthorizationHeaderMalformed IllegalLocationConstraintException InvalidRegionError"
        " NoRegionError 301",
        "it is in another region than the one asked",
        "set AWS_REGION to what `terraform output aws_region` says, then run the same again",
    ),
    _kind(
        "RequestTimeTooSkewed RequestInTheFuture RequestExpired",
        "this machine's clock differs from AWS's by more than AWS allows",
        "set the clock (`timedatectl set-ntp true`), then run the same again",
    ),
    _kind(
        "EndpointConnectionError ConnectTimeoutError ReadTimeoutError ConnectionClosedError ConnectionError"
        " ProxyConnectionError SSLError HTTPClientError ResponseStreamingError Connect Timeout",
        "it cannot be reached, or does not answer",
        "check the network, any proxy, AWS_REGION and AWS_ENDPOINT_URL, then run the same again",
    ),
    _kind(
        "ConditionalRequestConflict OperationAborted",
        "another write to it was under way",
        "run the same again",
    ),
)
_UNKNOWN = _kind(
    "", "AWS refused it", "see what it says; `tally deploy check` looks at every resource in turn"
)

# AWS's JSON services call a wrong clock a wrong signature.
_SKEW = re.compile(r"signature (expired|not yet current)", re.IGNORECASE)

_SECRETS = (
    (re.compile(r"\b(?:AKIA|ASIA|AROA|AIDA|ANPA)[A-Z0-9]{4,}"), "***"),
    # A signed URL's query, and the same names wherever else they stand.
    (re.compile(r"\?\S*X-Amz-\S*", re.IGNORECASE), "?***"),
    (
        re.compile(
            r"((?:credential|signature|security-?token|secret\w*|password)\s*[=:]\s*)\S+", re.IGNORECASE
        ),
        r"\1***",
    ),
    # A secret key has 40 such characters, a session's token hundreds.
    (re.compile(r"[A-Za-z0-9+/]{40,}=*"), "***"),
)
_QUOTED_LENGTH = 300


def explain(error: BaseException, doing: str, resource: str) -> str:
    """One sentence on what happened and one on what to do; `doing` is a verb ("read", "list").

    No key, token or signed address is in it.
    """
    details = _ErrorDetails.by(error)
    kind = next((kind for kind in _KINDS if details.code in kind.codes), _UNKNOWN)
    if _SKEW.search(details.message):
        kind = next(kind for kind in _KINDS if "RequestTimeTooSkewed" in kind.codes)
    meaning = kind.meaning.format(action=details.action or "see the policy")
    remedy = kind.remedy[0].upper() + kind.remedy[1:]
    quotation = ": ".join(part for part in (details.code, redact(details.message)) if part)
    return f"could not {doing} {resource}: {meaning} ({quotation}). {remedy}."


@contextmanager
def explained(doing: str, resource: str, error_type: type[Exception] = AwsError) -> Iterator[None]:
    """Translate what AWS's clients raise inside into an `error_type` that says what to do."""
    try:
        yield
    except RAISED as error:
        # Not the cause's text: it may hold an access key.
        raise error_type(explain(error, doing, resource)) from None


def code_of(error: BaseException) -> str:
    """AWS's own code for an error ("NoSuchBucket"), else what its client calls it."""
    return _ErrorDetails.by(error).code


def redact(text: str) -> str:
    """The text without keys, tokens and signed addresses, cut to the length of a log line."""
    for pattern, replacement in _SECRETS:
        text = pattern.sub(replacement, text)
    return text if len(text) <= _QUOTED_LENGTH else f"{text[:_QUOTED_LENGTH]}…"


@dataclass(frozen=True)
class _ErrorDetails:
    """The details of an exception: AWS's code, its message, and the IAM action that was tried."""

    code: str
    message: str
    action: str | None = None

    @classmethod
    def by(cls, error: BaseException) -> _ErrorDetails:
        if isinstance(error, boto.ClientError):
            return cls._by_client_error(error)
        if isinstance(error, boto.BotoCoreError):
            return cls(_name_in_kinds(type(error)), _one_line(str(error)))
        return cls._by_obstore(error)

    @classmethod
    def _by_client_error(cls, error: boto.ClientError) -> _ErrorDetails:
        answer = error.response.get("Error", {})
        message = _one_line(str(answer.get("Message") or ""))
        return cls(str(answer.get("Code") or ""), message, _named_action(message) or error.operation_name)

    @classmethod
    def _by_obstore(cls, error: BaseException) -> _ErrorDetails:
        """obstore's text is a sentence that quotes the response's XML, then a dump of the error's fields."""
        sentence, _, inside = str(error).partition("Debug source:")
        code_match = re.search(r"<Code>(.*?)</Code>", sentence, re.DOTALL)
        message_match = re.search(r"<Message>(.*?)</Message>", sentence, re.DOTALL)
        message = _one_line(message_match[1] if message_match else sentence.split("<?xml")[0])
        if code_match:
            code = code_match[1]
        elif "incorrectly configured region" in sentence:
            code = "PermanentRedirect"
        elif kind := re.search(r"kind: (Connect|Timeout)\b", inside):
            code = kind[1]
        elif status := re.search(r"status code: (\d+)", sentence):
            code = status[1]
        else:
            code = _of_credentials(sentence) or type(error).__name__
        return cls(code, message, _named_action(message) or _s3_action(sentence))


def _name_in_kinds(kind: type[BaseException]) -> str:
    """The name of the exception's class, or of its nearest base class that is known here."""
    known = frozenset[str]().union(*(one.codes for one in _KINDS))
    return next((above.__name__ for above in kind.__mro__ if above.__name__ in known), kind.__name__)


def _of_credentials(sentence: str) -> str | None:
    """The error that botocore raised while obstore asked it for credentials."""
    match = re.search(r"External AWS credential provider: (?:[\w.]+\.)?(\w+)", sentence)
    return match[1] if match else None


def _named_action(message: str) -> str | None:
    match = re.search(r"perform:? ([\w-]+:\w+)", message)
    return match[1] if match else None


def _s3_action(sentence: str) -> str | None:
    match = re.search(r"performing (GET|HEAD|PUT) (\S+)", sentence)
    if match is None:
        return None
    if "list-type=" in match[2]:
        return "s3:ListBucket"
    return "s3:PutObject" if match[1] == "PUT" else "s3:GetObject"


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")
