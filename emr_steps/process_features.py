"""Writes the features of one snapshot as CSV part files, one row per member, then their profile, then a manifest.

Submit it as:

    spark-submit --py-files libraries.zip emr_steps/process_features.py \
        --datalake s3://LAKE --pipeline-bucket s3://BUCKET --snapshot-date YYYYMMDD
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame, Observation, SparkSession
from pyspark.sql import functions as sf

from buyer_stage.domain.datalake import partition_prefix, table_name
from buyer_stage.domain.documents import FeatureManifest, to_json
from buyer_stage.domain.errors import DataLakeError
from buyer_stage.domain.features import FEATURE_SCHEMA_VERSION, MEMBER_ID, OUTPUT_COLUMNS, column_checksum
from buyer_stage.domain.input_checks import accepted_before, count_input, parse_accept_reason
from buyer_stage.domain.member_id import UNUSABLE_CHARACTER
from buyer_stage.domain.s3_layout import (
    PART_FILE_PREFIX,
    feature_manifest_key,
    feature_profile_key,
    feature_validation_key,
    features_prefix,
    raw_sample_prefix,
)
from buyer_stage.domain.snapshot_date import format_partition_value
from buyer_stage.domain.windows import Window
from buyer_stage.spark.failures import without_values_of_rows
from buyer_stage.spark.files import delete, join_uri, list_file_names, write_text
from buyer_stage.spark.session import start_spark
from buyer_stage.spark.suppression import IS_SUPPRESSED, SuppressedMembers, read_suppressed_members
from emr_steps.arguments import add_snapshot_date, is_skipped, step_parser
from emr_steps.datalake_reader import name_unreadable_files, read_all_windows
from emr_steps.feature_profile import profile_features
from emr_steps.feature_transforms import MEMBER_ROWS, WHITE_SPACE, WINDOW_DAYS, csv_lines, join_windows, rows_checksum
from emr_steps.input_checks import check_input, read_manifest

RAW_SAMPLE_ROWS = 1000
"""Raw rows that are kept per window."""


@dataclass(frozen=True)
class WrittenFeatures:
    """What the pass that writes the features observes.

    Attributes:
        counts: `row_count`, `suppressed_members`, `unusable` ids, `repeated` members (more than once in a window), and
            per window its members and those of them who are not suppressed.
        rows_checksum: as in the manifest.
    """

    counts: dict[str, int]
    rows_checksum: str


@without_values_of_rows()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the step with the arguments of the command line."""
    parser = step_parser(__doc__)
    add_snapshot_date(parser)
    parser.add_argument(
        "--accept-input", type=parse_accept_reason, default="", help="why to accept a snapshot that breaks input checks"
    )
    arguments = parser.parse_args(argv)
    if is_skipped("process_features", arguments.steps_to_run):
        return
    spark = start_spark(f"process_features {arguments.snapshot_date}")
    manifest = process_features(
        spark,
        arguments.datalake,
        arguments.pipeline_bucket,
        arguments.snapshot_date,
        suppression_secret=arguments.suppression_secret,
        accepted_input=arguments.accept_input,
    )
    print(to_json(manifest))


def process_features(
    spark: SparkSession,
    datalake: str,
    pipeline_bucket: str,
    snapshot_date: date,
    suppression_secret: str | None = None,
    accepted_input: str = "",
) -> FeatureManifest:
    """Write a snapshot's features, a sample of the raw rows, the feature profile, and the manifest last.

    Args:
        spark: the session.
        datalake: root of the data lake.
        pipeline_bucket: root of the pipeline bucket.
        snapshot_date: the snapshot.
        suppression_secret: as for `read_suppressed_members`.
        accepted_input: why a person accepts a snapshot that breaks input checks; empty if none does. A reason that an
            earlier run was given stays valid while the input is the same.

    Raises:
        SuppressionError: as for `read_suppressed_members`.
        DataLakeError: as for `read_window`, or a member id is unusable, or a member occurs more than once in a window,
            or the snapshot breaks an input check of level error. In each case there is no manifest.
    """
    folder = join_uri(pipeline_bucket, features_prefix(snapshot_date))
    manifest_uri = join_uri(pipeline_bucket, feature_manifest_key(snapshot_date))
    previous = read_manifest(spark, pipeline_bucket, snapshot_date)
    # The manifest goes first: it must never describe files that are already deleted.
    delete(spark, manifest_uri)
    delete(spark, join_uri(pipeline_bucket, feature_validation_key(snapshot_date)))
    delete(spark, folder)

    suppressed = read_suppressed_members(spark, pipeline_bucket, suppression_secret)
    rows = read_all_windows(spark, datalake, snapshot_date)
    with name_unreadable_files():
        written = _write_features(suppressed.mark(join_windows(rows)), folder, snapshot_date)
        observed = written.counts
        if observed["unusable"] or observed["repeated"]:
            _refuse_bad_members(rows, snapshot_date)
        for window in Window:
            _write_raw_sample(spark, datalake, pipeline_bucket, window, snapshot_date, suppressed)
        profiled = profile_features(suppressed.leave_out(rows), observed["row_count"])
    window_row_counts = {window.value: observed[f"members_{window.value}"] for window in Window}
    kept_rows = {window: observed[f"kept_{window.value}"] for window in Window}
    input_counts = count_input(kept_rows, profiled.nulls, profiled.profile)
    accepted_input = accepted_input or accepted_before(previous, window_row_counts, input_counts)
    warnings = check_input(spark, pipeline_bucket, snapshot_date, window_row_counts, input_counts, accepted_input)
    part_files = tuple(name for name in list_file_names(spark, folder) if name.startswith(PART_FILE_PREFIX))
    write_text(spark, join_uri(pipeline_bucket, feature_profile_key(snapshot_date)), to_json(profiled.profile))
    manifest = FeatureManifest(
        schema_version=FEATURE_SCHEMA_VERSION,
        snapshot_date=snapshot_date,
        row_count=observed["row_count"],
        window_row_counts=window_row_counts,
        column_checksum=column_checksum(OUTPUT_COLUMNS),
        rows_checksum=written.rows_checksum,
        part_files=part_files,
        suppressed_members=observed["suppressed_members"],
        input_counts=input_counts,
        input_warnings=warnings,
        accepted_input=accepted_input,
    )
    write_text(spark, manifest_uri, to_json(manifest))
    return manifest


def _write_features(joined: DataFrame, folder: str, snapshot_date: date) -> WrittenFeatures:
    """Write the part files, and return what the same pass observed: a separate check would read the input twice."""
    observation, output = Observation("input"), Observation("output")
    is_kept = ~sf.col(IS_SUPPRESSED)
    is_in = {window: sf.col(window.value).isNotNull() for window in Window}
    windows_with_member = reduce(add, [present.cast("int") for present in is_in.values()])
    observed = joined.observe(
        observation,
        sf.count_if(is_kept).alias("row_count"),
        sf.count_if(IS_SUPPRESSED).alias("suppressed_members"),
        sf.count_if(_is_unusable_id()).alias("unusable"),
        sf.count_if(sf.col(MEMBER_ROWS) > windows_with_member).alias("repeated"),
        *[sf.count_if(present).alias(f"members_{window.value}") for window, present in is_in.items()],
        *[sf.count_if(present & is_kept).alias(f"kept_{window.value}") for window, present in is_in.items()],
    )
    lines = csv_lines(observed.where(is_kept), snapshot_date)
    lines.observe(output, rows_checksum(lines).alias("rows_checksum")).write.text(folder)
    return WrittenFeatures(observation.get, str(output.get["rows_checksum"]))


def _is_unusable_id() -> Column:
    member_id = sf.coalesce(MEMBER_ID, sf.lit(""))
    return (sf.btrim(member_id, sf.lit(WHITE_SPACE)) == "") | member_id.rlike(UNUSABLE_CHARACTER)


def _refuse_bad_members(rows: DataFrame, snapshot_date: date) -> None:
    """Name the first window with such members, which takes a second pass over the input."""
    per_window = rows.groupBy(WINDOW_DAYS, MEMBER_ID).count().groupBy(WINDOW_DAYS)
    bad = per_window.agg(
        sf.count_if(_is_unusable_id()).alias("unusable"), sf.count_if(sf.col("count") > 1).alias("repeated")
    )
    first = bad.where("unusable > 0 or repeated > 0").orderBy(WINDOW_DAYS).collect()[0]
    window = next(window for window in Window if window.days == first[WINDOW_DAYS])
    where = f"table {table_name(window)}, snapshot {format_partition_value(snapshot_date)}, column {MEMBER_ID}"
    if first["unusable"]:
        raise DataLakeError(
            f"{where}: ids that are blank or contain a control character or line break: {first['unusable']}; remove "
            "their rows from the data lake"
        )
    raise DataLakeError(
        f"{where}: members that occur more than once: {first['repeated']}; remove their extra rows from the data lake"
    )


def _write_raw_sample(
    spark: SparkSession,
    datalake: str,
    pipeline_bucket: str,
    window: Window,
    snapshot_date: date,
    suppressed: SuppressedMembers,
) -> None:
    partition = join_uri(datalake, partition_prefix(window, snapshot_date))
    # Reading one file bounds the cost. The hash picks random members, and the same ones on every run.
    first_file = next(name for name in list_file_names(spark, partition) if not name.startswith(("_", ".")))
    raw = suppressed.leave_out(spark.read.parquet(join_uri(partition, first_file)))
    sample = raw.orderBy(sf.xxhash64(MEMBER_ID), MEMBER_ID).limit(RAW_SAMPLE_ROWS)
    sample.write.mode("overwrite").parquet(join_uri(pipeline_bucket, raw_sample_prefix(snapshot_date, window)))


if __name__ == "__main__":
    main()
