"""IAM policies as Terraform renders them: what they permit, and a form of them that moto can enforce."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any


def permits(policy: str, action: str, resource: str) -> bool:
    """Whether a statement allows the action on the resource. Conditions are not looked at; nothing here denies."""
    statements = json.loads(policy)["Statement"]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    return any(
        _matches(action, statement["Action"]) and _matches(resource, statement["Resource"])
        for statement in statements
    )


def for_moto(policy: str) -> str:
    """The policy in the terms of moto, which enforces every action, and for S3 the resources as well.

    Of other services it knows no resource but `*`; it calls CloudWatch by the name that requests are signed with,
    and asks for actions of its own where S3 wants `s3:ListBucket` and SQS `sqs:DeleteMessage`.
    """
    document = json.loads(policy)
    for statement in document["Statement"]:
        actions = _listed(statement["Action"])
        if not any(action.startswith("s3:") for action in actions):
            statement["Resource"] = "*"
        statement["Action"] = [action.replace("cloudwatch:", "monitoring:") for action in actions]
        if "s3:ListBucket" in actions:
            statement["Action"].append("s3:HeadBucket")
        if "sqs:DeleteMessage" in actions:
            statement["Action"].append("sqs:DeleteMessageBatch")
    return json.dumps(document)


def _matches(text: str, patterns: Any) -> bool:
    return any(fnmatchcase(text, pattern) for pattern in _listed(patterns))


def _listed(one_or_many: Any) -> list[str]:
    return [one_or_many] if isinstance(one_or_many, str) else list(one_or_many)
