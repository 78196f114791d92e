"""Computes a snapshot's features from their SQL definition, and compares every value with what was written.

Submit it as:

    spark-submit --py-files libraries.zip emr_steps/validate_features.py --feature-query s3://CODE/sql/features.sql \
        --datalake s3://LAKE --pipeline-bucket s3://BUCKET --snapshot-date YYYYMMDD
"""

import hashlib
from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as sf
from pyspark.sql.types import DoubleType

from buyer_stage.domain.documents import FeatureManifest, FeatureValidation, to_json
from buyer_stage.domain.errors import FeatureMismatchError, InvalidManifestError
from buyer_stage.domain.features import MEMBER_ID, OUTPUT_COLUMNS, column_checksum
from buyer_stage.domain.queries import fill_feature_query
from buyer_stage.domain.s3_layout import (
    PART_FILE_PREFIX,
    feature_manifest_key,
    feature_validation_key,
    features_prefix,
)
from buyer_stage.domain.windows import Window
from buyer_stage.spark.failures import without_values_of_rows
from buyer_stage.spark.feature_manifests import parse_manifest
from buyer_stage.spark.files import join_uri, list_file_names, read_text, write_text
from buyer_stage.spark.session import start_spark
from buyer_stage.spark.suppression import read_suppressed_members
from emr_steps.arguments import add_snapshot_date, is_skipped, step_parser
from emr_steps.datalake_reader import name_unreadable_files, read_window
from emr_steps.feature_files import FEATURE_SCHEMA, read_features
from emr_steps.feature_transforms import csv_member_id, csv_number, rows_checksum
from emr_steps.sql_definition import SNAPSHOT_DATE, run_athena_query

DIFFERENCES_SHOWN = 10


@without_values_of_rows()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the step with the arguments of the command line."""
    parser = step_parser(__doc__)
    add_snapshot_date(parser)
    parser.add_argument("--feature-query", required=True, help="URI of sql/features.sql")
    arguments = parser.parse_args(argv)
    if is_skipped("validate_features", arguments.steps_to_run):
        return
    spark = start_spark(f"validate_features {arguments.snapshot_date}")
    validation = validate_features(
        spark,
        arguments.datalake,
        arguments.pipeline_bucket,
        arguments.snapshot_date,
        feature_query=read_text(spark, arguments.feature_query),
        suppression_secret=arguments.suppression_secret,
    )
    print(to_json(validation))


def validate_features(
    spark: SparkSession,
    datalake: str,
    pipeline_bucket: str,
    snapshot_date: date,
    *,
    feature_query: str,
    suppression_secret: str | None = None,
) -> FeatureValidation:
    """Compare the written features with the SQL definition, and write a document when all values are equal.

    Args:
        spark: the session.
        datalake: root of the data lake.
        pipeline_bucket: root of the pipeline bucket.
        snapshot_date: the snapshot whose features were written.
        feature_query: text of `sql/features.sql`.
        suppression_secret: as for `read_suppressed_members`.

    Raises:
        SuppressionError: as for `read_suppressed_members`.
        FeatureMismatchError: a value, row or type differs. The message shows the first differences.
        InvalidManifestError: the manifest is damaged, or does not describe the files next to it.
        DataLakeError: as for `read_window`.
    """
    manifest_text = read_text(spark, join_uri(pipeline_bucket, feature_manifest_key(snapshot_date)))
    manifest = parse_manifest(manifest_text)
    part_files = _find_part_files(spark, pipeline_bucket, snapshot_date, manifest)
    suppressed = read_suppressed_members(spark, pipeline_bucket, suppression_secret)
    expected = suppressed.leave_out(_compute_expected(spark, datalake, snapshot_date, feature_query))
    with name_unreadable_files():
        row_count = _require_equal(spark, part_files, expected)
    if row_count != manifest.row_count:
        raise InvalidManifestError(
            f"the manifest of {snapshot_date} has the row count {manifest.row_count}, its part files have {row_count} "
            "rows; run process_features again"
        )
    validation = FeatureValidation(
        snapshot_date=snapshot_date,
        row_count=row_count,
        manifest_sha256=hashlib.sha256(manifest_text.encode()).hexdigest(),
    )
    write_text(spark, join_uri(pipeline_bucket, feature_validation_key(snapshot_date)), to_json(validation))
    return validation


def _find_part_files(
    spark: SparkSession, pipeline_bucket: str, snapshot_date: date, manifest: FeatureManifest
) -> list[str]:
    folder = join_uri(pipeline_bucket, features_prefix(snapshot_date))
    part_files = tuple(name for name in list_file_names(spark, folder) if name.startswith(PART_FILE_PREFIX))
    if part_files != manifest.part_files:
        differing = ", ".join(sorted({*part_files} ^ {*manifest.part_files}))
        raise InvalidManifestError(
            f"{folder} and its manifest do not hold the same part files: {differing}; run process_features again"
        )
    if manifest.column_checksum != column_checksum(OUTPUT_COLUMNS):
        raise InvalidManifestError(f"the manifest in {folder} describes other columns; run process_features again")
    return [join_uri(folder, name) for name in part_files]


def _compute_expected(spark: SparkSession, datalake: str, snapshot_date: date, feature_query: str) -> DataFrame:
    tables = {window: read_window(spark, datalake, window, [snapshot_date]) for window in Window}
    expected = run_athena_query(spark, fill_feature_query(feature_query, [snapshot_date]), tables).drop(SNAPSHOT_DATE)
    _require_same_types(expected)
    return expected


def _require_same_types(expected: DataFrame) -> None:
    """Require equal types, except that integers can be narrower: any other cast could hide a difference."""
    types = [(field.name, field.dataType.simpleString()) for field in expected.schema.fields]
    widened = [(name, "bigint" if hive_type == "int" else hive_type) for name, hive_type in types]
    written = [(field.name, field.dataType.simpleString()) for field in FEATURE_SCHEMA.fields]
    if widened != written:
        differing = sorted(set(widened) ^ set(written))
        raise FeatureMismatchError(
            f"the SQL definition has other columns, types or order than the features: {differing}"
        )


def _require_equal(spark: SparkSession, part_files: list[str], expected: DataFrame) -> int:
    """Compare all rows and columns, and return the number of rows."""
    # Checksums find out whether anything differs without a join of 2 x 159 columns, which shows what does. They are of
    # lines, because rendering the expected values takes a fraction of the work of parsing the written ones.
    row_count, checksum = _identify(spark.read.text(part_files))
    if (row_count, checksum) != _identify(_render(expected)):
        raise FeatureMismatchError(_show_differences(read_features(spark, part_files), expected, row_count))
    return row_count


def _render(expected: DataFrame) -> DataFrame:
    """Return the lines that the part files must consist of. A null becomes a word that no line has."""
    numbers = [
        sf.coalesce(
            csv_number(sf.col(field.name), zero="0.0" if isinstance(field.dataType, DoubleType) else "0"),
            sf.lit("null"),
        )
        for field in FEATURE_SCHEMA.fields
        if field.name != MEMBER_ID
    ]
    return expected.select(sf.concat_ws(",", sf.coalesce(csv_member_id(), sf.lit("null")), *numbers).alias("line"))


def _identify(lines: DataFrame) -> tuple[int, str]:
    """Return the number of lines and their checksum."""
    row_count, checksum = lines.agg(sf.count(sf.lit(1)), rows_checksum(lines)).collect()[0]
    return row_count, str(checksum)


def _show_differences(written: DataFrame, expected: DataFrame, line_count: int) -> str:
    # Of equal types, because structs of other types are never equal.
    expected = expected.select(*[sf.col(field.name).cast(field.dataType) for field in FEATURE_SCHEMA.fields])
    both = written.select(MEMBER_ID, sf.struct(*OUTPUT_COLUMNS).alias("written")).join(
        expected.select(MEMBER_ID, sf.struct(*OUTPUT_COLUMNS).alias("expected")), on=MEMBER_ID, how="full_outer"
    )
    # A null struct equals a null struct only, so a missing row is a difference too.
    differs = ~sf.col("written").eqNullSafe(sf.col("expected"))
    row_count, difference_count = both.agg(sf.count(sf.lit(1)), sf.count_if(differs)).collect()[0]
    if not difference_count:
        if row_count == line_count == expected.count():
            return "the part files have the right values, but in another spelling; run process_features again"
        return f"the part files have {line_count} rows with the right values, but a member occurs more than once"
    first = both.where(differs).orderBy(MEMBER_ID).limit(DIFFERENCES_SHOWN).collect()
    shown = "\n".join(_describe(row) for row in first)
    return f"{difference_count} of {row_count} members differ from the SQL definition; the first:\n{shown}"


def _describe(row: Row) -> str:
    for side, other in (("written", "expected"), ("expected", "written")):
        if row[side] is None:
            return f"  a member is {other}, but not {side}"
    values = [
        f"{column} is {row['written'][column]!r} instead of {row['expected'][column]!r}"
        for column in OUTPUT_COLUMNS
        if row["written"][column] != row["expected"][column]
    ]
    return f"  {', '.join(values)}"


if __name__ == "__main__":
    main()
