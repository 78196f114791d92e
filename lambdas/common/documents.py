"""Reads objects of the pipeline bucket, and the documents of `buyer_stage.domain.documents` among them."""

from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import ClientError
from pydantic import TypeAdapter, ValidationError

from buyer_stage.domain.documents import LabeledSetManifest
from buyer_stage.domain.errors import InvalidManifestError, LabeledSetError
from buyer_stage.domain.s3_layout import LABELED_SET_MANIFEST_KEY
from lambdas.common.errors import problems

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")

labeled_set_manifest = TypeAdapter(LabeledSetManifest)


def list_keys(s3: "S3Client", bucket: str, prefix: str) -> list[str]:
    """Return the keys that start with a prefix, in ascending order."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    return [found["Key"] for page in pages for found in page.get("Contents", [])]


def read_object(s3: "S3Client", bucket: str, key: str) -> bytes | None:
    """Read an object; return None if it does not exist.

    The caller needs `s3:ListBucket`: without it, S3 reports a missing object as access denied.
    """
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def object_exists(s3: "S3Client", bucket: str, key: str) -> bool:
    """Check whether an object exists. The caller needs `s3:ListBucket`, see `read_object`."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if error.response["Error"]["Code"] != "404":
            raise
        return False
    return True


def read_folder(s3: "S3Client", bucket: str, prefix: str, suffix: str = "") -> bytes:
    """Read all objects of a folder and return their bytes joined in the order of their keys.

    Args:
        s3: the client.
        bucket: name of the bucket.
        prefix: the folder, with a slash at its end.
        suffix: leaves out keys that end otherwise.
    """
    keys = [key for key in list_keys(s3, bucket, prefix) if key.endswith(suffix)]
    return b"".join(s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)


def parse_document(adapter: TypeAdapter[T], body: bytes, key: str) -> T:
    """Read a document from JSON.

    Args:
        adapter: of the document's class.
        body: the JSON.
        key: where the JSON comes from, for the error message.

    Raises:
        InvalidManifestError: the JSON is not such a document.
    """
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        found = problems(error, adapter.json_schema())
        raise InvalidManifestError(f"{key} is damaged: {found}; run the step that writes it again") from None


def load_document(s3: "S3Client", bucket: str, key: str, adapter: TypeAdapter[T]) -> T | None:
    """Load a document; return None if it has not been written.

    Raises:
        InvalidManifestError: the document is damaged.
    """
    body = read_object(s3, bucket, key)
    return None if body is None else parse_document(adapter, body, key)


def load_labeled_set(s3: "S3Client", bucket: str) -> LabeledSetManifest:
    """Load the manifest of the labeled set.

    Raises:
        InvalidManifestError: the manifest is damaged.
        LabeledSetError: there is no labeled set.
    """
    manifest = load_document(s3, bucket, LABELED_SET_MANIFEST_KEY, labeled_set_manifest)
    if manifest is None:
        raise LabeledSetError(f"{LABELED_SET_MANIFEST_KEY} does not exist; build the labeled set again")
    return manifest
