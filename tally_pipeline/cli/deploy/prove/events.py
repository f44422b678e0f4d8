"""Trials of the way from S3 to silver: the queue is told of a new object, and captures that arrived are refined."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from tally_pipeline import clock
from tally_pipeline.cli.deploy.prove.objects import BODY
from tally_pipeline.cli.deploy.prove.proof import Proof, answer
from tally_pipeline.cli.deploy.prove.trial import NotTriedError, Seen, Trial
from tally_pipeline.datasets.captures import newest_acceptable
from tally_pipeline.days import days_through
from tally_pipeline.lake import layout
from tally_pipeline.lake.sqs import RECEIVED_AT_ONCE, records_in
from tally_pipeline.plurals import counted

ATTEMPTS = 3
"""Objects that are put until the queue delivers one of them: a running sensor may take a message first."""

WAIT_SECONDS = 20
"""SQS's longest wait, and the pause after which another object is put."""

LOOKED_BACK = 3
"""Days, today included, whose captures should be refined."""

UNREFINED_FOR = 3600
"""Seconds after its capture for which silver may still be in progress."""


def trials(proof: Proof) -> Iterator[Trial]:
    """The trials, in their order."""
    yield Trial(
        "event-to-queue",
        "S3 tells the events queue of a new bronze object.",
        lambda: _Queue(proof).told(),
    )
    yield Trial(
        "capture-to-silver",
        f"The captures of the last {LOOKED_BACK} days that count are in silver.",
        lambda: _in_silver(proof),
    )


class _Queue:
    """The events queue, read beside the sensor: what is not this proof's is given back at once."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof
        self._url = proof.aws.settings.events_queue_url
        self._folder = layout.proof_key("bronze", proof.ident, "")

    def told(self) -> Seen:
        aws, others = self._proof.aws, list[str]()
        try:
            for attempt in range(1, ATTEMPTS + 1):
                key = f"{self._folder}event-{attempt}.json"
                started = time.monotonic()
                put = answer(
                    aws.client("s3").put_object,
                    Bucket=aws.settings.lake_bucket,
                    Key=key,
                    Body=BODY,
                    IfNoneMatch="*",
                )
                if put.is_denied:
                    raise NotTriedError(f"these credentials may not put a bronze object: {put}")
                found = self._received(others)
                if found is not None:
                    seconds = time.monotonic() - started
                    beside = f"; {counted(len(others), 'other message')} given back" if others else ""
                    return Seen(True, f"a message of {found} after {seconds:.1f} s{beside}")
        finally:
            self._give_back(others)
        return Seen(
            False,
            f"no message of {counted(ATTEMPTS, 'new object')} within {ATTEMPTS * WAIT_SECONDS} s",
            "a sensor that runs takes them first: stop `tally up` and prove again; if none runs, `tally deploy check`"
            " looks at the bucket's notification and the queue",
        )

    def _received(self, others: list[str]) -> str | None:
        """The key that a message of this proof names, deleted then; `others` gets the receipts of all other messages.

        What is received stays hidden until it is given back, so no message is received twice here: five receives make
        a dead letter.
        """
        until = time.monotonic() + WAIT_SECONDS
        while (left := until - time.monotonic()) > 0:
            messages = self._sqs.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=RECEIVED_AT_ONCE,
                WaitTimeSeconds=min(int(left) + 1, WAIT_SECONDS // 2),
            ).get("Messages", [])
            found = None
            for message in messages:
                key = self._ours(message)
                if key is None:
                    others.append(message["ReceiptHandle"])
                else:
                    # Those of the trials before this one go as well: no sensor need look at them.
                    self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
                    found = key if key.startswith(f"{self._folder}event-") else found
            if found is not None:
                return found
        return None

    def _ours(self, message: Mapping[str, Any]) -> str | None:
        keys = [one.key for one in records_in(message["Body"]) or ()]
        # A message of several objects is the sensor's as soon as one of them is.
        return keys[0] if keys and all(key.startswith(self._folder) for key in keys) else None

    def _give_back(self, receipts: list[str]) -> None:
        for receipt in receipts:
            said = answer(
                self._sqs.change_message_visibility,
                QueueUrl=self._url,
                ReceiptHandle=receipt,
                VisibilityTimeout=0,
            )
            if said.is_denied:
                self._proof.traces.stays(
                    f"{counted(len(receipts), 'message')} of others in {self._url}: hidden from the sensor for as"
                    " long as the queue hides what was received (300 s), then there again"
                )
                return

    @property
    def _sqs(self) -> Any:
        return self._proof.aws.client("sqs")


def _in_silver(proof: Proof) -> Seen:
    """By real captures: what is invented has no place in a lake of real data."""
    lake, now = proof.deployment.lake, clock.now()
    lake.check_source()
    captures = list(newest_acceptable(lake, days_through(now.date().isoformat(), LOOKED_BACK)))
    if not captures:
        raise NotTriedError(
            f"bronze holds no capture of the last {LOOKED_BACK} days: `tally sync`, then prove again"
        )
    due = [
        (dataset, capture)
        for dataset, capture in captures
        if capture.captured_at is None or (now - capture.captured_at).total_seconds() >= UNREFINED_FOR
    ]
    missing = [
        f"{dataset.name} of {capture.key.dt}"
        for dataset, capture in captures
        if not lake.is_made_from(dataset.silver_key(capture.key.dt), str(capture.key))
    ]
    late = [f"{dataset.name} of {capture.key.dt}" for dataset, capture in due]
    overdue = [one for one in missing if one in late]
    told = f"{len(captures) - len(missing)} of {counted(len(captures), 'list and day', 'lists and days')}"
    if missing:
        told += f"; not yet {', '.join(missing)}"
    return Seen(
        not overdue,
        told,
        "is the sensor new_bronze_objects running, and did its run publish? `tally logs`, `tally status`",
    )
