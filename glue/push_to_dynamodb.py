"""Pushes a snapshot's stages from the transform's output to the serving table, and accounts for every record.

A record is written, quarantined with the reason, or failed; the receipt says how many of each. The run fails unless
they add up to what the ETL has put out and none failed. Running it again puts the same items: only `ttl` changes.

The stages that were served are kept, for the snapshot after this one to be compared with.
"""

import argparse
import csv
import logging
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import boto3
from botocore.config import Config
from pyspark import RDD, StorageLevel
from pyspark.sql import SparkSession

from buyer_stage.domain.documents import PushReceipt, to_json
from buyer_stage.domain.errors import InvalidInputError, ScoredLinesLostError
from buyer_stage.domain.s3_layout import push_receipt_key, quarantine_prefix
from buyer_stage.domain.serving_item import serving_item
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.domain.transform_output import (
    OUTPUT_FILE_SUFFIX,
    InvalidScoredLineError,
    ScoredMember,
    parse_scored_line,
)
from buyer_stage.spark.files import delete, exists, join_uri, write_text
from glue.dynamodb_writer import WriteCounts, write_items
from glue.served_stages import ServedMember, count_stages, read_previous_stages, serve_stages, write_served_stages

logger = logging.getLogger(__name__)

MAXIMUM_KEY_BYTES = 2048
"""DynamoDB's limit for the value of a partition key. One longer would make it refuse the whole batch."""

AWS_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3})
"""botocore retries lost connections; refused and unprocessed items are `write_items`' to retry, which paces them."""


@dataclass(frozen=True)
class PushArguments:
    """What one run pushes, and where to.

    Attributes:
        transform_output: URI of the folder of the transform's output files.
        pipeline_bucket: URI that the quarantine and the receipt are written below.
        table_name: the serving table.
        snapshot_date: the day that the stages describe.
        model_version: the model that gave them.
        expires_at_epoch_seconds: when DynamoDB may delete the items.
        ttl_days: how many days the table keeps a stage: older ones are no longer compared with.
        snapshots_before_stage_change: snapshots in a row that must name another stage before a member's changes; 1
            changes it at once.
        run_name: names the run's receipt and quarantine.
        expected_line_count: members that the ETL has put out.
        write_partitions: into how many parts the records are divided.
        maximum_writes_per_second: of all parts together.
    """

    transform_output: str
    pipeline_bucket: str
    table_name: str
    snapshot_date: date
    model_version: str
    expires_at_epoch_seconds: int
    ttl_days: int
    snapshots_before_stage_change: int
    run_name: str
    expected_line_count: int
    write_partitions: int
    maximum_writes_per_second: int


@dataclass(frozen=True)
class Refusal:
    """Why a record is quarantined."""

    reason: str


CheckedLine = tuple[str, ScoredMember | Refusal]
"""A line of the transform's output and what is to become of it."""


def parse_arguments(arguments: Sequence[str] | None = None) -> PushArguments:
    """Read the run's arguments; those that Glue adds of its own are ignored.

    Raises:
        InvalidInputError: a value is not a day written as YYYYMMDD.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    for name in ("transform_output", "pipeline_bucket", "table_name", "model_version", "run_name"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--snapshot_date", required=True, type=parse_snapshot_date)
    for name in (
        "expires_at_epoch_seconds",
        "ttl_days",
        "snapshots_before_stage_change",
        "expected_line_count",
        "write_partitions",
        "maximum_writes_per_second",
    ):
        parser.add_argument(f"--{name}", required=True, type=_positive_integer)
    known, _ = parser.parse_known_args(arguments)
    return PushArguments(**vars(known))


def _positive_integer(text: str) -> int:
    number = int(text)
    if number < 1:
        raise InvalidInputError(f"{text} is not a whole number above 0")
    return number


def push(spark: SparkSession, arguments: PushArguments) -> PushReceipt:
    """Push every record of the transform's output, write the receipt and give it; at last, keep what was served.

    Raises:
        ScoredLinesLostError: records failed, do not add up, or are not as many as the ETL has put out.
    """
    quarantine = join_uri(arguments.pipeline_bucket, quarantine_prefix(arguments.snapshot_date, arguments.run_name))
    receipt_uri = join_uri(arguments.pipeline_bucket, push_receipt_key(arguments.snapshot_date, arguments.run_name))
    # A retried run must not leave what an earlier attempt has said.
    delete(spark, receipt_uri)
    delete(spark, quarantine)

    lines = read_lines(spark, arguments.transform_output)
    checked = check_lines(lines, arguments.write_partitions).persist(StorageLevel.MEMORY_AND_DISK)
    quarantined = write_quarantine(spark, checked, quarantine)
    previous_date, previous = read_previous_stages(
        spark, arguments.pipeline_bucket, arguments.snapshot_date, arguments.ttl_days
    )
    served = serve_stages(
        checked.flatMap(lambda record: [record[1]] if isinstance(record[1], ScoredMember) else []),
        previous,
        snapshots_before_change=arguments.snapshots_before_stage_change,
        partitions=arguments.write_partitions,
    ).persist(StorageLevel.MEMORY_AND_DISK)
    stages, predicted_stages, changes = count_stages(served, previous_date, previous.count())
    counts = write_partitions(served, arguments)
    receipt = PushReceipt(
        snapshot_date=arguments.snapshot_date,
        # Counted apart from the other three, so that a record lost between reading and writing shows.
        read=lines.count(),
        written=sum(count.written for count in counts),
        quarantined=quarantined,
        failed=sum(count.failed for count in counts),
        stages=stages,
        predicted_stages=predicted_stages,
        changes=changes,
    )
    write_text(spark, receipt_uri, to_json(receipt))
    logger.info("push of %s: %s", arguments.run_name, receipt)
    verify(receipt, arguments.expected_line_count, sorted({count.error for count in counts if count.error}))
    write_served_stages(spark, served, arguments.pipeline_bucket, arguments.snapshot_date)
    served.unpersist()
    checked.unpersist()
    return receipt


def read_lines(spark: SparkSession, transform_output: str) -> RDD[str]:
    """Read the lines of the output files below a folder; a folder that is not there holds none."""
    if not exists(spark, transform_output):
        return spark.sparkContext.emptyRDD()
    # Lines end as batch transform ends them. Spark's default would also split at a carriage return within a field.
    files = spark.read.text(transform_output, lineSep="\n", pathGlobFilter=f"*{OUTPUT_FILE_SUFFIX}")
    return files.rdd.map(lambda row: str(row.value))


def check_lines(lines: RDD[str], partitions: int) -> RDD[CheckedLine]:
    """Parse each line and refuse what cannot be written, with all records of a member in one partition.

    Of several records of one member the first in text order is kept, so that a re-run keeps the same one. (A batch
    that holds a key twice is refused by DynamoDB, and of two batches the last one to arrive would win.)
    """
    keyed = lines.map(_check_line).repartitionAndSortWithinPartitions(  # type: ignore[type-var]  # tuples do sort
        partitions, partitionFunc=lambda key: zlib.crc32(key[0].encode()), keyfunc=lambda key: key
    )
    return keyed.mapPartitions(_refuse_repeated_members)


def _check_line(line: str) -> tuple[tuple[str, str], ScoredMember | Refusal]:
    """Give what becomes of a line, under the key (member id, line). A line without a usable id is its own id."""
    try:
        scored = parse_scored_line(line)
    except (InvalidScoredLineError, csv.Error) as error:
        return (line, line), Refusal(str(error))
    if len(scored.member_id.encode()) > MAXIMUM_KEY_BYTES:
        return (line, line), Refusal(f"member_id is longer than {MAXIMUM_KEY_BYTES} bytes")
    return (scored.member_id, line), scored


def _refuse_repeated_members(
    records: Iterable[tuple[tuple[str, str], ScoredMember | Refusal]],
) -> Iterator[CheckedLine]:
    previous_member_id = None
    for (_, line), outcome in records:
        if isinstance(outcome, ScoredMember):
            if outcome.member_id == previous_member_id:
                yield line, Refusal(f"member_id {outcome.member_id} has another record")
                continue
            previous_member_id = outcome.member_id
        yield line, outcome


def write_quarantine(spark: SparkSession, checked: RDD[CheckedLine], uri: str) -> int:
    """Write the refused lines as JSON lines of `reason` and `line`, and give their number."""
    refused = checked.flatMap(lambda record: [(record[1].reason, record[0])] if isinstance(record[1], Refusal) else [])
    count = refused.count()
    if count:
        frame = spark.createDataFrame(refused, "reason string, line string")
        frame.write.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false").json(uri)
    return count


def write_partitions(served: RDD[ServedMember], arguments: PushArguments) -> list[WriteCounts]:
    """Write the members to the table, and give each partition's counts.

    The rate is divided over all partitions, so that it holds however many of them run at once.
    """

    def write(members: Iterable[ServedMember]) -> Iterator[WriteCounts]:
        items = (
            serving_item(
                replace(member.scored, stage=member.served.stage),
                snapshot_date=arguments.snapshot_date,
                model_version=arguments.model_version,
                expires_at_epoch_seconds=arguments.expires_at_epoch_seconds,
            )
            for member in members
        )
        yield write_items(
            boto3.session.Session().resource("dynamodb", config=AWS_CONFIG),
            arguments.table_name,
            items,
            writes_per_second=arguments.maximum_writes_per_second / arguments.write_partitions,
        )

    # `collect` is the one action on this RDD: a second one would write everything again.
    return served.mapPartitions(write).collect()


def verify(receipt: PushReceipt, expected_line_count: int, errors: Sequence[str]) -> None:
    """Accept a receipt only if no record is lost.

    Args:
        receipt: what was pushed.
        expected_line_count: members that the ETL has put out.
        errors: what ended the writing of some partitions early.

    Raises:
        ScoredLinesLostError: names every figure, and the errors.
    """
    figures = (
        f"{receipt.read} read of {expected_line_count} expected, {receipt.written} written, "
        f"{receipt.quarantined} quarantined, {receipt.failed} failed"
    )
    if receipt.failed:
        raise ScoredLinesLostError("; ".join([f"DynamoDB has not accepted all records: {figures}", *errors]))
    if receipt.read != receipt.written + receipt.quarantined:
        raise ScoredLinesLostError(f"the records do not add up: {figures}")
    if receipt.read != expected_line_count:
        raise ScoredLinesLostError(f"the transform's output is not one record per member: {figures}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the job."""
    logging.basicConfig(level=logging.INFO)
    parsed = parse_arguments(arguments)
    spark = SparkSession.builder.appName("push_to_dynamodb").getOrCreate()
    try:
        push(spark, parsed)
    finally:
        spark.stop()


if __name__ == "__main__":
    main()
