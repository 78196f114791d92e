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
    SplitCounts,
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
