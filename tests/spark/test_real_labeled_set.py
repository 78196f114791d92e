"""The labeled set of the original's data: it has the published feature values, and no member is in two splits."""

import csv
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from buyer_stage.domain.features import MODEL_FEATURES, OUTPUT_COLUMNS
from buyer_stage.domain.labeled_set import SPLIT_SHARES, SplitBy
from buyer_stage.domain.s3_layout import LABELED_SET_FILE, with_members_prefix
from emr_steps.build_training_data import build_training_data
from emr_steps.survey import parse_survey
from tools.repository import REPOSITORY


@pytest.mark.matrix
def test_real_members_have_published_features_and_are_in_one_split_each(
    spark: SparkSession, real_lake: Path, tmp_path: Path
) -> None:
    published = {
        (row[0], file.stem): dict(zip(OUTPUT_COLUMNS, row, strict=True))
        for file in (real_lake / "expected_features").glob("*.csv")
        for row in csv.reader(file.open(newline=""))
    }

    manifest = build_training_data(
        spark,
        str(real_lake),
        str(tmp_path),
        parse_survey((real_lake / "survey.csv").read_text()),
        labeled_set_query=(REPOSITORY / "sql/labeled_set.sql").read_text(),
        feature_query=(REPOSITORY / "sql/features.sql").read_text(),
        split_by=SplitBy.STAGE,
    )

    rows = {
        split: list(csv.DictReader((tmp_path / with_members_prefix(split) / LABELED_SET_FILE).open(newline="")))
        for split in SPLIT_SHARES
    }
    members = {split: {row["member_id"] for row in of_split} for split, of_split in rows.items()}
    assert {split: (len(rows[split]), len(members[split])) for split in SPLIT_SHARES} == {
        "train": (1733, 694), "validation": (373, 150), "test": (369, 149),
    }  # fmt: skip
    assert len(set.union(*members.values())) == 993
    assert (manifest.rows_after_answer, manifest.rows_with_conflicting_answers) == (1376, 3)
    assert manifest.duplicate_members == 10
    differing = {
        column
        for row in (row for of_split in rows.values() for row in of_split)
        for column in MODEL_FEATURES
        if float(row[column]) != float(published[row["member_id"], row["snapshot_date"].replace("-", "")][column])
    }
    assert differing == set()
