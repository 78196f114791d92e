"""Which labeled sets are refused before anything is written. `tests/spark` builds them."""

from collections.abc import Mapping
from datetime import date

import pytest

from buyer_stage.domain.documents import LabeledSetManifest, SplitCounts
from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.stages import Stage
from emr_steps.build_training_data import require_usable

EVERY_STAGE = {stage.value: 10 for stage in Stage}


def manifest(stages_by_split: Mapping[str, Mapping[str, int]], duplicate_members: int = 0) -> LabeledSetManifest:
    splits = {}
    for split, stages in stages_by_split.items():
        rows = sum(stages.values())
        splits[split] = SplitCounts(rows=rows, members=rows, stages=dict(stages))
    return LabeledSetManifest("checksum", (date(2020, 2, 5),), "stage", 120, 0, 0, 0, duplicate_members, 0, splits, {})


GOOD = {"train": EVERY_STAGE, "validation": EVERY_STAGE, "test": EVERY_STAGE}


def test_complete_labeled_set_is_accepted() -> None:
    require_usable(manifest(GOOD))


@pytest.mark.parametrize("split", GOOD)
def test_empty_split_is_refused(split: str) -> None:
    with pytest.raises(LabeledSetError, match=f"the {split} split is empty; the survey has 120 answers"):
        require_usable(manifest({**GOOD, split: {}}))


def test_stage_that_no_member_of_the_train_split_has_is_refused() -> None:
    without_dreamers = {stage: rows for stage, rows in EVERY_STAGE.items() if stage != "Dreamer"}
    require_usable(manifest({**GOOD, "test": without_dreamers}))
    with pytest.raises(LabeledSetError, match="no member of the train split has the stage Dreamer"):
        require_usable(manifest({**GOOD, "train": without_dreamers}))


def test_more_than_5_percent_duplicate_members_are_refused() -> None:
    require_usable(manifest(GOOD, duplicate_members=6))
    with pytest.raises(LabeledSetError, match="7 of 120 members are duplicates, more than 5%"):
        require_usable(manifest(GOOD, duplicate_members=7))
