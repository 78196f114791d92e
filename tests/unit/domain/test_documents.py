"""Documents survive writing and reading, and equal documents have equal bytes."""

import dataclasses
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter

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

DAY = date(2020, 1, 3)


@pytest.mark.parametrize(
    "document",
    [
        FeatureManifest(1, DAY, 3, {"t001": 2, "t007": 3}, "abc", "-123", ("part-0.csv", "part-1.csv")),
        FeatureValidation(DAY, 3, "abc"),
        LabeledSetManifest(
            column_checksum="abc",
            snapshot_dates=(DAY, date(2020, 1, 4)),
            split_by="stage",
            answers=9,
            rows_with_unknown_label=1,
            rows_with_conflicting_answers=1,
            rows_after_answer=2,
            duplicate_members=0,
            members_kept=0,
            splits={"train": SplitCounts(4, 2, {"Dreamer": 4})},
            with_members_sha256={"train": "abc"},
        ),
        PushReceipt(
            DAY,
            expected=3,
            read=3,
            written=2,
            quarantined=1,
            failed=0,
            stages={"Dreamer": 2},
            predicted_stages={},
            changes=StageChanges(None, 0, {"Dreamer": {"Dreamer": 0}}, 0),
            errors=("denied",),
        ),
        FeatureProfile(2, (0, 1), {"total_searches_007": (1, 0, 1)}),
    ],
    ids=lambda document: type(document).__name__,
)
def test_document_survives_writing_and_reading(document: Any) -> None:
    assert TypeAdapter(type(document)).validate_json(to_json(document)) == document


def test_document_is_indented_json_with_sorted_keys() -> None:
    validation = FeatureValidation(DAY, 3, "abc")
    assert to_json(validation).splitlines()[1:3] == ['  "manifest_sha256": "abc",', '  "row_count": 3,']
    assert json.loads(to_json(validation)) == {**dataclasses.asdict(validation), "snapshot_date": "2020-01-03"}
    assert to_json(validation).endswith("}\n")


def test_unsupported_value_is_an_error_that_names_its_type() -> None:
    validation = FeatureValidation(DAY, Decimal(3), "abc")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="Decimal"):
        to_json(validation)


@pytest.mark.parametrize(
    ("transitions", "flip_rate"),
    [
        (
            {"Dreamer": {"Dreamer": 3, "Casual Searcher": 1}, "Casual Searcher": {"Dreamer": 2, "Casual Searcher": 4}},
            0.3,
        ),
        ({"Dreamer": {"Dreamer": 5}}, 0),
        ({"Dreamer": {"Dreamer": 0}}, None),
    ],
    ids=["some", "none", "no members on both snapshots"],
)
def test_flip_rate_is_the_share_of_members_whose_stage_changed(
    transitions: dict[str, dict[str, int]], flip_rate: float | None
) -> None:
    assert StageChanges(DAY, 10, transitions, 0).flip_rate() == flip_rate


def receipt(expected: int, read: int, written: int, quarantined: int, failed: int) -> PushReceipt:
    changes = StageChanges(None, 0, {}, 0)
    return PushReceipt(DAY, expected, read, written, quarantined, failed, {}, {}, changes, ("denied",))


def test_receipt_that_accounts_for_every_line_has_no_loss() -> None:
    assert receipt(expected=5, read=5, written=4, quarantined=1, failed=0).find_loss() is None


@pytest.mark.parametrize(
    ("counts", "loss"),
    [
        (
            (5, 5, 3, 1, 1),
            "did not accept all items: 5 read of 5 expected, 3 written, 1 quarantined, 1 failed, 0 suppressed; denied",
        ),
        ((5, 5, 3, 1, 0), "do not add up: 5 read of 5 expected, 3 written"),
        ((5, 5, 5, 1, 0), "do not add up"),
        ((6, 5, 4, 1, 0), "one line per member: 5 read of 6 expected"),
        ((4, 5, 4, 1, 0), "one line per member: 5 read of 4 expected"),
    ],
)
def test_lost_lines_are_named_with_all_counts(counts: tuple[int, int, int, int, int], loss: str) -> None:
    assert loss in str(receipt(*counts).find_loss())
