"""Suppressed members stay out of features, the labeled set and the push, and a list without its key stops the run."""

import json
from pathlib import Path

import boto3
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto import mock_aws
from pyspark.sql import SparkSession

from buyer_stage.domain.errors import SuppressionError
from buyer_stage.domain.s3_layout import feature_manifest_key, features_prefix
from buyer_stage.domain.suppression import hash_member
from buyer_stage.spark.suppression import IS_SUPPRESSED, SuppressedMembers, read_suppressed_members
from emr_steps.process_features import process_features
from emr_steps.validate_features import validate_features
from tests.lake import SNAPSHOT, write_lake
from tests.suppression import KEY, holding, suppress
from tools.repository import REPOSITORY

# Hypothesis draws the ids of one frame at once: a Spark job per id would take minutes.
MEMBER_IDS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=50, unique=True)


@settings(max_examples=5, deadline=None)
@given(MEMBER_IDS, st.text("ké\0", max_size=80))
def test_spark_marks_the_members_whose_hash_python_computes(spark: SparkSession, ids: list[str], key: str) -> None:
    expected = {member: number % 2 == 0 for number, member in enumerate(ids)}
    hashes = frozenset(hash_member(member, key) for member, is_suppressed in expected.items() if is_suppressed)
    frame = spark.createDataFrame([(member,) for member in ids], "member_id string")

    marked = SuppressedMembers(hashes, key).mark(frame)

    assert {row["member_id"]: row[IS_SUPPRESSED] for row in marked.collect()} == expected


def test_key_is_in_no_plan_and_no_text(spark: SparkSession) -> None:
    suppressed = SuppressedMembers(frozenset({hash_member("m1", KEY)}), KEY)
    frame = suppressed.mark(spark.createDataFrame([("m1",), ("m2",)], "member_id string"))
    frame.collect()

    plan = frame._jdf.queryExecution().toString().lower()  # type: ignore[operator]
    for pad in (0, 0x36, 0x5C):
        assert bytes(byte ^ pad for byte in KEY.encode()).hex() not in plan
    assert KEY not in plan + repr(suppressed)


def test_run_without_a_list_needs_no_key_and_adds_nothing_to_the_query(spark: SparkSession, tmp_path: Path) -> None:
    suppressed = read_suppressed_members(spark, str(tmp_path), None)
    frame = spark.range(1).select("id")

    assert suppressed == SuppressedMembers()
    assert suppressed.leave_out(frame) is frame
    assert not suppressed.contains("m1")


def test_list_without_a_secret_or_with_an_empty_one_is_an_error(spark: SparkSession, tmp_path: Path) -> None:
    suppress(tmp_path, "m1")
    with pytest.raises(SuppressionError, match="needs a key"):
        read_suppressed_members(spark, str(tmp_path), None)
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-west-2")
        arn = client.create_secret(Name="suppression-key")["ARN"]
        with pytest.raises(SuppressionError, match="does not hold its key"):
            read_suppressed_members(spark, str(tmp_path), arn)


def test_list_of_another_key_is_an_error_before_anything_is_written(
    spark: SparkSession, tmp_path: Path, suppression_secret: str
) -> None:
    bucket = tmp_path / "bucket"
    write_lake(tmp_path / "lake")
    suppress(bucket, "m1", key="another key")

    with pytest.raises(SuppressionError, match="belongs to another key"):
        process_features(spark, str(tmp_path / "lake"), str(bucket), SNAPSHOT, suppression_secret)

    assert not (bucket / features_prefix(SNAPSHOT)).exists()


def test_features_and_raw_sample_hold_no_suppressed_member_and_validate(
    spark: SparkSession, tmp_path: Path, suppression_secret: str
) -> None:
    lake, bucket = tmp_path / "lake", tmp_path / "bucket"
    write_lake(lake, [{"member_id": member, "total_searches": 1} for member in ("m1", "forgotten-é", "m3")])
    suppress(bucket, "forgotten-é", "unknown")

    manifest = process_features(spark, str(lake), str(bucket), SNAPSHOT, suppression_secret)
    validation = validate_features(
        spark, str(lake), str(bucket), SNAPSHOT,
        feature_query=(REPOSITORY / "sql/features.sql").read_text(), suppression_secret=suppression_secret,
    )  # fmt: skip

    assert (manifest.row_count, manifest.suppressed_members, validation.row_count) == (2, 1, 2)
    assert set(manifest.window_row_counts.values()) == {3}
    assert json.loads((bucket / feature_manifest_key(SNAPSHOT)).read_text())["suppressed_members"] == 1
    assert holding(bucket, "forgotten-é") == []
    assert "etl_pipeline_test" in {path.split("/")[0] for path in holding(bucket, "m1")}
