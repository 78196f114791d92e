"""Scored lines: read from a transform's output, checked one by one, and quarantined where they cannot be written."""

import csv
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyspark import RDD
from pyspark.sql import SparkSession

from buyer_stage.domain.transform_output import (
    OUTPUT_FILE_SUFFIX,
    InvalidScoredLineError,
    ScoredMember,
    member_of_scored_line,
    parse_scored_line,
)
from buyer_stage.spark.files import exists
from buyer_stage.spark.suppression import SuppressedMembers

MAXIMUM_KEY_BYTES = 2048
"""DynamoDB's limit for a partition key. A single longer key makes DynamoDB refuse the whole batch."""


@dataclass(frozen=True)
class Refusal:
    """Why a scored line is quarantined."""

    reason: str


@dataclass(frozen=True)
class Suppression:
    """The outcome for a line of a suppressed member: the push keeps nothing of it."""


Outcome = ScoredMember | Refusal | Suppression

CheckedLine = tuple[str, Outcome]
"""A scored line, and what the check made of it."""

LineKey = tuple[str, str]
"""Member id and line. The line takes the id's place when the id cannot be used."""


def read_lines(spark: SparkSession, transform_output: str) -> RDD[str]:
    """Read the lines of a transform's output files. A missing folder holds no lines.

    Args:
        spark: the session.
        transform_output: URI of the folder.
    """
    if not exists(spark, transform_output):
        return spark.sparkContext.emptyRDD()
    # Batch transform ends lines with a line feed. By default, Spark would also split at a carriage return in a field.
    files = spark.read.text(transform_output, lineSep="\n", pathGlobFilter=f"*{OUTPUT_FILE_SUFFIX}")
    return files.rdd.map(lambda row: str(row.value))


def check_lines(lines: RDD[str], partitions: int, suppressed: SuppressedMembers) -> RDD[CheckedLine]:
    """Check all lines, and bring the lines of each member together in one partition.

    Args:
        lines: scored lines.
        partitions: number of partitions of the result, 1 or more.
        suppressed: members to leave out.
    """
    keyed = lines.map(lambda line: check_line(line, suppressed)).repartitionAndSortWithinPartitions(  # type: ignore[type-var]  # tuples do sort
        partitions, partitionFunc=lambda key: zlib.crc32(key[0].encode()), keyfunc=lambda key: key
    )
    return keyed.mapPartitions(refuse_repeated_members)


def check_line(line: str, suppressed: SuppressedMembers) -> tuple[LineKey, Outcome]:
    """Parse a line, or say why its item could not be written."""
    # First of all, because the quarantine keeps the line, too.
    if suppressed.hashes and suppressed.contains(member_of_scored_line(line)):
        return (line, line), Suppression()
    try:
        scored = parse_scored_line(line)
    except (InvalidScoredLineError, csv.Error) as error:
        return (line, line), Refusal(str(error))
    if len(scored.member_id.encode()) > MAXIMUM_KEY_BYTES:
        return (line, line), Refusal(f"member_id is longer than {MAXIMUM_KEY_BYTES} bytes")
    return (scored.member_id, line), scored


def refuse_repeated_members(lines: Iterable[tuple[LineKey, Outcome]]) -> Iterator[CheckedLine]:
    """Keep the first of several lines with the same member id, and refuse the others.

    DynamoDB refuses a batch that holds a key twice, and across batches the last one to arrive would win. The sort
    order decides instead, so that a repeated run keeps the same line.

    Args:
        lines: results of `check_line`, sorted by key.
    """
    previous_member_id = None
    for (_, line), outcome in lines:
        if isinstance(outcome, ScoredMember):
            if outcome.member_id == previous_member_id:
                yield line, Refusal("another line has the same member_id")
                continue
            previous_member_id = outcome.member_id
        yield line, outcome


def accepted_members(checked: RDD[CheckedLine]) -> RDD[ScoredMember]:
    """Return the members of the accepted lines: each member once."""
    return checked.flatMap(lambda line: [line[1]] if isinstance(line[1], ScoredMember) else [])


def count_suppressed(checked: RDD[CheckedLine]) -> int:
    """Return the number of scored lines of suppressed members."""
    return checked.filter(lambda line: isinstance(line[1], Suppression)).count()


def write_quarantine(spark: SparkSession, checked: RDD[CheckedLine], uri: str) -> int:
    """Write the refused lines as JSON lines of `reason` and `line`. Without refused lines, write nothing.

    Args:
        spark: the session.
        checked: checked lines.
        uri: the folder to write, which must not exist yet.

    Returns:
        The number of refused lines.
    """
    refused = checked.flatMap(lambda line: [(line[1].reason, line[0])] if isinstance(line[1], Refusal) else [])
    count = refused.count()
    if count:
        frame = spark.createDataFrame(refused, "reason string, line string")
        frame.write.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false").json(uri)
    return count
