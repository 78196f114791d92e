"""Builds the labeled set: the features of surveyed members on the days around their answers, split by member.

Submit it as:

    spark-submit --py-files libraries.zip emr_steps/build_training_data.py \
        --datalake s3://LAKE --pipeline-bucket s3://BUCKET --survey s3://LAKE/survey/survey.csv \
        --feature-query s3://CODE/sql/features.sql --labeled-set-query s3://CODE/sql/labeled_set.sql
"""

import hashlib
import json
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
    channel_line,
    duplicate_members,
    split_file_lines,
    split_lines,
    split_members,
)
from buyer_stage.domain.leak_guard import require_intact_splits
from buyer_stage.domain.queries import fill_labeled_set_query
from buyer_stage.domain.s3_layout import (
    ASSIGNED_SPLITS_KEY,
    CHANNEL_PREFIXES,
    LABELED_SET_FILE,
    LABELED_SET_MANIFEST_KEY,
    TEST_NO_TARGET_PREFIX,
    with_members_prefix,
)
from buyer_stage.domain.snapshot_date import format_partition_value, parse_snapshot_date
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.spark.files import delete, exists, join_uri, list_file_names, list_folder_names, read_text, write_text
from buyer_stage.spark.session import start_spark
from emr_steps.arguments import is_left_out, step_parser
from emr_steps.datalake_reader import read_window, unreadable_files_named
from emr_steps.feature_transforms import SNAPSHOT_DATE
from emr_steps.sql_definition import run_athena_query
from emr_steps.survey import Answer, parse_survey


def main(argv: Sequence[str] | None = None) -> None:
    """Run the step with the arguments of the command line."""
    parser = step_parser(__doc__)
    parser.add_argument("--survey", required=True, help="URI of the survey's answers, CSV with header")
    parser.add_argument("--feature-query", required=True, help="URI of sql/features.sql")
    parser.add_argument("--labeled-set-query", required=True, help="URI of sql/labeled_set.sql")
    parser.add_argument(
        "--split-by", type=SplitBy, choices=list(SplitBy), default=SplitBy.STAGE, help="for new members, default stage"
    )
    arguments = parser.parse_args(argv)
    if is_left_out("build_training_data", arguments.steps_to_run):
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
) -> LabeledSetManifest:
    """Write the splits of the labeled set, and last the manifest.

    Args:
        spark: the session.
        datalake: root of the data lake.
        pipeline_bucket: root of the pipeline bucket.
        answers: of the survey.
        labeled_set_query: text of `sql/labeled_set.sql`.
        feature_query: text of `sql/features.sql`.
        split_by: decides about the members whom no earlier labeled set placed.

    Raises:
        LabeledSetError: no snapshot lies near an answer, a split is empty, no member in training chose some stage, or
            too many members are alike.
        DataLakeError: as for `read_window`; also when a member occurs twice in a window.
    """
    delete(spark, join_uri(pipeline_bucket, LABELED_SET_MANIFEST_KEY))
    snapshot_dates = _snapshots_near_answers(spark, datalake, answers)
    query = fill_labeled_set_query(labeled_set_query, feature_query, snapshot_dates)
    with unreadable_files_named():
        found = _run_definition(spark, datalake, query, snapshot_dates, answers)
    outcomes = Counter(row["outcome"] for row in found)
    rows = [_labeled_row(row) for row in found if row["outcome"] == "labeled"]

    placed = _read_places(spark, pipeline_bucket)
    split_by_member = split_members(rows, placed, split_by)
    records = {
        split: split_file_lines(row for row in rows if split_by_member[row.member_id] == split)
        for split in SPLIT_SHARES
    }
    manifest = LabeledSetManifest(
        column_checksum=column_checksum(MODEL_FEATURES),
        snapshot_dates=tuple(sorted({row.snapshot_date for row in rows})),
        split_by=split_by,
        answers=len(answers),
        rows_with_unknown_label=outcomes["unknown label"],
        rows_with_conflicting_answers=outcomes["conflicting answers"],
        rows_after_answer=outcomes["after the answer"],
        duplicate_members=len(duplicate_members((row.member_id, row.features) for row in rows)),
        members_kept=len(split_by_member.keys() & placed.keys()),
        splits=_count_splits(rows, split_by_member),
        with_members_sha256={
            split: hashlib.sha256(_text(lines).encode()).hexdigest() for split, lines in records.items()
        },
    )
    _refuse_unusable(manifest)

    # Places come first: a run that breaks off below has placed nobody otherwise than the next one will.
    placed = {**placed, **split_by_member}
    write_text(spark, join_uri(pipeline_bucket, ASSIGNED_SPLITS_KEY), json.dumps(placed, indent=0, sort_keys=True))
    _write_splits(spark, pipeline_bucket, records)
    _require_intact(spark, pipeline_bucket, placed)
    write_text(spark, join_uri(pipeline_bucket, LABELED_SET_MANIFEST_KEY), to_json(manifest))
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
    near = found.intersection(day for answer in answers for day in answer.near_days())
    if not near:
        raise LabeledSetError(f"none of the {len(found)} snapshots of {datalake} lies near one of the survey's answers")
    return sorted(near)


def _run_definition(
    spark: SparkSession, datalake: str, query: str, snapshot_dates: Sequence[date], answers: Sequence[Answer]
) -> list[Row]:
    survey = spark.createDataFrame(
        [(a.member_id, a.start_date.isoformat(), a.end_date.isoformat(), a.stage_label_1) for a in answers],
        f"{MEMBER_ID} string, start_date string, end_date string, stage_label_1 string",
    )
    survey.createOrReplaceTempView("survey")
    # Surveyed members are few among all: only their rows are kept, and the definition is run on these.
    members = sf.broadcast(survey.select(MEMBER_ID).distinct())
    tables = {
        window: read_window(spark, datalake, window, snapshot_dates).join(members, MEMBER_ID, "left_semi").cache()
        for window in Window
    }
    try:
        _refuse_duplicates(tables)
        return run_athena_query(spark, query, tables).collect()
    finally:
        for table in tables.values():
            table.unpersist()


def _refuse_duplicates(tables: Mapping[Window, DataFrame]) -> None:
    duplicates = [
        table.groupBy(SNAPSHOT_DATE, MEMBER_ID)
        .count()
        .where("count > 1")
        .select(sf.lit(table_name(window)).alias("table"), SNAPSHOT_DATE, MEMBER_ID)
        for window, table in tables.items()
    ]
    duplicate = reduce(DataFrame.unionByName, duplicates).first()
    if duplicate is not None:
        raise DataLakeError(
            f"table {duplicate['table']}, snapshot {format_partition_value(duplicate[SNAPSHOT_DATE])}, "
            f"column {MEMBER_ID}: member {duplicate[MEMBER_ID]!r} occurs more than once"
        )


def _labeled_row(row: Row) -> LabeledRow:
    features = tuple(row[name] for name in MODEL_FEATURES)
    return LabeledRow(row[MEMBER_ID], row[SNAPSHOT_DATE], features, Stage(row[TARGET_COLUMN]))


def _count_splits(rows: Sequence[LabeledRow], split_by_member: Mapping[str, str]) -> dict[str, SplitCounts]:
    stages = Counter((split_by_member[row.member_id], row.stage) for row in rows)
    members = Counter(split_by_member.values())
    return {
        split: SplitCounts(
            rows=sum(stages[split, stage] for stage in Stage),
            members=members[split],
            stages={stage.value: stages[split, stage] for stage in Stage if stages[split, stage]},
        )
        for split in SPLIT_SHARES
    }


def _refuse_unusable(manifest: LabeledSetManifest) -> None:
    for split, counts in manifest.splits.items():
        if counts.rows == 0:
            raise LabeledSetError(f"split {split} is empty: {manifest.answers} answers are too few, or too far away")
    missing = [stage.value for stage in Stage if stage.value not in manifest.splits["train"].stages]
    if missing:
        raise LabeledSetError(f"nobody in training chose {', '.join(missing)}: a model could never name it")
    members = sum(counts.members for counts in manifest.splits.values())
    if manifest.duplicate_members > MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS * members:
        raise LabeledSetError(
            f"{manifest.duplicate_members} of {members} members are alike in every feature, more than "
            f"{MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS:.0%}: were their ids issued anew, or features lost?"
        )


def _read_places(spark: SparkSession, pipeline_bucket: str) -> dict[str, str]:
    uri = join_uri(pipeline_bucket, ASSIGNED_SPLITS_KEY)
    placed: dict[str, str] = json.loads(read_text(spark, uri)) if exists(spark, uri) else {}
    return placed


def _write_splits(spark: SparkSession, pipeline_bucket: str, records: Mapping[str, Sequence[str]]) -> None:
    files: dict[str, Sequence[str]] = {}
    for split, lines in records.items():
        files[with_members_prefix(split)] = lines
        files[CHANNEL_PREFIXES[split]] = [channel_line(line) for line in lines]
    files[TEST_NO_TARGET_PREFIX] = [line.rpartition(",")[0] for line in files[CHANNEL_PREFIXES["test"]][1:]]
    for prefix, lines in files.items():
        delete(spark, join_uri(pipeline_bucket, prefix))
        write_text(spark, join_uri(pipeline_bucket, prefix + LABELED_SET_FILE), _text(lines))


def _require_intact(spark: SparkSession, pipeline_bucket: str, placed: Mapping[str, str]) -> None:
    """Guard what is there now, and not what was meant to be."""

    def read_lines(prefix: str) -> list[str]:
        folder = join_uri(pipeline_bucket, prefix)
        names = list_file_names(spark, folder)
        return [line for name in names for line in split_lines(read_text(spark, join_uri(folder, name)))]

    require_intact_splits(
        {split: read_lines(with_members_prefix(split)) for split in SPLIT_SHARES},
        {split: read_lines(prefix) for split, prefix in CHANNEL_PREFIXES.items()},
        placed,
    )


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
