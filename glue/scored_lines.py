"""Scored lines: read from a transform's output, checked one by one, and refused where they cannot be served.

Spark's engine reads lines in the form that Autopilot's container writes. `parse_scored_line`, which is the definition,
reads the others: a process of Python would cost more for each line than everything else that the push does with it.
"""

from decimal import Decimal

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as sf

from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.member_id import MAXIMUM_BYTES
from buyer_stage.domain.serving_item import PROBABILITY_DECIMALS, round_probability
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.transform_output import (
    OUTPUT_FILE_SUFFIX,
    PROBABILITY_SUM_TOLERANCE,
    InvalidScoredLineError,
    member_of_scored_line,
    parse_scored_line,
)
from buyer_stage.spark.files import exists
from buyer_stage.spark.suppression import IS_SUPPRESSED, SuppressedMembers

PROBABILITIES_TYPE = f"array<decimal({PROBABILITY_DECIMALS + 1},{PROBABILITY_DECIMALS})>"

CHECKED_COLUMNS = (MEMBER_ID, "predicted", "probabilities", "line", "refusal", IS_SUPPRESSED)
"""Columns of checked lines. An accepted line has member id, predicted stage and probabilities (in the order of
`Stage`); a refused one has only the line and the refusal's reason; a suppressed member's has nothing."""

_MEMBER = r"[!#-+\x2d-~]{1,256}"
"""Printable ASCII without space, quote and comma, which no quoting can change."""
_STAGE = "|".join(stage.value for stage in Stage)
_PROBABILITY = r"\d(?:\.\d{1,30})?(?:e-\d{1,2})?"
_USUAL_LINE = (
    rf"^{_MEMBER},(?:{_STAGE})"
    + rf""","\['(?:{_STAGE})(?:', '(?:{_STAGE})){{3}}'\]","\[{_PROBABILITY}(?:, {_PROBABILITY}){{3}}\]"$"""
)
_SEPARATOR = r""","\['|', '|'\]","\[|\]"$|, |,"""
_FIRST_LABEL, _FIRST_PROBABILITY = 3, 7
"""Where the labels and the probabilities begin among the parts of a usual line, counted from 1."""


def read_lines(spark: SparkSession, transform_output: str) -> DataFrame:
    """Read the lines of a transform's output files into the column `line`. A missing folder holds no lines.

    Args:
        spark: the session.
        transform_output: URI of the folder.
    """
    if not exists(spark, transform_output):
        return spark.createDataFrame([], "line string")
    # Batch transform ends lines with a line feed. By default, Spark would also split at a carriage return in a field.
    files = spark.read.text(transform_output, lineSep="\n", pathGlobFilter=f"*{OUTPUT_FILE_SUFFIX}")
    return files.withColumnRenamed("value", "line")


def check_lines(lines: DataFrame, suppressed: SuppressedMembers) -> DataFrame:
    """Check all lines.

    Args:
        lines: from `read_lines`.
        suppressed: members to leave out.

    Returns:
        One row per line, as `CHECKED_COLUMNS` says. Of several lines with the same member id, the first one in sort
        order is accepted, whichever file it is in, so that a repeated run accepts the same one.
    """
    parsed = _parse_usual_lines(lines)
    is_certain = _is_certain()
    usual = parsed.where(is_certain).select(
        MEMBER_ID,
        "predicted",
        sf.col("numbers").cast(PROBABILITIES_TYPE).alias("probabilities"),
        "line",
        sf.lit(None).cast("string").alias("refusal"),
    )
    others = parsed.where(~is_certain).select("line").rdd.map(lambda row: _check_line(row.line, suppressed))
    schema = f"{MEMBER_ID} string, predicted string, probabilities {PROBABILITIES_TYPE}, line string, refusal string"
    unusual = lines.sparkSession.createDataFrame(others, f"{schema}, {IS_SUPPRESSED} boolean")
    return _refuse_repeated_members(suppressed.mark(usual).unionByName(unusual))


def _parse_usual_lines(lines: DataFrame) -> DataFrame:
    """Add member id, predicted stage and `numbers` (probabilities in the order of `Stage`), null in other lines."""
    parts = sf.when(sf.col("line").rlike(_USUAL_LINE), sf.split("line", _SEPARATOR))

    def fields(parts: Column) -> Column:
        labels = sf.slice(parts, _FIRST_LABEL, len(Stage))
        positions = [sf.array_position(labels, stage.value) for stage in Stage]
        numbers = [sf.when(each > 0, parts[(each + _FIRST_PROBABILITY - 2).cast("int")]) for each in positions]
        return sf.struct(
            parts[0].alias(MEMBER_ID),
            parts[1].alias("predicted"),
            sf.array(*numbers).cast("array<double>").alias("numbers"),
        )

    # A generator, because Spark would move these expressions to every place that uses a column, and match again there.
    return lines.select("line", sf.inline(sf.transform(sf.array(parts), fields)))


def _is_certain() -> Column:
    """Check that a line is a usual one, and that rounding errors cannot decide whether it is accepted."""
    numbers = [sf.col("numbers")[position] for position in range(len(Stage))]
    certain = sf.abs(sum(numbers[1:], start=numbers[0]) - 1) < PROBABILITY_SUM_TOLERANCE / 2
    for number in numbers:
        certain = certain & (number <= 1)
    return sf.coalesce(certain, sf.lit(False))


Checked = tuple[str | None, str | None, list[Decimal] | None, str | None, str | None, bool]


def _check_line(line: str, suppressed: SuppressedMembers) -> Checked:
    # First of all, because the quarantine keeps the line, too.
    if suppressed.hashes and suppressed.contains(member_of_scored_line(line)):
        return None, None, None, None, None, True
    try:
        scored = parse_scored_line(line)
    except InvalidScoredLineError as error:
        return None, None, None, line, str(error), False
    # A single longer key makes DynamoDB refuse the whole batch.
    if len(scored.member_id.encode()) > MAXIMUM_BYTES:
        return None, None, None, line, f"{MEMBER_ID} is longer than {MAXIMUM_BYTES} bytes", False
    probabilities = [round_probability(repr(scored.probabilities[stage])) for stage in Stage]
    return scored.member_id, scored.stage.value, probabilities, line, None, False


def _refuse_repeated_members(checked: DataFrame) -> DataFrame:
    """Refuse all lines of a member but the first, and keep of each row what `CHECKED_COLUMNS` says."""
    is_candidate = sf.col(MEMBER_ID).isNotNull() & ~sf.col(IS_SUPPRESSED)
    position = sf.row_number().over(Window.partitionBy(MEMBER_ID).orderBy("line"))
    refusal = sf.when(is_candidate & (sf.col("position") > 1), "another line has the same member_id")
    checked = checked.withColumn("position", position).withColumn("refusal", sf.coalesce("refusal", refusal))
    is_accepted = is_candidate & sf.col("refusal").isNull()
    return checked.select(
        sf.when(is_accepted, sf.col(MEMBER_ID)).alias(MEMBER_ID),
        sf.when(is_accepted, sf.col("predicted")).alias("predicted"),
        sf.when(is_accepted, sf.col("probabilities")).alias("probabilities"),
        sf.when(sf.col("refusal").isNotNull(), sf.col("line")).alias("line"),
        "refusal",
        IS_SUPPRESSED,
    )


def write_quarantine(checked: DataFrame, uri: str) -> None:
    """Write the refused lines as JSON lines of `reason` and `line`.

    Args:
        checked: rows with the columns `line` and `refusal`.
        uri: the folder to write, which must not exist yet.
    """
    refused = checked.where(sf.col("refusal").isNotNull()).select(sf.col("refusal").alias("reason"), "line")
    refused.write.option("mapreduce.fileoutputcommitter.marksuccessfuljobs", "false").json(uri)
