"""Pushes a snapshot's stages from the transform's output to the serving table, and accounts for every scored line.

A scored line is written, quarantined with the reason, suppressed, or failed. The receipt says how many of each. If they
do not add up to the members that the ETL wrote, or if any failed, the run still ends normally: Glue would repeat a run
that fails, and write the whole table again for the same loss. The function that checks the run judges the receipt.

The push also keeps the served stages, because the next snapshot is compared with them.
"""

import argparse
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

import boto3
from botocore.config import Config
from pyspark import RDD, StorageLevel
from pyspark.sql import SparkSession

from buyer_stage.domain.documents import PushReceipt, to_json
from buyer_stage.domain.errors import BuyerStageError, InvalidInputError
from buyer_stage.domain.s3_layout import push_receipt_key, quarantine_prefix
from buyer_stage.domain.serving_item import serving_item
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.spark.files import delete, join_uri, write_text
from buyer_stage.spark.suppression import read_suppressed_members
from glue.checked_lines import accepted_members, check_lines, count_suppressed, read_lines, write_quarantine
from glue.dynamodb_writer import WriteCounts, write_items
from glue.served_stages import ServedMember, count_stages, read_previous_stages, serve_stages, write_served_stages

logger = logging.getLogger(__name__)

AWS_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3})
"""botocore retries lost connections. `write_items` retries throttled and unprocessed items, because it paces them."""


@dataclass(frozen=True)
class PushArguments:
    """What a run pushes, and where to.

    Attributes:
        transform_output: URI of the folder with the transform's output files.
        pipeline_bucket: root of the pipeline bucket.
        table_name: the serving table.
        region: region of the table. Spark's executors do not know in which region they run.
        snapshot_date: the day that the stages describe.
        model_version: the model that predicted them.
        expires_at_epoch_seconds: when DynamoDB can delete the items.
        ttl_days: how many days the table keeps an item. Stages served before that are not compared with.
        snapshots_before_stage_change: as for `stage_changes.next_served_stage`.
        run_name: name of the run's receipt and quarantine.
        expected_line_count: members whose features the ETL wrote.
        write_partitions: number of partitions that are written.
        maximum_writes_per_second: rate of all partitions together.
        suppression_secret: as for `read_suppressed_members`.
    """

    transform_output: str
    pipeline_bucket: str
    table_name: str
    region: str
    snapshot_date: date
    model_version: str
    expires_at_epoch_seconds: int
    ttl_days: int
    snapshots_before_stage_change: int
    run_name: str
    expected_line_count: int
    write_partitions: int
    maximum_writes_per_second: int
    suppression_secret: str | None


def parse_arguments(arguments: Sequence[str] | None = None) -> PushArguments:
    """Read the run's arguments, and ignore those that Glue adds.

    Raises:
        InvalidInputError: a date is not a day written as YYYYMMDD, or a number is less than 1.
    """
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    for name in ("transform_output", "pipeline_bucket", "table_name", "region", "model_version", "run_name"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--snapshot_date", required=True, type=parse_snapshot_date)
    parser.add_argument("--suppression_secret")
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
    """Push every scored line, write the receipt, and keep the served stages if no line is lost."""
    quarantine = join_uri(arguments.pipeline_bucket, quarantine_prefix(arguments.snapshot_date, arguments.run_name))
    receipt_uri = join_uri(arguments.pipeline_bucket, push_receipt_key(arguments.snapshot_date, arguments.run_name))
    # Glue retries a run under the same name: what the failed attempt left must not pass for this one's.
    delete(spark, receipt_uri)
    delete(spark, quarantine)

    suppressed = read_suppressed_members(spark, arguments.pipeline_bucket, arguments.suppression_secret)
    lines = read_lines(spark, arguments.transform_output)
    checked = check_lines(lines, arguments.write_partitions, suppressed).persist(StorageLevel.MEMORY_AND_DISK)
    quarantined = write_quarantine(spark, checked, quarantine)
    previous_date, previous = read_previous_stages(
        spark, arguments.pipeline_bucket, arguments.snapshot_date, arguments.ttl_days
    )
    previous = suppressed.leave_out(previous)
    served = serve_stages(
        accepted_members(checked),
        previous,
        snapshots_before_change=arguments.snapshots_before_stage_change,
        partitions=arguments.write_partitions,
    ).persist(StorageLevel.MEMORY_AND_DISK)
    stages, predicted_stages, changes = count_stages(served, previous_date, previous.count())
    counts = write_partitions(served, arguments)
    receipt = PushReceipt(
        snapshot_date=arguments.snapshot_date,
        expected=arguments.expected_line_count,
        # Counted apart from the other three, so that a line lost between reading and writing shows.
        read=lines.count(),
        written=sum(count.written for count in counts),
        quarantined=quarantined,
        failed=sum(count.failed for count in counts),
        stages=stages,
        predicted_stages=predicted_stages,
        changes=changes,
        errors=tuple(sorted({count.error for count in counts if count.error})),
        suppressed=count_suppressed(checked) if suppressed.hashes else 0,
    )
    write_text(spark, receipt_uri, to_json(receipt))
    logger.info("pushed %s: %s", arguments.run_name, receipt)
    if loss := receipt.find_loss():
        logger.error("scored lines are lost: %s", loss)
    else:
        write_served_stages(spark, served, arguments.pipeline_bucket, arguments.snapshot_date)
    served.unpersist()
    checked.unpersist()
    return receipt


def write_partitions(served: RDD[ServedMember], arguments: PushArguments) -> list[WriteCounts]:
    """Write the members' items, and return the counts of each partition.

    Each partition gets an equal part of the rate, so that the total never exceeds it, however many run at once.
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
            boto3.session.Session(region_name=arguments.region).resource("dynamodb", config=AWS_CONFIG),
            arguments.table_name,
            items,
            writes_per_second=arguments.maximum_writes_per_second / arguments.write_partitions,
        )

    # `collect` is the only action on this RDD: a second one would write everything again.
    return served.mapPartitions(write).collect()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the job. An error that repeating cannot fix ends it without a receipt, which fails the execution."""
    logging.basicConfig(level=logging.INFO)
    try:
        parsed = parse_arguments(arguments)
        spark = SparkSession.builder.appName("push_to_dynamodb").getOrCreate()
        try:
            push(spark, parsed)
        finally:
            spark.stop()
    except BuyerStageError:
        logger.exception("the push has failed, and repeating it would not help")


if __name__ == "__main__":
    main()
