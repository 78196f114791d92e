import json
import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from buyer_stage.domain.documents import FeatureManifest
from buyer_stage.domain.errors import FeatureMismatchError, InvalidManifestError
from buyer_stage.domain.s3_layout import feature_manifest_key, feature_validation_key, features_prefix
from emr_steps.process_features import process_features
from emr_steps.validate_features import validate_features
from tests.lake import SNAPSHOT, write_lake
from tools.repository import REPOSITORY

FEATURE_QUERY = (REPOSITORY / "sql/features.sql").read_text()


@pytest.fixture(scope="module")
def processed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FeatureManifest]:
    """A folder with a lake of two members and the features that process_features wrote, and their manifest."""
    folder = tmp_path_factory.mktemp("processed")
    write_lake(folder / "lake", [{"member_id": "m1", "total_searches": 5}, {"member_id": "m2"}])
    return folder, process_features(spark, str(folder / "lake"), str(folder), SNAPSHOT)


@pytest.fixture
def written(processed: tuple[Path, FeatureManifest], tmp_path: Path) -> FeatureManifest:
    """A copy of the features in the test's own folder, to be damaged there."""
    folder, manifest = processed
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    return manifest


def change_part(folder: Path, manifest: FeatureManifest, old: str, new: str) -> None:
    """Replace text once in the part files."""
    for name in manifest.part_files:
        part = folder / features_prefix(SNAPSHOT) / name
        if old in part.read_text():
            part.write_text(part.read_text().replace(old, new, 1))
            return
    raise AssertionError(f"no part file holds {old!r}")


def refused(spark: SparkSession, folder: Path, error: type[Exception], query: str = FEATURE_QUERY) -> str:
    with pytest.raises(error) as caught:
        validate_features(spark, str(folder / "lake"), str(folder), SNAPSHOT, feature_query=query)
    assert not (folder / feature_validation_key(SNAPSHOT)).exists()
    return str(caught.value)


def test_changed_value_is_shown_with_its_column_and_both_values_but_without_the_member(
    spark: SparkSession, tmp_path: Path, written: FeatureManifest
) -> None:
    change_part(tmp_path, written, "m2,2,3,1,0", "m2,2,3,7,0")
    message = refused(spark, tmp_path, FeatureMismatchError)
    assert "1 of 2 members differ" in message
    assert "snapshot_day_of_week is 7 instead of 1" in message
    assert "m2" not in message


def test_missing_member_and_extra_member_are_distinguished(
    spark: SparkSession, tmp_path: Path, written: FeatureManifest
) -> None:
    change_part(tmp_path, written, "m2,", "m3,")
    message = refused(spark, tmp_path, FeatureMismatchError)
    assert "2 of 3 members differ" in message
    assert "a member is expected, but not written" in message
    assert "a member is written, but not expected" in message


def test_member_that_is_written_twice_is_refused(spark: SparkSession, tmp_path: Path, written: FeatureManifest) -> None:
    part = next(file for file in (tmp_path / features_prefix(SNAPSHOT)).glob("part-*") if file.stat().st_size)
    part.write_text(part.read_text() + part.read_text().splitlines()[0] + "\n")
    message = refused(spark, tmp_path, FeatureMismatchError)
    assert "3 rows" in message
    assert "more than once" in message


def test_definition_with_another_column_order_is_refused(
    spark: SparkSession, tmp_path: Path, written: FeatureManifest
) -> None:
    swapped = FEATURE_QUERY.replace("AS snapshot_month", "AS x").replace(
        "AS snapshot_day_of_month", "AS snapshot_month"
    )
    assert "other columns, types or order" in refused(spark, tmp_path, FeatureMismatchError, swapped)


def test_part_file_that_is_not_in_the_manifest_is_refused(
    spark: SparkSession, tmp_path: Path, written: FeatureManifest
) -> None:
    (tmp_path / features_prefix(SNAPSHOT) / "part-99999.csv").touch()
    assert "same part files: part-99999.csv" in refused(spark, tmp_path, InvalidManifestError)


def test_manifest_with_another_row_count_is_refused(
    spark: SparkSession, tmp_path: Path, written: FeatureManifest
) -> None:
    file = tmp_path / feature_manifest_key(SNAPSHOT)
    file.write_text(json.dumps(json.loads(file.read_text()) | {"row_count": 3}))
    assert "row count 3, its part files have 2 rows" in refused(spark, tmp_path, InvalidManifestError)


def test_right_values_in_another_spelling_are_refused(
    spark: SparkSession, tmp_path: Path, written: FeatureManifest
) -> None:
    change_part(tmp_path, written, "m2,2,", '"m2",02,')
    assert "another spelling" in refused(spark, tmp_path, FeatureMismatchError)


def test_definition_that_yields_a_null_is_refused(
    spark: SparkSession, tmp_path: Path, written: FeatureManifest
) -> None:
    query = FEATURE_QUERY.replace("coalesce(t090.submitted_leads_not_for_sale, 0)", "t090.submitted_leads_not_for_sale")
    query = query.replace("coalesce(submitted_leads_not_for_sale, 0)", "submitted_leads_not_for_sale")
    message = refused(spark, tmp_path, FeatureMismatchError, query)
    assert "submitted_leads_not_for_sale_090 is 0 instead of None" in message


def test_value_that_is_not_a_number_is_refused(spark: SparkSession, tmp_path: Path, written: FeatureManifest) -> None:
    change_part(tmp_path, written, "m2,2,3,1,0", "m2,2,3,1,x")
    assert "a member is expected, but not written" in refused(spark, tmp_path, FeatureMismatchError)
