"""Faults of AWS, and the messages that people then get."""

from __future__ import annotations

from testkit.aws.faulty_aws import ACCESS_KEY, WRONG_REGION, Fault, denied

FAULTS = {
    "denied": (denied("s3:PutObject"), "may not do it .s3:PutObject..*attach the policy tally-<env>-pipeline"),
    "throttled": (Fault(503, "SlowDown", "Please reduce your request rate."), "limits how fast.*Wait some minutes"),
    "down": (Fault(500, "InternalError", "We encountered an internal error."), "AWS failed.*Wait some minutes"),
    "no bucket": (Fault(404, "NoSuchBucket", "The bucket does not exist"), "no such bucket.*TALLY_LAKE_B"),
    "expired": (Fault(400, "ExpiredToken", "The provided token has expired."), "have expired.*Log in again"),
    "unknown key": (Fault(403, "InvalidAccessKeyId", f"{ACCESS_KEY} does not exist"), "not know these cred.*AWS_PRO"),
    "wrong region": (WRONG_REGION, "another region.*AWS_REGION"),
    "wrong region, signed": (
        Fault(400, "AuthorizationHeaderMalformed", "the region 'eu-central-1' is wrong; expecting 'us-west-2'"),
        "another region.*expecting 'us-west-2'.*AWS_REGION",
    ),
    "clock": (Fault(403, "RequestTimeTooSkewed", "The difference is too large."), "clock.*timedatectl"),
    "hangs": (Fault(hangs=True), "cannot be reached, or does not answer.*Check the network"),
}  # fmt: skip


QUEUE_FAULTS = {
    "denied": (denied("sqs:ReceiveMessage"), "may not do it .sqs:ReceiveMessage."),
    "throttled": (Fault(400, "ThrottlingException", "Rate exceeded"), "limits how fast"),
    "no queue": (
        Fault(400, "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist."),
        "no such queue.*TALLY_EVENTS_QUEUE_URL",
    ),
    "expired": (Fault(403, "ExpiredTokenException", "expired"), "have expired"),
    "clock": (
        Fault(403, "InvalidSignatureException", "Signature expired: 2025 is now earlier than 2026"),
        "clock",
    ),
    "hangs": (Fault(hangs=True), "cannot be reached, or does not answer"),
}
