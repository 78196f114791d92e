"""The features equal the values that the original published, where the tool that provides them is available."""

import csv
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from buyer_stage.domain.s3_layout import features_prefix
from buyer_stage.domain.snapshot_date import parse_snapshot_date
from emr_steps.process_features import process_features


def numbers_by_member(files: list[Path]) -> dict[str, list[float]]:
    rows = [row for file in files for row in csv.reader(file.open(newline=""))]
    by_member = {row[0]: [float(value) for value in row[1:]] for row in rows}
    assert len(by_member) == len(rows)
    return by_member


DAYS = ("20200202", "20200207")
OTHER_DAYS = (
    *("20200130", "20200131", "20200201", "20200203", "20200204"),
    *("20200205", "20200206", "20200208", "20200209", "20200210"),
)


@pytest.mark.parametrize("day", [*DAYS, *(pytest.param(day, marks=pytest.mark.matrix) for day in OTHER_DAYS)])
def test_features_equal_the_originals_published_values(
    spark: SparkSession, real_lake: Path, tmp_path: Path, day: str
) -> None:
    snapshot_date = parse_snapshot_date(day)

    process_features(spark, str(real_lake), str(tmp_path), snapshot_date)

    made = numbers_by_member(list((tmp_path / features_prefix(snapshot_date)).glob("part-*")))
    assert made == numbers_by_member([real_lake / f"expected_features/{day}.csv"])
