"""Decides the served stage of each member, and keeps the served stages for the next snapshot.

They are kept per snapshot, not only in the table, so that a repeated push compares with the same stages.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from pyspark import RDD
from pyspark.sql import DataFrame, SparkSession

from buyer_stage.domain.documents import StageChanges
from buyer_stage.domain.s3_layout import served_stages_prefix
from buyer_stage.domain.stage_changes import ServedStage, next_served_stage
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.transform_output import ScoredMember
from buyer_stage.spark.files import exists, join_uri, write_text

SCHEMA = "member_id string, stage string, disagreeing_snapshots int"

SUCCESS_MARKER = "_SUCCESS"
"""Name of the file that is written last into a folder. Spark does not read it as data."""


@dataclass(frozen=True)
class ServedMember:
    """A member and the stage that the table shows.

    Attributes:
        scored: the prediction.
        served: the served stage.
        previous: the stage served for the previous snapshot, or None if there was none.
    """

    scored: ScoredMember
    served: ServedStage
    previous: Stage | None


def read_previous_stages(
    spark: SparkSession, pipeline_bucket: str, snapshot_date: date, ttl_days: int
) -> tuple[date | None, DataFrame]:
    """Read the served stages of the latest earlier snapshot that the table can still hold.

    Args:
        spark: the session.
        pipeline_bucket: root of the pipeline bucket.
        snapshot_date: the snapshot that is pushed.
        ttl_days: how many days the table keeps an item.

    Returns:
        That snapshot, or None if there is none, and its stages: one row per member, as in `SCHEMA`.
    """
    for age_days in range(1, ttl_days + 1):
        day = snapshot_date - timedelta(days=age_days)
        folder = join_uri(pipeline_bucket, served_stages_prefix(day))
        if exists(spark, join_uri(folder, SUCCESS_MARKER)):
            return day, spark.read.schema(SCHEMA).parquet(folder)
    return None, spark.createDataFrame([], SCHEMA)


def serve_stages(
    scored: RDD[ScoredMember],
    previous: DataFrame,
    *,
    snapshots_before_change: int,
    partitions: int,
) -> RDD[ServedMember]:
    """Decide the served stage of each member.

    Args:
        scored: the predictions, one per member.
        previous: the stages served for the previous snapshot, from `read_previous_stages`.
        snapshots_before_change: as for `stage_changes.next_served_stage`.
        partitions: number of partitions of the result.
    """

    def serve(scored_and_previous: tuple[ScoredMember, ServedStage | None]) -> ServedMember:
        member, before = scored_and_previous
        served = next_served_stage(member.stage, before, snapshots_before_change)
        return ServedMember(member, served, None if before is None else before.stage)

    by_member = previous.rdd.map(lambda row: (row.member_id, ServedStage(Stage(row.stage), row.disagreeing_snapshots)))
    return scored.keyBy(lambda member: member.member_id).leftOuterJoin(by_member, partitions).values().map(serve)


def count_stages(
    served: RDD[ServedMember], previous_date: date | None, previous_members: int
) -> tuple[dict[str, int], dict[str, int], StageChanges]:
    """Count the members of each stage and of each change of stage, also where there are none.

    Args:
        served: all members of this snapshot.
        previous_date: the previous snapshot.
        previous_members: number of members of the previous snapshot.

    Returns:
        Stage -> members served that stage; stage -> members predicted to be in it; and the changes.
    """
    stages = {stage.value: 0 for stage in Stage}
    predicted_stages, transitions, waiting = dict(stages), {stage: dict(stages) for stage in stages}, 0
    counts = served.map(lambda member: (member.previous, member.served.stage, member.scored.stage)).countByValue()
    for (before, now, predicted), members in counts.items():
        stages[now] += members
        predicted_stages[predicted] += members
        if before is not None:
            transitions[before][now] += members
        if now is not predicted:
            waiting += members
    return stages, predicted_stages, StageChanges(previous_date, previous_members, transitions, waiting)


def write_served_stages(spark: SparkSession, served: RDD[ServedMember], pipeline_bucket: str, day: date) -> None:
    """Write the served stages of a snapshot, and replace those of an earlier push."""
    rows = served.map(
        lambda member: (member.scored.member_id, member.served.stage.value, member.served.disagreeing_snapshots)
    )
    folder = join_uri(pipeline_bucket, served_stages_prefix(day))
    spark.createDataFrame(rows, SCHEMA).write.mode("overwrite").parquet(folder)
    write_text(spark, join_uri(folder, SUCCESS_MARKER), "")
