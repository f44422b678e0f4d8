"""IAM policies as Terraform renders them: what they permit, and a form of them that moto can enforce."""

from __future__ import annotations

import json
from collections.abc import Mapping
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


def denies(policy: str, action: str, resource: str, context: Mapping[str, str]) -> bool:
    """Whether a statement denies the action on the resource, given the condition keys that AWS documents for it.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    """
    return any(
        statement["Effect"] == "Deny"
        and _matches(action, statement["Action"])
        and _matches(resource, statement["Resource"])
        and all(
            _holds(operator, wanted, context.get(key))
            for operator, conditions in statement.get("Condition", {}).items()
            for key, wanted in conditions.items()
        )
        for statement in json.loads(policy)["Statement"]
    )


def _holds(operator: str, wanted: str, present: str | None) -> bool:
    if operator == "Null":
        return (present is None) == (wanted == "true")
    assert operator == "Bool", operator
    return present == wanted


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
