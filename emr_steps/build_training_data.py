"""Builds the labeled set: the features of surveyed members on the days near their answers, split by member.

Submit it as:

    spark-submit --py-files libraries.zip emr_steps/build_training_data.py \
        --datalake s3://LAKE --pipeline-bucket s3://BUCKET --survey s3://LAKE/survey/survey.csv \
        --feature-query s3://CODE/sql/features.sql --labeled-set-query s3://CODE/sql/labeled_set.sql
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as sf

from buyer_stage.domain.datalake import PARTITION_COLUMN, table_name, table_prefix
from buyer_stage.domain.documents import LabeledSetManifest, SplitCounts, to_json
from buyer_stage.domain.errors import DataLakeError, LabeledSetError
from buyer_stage.domain.features import MEMBER_ID, MODEL_FEATURES, TARGET_COLUMN, column_checksum
from buyer_stage.domain.labeled_set import (
    MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS,
    SPLIT_SHARES,
    LabeledRow,
    SplitBy,
    duplicate_members,
    split_members,
)
from buyer_stage.domain.queries import fill_labeled_set_query
from buyer_stage.domain.s3_layout import LABELED_SET_MANIFEST_KEY
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.spark.failures import without_values_of_rows
from buyer_stage.spark.files import delete, exists, join_uri, list_folder_names, read_text, write_text
from buyer_stage.spark.session import start_spark
from buyer_stage.spark.suppression import read_suppressed_members
from emr_steps.arguments import is_skipped, step_parser
from emr_steps.datalake_reader import name_unreadable_files, read_window
from emr_steps.split_files import (
    format_split_files,
    read_assigned_splits,
    read_training_checksums,
    require_intact_files,
    split_file_checksums,
    write_assigned_splits,
    write_split_files,
)
from emr_steps.sql_definition import SNAPSHOT_DATE, run_athena_query
from emr_steps.survey import Answer, parse_survey


@without_values_of_rows()
def main(argv: Sequence[str] | None = None) -> None:
    """Run the step with the arguments of the command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--survey", required=True, help="URI of the survey: CSV with a header")
    parser.add_argument("--feature-query", required=True, help="URI of sql/features.sql")
    parser.add_argument("--labeled-set-query", required=True, help="URI of sql/labeled_set.sql")
    parser.add_argument(
        "--split-by",
        type=SplitBy,
        choices=list(SplitBy),
        default=SplitBy.STAGE,
        help="what decides the split of a new member, default stage",
    )
    arguments = parser.parse_args(argv)
    if is_skipped("build_training_data", arguments.steps_to_run):
        return
    spark = start_spark("build_training_data")
    manifest = build_training_data(
        spark,
        arguments.datalake,
        arguments.pipeline_bucket,
        parse_survey(read_text(spark, arguments.survey)),
        labeled_set_query=read_text(spark, arguments.labeled_set_query),
        feature_query=read_text(spark, arguments.feature_query),
        split_by=arguments.split_by,
        suppression_secret=arguments.suppression_secret,
    )
    print(to_json(manifest))


def build_training_data(
    spark: SparkSession,
    datalake: str,
    pipeline_bucket: str,
    answers: Sequence[Answer],
    *,
    labeled_set_query: str,
    feature_query: str,
    split_by: SplitBy,
    suppression_secret: str | None = None,
) -> LabeledSetManifest:
    """Write the labeled set, and its manifest last.

    Args:
        spark: the session.
        datalake: root of the data lake.
        pipeline_bucket: root of the pipeline bucket.
        answers: the survey.
        labeled_set_query: text of `sql/labeled_set.sql`.
        feature_query: text of `sql/features.sql`.
        split_by: decides the split of members who have no assigned split yet.
        suppression_secret: as for `read_suppressed_members`.

    Raises:
        SuppressionError: as for `read_suppressed_members`.
        LabeledSetError: no snapshot is near an answer, or as for `require_usable`.
        DataLakeError: as for `read_window`, or a member occurs more than once in a window.
    """
    suppressed = read_suppressed_members(spark, pipeline_bucket, suppression_secret)
    earlier_checksums = read_training_checksums(spark, pipeline_bucket, suppressed)
    delete(spark, join_uri(pipeline_bucket, LABELED_SET_MANIFEST_KEY))
    kept_answers = [answer for answer in answers if not suppressed.contains(answer.member_id)]
    snapshot_dates = _snapshots_near_answers(spark, datalake, kept_answers)
    query = fill_labeled_set_query(labeled_set_query, feature_query, snapshot_dates)
    with name_unreadable_files():
        found = _run_definition(spark, datalake, query, snapshot_dates, kept_answers)
    outcomes = Counter(row["outcome"] for row in found)
    rows = [_labeled_row(row) for row in found if row["outcome"] == "labeled"]

    earlier_splits = {
        member: split
        for member, split in read_assigned_splits(spark, pipeline_bucket).items()
        if not suppressed.contains(member)
    }
    splits = split_members(rows, earlier_splits, split_by)
    split_files = format_split_files(rows, splits)
    checksums = split_file_checksums(split_files)
    manifest = LabeledSetManifest(
        column_checksum=column_checksum(MODEL_FEATURES),
        snapshot_dates=tuple(sorted({row.snapshot_date for row in rows})),
        split_by=split_by,
        answers=len(answers),
        rows_with_unknown_label=outcomes["unknown label"],
        rows_with_conflicting_answers=outcomes["conflicting answers"],
        rows_after_answer=outcomes["after the answer"],
        duplicate_members=len(duplicate_members((row.member_id, row.features) for row in rows)),
        members_kept=len(splits.keys() & earlier_splits.keys()),
        splits=_count_splits(rows, splits),
        with_members_sha256=checksums,
        suppressed_answers=len(answers) - len(kept_answers),
        training_checksums={split: earlier_checksums.get((split, file), file) for split, file in checksums.items()},
    )
    require_usable(manifest)

    assigned_splits = {**earlier_splits, **splits}
    # Written first: if this run stops below, the next one still assigns every member to the same split.
    write_assigned_splits(spark, pipeline_bucket, assigned_splits)
    write_split_files(spark, pipeline_bucket, split_files)
    require_intact_files(spark, pipeline_bucket, assigned_splits)
    write_text(spark, join_uri(pipeline_bucket, LABELED_SET_MANIFEST_KEY), to_json(manifest))
    return manifest


def _snapshots_near_answers(spark: SparkSession, datalake: str, answers: Sequence[Answer]) -> list[date]:
    """Return the snapshots near an answer that any table has. Reading then refuses one that some table lacks."""
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
    near = found.intersection(day for answer in answers for day in answer.near_days())
    if not near:
        raise LabeledSetError(
            f"none of the {len(found)} snapshots of {datalake} is near an answer; check the survey's dates"
        )
    return sorted(near)


def _run_definition(
    spark: SparkSession, datalake: str, query: str, snapshot_dates: Sequence[date], answers: Sequence[Answer]
) -> list[Row]:
    survey = spark.createDataFrame(
        [(a.member_id, a.start_date.isoformat(), a.end_date.isoformat(), a.stage_label_1) for a in answers],
        f"{MEMBER_ID} string, start_date string, end_date string, stage_label_1 string",
    )
    survey.createOrReplaceTempView("survey")
    # Few members answer the survey, so the query reads their rows only.
    members = sf.broadcast(survey.select(MEMBER_ID).distinct())
    tables = {
        window: read_window(spark, datalake, window, snapshot_dates).join(members, MEMBER_ID, "left_semi").cache()
        for window in Window
    }
    try:
        _refuse_repeated_members(tables)
        return run_athena_query(spark, query, tables).collect()
    finally:
        for table in tables.values():
            table.unpersist()


def _refuse_repeated_members(tables: Mapping[Window, DataFrame]) -> None:
    rows = [
        table.select(sf.lit(table_name(window)).alias("table"), PARTITION_COLUMN, MEMBER_ID)
        for window, table in tables.items()
    ]
    repeated = (
        reduce(DataFrame.unionByName, rows).groupBy("table", PARTITION_COLUMN, MEMBER_ID).count().where("count > 1")
    )
    first = repeated.groupBy("table", PARTITION_COLUMN).count().orderBy("table", PARTITION_COLUMN).first()
    if first is not None:
        raise DataLakeError(
            f"table {first['table']}, snapshot {first[PARTITION_COLUMN]}, column {MEMBER_ID}: "
            f"surveyed members that occur more than once: {first['count']}; remove their extra rows from the data lake"
        )


def _labeled_row(row: Row) -> LabeledRow:
    values = row.asDict()  # A row searches all its names for each value.
    features = tuple(values[name] for name in MODEL_FEATURES)
    return LabeledRow(values[MEMBER_ID], values[SNAPSHOT_DATE], features, Stage(values[TARGET_COLUMN]))


def _count_splits(rows: Sequence[LabeledRow], splits: Mapping[str, str]) -> dict[str, SplitCounts]:
    stages = Counter((splits[row.member_id], row.stage) for row in rows)
    members = Counter(splits.values())
    return {
        split: SplitCounts(
            rows=sum(stages[split, stage] for stage in Stage),
            members=members[split],
            stages={stage.value: stages[split, stage] for stage in Stage if stages[split, stage]},
        )
        for split in SPLIT_SHARES
    }


def require_usable(manifest: LabeledSetManifest) -> None:
    """Check that models can learn from a labeled set and be judged with it.

    Raises:
        LabeledSetError: a split is empty, no member of the train split has some stage, or there are too many duplicate
            members.
    """
    for split, counts in manifest.splits.items():
        if counts.rows == 0:
            raise LabeledSetError(
                f"the {split} split is empty; the survey has {manifest.answers} answers, and needs more of them near "
                "the data lake's snapshots"
            )
    missing = [stage.value for stage in Stage if stage.value not in manifest.splits["train"].stages]
    if missing:
        raise LabeledSetError(
            f"no member of the train split has the stage {', '.join(missing)}, so a model could never predict it; add "
            "answers to the survey"
        )
    members = sum(counts.members for counts in manifest.splits.values())
    if manifest.duplicate_members > MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS * members:
        raise LabeledSetError(
            f"{manifest.duplicate_members} of {members} members are duplicates, more than "
            f"{MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS:.0%}; check whether members got new ids or features lost their values"
        )


if __name__ == "__main__":
    main()
