"""The expiry of a bucket with versions, as AWS's documents describe it. No emulator runs lifecycle rules.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html: an age counts from the creation, or
from the moment at which a version was replaced; it is rounded up to the next midnight (UTC); of several rules the
earliest expiry counts; what has expired is removed some time later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

LAG = timedelta(days=1)
"""The time that S3 may take to remove what has expired, as it is taken here."""


@dataclass(frozen=True)
class Rule:
    """A rule for objects below `prefix` that have these tags: days until they expire, and their old versions."""

    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    expires_after: int | None = None
    old_versions_after: int | None = None

    @classmethod
    def of_plan(cls, planned: Mapping[str, Any]) -> Rule:
        """A rule of Terraform's plan for `aws_s3_bucket_lifecycle_configuration`."""
        (scope,) = planned["filter"]
        expiration, old = planned.get("expiration") or [], planned.get("noncurrent_version_expiration") or []
        return cls(
            prefix=scope.get("prefix") or "",
            tags={tag["key"]: tag["value"] for tag in scope.get("tag") or ()},
            expires_after=next((one["days"] for one in expiration), None),
            old_versions_after=next((one["noncurrent_days"] for one in old), None),
        )


@dataclass
class Version:
    """A version of an object: its tags, its creation, and when another or a delete marker replaced it."""

    key: str
    tags: Mapping[str, str]
    created: datetime
    replaced: datetime | None = None


class Bucket:
    """A bucket with versions under lifecycle rules, without its bytes."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = rules
        self._present: dict[str, Version] = {}
        self.versions: list[Version] = []

    def put(self, key: str, tags: Mapping[str, str], now: datetime) -> Version:
        """Write an object, and return its version; the present version of it becomes an old one."""
        if key in self._present:
            self._present[key].replaced = now
        self._present[key] = Version(key, tags, now)
        self.versions.append(self._present[key])
        return self._present[key]

    def present(self) -> set[str]:
        """The keys of the present objects."""
        return set(self._present)

    def pass_until(self, now: datetime) -> None:
        """Expire and remove what the rules say until now, as late as S3 may."""
        for version in list(self._present.values()):
            ends = self._end(version)
            if ends is not None and ends + LAG <= now:
                version.replaced = ends + LAG
                del self._present[version.key]
        self.versions = [version for version in self.versions if not self._is_gone(version, now)]

    def _end(self, version: Version) -> datetime | None:
        days = [rule.expires_after for rule in self._of(version) if rule.expires_after is not None]
        return _midnight_after(version.created, min(days)) if days else None

    def _is_gone(self, version: Version, now: datetime) -> bool:
        if version.replaced is None:
            return False
        days = [rule.old_versions_after for rule in self._of(version) if rule.old_versions_after is not None]
        return bool(days) and _midnight_after(version.replaced, min(days)) + LAG <= now

    def _of(self, version: Version) -> list[Rule]:
        return [
            rule
            for rule in self._rules
            if version.key.startswith(rule.prefix) and rule.tags.items() <= version.tags.items()
        ]


def _midnight_after(moment: datetime, days: int) -> datetime:
    end = moment + timedelta(days=days)
    midnight = datetime.combine(end.date(), time(), UTC)
    return midnight if end == midnight else midnight + timedelta(days=1)
