"""The checksum of the feature rows identifies their values, and nothing else."""

import io
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from buyer_stage.domain.s3_layout import features_prefix
from buyer_stage.domain.windows import Window
from emr_steps.feature_transforms import rows_checksum
from emr_steps.process_features import process_features
from tests.lake import SNAPSHOT, write_lake, write_window
from tools.members.features import checksum_lines

ROWS = [("m1", 1, 0.5), ("m2", 2, 1.5), ("m3", 2**40, 0.0)]


def frame(spark: SparkSession, rows: list[tuple[str, int, float]] = ROWS) -> DataFrame:
    return spark.createDataFrame(rows, "member_id string, searches bigint, dwell double")


def checksum(features: DataFrame) -> str:
    ((value,),) = features.agg(rows_checksum(features)).collect()
    return str(value)


def test_order_and_partitions_do_not_change_the_checksum(spark: SparkSession) -> None:
    expected = checksum(frame(spark))
    assert checksum(frame(spark, ROWS[::-1]).repartition(3)) == expected
    assert checksum(frame(spark).coalesce(1)) == expected


@pytest.mark.parametrize(
    "rows",
    [
        [("m1", 1, 0.5), ("m2", 2, 1.5), ("m3", 2**40, 1e-9)],
        [("m2", 1, 0.5), ("m1", 2, 1.5), ("m3", 2**40, 0.0)],
        [*ROWS, ("m4", 0, 0.0)],
        [*ROWS, ROWS[0]],
        [*ROWS, ROWS[0], ROWS[0]],
        ROWS[:-1],
        [],
    ],
)
def test_another_value_member_or_row_changes_the_checksum(
    spark: SparkSession, rows: list[tuple[str, int, float]]
) -> None:
    assert checksum(frame(spark, rows)) != checksum(frame(spark))


def test_another_column_changes_the_checksum(spark: SparkSession) -> None:
    features = frame(spark)
    assert checksum(features.drop("dwell")) != checksum(features)
    assert checksum(features.select("member_id", "dwell", "searches")) != checksum(features)


def test_same_lake_has_the_same_checksum_whatever_the_part_files_are_called(
    spark: SparkSession, tmp_path: Path
) -> None:
    lake, bucket = tmp_path / "lake", tmp_path / "bucket"
    write_lake(lake, [{"member_id": "m1", "total_searches": 1}, {"member_id": 'é", "'}])
    first, second = (process_features(spark, str(lake), str(bucket), SNAPSHOT) for _ in range(2))
    assert first.rows_checksum == second.rows_checksum
    assert first.part_files != second.part_files

    folder = bucket / features_prefix(SNAPSHOT)
    of_parts = [checksum_lines(io.BytesIO((folder / name).read_bytes())) for name in second.part_files]
    assert sum(of_parts) == int(second.rows_checksum), "forgetting members would compute another checksum"

    write_window(lake, Window.T090, [{"member_id": "m1", "total_searches": 2}, {"member_id": "m2"}])
    assert process_features(spark, str(lake), str(bucket), SNAPSHOT).rows_checksum != first.rows_checksum
