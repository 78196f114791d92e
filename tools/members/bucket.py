"""The pipeline bucket with all versions that S3 keeps of its objects."""

import tempfile
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, cast

from tools.members.rewriting import Rows, find_copy

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class Version:
    """A version of an object.

    Attributes:
        key: the object.
        version_id: the version.
        etag: identifies the content.
        is_latest: whether readers get this version.
    """

    key: str
    version_id: str
    etag: str
    is_latest: bool


@dataclass(frozen=True)
class Searched:
    """A version that was searched for rows of members.

    Attributes:
        version: the version.
        rows: its rows of other members (kept) and of the members (removed).
        copy: a temporary file with the other members' rows, open only until the next version is searched.
    """

    version: Version
    rows: Rows
    copy: BinaryIO


@dataclass(frozen=True)
class Bucket:
    """A versioned bucket.

    Attributes:
        s3: the client.
        name: name of the bucket.
    """

    s3: "S3Client"
    name: str

    def versions(self, prefix: str) -> Iterator[Version]:
        """Return all versions of the objects with a prefix. Delete markers hold nothing, so they are left out."""
        for page in self.s3.get_paginator("list_object_versions").paginate(Bucket=self.name, Prefix=prefix):
            for found in page.get("Versions", []):
                yield Version(found["Key"], found["VersionId"], found["ETag"], found["IsLatest"])

    def read(self, key: str) -> bytes | None:
        """Return the content of an object, or None if it does not exist."""
        try:
            return self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()
        except self.s3.exceptions.NoSuchKey:
            return None

    def write(self, key: str, body: bytes) -> bool:
        """Write an object unless it has this content, and return whether it is new."""
        if self.read(key) == body:
            return False
        self.s3.put_object(Bucket=self.name, Key=key, Body=body)
        return True

    def search(self, prefix: str, members: Set[str]) -> Iterator[Searched]:
        """Search every version with rows for members. The disk, not the memory, holds one version at a time."""
        for version in self.versions(prefix):
            copy = find_copy(version.key)
            if copy is None:
                continue
            with tempfile.TemporaryFile() as source, tempfile.TemporaryFile() as target:
                self.download(version, cast(BinaryIO, source))
                rows = copy(cast(BinaryIO, source), cast(BinaryIO, target), members)
                target.seek(0)
                yield Searched(version, rows, cast(BinaryIO, target))

    def download(self, version: Version, target: BinaryIO) -> None:
        """Write a version to a file, and return to the file's start."""
        extra = {"VersionId": version.version_id}
        self.s3.download_fileobj(self.name, version.key, target, ExtraArgs=extra)
        target.seek(0)

    def replace(self, searched: Searched) -> None:
        """Make the copy without the members the latest version, and delete the version that holds them.

        S3 refuses the copy if the object has changed meanwhile: then a run has written it that knows the suppression
        list.
        """
        version = searched.version
        if version.is_latest:
            self.s3.put_object(Bucket=self.name, Key=version.key, Body=searched.copy, IfMatch=version.etag)
        self.delete_versions([version])

    def delete_versions(self, versions: Iterable[Version]) -> int:
        """Delete versions and return how many."""
        deleted = 0
        for version in versions:
            self.s3.delete_object(Bucket=self.name, Key=version.key, VersionId=version.version_id)
            deleted += 1
        return deleted
