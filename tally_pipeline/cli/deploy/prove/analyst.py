"""Trials of an analyst's permissions: simulated by IAM on the policy that is there, and tried as one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tally_pipeline.aws.errors import code_of
from tally_pipeline.aws.session import Aws
from tally_pipeline.cli.deploy.prove.proof import Answer, Proof, answer
from tally_pipeline.cli.deploy.prove.trial import NotTriedError, Seen, Trial
from tally_pipeline.lake import layout
from tally_pipeline.query.athena_engine import AthenaEngine
from tally_pipeline.query.engine import QueryError
from tally_pipeline.query.tables import SILVER_SHOWS, TABLES
from tally_pipeline.tmdb.lists import LISTS

APPLY = "see the policy tally-<env>-analyst: run `terraform apply` in deploy/, and attach nothing more to analysts"


def trials(proof: Proof) -> Iterator[Trial]:
    """The trials by the policy; and the same tried as an analyst, if a role of one is named."""
    simulated = _Simulated(proof)
    yield Trial(
        "policy-refuses",
        "By the policy an analyst reads neither bronze nor the token, and writes no table.",
        simulated.refused,
    )
    yield Trial("policy-allows", "By the policy an analyst may query the tables.", simulated.allowed)
    if proof.analyst_role:
        assumed = _Assumed(proof, proof.analyst_role)
        yield Trial(
            "analyst-refused",
            "An analyst who tries reads neither bronze nor the token, and writes no table.",
            assumed.refused,
        )
        yield Trial("analyst-allowed", "An analyst who tries is answered a query.", assumed.allowed)


@dataclass(frozen=True)
class _Case:
    """One action on one resource, by its name in IAM, and the words for it."""

    words: str
    action: str
    arn: str


class _Simulated:
    """IAM's word about the policy as it is in the account now."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof

    def refused(self) -> Seen:
        settings, silver = self._proof.aws.settings, layout.silver_key(LISTS[0].name, "2025-12-24")
        object_arn, name = self._proof.object_arn, settings.events_queue_url.rsplit("/", 1)[-1]
        cases = [
            _Case(
                "read bronze",
                "s3:GetObject",
                object_arn(f"{layout.BRONZE}/{LISTS[0].name}/dt=2025-12-24/x.json"),
            ),
            _Case("write silver", "s3:PutObject", object_arn(silver)),
            _Case("delete silver", "s3:DeleteObject", object_arn(silver)),
            _Case("read the events", "sqs:ReceiveMessage", self._proof.arn("sqs", name)),
            _Case("read compute logs", "s3:GetObject", object_arn("compute-logs/x", settings.results_bucket)),
        ]
        if settings.token_parameter:
            parameter = self._proof.arn("ssm", f"parameter{settings.token_parameter}")
            cases.append(_Case("read the token", "ssm:GetParameter", parameter))
        return self._told(cases, {"implicitDeny", "explicitDeny"})

    def allowed(self) -> Seen:
        settings, arn = self._proof.aws.settings, self._proof.arn
        silver = self._proof.object_arn(layout.silver_key(LISTS[0].name, "2025-12-24"))
        result = self._proof.object_arn("athena/x.csv", settings.results_bucket)
        table = arn("glue", f"table/{settings.database}/{SILVER_SHOWS.name}")
        cases = [
            _Case(
                "start a query",
                "athena:StartQueryExecution",
                arn("athena", f"workgroup/{settings.workgroup}"),
            ),
            _Case("see the table", "glue:GetTable", table),
            _Case("read silver", "s3:GetObject", silver),
            _Case("keep a result", "s3:PutObject", result),
        ]
        return self._told(cases, {"allowed"})

    def _told(self, cases: list[_Case], wanted: set[str]) -> Seen:
        decisions = {case.words: self._decision(case) for case in cases}
        told = ", ".join(f"{words}: {decision}" for words, decision in decisions.items())
        return Seen(set(decisions.values()) <= wanted, f"IAM simulates {self._policy}: {told}", APPLY)

    def _decision(self, case: _Case) -> str:
        reply = self._iam.simulate_custom_policy(
            PolicyInputList=[self._document], ActionNames=[case.action], ResourceArns=[case.arn]
        )
        return str(reply["EvaluationResults"][0]["EvalDecision"])

    @property
    def _policy(self) -> str:
        return f"{self._proof.aws.settings.workgroup}-analyst"

    @cached_property
    def _document(self) -> str:
        # Managed policies are IAM's: their ARN has no region.
        arn = f"arn:{self._proof.partition}:iam::{self._proof.caller['Account']}:policy/{self._policy}"
        try:
            version = self._iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
            document = self._iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"][
                "Document"
            ]
        except self._iam.exceptions.NoSuchEntityException:
            raise NotTriedError(f"IAM has no policy {arn}: run `terraform apply` in deploy/") from None
        return json.dumps(document)

    @property
    def _iam(self) -> Any:
        return self._proof.aws.client("iam")


class _Assumed:
    """The account's answers to an analyst's role."""

    def __init__(self, proof: Proof, role: str) -> None:
        self._proof = proof
        self._role = role

    def refused(self) -> Seen:
        settings, lake = self._analyst.settings, self._proof.deployment.lake
        client = self._analyst.client
        bronze = next(iter(lake.store.list(layout.BRONZE)), None)
        silver = layout.proof_key("silver", self._proof.ident, "by-an-analyst")
        bucket = settings.lake_bucket
        tries: dict[str, Callable[[], Any]] = {
            "write silver": lambda: client("s3").put_object(Bucket=bucket, Key=silver, Body=b"?"),
            "delete silver": lambda: client("s3").delete_object(Bucket=bucket, Key=silver),
            "read the events": lambda: client("sqs").receive_message(
                QueueUrl=settings.events_queue_url, VisibilityTimeout=0
            ),
        }
        if bronze is not None:
            tries["read bronze"] = lambda: client("s3").get_object(Bucket=bucket, Key=bronze.key)
        if settings.token_parameter:
            # Undecrypted, so that not even a mistake in the policy brings the token here.
            tries["read the token"] = lambda: client("ssm").get_parameter(Name=settings.token_parameter)
        answers = {words: answer(call) for words, call in tries.items()}
        return Seen(all(one.is_denied for one in answers.values()), self._told(answers), APPLY)

    def allowed(self) -> Seen:
        sql = f"SELECT count(*) AS n FROM {SILVER_SHOWS.name} WHERE dt = '2025-12-24'"
        try:
            measured = AthenaEngine(self._analyst, TABLES).measure(sql)
        except QueryError as error:
            return Seen(False, f"as {self._role}: {error}", APPLY)
        told = f"as {self._role}: a query answered in {measured.seconds:.1f} s"
        return Seen(True, told, scanned=measured.bytes_scanned)

    def _told(self, answers: dict[str, Answer]) -> str:
        every = ", ".join(f"{words}: {one.status} {one.code}".rstrip() for words, one in answers.items())
        return f"as {self._role}: {every}"

    @cached_property
    def _analyst(self) -> Aws:
        try:
            return self._proof.aws.assuming(self._role, f"tally-prove-{self._proof.ident}")
        except self._proof.aws.client("sts").exceptions.ClientError as error:
            raise NotTriedError(
                f"{self._role} could not be assumed ({code_of(error)}): let its trust policy name"
                f" {self._proof.caller['Arn']}, or leave --analyst-role out"
            ) from None
