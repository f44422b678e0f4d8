"""Failures with a complete message: Dagster's UI shows the message without a stack trace."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from tally_pipeline.lake.store import LakeError
from tally_pipeline.orchestration.storage.dagster_internals import (
    DagsterUserCodeProcessError,
    SerializableErrorInfo,
)
from tally_pipeline.query.engine import QueryError


class StepFailedError(DagsterUserCodeProcessError, dg.Failure):
    """Fails a step for good. `message` says what happened, to which object, and what to do now."""

    def __init__(self, message: str) -> None:
        dg.Failure.__init__(self, message, allow_retries=False)
        self.user_code_process_error_infos = [_without_stack(message)]


class StepRetryError(DagsterUserCodeProcessError, dg.RetryRequested):
    """Makes Dagster retry a step after `seconds`, `most` times at most; `message` says why."""

    def __init__(self, message: str, *, most: int, seconds: float) -> None:
        dg.RetryRequested.__init__(self, max_retries=most, seconds_to_wait=seconds)
        self.user_code_process_error_infos = [_without_stack(message)]


@contextmanager
def complete_messages() -> Iterator[None]:
    """Converts errors with complete messages into `StepFailedError`."""
    try:
        yield
    except complete_errors() as error:
        raise StepFailedError(str(error)) from None


def complete_errors() -> tuple[type[Exception], ...]:
    """The errors whose message says what happened, to which object, and what to do. Others are bugs, shown with a
    stack trace."""
    # Imported on an error, so that only runs on AWS wait for its libraries.
    from tally_pipeline.aws.errors import AwsError

    return (LakeError, QueryError, AwsError)


def _without_stack(message: str) -> SerializableErrorInfo:
    return SerializableErrorInfo(message=message, stack=[], cls_name=None)
