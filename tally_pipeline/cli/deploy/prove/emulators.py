"""The emulators of AWS, and what is known to differ on them: named in the outcome, and told once it does not."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

from tally_pipeline.aws.session import Aws

_ASKED_AT = {"moto": "/moto-api/config", "ministack": "/_ministack/health"}
"""A page that only this emulator has."""

_NO_CONDITIONS = "it ignores the conditions of bucket policies"
_NO_SIMULATION = "it cannot simulate a policy"
_NO_POLICIES = "it enforces no bucket policy"

KNOWN: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "moto": {
            "bronze-plain": _NO_CONDITIONS,
            "bronze-copy": _NO_CONDITIONS,
            "bronze-parts": _NO_CONDITIONS,
            "bronze-tag": _NO_CONDITIONS,
            "policy-refuses": _NO_SIMULATION,
            "policy-allows": _NO_SIMULATION,
            "alarm-rings": "its alarms tell nobody, and have no history",
        },
        "ministack": {
            "bronze-plain": _NO_POLICIES,
            "bronze-copy": _NO_POLICIES,
            "bronze-parts": _NO_POLICIES,
            "bronze-delete": _NO_POLICIES,
            "bronze-tag": _NO_POLICIES,
            "policy-refuses": "its simulation allows everything",
            "alarm-rings": "it publishes, but its history names no action",
        },
    }
)
"""By emulator and trial, why the trial does not hold there. Measured with moto 5.2.5 and ministack 1.4.21."""


def behind(aws: Aws) -> str | None:
    """The name of the emulator behind the session's S3, or its address if it is none that is known; None for AWS."""
    endpoint = aws.endpoint("s3")
    if endpoint is None or (urlsplit(endpoint).hostname or "").endswith(
        (".amazonaws.com", ".amazonaws.com.cn")
    ):
        return None
    return next((name for name, page in _ASKED_AT.items() if _is_there(f"{endpoint}{page}")), endpoint)


def _is_there(url: str) -> bool:
    try:
        with urlopen(url, timeout=5) as reply:
            return bool(reply.status < HTTPStatus.MULTIPLE_CHOICES)
    except (URLError, OSError):
        return False
