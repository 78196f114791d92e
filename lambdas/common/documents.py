"""Loads the documents of `buyer_stage.domain.documents` from S3."""

from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter, ValidationError

from buyer_stage.domain.errors import InvalidManifestError
from lambdas.common.errors import problems

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

T = TypeVar("T")


def read_object(s3: "S3Client", bucket: str, key: str) -> bytes | None:
    """Read an object; `None` when there is none.

    S3 says so only to callers with `s3:ListBucket`; to others a missing object is a forbidden one.
    """
    try:
        return s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except s3.exceptions.NoSuchKey:
        return None


def read_folder(s3: "S3Client", bucket: str, prefix: str, suffix: str = "") -> bytes:
    """Read all objects under a prefix, one after the other in the order of their keys.

    Args:
        s3: the client.
        bucket: name of the bucket.
        prefix: of the keys, with a slash at its end.
        suffix: that the keys must end with.
    """
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [found["Key"] for page in pages for found in page.get("Contents", []) if found["Key"].endswith(suffix)]
    return b"".join(s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys)


def parse_document(adapter: TypeAdapter[T], body: bytes, key: str) -> T:
    """Read a document from JSON.

    Args:
        adapter: of the document's class.
        body: the JSON.
        key: where it comes from, for the error's message.

    Raises:
        InvalidManifestError: it is no such document.
    """
    try:
        return adapter.validate_json(body)
    except ValidationError as error:
        raise InvalidManifestError(f"{key} is damaged: {problems(error)}") from error


def load_document(s3: "S3Client", bucket: str, key: str, adapter: TypeAdapter[T]) -> T | None:
    """Load a document; `None` when it has not been written.

    Raises:
        InvalidManifestError: it is there but damaged.
    """
    body = read_object(s3, bucket, key)
    return None if body is None else parse_document(adapter, body, key)
