"""Objects that S3 expired: old versions behind a delete marker, which reading and listing the bucket do not show."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tally_pipeline.aws import errors
from tally_pipeline.lake.store import LakeError, NoSuchObjectError, ObjectInfo

if TYPE_CHECKING:
    from tally_pipeline.aws.session import Aws


class ExpiredObjects:
    """The newest version of each object of a bucket whose present state is a delete marker.

    An object that was written again since is none of them. Every method raises `LakeError` when S3 refuses or fails;
    S3 asks for `s3:ListBucketVersions` and `s3:GetObjectVersion`.
    """

    def __init__(self, aws: Aws, bucket: str) -> None:
        """Contacts nothing."""
        self.root = f"s3://{bucket}"
        self._aws = aws
        self._bucket = bucket
        self._version_ids: dict[str, str] = {}

    def uri(self, key: str) -> str:
        """The object's address."""
        return f"{self.root}/{key}"

    def list(self, folder: str) -> list[ObjectInfo]:
        """Every expired object below a folder, by key."""
        expired: set[str] = set()
        newest: dict[str, tuple[str, ObjectInfo]] = {}
        with self._explained("list the versions of", f"{folder}/"):
            pages = self._aws.client("s3").get_paginator("list_object_versions")
            for page in pages.paginate(Bucket=self._bucket, Prefix=f"{folder}/"):
                expired.update(one["Key"] for one in page.get("DeleteMarkers", ()) if one["IsLatest"])
                for one in page.get("Versions", ()):
                    info = ObjectInfo(one["Key"], one["Size"], one["ETag"], one["LastModified"])
                    # S3 lists a key's versions newest first.
                    newest.setdefault(info.key, (one["VersionId"], info))
        found = {key: one for key, one in sorted(newest.items()) if key in expired}
        self._version_ids.update((key, version) for key, (version, _) in found.items())
        return [info for _, info in found.values()]

    def get(self, key: str) -> bytes:
        """The bytes of an object that `list` found. Raises `NoSuchObjectError` for another."""
        version = self._version_ids.get(key)
        if version is None:
            raise NoSuchObjectError(f"{self.uri(key)} has not expired")
        with self._explained("read the old version of", key):
            answer = self._aws.client("s3").get_object(Bucket=self._bucket, Key=key, VersionId=version)
            body: bytes = answer["Body"].read()
            return body

    @contextmanager
    def _explained(self, verb: str, key: str) -> Iterator[None]:
        try:
            yield
        except errors.RAISED as error:
            # Not the cause's text: S3's may hold an access key.
            raise LakeError(errors.explain(error, verb, self.uri(key))) from None
