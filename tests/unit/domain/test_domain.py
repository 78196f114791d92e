"""The domain: stages, days, layout, names, documents, records and items."""

import dataclasses
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

from buyer_stage.domain import s3_layout
from buyer_stage.domain.datalake import partition_prefix
from buyer_stage.domain.documents import (
    FeatureManifest,
    FeatureProfile,
    FeatureValidation,
    LabeledSetManifest,
    PushReceipt,
    SplitCounts,
    StageChanges,
    to_json,
)
from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.features import MODEL_FEATURES, OUTPUT_COLUMNS, calendar_features, window_feature_names
from buyer_stage.domain.job_names import job_name
from buyer_stage.domain.serving_item import serving_item
from buyer_stage.domain.snapshot_date import format_partition_value, parse_snapshot_date, resolve_snapshot_date
from buyer_stage.domain.stages import Stage, parse_stage
from buyer_stage.domain.transform_output import InvalidScoredLineError, ScoredMember, parse_scored_line
from buyer_stage.domain.windows import Window

DAY = date(2020, 1, 3)
NO_CHANGES = StageChanges(None, 0, {"Dreamer": {"Dreamer": 0}}, 0)
LABELS = "['Active Searcher', 'Casual Searcher', 'Dreamer', 'Ready To Transact']"
SCORED = ScoredMember(
    "m1",
    Stage.DREAMER,
    {
        Stage.DREAMER: 0.4,
        Stage.CASUAL_SEARCHER: 0.3,
        Stage.ACTIVE_SEARCHER: 0.2,
        Stage.READY_TO_TRANSACT: 0.1,
    },
)


# Stages


@pytest.mark.parametrize(
    ("label", "stage"),
    [
        ("Dreamer", Stage.DREAMER),
        ("Casual Searcher", Stage.CASUAL_SEARCHER),
        ("Casual Explorer", Stage.CASUAL_SEARCHER),
        ("Active Searcher", Stage.ACTIVE_SEARCHER),
        ("Ready To Transact", Stage.READY_TO_TRANSACT),
        (" Ready to Transact\t", Stage.READY_TO_TRANSACT),
    ],
)
def test_stages_and_their_aliases_are_understood(label: str, stage: Stage) -> None:
    assert parse_stage(label) is stage


@pytest.mark.parametrize("label", ["", "dreamer", "Buyer"])
def test_any_other_label_is_an_error_that_names_it(label: str) -> None:
    with pytest.raises(ValueError, match=f"unknown stage '{label}'"):
        parse_stage(label)


def test_stages_go_from_furthest_to_nearest() -> None:
    assert list(Stage) == ["Dreamer", "Casual Searcher", "Active Searcher", "Ready To Transact"]


# Windows and features


def test_windows_name_their_days_and_suffixes() -> None:
    assert {window.value: (window.days, window.suffix) for window in Window} == {
        "t001": (1, "_001"),
        "t007": (7, "_007"),
        "t030": (30, "_030"),
        "t060": (60, "_060"),
        "t090": (90, "_090"),
    }


def test_each_window_gives_31_features_and_none_is_named_twice() -> None:
    assert {len(window_feature_names(window)) for window in Window} == {31}
    assert len(set(OUTPUT_COLUMNS)) == len(OUTPUT_COLUMNS) == 159
    assert len(MODEL_FEATURES) == 155


@pytest.mark.parametrize(
    ("day", "iso_day_of_week"), [(date(2020, 1, 27), 1), (date(2020, 1, 30), 4), (date(2020, 2, 2), 7)]
)
def test_weeks_begin_on_monday(day: date, iso_day_of_week: int) -> None:
    assert calendar_features(day) == {
        "snapshot_month": day.month,
        "snapshot_day_of_month": day.day,
        "snapshot_day_of_week": iso_day_of_week,
    }


# Snapshot dates


@pytest.mark.parametrize(
    ("run_time", "snapshot"),
    [
        ("2020-02-01T10:00:00+00:00", date(2020, 1, 30)),  # the daily run
        ("2020-02-01T06:59:59+00:00", date(2020, 1, 29)),  # a second before midnight in Denver, winter
        ("2020-02-01T07:00:00+00:00", date(2020, 1, 30)),  # midnight in Denver, winter
        ("2020-07-01T05:59:59+00:00", date(2020, 6, 28)),  # a second before midnight in Denver, summer
        ("2020-07-01T06:00:00+00:00", date(2020, 6, 29)),  # midnight in Denver, summer
        ("2020-03-09T06:00:00+00:00", date(2020, 3, 7)),  # midnight after the clocks went forward, a 23-hour day
        ("2020-03-08T06:59:59+00:00", date(2020, 3, 5)),  # still the day before that
        ("2020-11-02T06:59:59+00:00", date(2020, 10, 30)),  # a second before the end of a 25-hour day
        ("2020-11-02T07:00:00+00:00", date(2020, 10, 31)),  # midnight after it
        ("2020-02-01T12:00:00+09:00", date(2020, 1, 29)),  # any zone will do
    ],
)
def test_snapshot_is_two_days_before_the_mountain_day(run_time: str, snapshot: date) -> None:
    assert resolve_snapshot_date(datetime.fromisoformat(run_time)) == snapshot


def test_lag_can_be_chosen() -> None:
    assert resolve_snapshot_date(datetime(2020, 3, 1, 12, tzinfo=UTC), lag_days=0) == date(2020, 3, 1)


def test_run_time_without_a_zone_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no time zone"):
        resolve_snapshot_date(datetime(2020, 2, 1))


def test_negative_lag_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="lag_days is -1"):
        resolve_snapshot_date(datetime(2020, 2, 1, tzinfo=UTC), lag_days=-1)


def test_snapshot_dates_survive_writing_and_reading() -> None:
    assert format_partition_value(DAY) == "20200103"
    assert parse_snapshot_date("20200103") == DAY


@pytest.mark.parametrize(
    "text", ["", "2020-01-03", "20200230", "2020010", " 2020103", "\uff12\uff10\uff12\uff10\uff10\uff11\uff10\uff13"]
)
def test_text_that_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a day written as YYYYMMDD"):
        parse_snapshot_date(text)


# Layout and names


def test_keys_lie_where_the_design_says() -> None:
    assert s3_layout.feature_manifest_key(DAY) == "inputs/2020/01/03/manifest.json"
    assert s3_layout.feature_validation_key(DAY) == "inputs/2020/01/03/validation.json"
    assert s3_layout.raw_sample_prefix(DAY, Window.T007) == "etl_pipeline_test/2020/01/03/t007/"
    assert s3_layout.inference_results_prefix(DAY, "job") == "inference-results/2020/01/03/job/"
    assert s3_layout.quarantine_prefix(DAY, "run") == "quarantine/2020/01/03/run/"
    assert s3_layout.push_receipt_key(DAY, "run") == "push-receipts/2020/01/03/run.json"
    assert s3_layout.code_prefix("1.2.3") == "code/1.2.3/"
    assert partition_prefix(Window.T030, DAY) == (
        "cnsp/consumer_analytical_profile_member_id_summary_t030/snapshot_date_mst_yyyymmdd=20200103"
    )


def test_transform_prefix_leaves_manifest_and_validation_out() -> None:
    part_files = s3_layout.features_prefix(DAY) + s3_layout.PART_FILE_PREFIX
    assert not s3_layout.feature_manifest_key(DAY).startswith(part_files)
    assert not s3_layout.feature_validation_key(DAY).startswith(part_files)


def test_autopilots_channels_hold_neither_the_manifest_nor_members() -> None:
    others = [s3_layout.LABELED_SET_MANIFEST_KEY, s3_layout.ASSIGNED_SPLITS_KEY]
    others += [s3_layout.with_members_prefix(split) for split in s3_layout.CHANNEL_PREFIXES]
    assert not any(key.startswith(channel) for key in others for channel in s3_layout.CHANNEL_PREFIXES.values())


@pytest.mark.parametrize("execution_name", ["daily-2020-02-01", "x" * 80, "with space & ünicode"])
def test_job_names_are_stable_and_fit_autopilots_limit(execution_name: str) -> None:
    name = job_name("buyer-stage-automl", execution_name)
    assert name == job_name("buyer-stage-automl", execution_name)
    assert name != job_name("buyer-stage-automl", execution_name + "'")
    assert len(name) <= 32
    assert name.replace("-", "").isalnum()
    assert name.isascii()


# Documents


@pytest.mark.parametrize(
    "document",
    [
        FeatureManifest(1, DAY, 3, {"t001": 2, "t007": 3}, "abc", ("part-0.csv", "part-1.csv")),
        FeatureValidation(DAY, 3, 477, "abc"),
        LabeledSetManifest(
            "abc",
            (DAY, date(2020, 1, 4)),
            "stage",
            9,
            1,
            1,
            2,
            0,
            0,
            splits={"train": SplitCounts(4, 2, {"Dreamer": 4})},
            with_members_sha256={"train": "abc"},
        ),
        PushReceipt(
            DAY,
            read=3,
            written=2,
            quarantined=1,
            failed=0,
            stages={"Dreamer": 2},
            predicted_stages={},
            changes=NO_CHANGES,
        ),
        FeatureProfile(2, (0, 1), {"total_searches_007": (1, 0, 1)}),
    ],
    ids=lambda document: type(document).__name__,
)
def test_documents_survive_writing_and_reading(document: Any) -> None:
    assert TypeAdapter(type(document)).validate_json(to_json(document)) == document


def test_documents_are_written_in_one_way() -> None:
    validation = FeatureValidation(DAY, 3, 477, "abc")
    assert to_json(validation).splitlines()[1:3] == ['  "manifest_sha256": "abc",', '  "row_count": 3,']
    assert json.loads(to_json(validation)) == {**dataclasses.asdict(validation), "snapshot_date": "2020-01-03"}


def test_value_without_a_place_in_a_document_is_an_error() -> None:
    validation = FeatureValidation(DAY, Decimal(3), 477, "abc")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Decimal"):
        to_json(validation)


# Records of the transform and items of the table


def test_record_gives_member_stage_and_probabilities_in_the_order_of_the_stages() -> None:
    scored = parse_scored_line(f'm1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.1]"')
    assert scored == SCORED
    assert list(scored.probabilities) == list(Stage)


def test_record_may_have_blanks_aliases_and_fewer_labels() -> None:
    scored = parse_scored_line("""  m1 , Casual Explorer, "['Casual Explorer', 'Dreamer']", "[0.75, 0.25]" """)
    assert scored.member_id == "m1"
    assert scored.stage is Stage.CASUAL_SEARCHER
    assert scored.probabilities == {
        Stage.DREAMER: 0.25,
        Stage.CASUAL_SEARCHER: 0.75,
        Stage.ACTIVE_SEARCHER: 0.0,
        Stage.READY_TO_TRANSACT: 0.0,
    }


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("", "0 fields instead of 4"),
        ("m1,Dreamer", "2 fields instead of 4"),
        (f'm1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.1]",more', "5 fields instead of 4"),
        (f' ,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.1]"', "no member_id"),
        (f'm1,Buyer,"{LABELS}","[0.2, 0.3, 0.4, 0.1]"', "unknown stage 'Buyer'"),
        ("m1,Dreamer,\"['Dreamer', 'Buyer']\",\"[0.5, 0.5]\"", "unknown stage 'Buyer'"),
        (f'm1,Dreamer,"{LABELS}","[0.2, 0.8]"', "zip"),
        (f'm1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, \'x\']"', "could not convert"),
        (f'm1,Dreamer,"{LABELS}",0.4', "not a list"),
        (f'm1,Dreamer,"{LABELS}",__import__("os")', "not a list"),
        ("m1,Dreamer,\"['Casual Searcher']\",[1.0]", "impossible probabilities"),
        (f'm1,Dreamer,"{LABELS}","[-0.2, 0.7, 0.4, 0.1]"', "impossible probabilities"),
        (f'm1,Dreamer,"{LABELS}","[0.2, \'nan\', 0.4, 0.1]"', "impossible probabilities"),
        (f'm1,Dreamer,"{LABELS}","[0.2, 0.3, 0.4, 0.2]"', "do not add up to 1"),
    ],
)
def test_unusable_record_is_refused_with_the_reason(line: str, reason: str) -> None:
    with pytest.raises(InvalidScoredLineError, match=reason):
        parse_scored_line(line)


def test_item_holds_what_makes_a_stage_usable() -> None:
    item = serving_item(SCORED, snapshot_date=DAY, model_version="job-1", expires_at_epoch_seconds=1_580_000_000)
    expected: dict[str, Any] = {
        "member_id": "m1",
        "value": "Dreamer",
        "confidence": Decimal("0.400000"),
        "probabilities": {
            "Dreamer": Decimal("0.400000"),
            "Casual Searcher": Decimal("0.300000"),
            "Active Searcher": Decimal("0.200000"),
            "Ready To Transact": Decimal("0.100000"),
        },
        "snapshot_date": "2020-01-03",
        "model_version": "job-1",
        "ttl": 1_580_000_000,
    }
    assert item == expected
