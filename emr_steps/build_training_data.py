"""Builds the labelled set: the features of surveyed members on the days around their answers, split by member.

Submit it as:

    spark-submit --py-files libraries.zip emr_steps/build_training_data.py \
        --datalake s3://LAKE --pipeline-bucket s3://BUCKET --survey s3://LAKE/survey.csv
"""

from collections.abc import Sequence
from datetime import date

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as sf

from buyer_stage.datalake import PARTITION_COLUMN, table_name, table_prefix
from buyer_stage.documents import LabelledSetManifest, SplitCounts, to_json
from buyer_stage.errors import DataLakeError, LabelledSetError
from buyer_stage.features import MEMBER_ID, MODEL_FEATURES, TARGET_COLUMN, column_checksum
from buyer_stage.labelled_set import SPLIT_SHARES, split_of
from buyer_stage.s3_layout import (
    LABELLED_SET_MANIFEST_KEY,
    TEST_NO_TARGET_PREFIX,
    TEST_WITH_TARGET_PREFIX,
    TRAINING_PREFIX,
    VALIDATION_PREFIX,
)
from buyer_stage.snapshot_date import format_partition_value, parse_snapshot_date
from buyer_stage.stages import Stage
from buyer_stage.windows import Window
from emr_steps.arguments import is_left_out, step_parser
from emr_steps.datalake_reader import read_window, unreadable_files_named
from emr_steps.feature_files import write_csv
from emr_steps.feature_transforms import SNAPSHOT_DATE, feature_columns, join_windows, row_count_column
from emr_steps.survey import Answer, MemberDay, SurveyLabels, label_member_days, parse_survey
from spark_common.files import delete, exists, join_uri, list_folder_names, read_text, write_text
from spark_common.session import start_spark

SPLIT = "split"
SPLIT_PREFIXES = {"train": TRAINING_PREFIX, "validation": VALIDATION_PREFIX, "test": TEST_WITH_TARGET_PREFIX}


def main(argv: Sequence[str] | None = None) -> None:
    """Run the step with the arguments of the command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--survey", required=True, help="URI of the survey's answers, CSV with header")
    arguments = parser.parse_args(argv)
    if is_left_out("build_training_data", arguments.steps_to_run):
        return
    spark = start_spark("build_training_data")
    answers = parse_survey(read_text(spark, arguments.survey))
    print(to_json(build_training_data(spark, arguments.datalake, arguments.pipeline_bucket, answers)))


def build_training_data(
    spark: SparkSession, datalake: str, pipeline_bucket: str, answers: Sequence[Answer]
) -> LabelledSetManifest:
    """Write the splits of the labelled set, and last the manifest.

    Raises:
        LabelledSetError: no snapshot lies near an answer, a split is empty or no member in training chose some stage.
        DataLakeError: as for `read_window`; also when a member occurs twice in a window.
    """
    delete(spark, join_uri(pipeline_bucket, LABELLED_SET_MANIFEST_KEY))
    for prefix in (*SPLIT_PREFIXES.values(), TEST_NO_TARGET_PREFIX):
        delete(spark, join_uri(pipeline_bucket, prefix))

    snapshot_dates = _snapshots_near_answers(spark, datalake, answers)
    labels = label_member_days(answers, snapshot_dates)
    with unreadable_files_named():
        rows = _labelled_features(spark, datalake, labels.member_days).cache()
        _refuse_duplicates(rows)
        manifest = _describe(rows, labels)
        _refuse_unusable(manifest)
        _write_splits(rows, pipeline_bucket)
    write_text(spark, join_uri(pipeline_bucket, LABELLED_SET_MANIFEST_KEY), to_json(manifest))
    return manifest


def _snapshots_near_answers(spark: SparkSession, datalake: str, answers: Sequence[Answer]) -> list[date]:
    """Give the snapshots that any table has; reading then refuses one that not every table has."""
    names: set[str] = set()
    for window in Window:
        table = join_uri(datalake, table_prefix(window))
        if exists(spark, table):
            names.update(list_folder_names(spark, table))
    found = {
        parse_snapshot_date(name.removeprefix(f"{PARTITION_COLUMN}="))
        for name in names
        if name.startswith(f"{PARTITION_COLUMN}=")
    }
    near = sorted(day for day in found if any(a.labels(day) or a.is_just_before(day) for a in answers))
    if not near:
        raise LabelledSetError(
            f"none of the {len(found)} snapshots of {datalake} lies near one of the survey's answers"
        )
    return near


def _labelled_features(spark: SparkSession, datalake: str, member_days: Sequence[MemberDay]) -> DataFrame:
    """Give the features of the member-days that the data lake knows, with target and split.

    The target is null where the snapshot lies after the answer.
    """
    labels = sf.broadcast(
        spark.createDataFrame(
            [(d.member_id, d.snapshot_date, d.stage and d.stage.value, split_of(d.member_id)) for d in member_days],
            f"{MEMBER_ID} string, {SNAPSHOT_DATE} date, {TARGET_COLUMN} string, {SPLIT} string",
        )
    )
    snapshot_dates = sorted({d.snapshot_date for d in member_days})
    keys = [SNAPSHOT_DATE, MEMBER_ID]
    # Surveyed members are few among all: only their rows go through the shuffle.
    tables = {
        window: read_window(spark, datalake, window, snapshot_dates).join(labels, keys, "left_semi")
        for window in Window
    }
    counts = [row_count_column(window) for window in Window]
    return (
        join_windows(tables).join(labels, keys).select(SNAPSHOT_DATE, TARGET_COLUMN, SPLIT, *counts, *feature_columns())
    )


def _refuse_duplicates(rows: DataFrame) -> None:
    duplicate = rows.where(sf.greatest(*[row_count_column(window) for window in Window]) > 1).first()
    if duplicate is not None:
        window = next(window for window in Window if duplicate[row_count_column(window)] > 1)
        raise DataLakeError(
            f"table {table_name(window)}, snapshot {format_partition_value(duplicate[SNAPSHOT_DATE])}, "
            f"column {MEMBER_ID}: member {duplicate[MEMBER_ID]!r} occurs more than once"
        )


def _describe(rows: DataFrame, labels: SurveyLabels) -> LabelledSetManifest:
    labelled = rows.where(sf.col(TARGET_COLUMN).isNotNull())
    members = {
        row[SPLIT]: row["members"]
        for row in labelled.groupBy(SPLIT).agg(sf.countDistinct(MEMBER_ID).alias("members")).collect()
    }
    stage_rows = {
        (row[SPLIT], row[TARGET_COLUMN]): row["count"]
        for row in labelled.groupBy(SPLIT, TARGET_COLUMN).count().collect()
    }
    stages = {
        split: {stage.value: stage_rows[split, stage.value] for stage in Stage if (split, stage.value) in stage_rows}
        for split in SPLIT_SHARES
    }
    return LabelledSetManifest(
        column_checksum=column_checksum(MODEL_FEATURES),
        snapshot_dates=tuple(sorted(row[SNAPSHOT_DATE] for row in labelled.select(SNAPSHOT_DATE).distinct().collect())),
        answers=labels.answers,
        answers_with_unknown_stage=labels.answers_with_unknown_stage,
        members_with_conflicting_answers=labels.members_with_conflicting_answers,
        rows_after_answer=rows.where(sf.col(TARGET_COLUMN).isNull()).count(),
        splits={
            split: SplitCounts(rows=sum(counts.values()), members=members.get(split, 0), stages=counts)
            for split, counts in stages.items()
        },
    )


def _refuse_unusable(manifest: LabelledSetManifest) -> None:
    for split, counts in manifest.splits.items():
        if counts.rows == 0:
            raise LabelledSetError(f"split {split} is empty: {manifest.answers} answers are too few, or too far away")
    missing = [stage.value for stage in Stage if stage.value not in manifest.splits["train"].stages]
    if missing:
        raise LabelledSetError(f"nobody in training chose {', '.join(missing)}: a model could never name it")


def _write_splits(rows: DataFrame, pipeline_bucket: str) -> None:
    for split, prefix in SPLIT_PREFIXES.items():
        # A survey fits into one file, and one sorted file is the same in every run and for both forms of the test.
        split_rows = (
            rows.where((sf.col(SPLIT) == split) & sf.col(TARGET_COLUMN).isNotNull())
            .repartition(1)
            .sortWithinPartitions(MEMBER_ID, SNAPSHOT_DATE)
        )
        write_csv(split_rows.select(*MODEL_FEATURES, TARGET_COLUMN), join_uri(pipeline_bucket, prefix), header=True)
        if split == "test":
            write_csv(split_rows.select(*MODEL_FEATURES), join_uri(pipeline_bucket, TEST_NO_TARGET_PREFIX))


if __name__ == "__main__":
    main()
