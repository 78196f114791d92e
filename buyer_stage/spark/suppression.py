"""Leave suppressed members out of frames and lines."""

import hashlib
from dataclasses import dataclass, field

import boto3
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from buyer_stage.domain.errors import SuppressionError
from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.s3_layout import SUPPRESSION_LIST_KEY
from buyer_stage.domain.suppression import hash_member, parse_suppression_list
from buyer_stage.spark.files import exists, join_uri, read_text

IS_SUPPRESSED = "is_suppressed"
"""Column that `SuppressedMembers.mark` adds."""

_BLOCK_BYTES = 64
"""Size of a block of SHA-256, to which HMAC pads its key."""


@dataclass(frozen=True)
class SuppressedMembers:
    """The suppression list as a run has read it, with its key.

    Attributes:
        hashes: keyed hashes of the members.
        key: the key; empty without members.
    """

    hashes: frozenset[str] = frozenset()
    key: str = field(default="", repr=False)

    def contains(self, member_id: str) -> bool:
        """Check whether a member is suppressed."""
        return bool(self.hashes) and hash_member(member_id, self.key) in self.hashes

    def mark(self, frame: DataFrame) -> DataFrame:
        """Add the column `IS_SUPPRESSED` to a frame with member ids. Without suppressed members, it costs nothing."""
        if not self.hashes:
            return frame.withColumn(IS_SUPPRESSED, sf.lit(False))
        spark = frame.sparkSession
        # Rows of a frame, because Spark's logs and history show the literals of a query, and the key is a secret.
        pads = spark.createDataFrame([_pads(self.key)], "inner_pad binary, outer_pad binary")
        hashes = spark.createDataFrame([(hashed,) for hashed in self.hashes], "suppressed_hash string")
        inner = sf.sha2(sf.concat("inner_pad", sf.encode(MEMBER_ID, "UTF-8")), 256)
        hashed = sf.sha2(sf.concat("outer_pad", sf.unhex(inner)), 256)
        return (
            frame.crossJoin(sf.broadcast(pads))
            .join(sf.broadcast(hashes), hashed == sf.col("suppressed_hash"), "left")
            .select(*frame.columns, sf.col("suppressed_hash").isNotNull().alias(IS_SUPPRESSED))
        )

    def leave_out(self, frame: DataFrame) -> DataFrame:
        """Return the rows of a frame whose members are not suppressed."""
        return self.mark(frame).where(~sf.col(IS_SUPPRESSED)).drop(IS_SUPPRESSED) if self.hashes else frame


def read_suppressed_members(spark: SparkSession, pipeline_bucket: str, secret_arn: str | None) -> SuppressedMembers:
    """Read the suppression list, and its key if there is a list.

    Args:
        spark: the session.
        pipeline_bucket: root of the pipeline bucket.
        secret_arn: ARN of the secret with the key; None where no member can be suppressed.

    Raises:
        SuppressionError: the list is damaged, or its key is missing or another one.
    """
    uri = join_uri(pipeline_bucket, SUPPRESSION_LIST_KEY)
    if not exists(spark, uri):
        return SuppressedMembers()
    if secret_arn is None:
        raise SuppressionError(f"{uri} needs a key; name its secret with the run's argument for the suppression secret")
    key = _read_key(secret_arn)
    return SuppressedMembers(parse_suppression_list(read_text(spark, uri), key), key)


def _read_key(secret_arn: str) -> str:
    # The nodes of a cluster do not know their Region. The ARN names it.
    client = boto3.client("secretsmanager", region_name=secret_arn.split(":")[3])
    try:
        # A secret that never had a value is an error in AWS, and has none on the local cloud.
        key = client.get_secret_value(SecretId=secret_arn).get("SecretString")
    except client.exceptions.ResourceNotFoundException:
        key = None
    if not key:
        raise SuppressionError(
            f"there is a suppression list, but {secret_arn} does not hold its key; restore the value of the secret"
        )
    return key


def _pads(key: str) -> tuple[bytes, bytes]:
    """Return the inner and the outer pad of HMAC-SHA-256, as RFC 2104 defines them."""
    block = key.encode()
    if len(block) > _BLOCK_BYTES:
        block = hashlib.sha256(block).digest()
    block = block.ljust(_BLOCK_BYTES, b"\0")
    return bytes(byte ^ 0x36 for byte in block), bytes(byte ^ 0x5C for byte in block)
