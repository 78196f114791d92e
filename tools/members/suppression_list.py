"""Adds members to the suppression list of an environment, and makes its key on first use."""

import secrets
from collections.abc import Set
from typing import TYPE_CHECKING

from buyer_stage.domain.errors import SuppressionError
from buyer_stage.domain.s3_layout import SUPPRESSION_LIST_KEY
from buyer_stage.domain.suppression import hash_member, parse_suppression_list, render_suppression_list
from tools.members.bucket import Bucket

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

KEY_BYTES = 32


def suppress(bucket: Bucket, client: "SecretsManagerClient", secret: str, members: Set[str]) -> int:
    """Add members to the list, and return how many members it has now.

    Args:
        bucket: the pipeline bucket.
        client: the client.
        secret: name of the secret with the key.
        members: member ids.

    Raises:
        SuppressionError: the list is damaged, or its key is lost.
    """
    text = bucket.read(SUPPRESSION_LIST_KEY)
    key = _read_key(client, secret)
    if key is None:
        if text is not None:
            raise SuppressionError(f"{SUPPRESSION_LIST_KEY} exists, but {secret} has no value; restore its key")
        key = secrets.token_hex(KEY_BYTES)
        client.put_secret_value(SecretId=secret, SecretString=key)
    listed = frozenset() if text is None else parse_suppression_list(text.decode(), key)
    hashes = listed | {hash_member(member, key) for member in members}
    bucket.write(SUPPRESSION_LIST_KEY, render_suppression_list(hashes, key).encode())
    return len(hashes)


def _read_key(client: "SecretsManagerClient", secret: str) -> str | None:
    try:
        # A secret that never had a value is an error in AWS, and has none on the local cloud.
        return client.get_secret_value(SecretId=secret).get("SecretString")
    except client.exceptions.ResourceNotFoundException:
        return None
