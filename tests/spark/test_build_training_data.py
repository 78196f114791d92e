"""The step writes the features of serving with labels, split by member, and refuses unusable input."""

import csv
import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from buyer_stage.domain.documents import LabeledSetManifest
from buyer_stage.domain.errors import DataLakeError, LabeledSetError
from buyer_stage.domain.features import MODEL_FEATURES, OUTPUT_COLUMNS, TARGET_COLUMN
from buyer_stage.domain.labeled_set import SPLIT_FILE_COLUMNS, SPLIT_SHARES, SplitBy
from buyer_stage.domain.s3_layout import (
    ASSIGNED_SPLITS_KEY,
    CHANNEL_PREFIXES,
    LABELED_SET_MANIFEST_KEY,
    TEST_NO_TARGET_PREFIX,
    features_prefix,
    with_members_prefix,
)
from buyer_stage.domain.stages import STAGE_ALIASES, Stage
from buyer_stage.domain.windows import Window
from emr_steps.build_training_data import build_training_data
from emr_steps.process_features import process_features
from emr_steps.survey import Answer, parse_survey
from sample_data.generate import generate
from tests.lake import write_lake, write_window
from tests.suppression import holding, suppress
from tools.repository import REPOSITORY

SQL = REPOSITORY / "sql"
LABELED_DAY, SCORED_DAY = date(2020, 1, 31), date(2020, 3, 1)
ANSWER_DAY = date(2020, 2, 5)
MEMBERS = [f"m{i}" for i in range(80)]
ANSWERS = [Answer(m, ANSWER_DAY, ANSWER_DAY, list(Stage)[i % 4].value) for i, m in enumerate(MEMBERS)]


def build(
    spark: SparkSession,
    lake: Path,
    bucket: Path,
    answers: list[Answer],
    split_by: SplitBy = SplitBy.STAGE,
    suppression_secret: str | None = None,
) -> LabeledSetManifest:
    return build_training_data(
        spark,
        str(lake),
        str(bucket),
        answers,
        labeled_set_query=(SQL / "labeled_set.sql").read_text(),
        feature_query=(SQL / "features.sql").read_text(),
        split_by=split_by,
        suppression_secret=suppression_secret,
    )


def read(folder: Path) -> list[list[str]]:
    return [row for file in sorted(folder.glob("part-*")) for row in csv.reader(file.open(newline=""))]


# A labeled set of synthetic members, built twice: first from half of the survey, then from all of it


@dataclass(frozen=True)
class Built:
    """The pipeline bucket after the second build, and the assigned splits after the first."""

    lake: Path
    bucket: Path
    answers: list[Answer]
    manifest: LabeledSetManifest
    first_assigned_splits: dict[str, str]

    def split_file(self, split: str) -> list[list[str]]:
        return read(self.bucket / with_members_prefix(split))

    @property
    def rows(self) -> list[list[str]]:
        return [row for split in SPLIT_SHARES for row in self.split_file(split)[1:]]


@pytest.fixture(scope="module")
def built(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Built:
    lake, bucket = tmp_path_factory.mktemp("lake"), tmp_path_factory.mktemp("bucket")
    generate(lake, 300, SCORED_DAY, LABELED_DAY, seed=7)
    answers = parse_survey((lake / "survey.csv").read_text())
    build(spark, lake, bucket, answers[: len(answers) // 2])
    first_assigned_splits = json.loads((bucket / ASSIGNED_SPLITS_KEY).read_text())
    (bucket / CHANNEL_PREFIXES["train"] / "part-00001.csv").write_text("left by an earlier run\n")
    manifest = build(spark, lake, bucket, answers)
    return Built(lake, bucket, answers, manifest, first_assigned_splits)


def test_training_and_serving_have_equal_features(spark: SparkSession, built: Built, tmp_path: Path) -> None:
    process_features(spark, str(built.lake), str(tmp_path), LABELED_DAY)
    served = {
        row[0]: dict(zip(OUTPUT_COLUMNS, row, strict=True)) for row in read(tmp_path / features_prefix(LABELED_DAY))
    }
    learned = [dict(zip(SPLIT_FILE_COLUMNS, row, strict=True)) for row in built.rows]

    assert len(learned) > 100
    differing = {
        column
        for row in learned
        for column in MODEL_FEATURES
        if float(row[column]) != float(served[row["member_id"]][column])
    }
    assert differing == set()
    assert sum(any(float(row[column]) for row in learned) for column in MODEL_FEATURES) > 100, "columns with values"


def test_split_files_hold_the_labeled_days_and_no_calendar_columns(built: Built) -> None:
    for split in SPLIT_SHARES:
        header, *rows = built.split_file(split)
        assert header == ["member_id", "snapshot_date", *MODEL_FEATURES, TARGET_COLUMN]
        assert {row[1] for row in rows} == {"2020-01-31"}
        assert {row[-1] for row in rows} == {stage.value for stage in Stage}
        assert rows == sorted(rows, key=lambda row: row[0])


def test_channels_are_the_split_files_without_the_ids_in_the_same_order(built: Built) -> None:
    for split, prefix in CHANNEL_PREFIXES.items():
        assert read(built.bucket / prefix) == [row[2:] for row in built.split_file(split)]
    assert read(built.bucket / TEST_NO_TARGET_PREFIX) == [row[2:-1] for row in built.split_file("test")[1:]]


def test_no_member_is_in_two_splits_and_every_split_has_its_share_of_each_stage(built: Built) -> None:
    members = {split: {row[0] for row in built.split_file(split)[1:]} for split in SPLIT_SHARES}
    assert sum(map(len, members.values())) == len(set.union(*members.values()))
    for stage in Stage:
        shares = Counter(
            split for split in SPLIT_SHARES for row in built.split_file(split)[1:] if row[-1] == stage.value
        )
        for split, percent in SPLIT_SHARES.items():
            assert abs(shares[split] - shares.total() * percent / 100) < 2


def test_members_stay_in_the_split_that_an_earlier_labeled_set_assigned(built: Built) -> None:
    splits = {row[0]: split for split in SPLIT_SHARES for row in built.split_file(split)[1:]}
    assert {member: splits[member] for member in built.first_assigned_splits} == built.first_assigned_splits
    assert built.manifest.members_kept == len(built.first_assigned_splits)
    assert len(splits) > 1.5 * len(built.first_assigned_splits)
    assert json.loads((built.bucket / ASSIGNED_SPLITS_KEY).read_text()) == splits


def test_manifest_accounts_for_every_answer_near_a_snapshot(built: Built) -> None:
    manifest, spellings = built.manifest, {*[stage.value for stage in Stage], *STAGE_ALIASES}
    of_member: dict[str, list[Answer]] = {}
    for answer in built.answers:
        if LABELED_DAY in answer.near_days():
            of_member.setdefault(answer.member_id, []).append(answer)
    unknown = [m for m, given in of_member.items() if all(a.stage_label_1 not in spellings for a in given)]
    after = [m for m, given in of_member.items() if m not in unknown and all(a.end_date < LABELED_DAY for a in given)]

    # A surveyed member can be new on the scored day. Then there are no features to label.
    assert manifest.rows_with_unknown_label <= len(unknown)
    assert manifest.rows_with_conflicting_answers > 0
    assert 0 < manifest.rows_after_answer <= len(after)
    assert manifest.answers == len(built.answers)
    assert sum(split.rows for split in manifest.splits.values()) == len(built.rows)


def test_manifest_holds_the_checksums_of_the_split_files(built: Built) -> None:
    written = json.loads((built.bucket / LABELED_SET_MANIFEST_KEY).read_text())
    assert written["with_members_sha256"] == {
        split: hashlib.sha256((built.bucket / with_members_prefix(split) / "part-00000.csv").read_bytes()).hexdigest()
        for split in SPLIT_SHARES
    }


# Small handmade labeled sets


def raw(member_id: str) -> dict[str, object]:
    """Return a raw row that differs from every other member's."""
    return {"member_id": member_id, "total_searches": int(member_id[1:]), "average_searches": int(member_id[1:]) / 7}


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    write_lake(tmp_path / "lake", [raw(member_id) for member_id in [*MEMBERS, "m99"]], ANSWER_DAY)
    return tmp_path / "lake"


def test_members_in_one_window_only_are_labeled_once_and_idle_ones_are_not_duplicates(
    spark: SparkSession, lake: Path, tmp_path: Path
) -> None:
    active, idle = "m81", [f"idle{i}" for i in range(6)]
    rows = [*(raw(m) for m in [*MEMBERS, active]), *({"member_id": m} for m in idle)]
    write_window(lake, Window.T090, rows, ANSWER_DAY)
    answers = [*ANSWERS, *(Answer(m, ANSWER_DAY, ANSWER_DAY, Stage.DREAMER.value) for m in [active, *idle])]

    manifest = build(spark, lake, tmp_path / "bucket", answers, SplitBy.TIME)

    assert sum(split.rows for split in manifest.splits.values()) == len(answers)
    assert manifest.duplicate_members == 0
    assert manifest.split_by == "time"


def test_suppressed_members_are_in_no_split_and_forgetting_them_starts_no_training(
    spark: SparkSession, lake: Path, tmp_path: Path, suppression_secret: str
) -> None:
    bucket = tmp_path / "bucket"
    first = build(spark, lake, bucket, ANSWERS)
    suppress(bucket, "m7", "m31", "unknown")

    second = build(spark, lake, bucket, ANSWERS, suppression_secret=suppression_secret)
    changed = build(spark, lake, bucket, ANSWERS[:-1], suppression_secret=suppression_secret)

    assert (second.answers, second.suppressed_answers) == (80, 2)
    assert sum(split.members for split in second.splits.values()) == 78
    assert first.training_checksums == first.with_members_sha256 != second.with_members_sha256
    assert second.training_checksums == first.training_checksums
    (split,) = (split for split, counts in changed.splits.items() if counts != second.splits[split])
    assert changed.training_checksums == {**first.training_checksums, split: changed.with_members_sha256[split]}
    assert [path for member in ("m7,", '"m7"', "m31") for path in holding(bucket, member)] == []


def refused(spark: SparkSession, lake: Path, answers: list[Answer], error: type[Exception]) -> str:
    bucket = lake.parent / "bucket"
    (bucket / LABELED_SET_MANIFEST_KEY).parent.mkdir(parents=True)
    (bucket / LABELED_SET_MANIFEST_KEY).write_text("left by an earlier run")

    with pytest.raises(error) as caught:
        build(spark, lake, bucket, answers)

    assert list(bucket.rglob("*.json")) == [], "a manifest or assigned splits are left"
    return str(caught.value)


def test_survey_too_small_for_three_splits_is_refused(spark: SparkSession, lake: Path) -> None:
    assert "the validation split is empty" in refused(spark, lake, ANSWERS[:8], LabeledSetError)


def test_survey_far_from_every_snapshot_is_refused(spark: SparkSession, lake: Path) -> None:
    long_ago = [Answer("m1", date(2019, 1, 1), date(2019, 1, 1), Stage.DREAMER.value)]
    assert "none of the 1 snapshots" in refused(spark, lake, long_ago, LabeledSetError)


def test_surveyed_members_that_occur_twice_are_counted_and_not_named(spark: SparkSession, lake: Path) -> None:
    write_window(lake, Window.T007, [raw(m) for m in ("m1", "m1", "m2", "m3", "m3", "m99", "m99")], ANSWER_DAY)
    message = refused(spark, lake, ANSWERS, DataLakeError)
    assert "summary_t007, snapshot 20200205, column member_id: surveyed members that occur more than once: 2" in message
    assert "m1" not in message
