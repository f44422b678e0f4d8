"""Trials of the lake's bucket: create-only bronze that nobody deletes, and silver that is only replaced when current.

Everything below the folder `prove` of bronze and of silver is read by no dataset and no table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

from tally_pipeline.aws.errors import RAISED, code_of
from tally_pipeline.cli.deploy.prove.proof import Answer, Proof, answer
from tally_pipeline.cli.deploy.prove.trial import NotTriedError, Seen, Trial
from tally_pipeline.lake import layout
from tally_pipeline.lake.retention import IN_TIME, TAG
from tally_pipeline.lake.store import LakeError, OvertakenError

BODY = b'{"made by": "tally deploy prove"}\n'

APPLY = "run `terraform apply` in deploy/ again: its bucket policy is not in force"


def trials(proof: Proof) -> Iterator[Trial]:
    """The trials, in their order: those of bronze need the first one's object."""
    bucket = _Bucket(proof)
    yield Trial("bronze-create", "A put with If-None-Match: * makes a bronze object.", bucket.create)
    yield Trial("bronze-again", "A second such put is refused, and changes nothing.", bucket.create_again)
    yield Trial("bronze-plain", "A put without the header is refused below bronze/.", bucket.put_plain)
    yield Trial("bronze-copy", "A copy within S3 without the header is refused as well.", bucket.copy_plain)
    yield Trial("bronze-parts", "A multipart upload ends with the header only.", bucket.put_in_parts)
    yield Trial("bronze-delete", "A bronze object can be deleted by nobody.", bucket.delete)
    yield Trial("bronze-tag", "The tag of a bronze object can be changed by nobody.", bucket.tag_again)
    yield Trial("silver-stale", "Silver is replaced only in its current version.", bucket.replace_stale)
    yield Trial("create-over-marker", "A create-only put succeeds over a delete marker.", bucket.over_marker)


def sweep(proof: Proof) -> None:
    """Have what an earlier call left in silver taken away with the traces of this one: it was killed."""
    bucket = _Bucket(proof)
    folder = layout.proof_key("silver", "", "").rstrip("/")
    try:
        left = [info.key for info in proof.deployment.lake.store.list(folder)]
    except LakeError:  # whoever may not list it is told so by the trials
        return
    for key in left:
        bucket.take_away_later(key)


def kept(proof: Proof, prefix: str) -> str:
    """The end of an object below a prefix of the lake's bucket, in words, by the bucket's own rules."""
    try:
        rules = proof.aws.client("s3").get_bucket_lifecycle_configuration(
            Bucket=proof.aws.settings.lake_bucket
        )["Rules"]
    except RAISED as error:
        if code_of(error) == "NoSuchLifecycleConfiguration":
            return "never expires, for the bucket has no lifecycle"
        return (
            "goes when the bucket's lifecycle says (retention_days and bronze_recovery_days of deploy/; these"
            " credentials could not read it)"
        )
    rule = next((one for one in rules if _prefix_of(one) == f"{prefix}/"), None)
    days = (rule or {}).get("Expiration", {}).get("Days")
    old = (rule or {}).get("NoncurrentVersionExpiration", {}).get("NoncurrentDays")
    expires = f"expires after {days} days" if days else "never expires"
    forever = "; as an old version it stays for ever"
    return expires + (f"; as an old version it stays {old} days more" if old else forever)


def _prefix_of(rule: Mapping[str, Any]) -> str:
    return str(rule.get("Filter", {}).get("Prefix", rule.get("Prefix", "")))


class _Bucket:
    """The lake's bucket, with the versions of what was made in it."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof
        self._bucket = proof.aws.settings.lake_bucket
        self._key = layout.proof_key("bronze", proof.ident, "created.json")
        self._is_created = False

    # --- bronze ------------------------------------------------------------------------------------------------

    def create(self) -> Seen:
        # With a tag, as the pipeline writes bronze.
        said = self._put(self._key, BODY, IfNoneMatch="*", Tagging=f"{TAG}={IN_TIME}")
        if said.status != HTTPStatus.OK:
            return Seen(
                False,
                f"{said} for {self._uri(self._key)}",
                "attach the policy tally-<env>-pipeline to these credentials, then prove again",
            )
        self._is_created = True
        self._leaves_bronze()
        return Seen(self._body(self._key) == BODY, f"{said}, and read back the same: {self._uri(self._key)}")

    def create_again(self) -> Seen:
        self._require_created()
        said = self._put(self._key, b"another", IfNoneMatch="*", Tagging=f"{TAG}={IN_TIME}")
        unchanged = self._body(self._key) == BODY
        told = f"{said}; the object {'is unchanged' if unchanged else 'WAS CHANGED'}"
        holds = said.status == HTTPStatus.PRECONDITION_FAILED and unchanged
        return Seen(holds, told, "do not run the pipeline on this store: its bronze can be overwritten")

    def put_plain(self) -> Seen:
        self._require_created()
        return self._refused(self._put(layout.proof_key("bronze", self._proof.ident, "plain.json"), BODY))

    def copy_plain(self) -> Seen:
        self._require_created()
        key = layout.proof_key("bronze", self._proof.ident, "copied.json")
        source = {"Bucket": self._bucket, "Key": self._key}
        return self._refused(answer(self._s3.copy_object, Bucket=self._bucket, Key=key, CopySource=source))

    def put_in_parts(self) -> Seen:
        """By itself a part can't carry the header; the request that ends the upload can, and so must."""
        self._require_created()
        key = layout.proof_key("bronze", self._proof.ident, "in-parts.json")
        upload = self._s3.create_multipart_upload(Bucket=self._bucket, Key=key)["UploadId"]
        of_upload = {"Bucket": self._bucket, "Key": key, "UploadId": upload}
        completed = False
        try:
            part = self._s3.upload_part(**of_upload, PartNumber=1, Body=BODY)["ETag"]
            parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
            without = answer(self._s3.complete_multipart_upload, **of_upload, MultipartUpload=parts)
            completed = without.status == HTTPStatus.OK
            if not without.is_denied:
                return Seen(False, f"{without} without the header", APPLY)
            with_header = answer(
                self._s3.complete_multipart_upload, **of_upload, MultipartUpload=parts, IfNoneMatch="*"
            )
            completed = with_header.status == HTTPStatus.OK
        finally:
            if not completed:
                self._abort(of_upload)
        told = f"without the header {without}; with it {with_header}"
        return Seen(completed, told, "AWS changed its rule: see deploy/storage.tf")

    def delete(self) -> Seen:
        self._require_created()
        version = self._s3.head_object(Bucket=self._bucket, Key=self._key).get("VersionId")
        plain = answer(self._s3.delete_object, Bucket=self._bucket, Key=self._key)
        if "identity-based policy" in plain.message:
            raise NotTriedError(
                f"these credentials' own policy refuses it before the bucket's does ({plain}): prove as the bucket's"
                " owner, whom only the bucket's can refuse"
            )
        told = f"delete {plain}"
        holds = plain.is_denied
        if version and holds:
            of_version = answer(self._s3.delete_object, Bucket=self._bucket, Key=self._key, VersionId=version)
            holds = of_version.is_denied
            told += f"; of the version {of_version}"
        return Seen(holds, told, APPLY)

    def tag_again(self) -> Seen:
        """With few days left it would expire."""
        self._require_created()
        soon = {"TagSet": [{"Key": TAG, "Value": "1"}]}
        said = answer(self._s3.put_object_tagging, Bucket=self._bucket, Key=self._key, Tagging=soon)
        taken = answer(self._s3.delete_object_tagging, Bucket=self._bucket, Key=self._key)
        return Seen(said.is_denied and taken.is_denied, f"another value {said}; without one {taken}", APPLY)

    # --- silver ------------------------------------------------------------------------------------------------

    def replace_stale(self) -> Seen:
        key = layout.proof_key("silver", self._proof.ident, "replaced")
        self.take_away_later(key)
        first = self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"1")["ETag"]
        current = self._put(key, b"2", IfMatch=first)
        stale = self._put(key, b"3", IfMatch=first)
        try:
            self._proof.deployment.lake.store.replace(key, b"4", first)
            by_pipeline = "WROTE"
        except OvertakenError:
            by_pipeline = "refused"
        left = self._body(key)
        told = (
            f"current {current}; stale {stale}; the pipeline's own stale write {by_pipeline}; left {left!r}"
        )
        holds = (current.status, stale.status, by_pipeline, left) == (
            HTTPStatus.OK,
            HTTPStatus.PRECONDITION_FAILED,
            "refused",
            b"2",
        )
        return Seen(holds, told, "let only one machine write this lake: two would put back each other's days")

    def over_marker(self) -> Seen:
        """In silver, for in bronze nobody can make a delete marker; the rule is S3's, whatever the folder."""
        key = layout.proof_key("silver", self._proof.ident, "over-marker")
        self.take_away_later(key)
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=b"1")
        deleted = answer(self._s3.delete_object, Bucket=self._bucket, Key=key)
        if deleted.is_denied:
            raise NotTriedError(
                "these credentials may delete nothing (nor may the pipeline's own): prove as the bucket's owner"
            )
        said = self._put(key, b"2", IfNoneMatch="*")
        return Seen(
            said.status == HTTPStatus.OK and self._body(key) == b"2",
            f"{said} after delete {deleted}",
            "expired bronze cannot be imported under its old name: tell the project, `tally import` relies on it",
        )

    # --- helpers -----------------------------------------------------------------------------------------------

    @property
    def _s3(self) -> Any:
        return self._proof.aws.client("s3")

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{key}"

    def _put(self, key: str, body: bytes, **headers: str) -> Answer:
        return answer(self._s3.put_object, Bucket=self._bucket, Key=key, Body=body, **headers)

    def _body(self, key: str) -> bytes:
        body: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body

    def _refused(self, said: Answer) -> Seen:
        return Seen(said.is_denied, str(said), APPLY)

    def _require_created(self) -> None:
        if not self._is_created:
            raise NotTriedError("there is no object to try it on: bronze-create did not hold")

    def _leaves_bronze(self) -> None:
        folder = self._key.rpartition("/")[0]
        self._proof.traces.stays(
            f"some objects of a few bytes below {self._uri(folder)}/, which no dataset reads and nobody may delete:"
            f" each {kept(self._proof, 'bronze')}"
        )

    def take_away_later(self, key: str) -> None:
        self._proof.traces.undo_later(
            f"{self._uri(key)}, which no table reads, {kept(self._proof, 'silver')}",
            lambda: self._delete_versions(key),
        )

    def _delete_versions(self, key: str) -> None:
        pages = self._s3.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=key)
        for page in pages:
            for one in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
                self._s3.delete_object(Bucket=self._bucket, Key=key, VersionId=one["VersionId"])

    def _abort(self, of_upload: Mapping[str, str]) -> None:
        said = answer(self._s3.abort_multipart_upload, **of_upload)
        if said.is_denied:
            self._proof.traces.stays(
                f"the parts of an unfinished upload to {self._uri(of_upload['Key'])} go by the bucket's lifecycle"
                " after 3 days"
            )
