import csv
import json
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from buyer_stage.errors import DataLakeError, LabelledSetError
from buyer_stage.features import MODEL_FEATURES, OUTPUT_COLUMNS, TARGET_COLUMN
from buyer_stage.labelled_set import split_of
from buyer_stage.s3_layout import (
    LABELLED_SET_MANIFEST_KEY,
    TEST_NO_TARGET_PREFIX,
    TEST_WITH_TARGET_PREFIX,
    TRAINING_PREFIX,
    VALIDATION_PREFIX,
    features_prefix,
)
from buyer_stage.stages import Stage
from buyer_stage.windows import Window
from emr_steps.build_training_data import build_training_data
from emr_steps.process_features import process_features
from emr_steps.survey import Answer
from tests.lake import write_lake, write_window

ANSWER_DAY, DAY_AFTER = date(2020, 2, 5), date(2020, 2, 6)
MEMBERS = [f"m{i}" for i in range(40)]
ANSWERS = [Answer(m, ANSWER_DAY, ANSWER_DAY, list(Stage)[i % 4]) for i, m in enumerate(MEMBERS)]


def raw(member_id: str) -> dict[str, object]:
    """A raw row that tells its member from the others."""
    return {"member_id": member_id, "total_searches": int(member_id[1:]), "average_searches": int(member_id[1:]) / 7}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = tmp_path / "lake"
    rows = [raw(member_id) for member_id in [*MEMBERS, "m99"]]
    for day in (ANSWER_DAY, DAY_AFTER):
        write_lake(lake, rows, day)
    return lake


def read(folder: Path) -> list[list[str]]:
    return [row for file in sorted(folder.iterdir()) for row in csv.reader(file.open(newline=""))]


def test_splits_share_no_member_and_hold_what_serving_sees(spark: SparkSession, lake: Path, tmp_path: Path) -> None:
    bucket = tmp_path / "bucket"

    manifest = build_training_data(spark, str(lake), str(bucket), ANSWERS)
    process_features(spark, str(lake), str(bucket), ANSWER_DAY)

    served = {
        row[0]: row[len(OUTPUT_COLUMNS) - len(MODEL_FEATURES) :]
        for row in read(bucket / features_prefix(ANSWER_DAY))
        if row[0] in MEMBERS
    }
    stage_of = {a.member_id: a.stage for a in ANSWERS}
    for split, prefix in {
        "train": TRAINING_PREFIX,
        "validation": VALIDATION_PREFIX,
        "test": TEST_WITH_TARGET_PREFIX,
    }.items():
        header, *rows = read(bucket / prefix)
        members = sorted(m for m in MEMBERS if split_of(m) == split)
        assert header == [*MODEL_FEATURES, TARGET_COLUMN]
        assert rows == [[*served[m], stage_of[m]] for m in members]
        assert (manifest.splits[split].rows, manifest.splits[split].members) == (len(members), len(members))
        assert sum(manifest.splits[split].stages.values()) == len(members)
    assert read(bucket / TEST_NO_TARGET_PREFIX) == [row[:-1] for row in read(bucket / TEST_WITH_TARGET_PREFIX)[1:]]

    assert manifest.snapshot_dates == (ANSWER_DAY,)
    assert manifest.rows_after_answer == len(MEMBERS), "the day after the answer would tell the future"
    assert json.loads((bucket / LABELLED_SET_MANIFEST_KEY).read_text())["answers"] == len(ANSWERS)


def test_member_in_one_window_only_is_labelled_once(spark: SparkSession, lake: Path, tmp_path: Path) -> None:
    write_window(lake, Window.T090, [raw(m) for m in [*MEMBERS, "m41"]], ANSWER_DAY)

    manifest = build_training_data(
        spark, str(lake), str(tmp_path / "bucket"), [*ANSWERS, Answer("m41", ANSWER_DAY, ANSWER_DAY, Stage.DREAMER)]
    )

    assert sum(split.rows for split in manifest.splits.values()) == len(MEMBERS) + 1


def refused(spark: SparkSession, lake: Path, answers: list[Answer], error: type[Exception]) -> str:
    bucket = lake.parent / "bucket"
    (bucket / LABELLED_SET_MANIFEST_KEY).parent.mkdir(parents=True)
    (bucket / LABELLED_SET_MANIFEST_KEY).write_text("of an earlier run")

    with pytest.raises(error) as caught:
        build_training_data(spark, str(lake), str(bucket), answers)

    assert not (bucket / LABELLED_SET_MANIFEST_KEY).exists()
    return str(caught.value)


def test_empty_split_is_refused(spark: SparkSession, lake: Path) -> None:
    only_training = [a for a in ANSWERS if split_of(a.member_id) == "train"]
    assert "split validation is empty" in refused(spark, lake, only_training, LabelledSetError)


def test_stage_that_nobody_in_training_chose_is_refused(spark: SparkSession, lake: Path) -> None:
    no_dreamer = [a for a in ANSWERS if a.stage is not Stage.DREAMER]
    assert "nobody in training chose Dreamer" in refused(spark, lake, no_dreamer, LabelledSetError)


def test_survey_of_other_days_is_refused(spark: SparkSession, lake: Path) -> None:
    long_ago = [Answer("m1", date(2019, 1, 1), date(2019, 1, 1), Stage.DREAMER)]
    assert "none of the 2 snapshots" in refused(spark, lake, long_ago, LabelledSetError)


def test_duplicate_member_is_refused(spark: SparkSession, lake: Path) -> None:
    write_window(lake, Window.T007, [raw("m1"), raw("m1")], ANSWER_DAY)
    message = refused(spark, lake, ANSWERS, DataLakeError)
    assert "summary_t007, snapshot 20200205, column member_id: member 'm1'" in message
