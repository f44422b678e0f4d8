"""Trials of an alarm on its way to a mailbox."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tally_pipeline import clock
from tally_pipeline.aws.errors import RAISED
from tally_pipeline.cli.deploy.prove.proof import Proof
from tally_pipeline.cli.deploy.prove.trial import NotTriedError, Seen, Trial
from tally_pipeline.plurals import counted

_PAUSE = 2.0

_BY_HAND = "tally deploy prove"
_RINGS = "rings it: nothing is wrong"


def sweep(proof: Proof) -> None:
    """Quiet an alarm that an earlier call rang and did not put back: it was killed."""
    client = proof.aws.client("cloudwatch")
    try:
        pages = client.get_paginator("describe_alarms").paginate(
            AlarmTypes=["MetricAlarm"], StateValue="ALARM"
        )
        for alarm in [one for page in pages for one in page["MetricAlarms"]]:
            reason = alarm.get("StateReason", "")
            tells = proof.aws.settings.alerts_topic_arn in alarm.get("AlarmActions", [])
            if tells and reason.startswith(_BY_HAND) and reason.endswith(_RINGS):
                client.set_alarm_state(
                    AlarmName=alarm["AlarmName"],
                    StateValue="OK",
                    StateReason=f"{_BY_HAND} {proof.ident}: an earlier one rang it, and was killed",
                )
    except RAISED:  # whoever may not do this is told so by the trials
        return


def trials(proof: Proof) -> Iterator[Trial]:
    """The trials, in their order: the mail is that of the alarm."""
    alarm = _Alarm(proof)
    yield Trial("alarm-rings", "An alarm that rings is told to the alerts topic.", alarm.ring)
    yield Trial("alert-subscribed", "The topic has a subscriber that confirmed it.", alarm.subscribed)
    yield Trial("alert-mailed", "The mail of the alarm arrives.", alarm.mailed)


class _Alarm:
    """One of this environment's alarms, rung by hand and then put back as it was."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof
        self._rung: str | None = None
        self._mailboxes: list[str] = []

    def ring(self) -> Seen:
        alarm = self._quiet_alarm()
        name, began = alarm["AlarmName"], clock.now()
        reason = f"{_BY_HAND} {self._proof.ident} {_RINGS}"
        self._proof.traces.undo_later(
            f"the alarm {name} is in ALARM until CloudWatch evaluates it again, within minutes",
            lambda: self._set(name, alarm["StateValue"], f"tally deploy prove {self._proof.ident} is done"),
        )
        self._set(name, "ALARM", reason)
        self._rung = name
        done = self._action_of(name, began)
        if done is None:
            return Seen(
                False,
                f"{name} was set to ALARM; CloudWatch told of no action within {self._proof.mail_wait:g} s",
                "see the alarm's history in CloudWatch's console; --mail-wait waits for longer",
            )
        return Seen(
            not done.lower().startswith("fail"),
            f"{name}: {done}",
            "see the topic's policy, and run `terraform apply` again",
        )

    def subscribed(self) -> Seen:
        pages = self._proof.aws.client("sns").get_paginator("list_subscriptions_by_topic")
        found = [one for page in pages.paginate(TopicArn=self._topic()) for one in page["Subscriptions"]]
        confirmed = [one for one in found if one["SubscriptionArn"].startswith("arn:")]
        self._mailboxes = [one["Endpoint"] for one in confirmed if one["Protocol"].startswith("email")]
        # Addresses are people's: the record counts them.
        told = f"{counted(len(confirmed), 'confirmed subscription')}, {len(self._mailboxes)} by mail, of {len(found)}"
        return Seen(
            bool(confirmed),
            told,
            "set alert_email in terraform.tfvars, run `terraform apply` in deploy/, and confirm the mail from AWS",
        )

    def mailed(self) -> Seen:
        if self._rung is None or not self._mailboxes:
            raise NotTriedError("no mail is on its way: no alarm rings, or no mailbox is subscribed")
        subject = f'ALARM: "{self._rung}" in'
        if self._proof.ask is None:
            raise NotTriedError(f"only people see mailboxes: look for “{subject} …”; without --yes it asks")
        came = self._proof.ask(
            f"Look in your mailbox for “{subject} …”, from AWS Notifications. Has it come?"
        )
        return Seen(
            came,
            "a person saw it arrive" if came else "a person did not see it arrive",
            "look in the spam folder, and at the subscription in SNS's console; then prove again",
        )

    def _quiet_alarm(self) -> Mapping[str, Any]:
        """An alarm that tells this environment's topic and does not ring."""
        topic = self._topic()
        pages = self._proof.aws.client("cloudwatch").get_paginator("describe_alarms")
        ours = [
            alarm
            for page in pages.paginate(AlarmTypes=["MetricAlarm"])
            for alarm in page["MetricAlarms"]
            if topic in alarm.get("AlarmActions", []) and alarm.get("ActionsEnabled")
        ]
        quiet: list[Mapping[str, Any]] = [alarm for alarm in ours if alarm["StateValue"] != "ALARM"]
        if not quiet:
            raise NotTriedError(
                f"none of {counted(len(ours), 'alarm')} on {topic} is quiet: mend what rings, then prove again"
                if ours
                else f"no alarm tells {topic}: run `terraform apply` in deploy/"
            )
        return quiet[0]

    def _topic(self) -> str:
        topic = self._proof.aws.settings.alerts_topic_arn
        if topic is None:
            raise NotTriedError("TALLY_ALERTS_TOPIC_ARN is not set: `tally deploy settings` writes it")
        return topic

    def _set(self, name: str, state: str, reason: str) -> None:
        self._proof.aws.client("cloudwatch").set_alarm_state(
            AlarmName=name, StateValue=state, StateReason=reason
        )

    def _action_of(self, name: str, began: datetime) -> str | None:
        """CloudWatch's own word about the alarm's action; None if there is none in time."""
        until = time.monotonic() + self._proof.mail_wait
        while True:
            items = self._proof.aws.client("cloudwatch").describe_alarm_history(
                AlarmName=name, HistoryItemType="Action", StartDate=began, EndDate=clock.now()
            )["AlarmHistoryItems"]
            if items:
                return str(items[0]["HistorySummary"])
            if time.monotonic() >= until:
                return None
            time.sleep(_PAUSE)
