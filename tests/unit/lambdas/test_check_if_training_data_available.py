"""Training starts only on a complete labeled set with rows in every split and no member in two of them."""

import dataclasses
import hashlib
import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from buyer_stage.domain.documents import SplitCounts, to_json
from buyer_stage.domain.errors import InvalidManifestError, LabeledSetError
from buyer_stage.domain.features import MODEL_FEATURES, column_checksum
from buyer_stage.domain.labeled_set import LabeledRow, channel_line, split_file_lines
from buyer_stage.domain.stages import Stage
from lambdas.check_if_training_data_available.handler import handler
from tests.labeled_set_manifest import MANIFEST as ANY_MANIFEST

KEY = "train/manifest.json"
ASSIGNED = {"m1": "train", "m2": "train", "m3": "validation", "m4": "test"}
FILES = {"train": "train/csv/", "validation": "validation/csv/", "test": "test/with-target/"}


def split_file(split: str) -> list[str]:
    """Return the lines of a split file with rows on two days for each member."""
    return split_file_lines(
        LabeledRow(member, date(2020, 1, day), tuple(position for _ in MODEL_FEATURES), Stage.DREAMER)
        for position, member in enumerate(ASSIGNED)
        for day in (29, 30)
        if ASSIGNED[member] == split
    )


def text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


SPLIT_FILES = {split: split_file(split) for split in FILES}
CHANNELS = {split: [channel_line(line) for line in lines] for split, lines in SPLIT_FILES.items()}
MANIFEST = dataclasses.replace(
    ANY_MANIFEST,
    splits={
        "train": SplitCounts(500, 2, {"Dreamer": 500}),
        "validation": SplitCounts(2, 1, {"Dreamer": 2}),
        "test": SplitCounts(2, 1, {"Dreamer": 2}),
    },
    with_members_sha256={
        split: hashlib.sha256(text(lines).encode()).hexdigest() for split, lines in SPLIT_FILES.items()
    },
)
Put = Callable[[str, str], None]


@pytest.fixture
def labeled_set(put: Put) -> None:
    """A labeled set as the step leaves it."""
    for split, channel_prefix in FILES.items():
        put(f"{split}/with-members/part-00000.csv", text(SPLIT_FILES[split]))
        put(f"{channel_prefix}part-00000.csv", text(CHANNELS[split]))
    put("train/members.json", json.dumps(ASSIGNED))
    put(KEY, to_json(MANIFEST))


@pytest.mark.usefixtures("labeled_set")
def test_labeled_set_is_available_with_its_row_counts(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    assert handler(event, context) == {
        "available": True,
        "training_rows": 500,
        "validation_rows": 2,
        "training_checksum": MANIFEST.with_members_sha256["train"],
        "validation_checksum": MANIFEST.with_members_sha256["validation"],
    }
    assert emitted_metrics() == {"TrainingRows": 500}


@pytest.mark.usefixtures("labeled_set")
def test_training_keeps_its_name_when_members_are_forgotten(event: dict[str, Any], context: Any, put: Put) -> None:
    before = {"train": "train-before", "validation": "validation-before"}
    put(KEY, to_json(dataclasses.replace(MANIFEST, training_checksums=before)))

    result = handler(event, context)

    assert (result["training_checksum"], result["validation_checksum"]) == ("train-before", "validation-before")


def test_labeled_set_without_manifest_is_not_available(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    result = handler(event, context)
    assert result.pop("available") is False
    assert set(result.values()) == {None}
    assert emitted_metrics() == {"TrainingRows": 0}


@pytest.mark.usefixtures("labeled_set")
def test_row_moved_to_another_channel_is_an_error_that_counts_the_members(
    event: dict[str, Any], context: Any, put: Put
) -> None:
    put("train/csv/part-00000.csv", text(CHANNELS["train"][:-1]))
    put("validation/csv/part-00000.csv", text([*CHANNELS["validation"], CHANNELS["train"][-1]]))
    with pytest.raises(LabeledSetError, match=r"members in the channel of another split: 1 \(validation: 1\)"):
        handler(event, context)


@pytest.mark.usefixtures("labeled_set")
@pytest.mark.parametrize("end", ["\n", ""])
def test_row_added_in_another_file_is_an_error(event: dict[str, Any], context: Any, put: Put, end: str) -> None:
    put("train/csv/part-00001.csv", CHANNELS["test"][1] + end)
    with pytest.raises(LabeledSetError, match=r"members in the channel of another split: 1 \(train: 1\)"):
        handler(event, context)


@pytest.mark.usefixtures("labeled_set")
def test_row_moved_to_another_split_file_is_an_error_that_counts_the_members(
    event: dict[str, Any], context: Any, put: Put
) -> None:
    put("train/with-members/part-00000.csv", text(SPLIT_FILES["train"][:-1]))
    put("test/with-members/part-00000.csv", text([*SPLIT_FILES["test"], SPLIT_FILES["train"][-1]]))
    with pytest.raises(LabeledSetError, match=r"members in more than one split: 1 \(train and test: 1\)"):
        handler(event, context)


@pytest.mark.usefixtures("labeled_set")
def test_split_file_that_the_manifest_does_not_describe_is_an_error(
    event: dict[str, Any], context: Any, put: Put
) -> None:
    put(KEY, to_json(dataclasses.replace(MANIFEST, with_members_sha256=dict.fromkeys(FILES, "of-other-rows"))))
    with pytest.raises(
        LabeledSetError, match="files in train/with-members/ differ from those that the manifest describes"
    ):
        handler(event, context)


def test_labeled_set_without_assigned_splits_is_an_error(event: dict[str, Any], context: Any, put: Put) -> None:
    put(KEY, to_json(MANIFEST))
    with pytest.raises(LabeledSetError, match=r"train/members\.json does not exist"):
        handler(event, context)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_empty_split_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put, split: str) -> None:
    put(KEY, to_json(dataclasses.replace(MANIFEST, splits={**MANIFEST.splits, split: SplitCounts(0, 0, {})})))
    with pytest.raises(LabeledSetError, match=f"no rows in {split}"):
        handler(event, context)


def test_fewer_rows_than_autopilot_needs_are_an_error_that_names_both_numbers(
    event: dict[str, Any], context: Any, put: Put
) -> None:
    put(KEY, to_json(dataclasses.replace(MANIFEST, splits={**MANIFEST.splits, "train": SplitCounts(499, 2, {})})))
    with pytest.raises(LabeledSetError, match=r"has 499 training rows, and Autopilot needs 500; build .* more answers"):
        handler(event, context)


def test_missing_split_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    put(KEY, to_json(dataclasses.replace(MANIFEST, splits={"train": MANIFEST.splits["train"]})))
    with pytest.raises(LabeledSetError, match="no rows in validation, test"):
        handler(event, context)


def test_labeled_set_of_other_columns_is_an_error(event: dict[str, Any], context: Any, put: Put) -> None:
    put(KEY, to_json(dataclasses.replace(MANIFEST, column_checksum=column_checksum(["snapshot_month"]))))
    with pytest.raises(LabeledSetError, match="other columns"):
        handler(event, context)


def test_damaged_manifest_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    put(KEY, '{"answers": "many"}')
    with pytest.raises(InvalidManifestError, match=r"train/manifest\.json is damaged"):
        handler(event, context)
