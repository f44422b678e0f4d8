"""One call of `tally deploy prove`: what its trials share, and the traces that it takes away again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any

from botocore.exceptions import ClientError

from tally_pipeline.aws.errors import RAISED, code_of, explain, redact
from tally_pipeline.aws.session import Aws
from tally_pipeline.deployment import Deployment

DENIED = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "403", "UnauthorizedOperation"}
)


@dataclass(frozen=True)
class Answer:
    """A service's answer to one request: the status, and of a refusal the code and the message."""

    status: int
    code: str = ""
    message: str = ""

    @property
    def is_denied(self) -> bool:
        return self.code in DENIED or self.status == HTTPStatus.FORBIDDEN

    def __str__(self) -> str:
        code = "" if self.code == str(self.status) else self.code
        return " ".join(
            str(part) for part in (self.status, code, self.message and f"({self.message})") if part
        )


def answer(call: Callable[..., Any], **arguments: Any) -> Answer:
    """The answer to a request that may be refused, by the method of a client. Raises botocore's other errors."""
    try:
        reply = call(**arguments)
    except ClientError as error:
        told = error.response.get("Error", {})
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        # AWS says who refused: "with an explicit deny in a resource-based policy".
        return Answer(status, str(told.get("Code", "")), redact(str(told.get("Message", "")).rstrip(".")))
    return Answer(int(reply["ResponseMetadata"]["HTTPStatusCode"]))


@dataclass
class Traces:
    """The traces of the trials: those that are taken away again, and those that stay until they go by themselves."""

    _undos: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    _stays: list[str] = field(default_factory=list)

    def undo_later(self, what: str, undo: Callable[[], object]) -> None:
        """Have `undo` called at the end, however that comes; `what` is the trace, and how it goes without that."""
        self._undos.append((what, undo))

    def stays(self, what: str) -> None:
        """Tell of a trace that cannot be taken away, and when it goes by itself."""
        if what not in self._stays:
            self._stays.append(what)

    def take_away(self) -> tuple[str, ...]:
        """Undo everything, the last first; returns what stays, in words."""
        while self._undos:
            what, undo = self._undos.pop()
            try:
                undo()
            except RAISED as error:
                may_not = "these credentials may not take it away"
                why = may_not if code_of(error) in DENIED else explain(error, "take it away from", "AWS")
                self.stays(f"{what} ({why})")
        return tuple(self._stays)


@dataclass
class Proof:
    """The parts that the trials share. `ident` is in the names of everything that they make."""

    aws: Aws
    deployment: Deployment
    ident: str
    mail_wait: float
    analyst_role: str | None = None
    ask: Callable[[str], bool] | None = None
    traces: Traces = field(default_factory=Traces)

    @cached_property
    def caller(self) -> dict[str, str]:
        """The caller, who proves: `Account` and `Arn`."""
        return dict(self.aws.client("sts").get_caller_identity())

    @property
    def partition(self) -> str:
        """AWS's partition: `aws`, `aws-cn`, …"""
        return self.caller["Arn"].split(":")[1]

    def arn(self, service: str, resource: str) -> str:
        """The ARN of something in this account and region."""
        return (
            f"arn:{self.partition}:{service}:{self.aws.settings.region}:{self.caller['Account']}:{resource}"
        )

    def object_arn(self, key: str, bucket: str | None = None) -> str:
        """The ARN of an object, by default of the lake's bucket."""
        return f"arn:{self.partition}:s3:::{bucket or self.aws.settings.lake_bucket}/{key}"
