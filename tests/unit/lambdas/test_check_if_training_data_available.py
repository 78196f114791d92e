"""Training starts on a complete labelled set with rows in every split."""

import dataclasses
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from buyer_stage.documents import LabelledSetManifest, SplitCounts, to_json
from buyer_stage.errors import InvalidManifestError, LabelledSetError
from buyer_stage.features import MODEL_FEATURES, column_checksum
from lambdas.check_if_training_data_available.handler import handler

KEY = "train/manifest.json"
MANIFEST = LabelledSetManifest(
    column_checksum=column_checksum(MODEL_FEATURES),
    snapshot_dates=(date(2020, 1, 29), date(2020, 1, 30)),
    answers=12,
    answers_with_unknown_stage=1,
    members_with_conflicting_answers=1,
    rows_after_answer=0,
    splits={
        "train": SplitCounts(14, 7, {"Dreamer": 14}),
        "validation": SplitCounts(3, 2, {"Dreamer": 3}),
        "test": SplitCounts(2, 1, {"Dreamer": 2}),
    },
)
Put = Callable[[str, str], None]


def test_labelled_set_is_available_with_its_row_counts(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    put(KEY, to_json(MANIFEST))
    assert handler(event, context) == {"available": True, "training_rows": 14, "validation_rows": 3}
    assert emitted_metrics() == {"TrainingRows": 14}


def test_no_manifest_is_not_available(event: dict[str, Any], context: Any) -> None:
    assert handler(event, context) == {"available": False}


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_empty_split_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put, split: str) -> None:
    put(KEY, to_json(dataclasses.replace(MANIFEST, splits={**MANIFEST.splits, split: SplitCounts(0, 0, {})})))
    with pytest.raises(LabelledSetError, match=f"no rows in {split}"):
        handler(event, context)


def test_missing_split_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    put(KEY, to_json(dataclasses.replace(MANIFEST, splits={"train": MANIFEST.splits["train"]})))
    with pytest.raises(LabelledSetError, match="no rows in validation, test"):
        handler(event, context)


def test_labelled_set_of_other_columns_is_an_error(event: dict[str, Any], context: Any, put: Put) -> None:
    put(KEY, to_json(dataclasses.replace(MANIFEST, column_checksum=column_checksum(["snapshot_month"]))))
    with pytest.raises(LabelledSetError, match="other columns"):
        handler(event, context)


def test_damaged_manifest_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    put(KEY, '{"answers": "many"}')
    with pytest.raises(InvalidManifestError, match=r"train/manifest\.json is damaged"):
        handler(event, context)
