import json
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from buyer_stage.domain.datalake import partition_prefix, table_name, table_prefix
from buyer_stage.domain.errors import DataLakeError
from buyer_stage.domain.s3_layout import feature_manifest_key, features_prefix, raw_sample_prefix
from buyer_stage.domain.windows import Window
from emr_steps.process_features import process_features
from tests.lake import SCHEMA, SNAPSHOT, write_lake, write_window

BAD = Window.T030


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = tmp_path / "lake"
    write_lake(lake, [{"member_id": "m1"}, {"member_id": "m2"}])
    return lake


def refusal(spark: SparkSession, lake: Path) -> str:
    """Process a snapshot of a bad lake that was good before, and return the error's message."""
    bucket = lake.parent / "bucket"
    manifest = bucket / feature_manifest_key(SNAPSHOT)
    manifest.parent.mkdir(parents=True)
    manifest.write_text("left by an earlier run")

    with pytest.raises(DataLakeError) as refused:
        process_features(spark, str(lake), str(bucket), SNAPSHOT)

    assert not manifest.exists(), "a manifest is left"
    assert table_name(BAD) in str(refused.value)
    assert "20200203" in str(refused.value)
    return str(refused.value)


def test_missing_table(spark: SparkSession, lake: Path) -> None:
    shutil.rmtree(lake / table_prefix(BAD))
    assert "the table is missing" in refusal(spark, lake)


def test_missing_snapshot(spark: SparkSession, lake: Path) -> None:
    (lake / partition_prefix(BAD, SNAPSHOT)).rename(lake / table_prefix(BAD) / "snapshot_date_mst_yyyymmdd=20200202")
    assert "the snapshot is missing" in refusal(spark, lake)


def test_missing_column(spark: SparkSession, lake: Path) -> None:
    position = SCHEMA.get_field_index("total_searches")
    write_window(lake, BAD, [{"member_id": "m1"}], schema=SCHEMA.remove(position))
    assert "column total_searches is missing" in refusal(spark, lake)


def test_column_missing_from_one_file_of_many(spark: SparkSession, lake: Path) -> None:
    file = write_window(lake, BAD, [{"member_id": "m1"}])
    file.rename(file.with_name("part-00001.parquet"))
    write_window(lake, BAD, [{"member_id": "m2"}], schema=SCHEMA.remove(SCHEMA.get_field_index("total_searches")))
    assert "column total_searches is missing" in refusal(spark, lake)


@pytest.mark.parametrize(
    ("column", "found", "said"),
    [
        ("total_searches", pa.int32(), "column total_searches is int instead of bigint"),
        ("average_searches", pa.float32(), "column average_searches is float instead of double"),
        ("member_id", pa.int64(), "column member_id is bigint instead of string"),
        ("ldp_dominant_segment", pa.binary(), "column ldp_dominant_segment is binary instead of string"),
    ],
)
def test_mistyped_column(spark: SparkSession, lake: Path, column: str, found: pa.DataType, said: str) -> None:
    schema = SCHEMA.set(SCHEMA.get_field_index(column), pa.field(column, found))
    write_window(lake, BAD, [{"member_id": None}], schema=schema)
    assert said in refusal(spark, lake)


def test_empty_window(spark: SparkSession, lake: Path) -> None:
    write_window(lake, BAD, [])
    assert "empty" in refusal(spark, lake)


def test_snapshot_without_files(spark: SparkSession, lake: Path) -> None:
    (lake / partition_prefix(BAD, SNAPSHOT) / "part-00000.parquet").rename(
        lake / partition_prefix(BAD, SNAPSHOT) / "_SUCCESS"
    )
    assert "empty" in refusal(spark, lake)


def test_file_that_is_not_parquet(spark: SparkSession, lake: Path) -> None:
    (lake / partition_prefix(BAD, SNAPSHOT) / "part-00000.parquet").write_text("nonsense")
    message = refusal(spark, lake)
    assert "cannot read" in message
    assert "part-00000.parquet" in message


def test_file_whose_pages_are_damaged(spark: SparkSession, lake: Path) -> None:
    file = write_window(lake, BAD, [{"member_id": f"m{i}"} for i in range(2000)])
    content = bytearray(file.read_bytes())
    content[4:400] = bytes(396)
    file.write_bytes(content)
    assert "cannot read" in refusal(spark, lake)


def test_members_that_occur_twice_are_counted_and_not_named(spark: SparkSession, lake: Path) -> None:
    write_window(
        lake, BAD, [{"member_id": m, "total_searches": i} for i, m in enumerate(["m1", "m2", "m2", "m3", "m3"])]
    )
    message = refusal(spark, lake)
    assert "column member_id: members that occur more than once: 2;" in message
    assert "m2" not in message


@pytest.mark.parametrize("unusable", [None, "", " \t", "m1\nERROR all is well", "m\u20281"])
def test_row_without_a_usable_member_id(spark: SparkSession, lake: Path, unusable: str | None) -> None:
    write_window(lake, BAD, [{"member_id": "m1"}, {"member_id": unusable}])
    assert "column member_id: ids that are blank or contain a control character or line break: 1;" in refusal(
        spark, lake
    )


def test_good_lake_leaves_parts_manifest_and_sample_and_nothing_else(spark: SparkSession, lake: Path) -> None:
    (lake / partition_prefix(BAD, SNAPSHOT) / "_SUCCESS").touch()
    bucket = lake.parent / "bucket"

    manifest = process_features(spark, str(lake), str(bucket), SNAPSHOT)

    written = json.loads((bucket / feature_manifest_key(SNAPSHOT)).read_text())
    assert written["row_count"] == manifest.row_count == 2
    assert written["window_row_counts"] == {window.value: 2 for window in Window}
    assert sorted(file.name for file in (bucket / features_prefix(SNAPSHOT)).iterdir()) == sorted(
        [*manifest.part_files, "manifest.json", "profile.json"]
    )
    for window in Window:
        assert [file.suffix for file in (bucket / raw_sample_prefix(SNAPSHOT, window)).iterdir()] == [".parquet"]
