"""A challenger is judged by members that its training did not use, and compared with the champion on the same rows."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from buyer_stage.domain.errors import LabeledSetError, ModelError
from buyer_stage.domain.feature_bins import BIN_COUNT
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.quality.gate import Decision
from buyer_stage.quality.judgement import Challenger, Champion, Judgement, judge_challenger
from tests.holdout import BETTER, GOOD, GUESSED, SURE_AND_WRONG, UNINFORMED, scored_line, split_file
from tests.labeled_set_manifest import MANIFEST

SPLIT_FILES = {split: split_file(split) for split in ("train", "validation", "test")}


def judged(
    challenger: Sequence[str], champion: Sequence[str] | None = None, train: Sequence[str] = SPLIT_FILES["train"]
) -> Judgement:
    return judge_challenger(
        Challenger(
            model_version="version-2",
            candidate_name="candidate-7",
            created_at=datetime(2020, 2, 1, tzinfo=UTC),
            code_version="1a2b3c4d5e6f",
            autopilot_metrics={"F1macro": 0.25},
            scored_lines=challenger,
        ),
        None if champion is None else Champion("version-1", champion),
        {**SPLIT_FILES, "train": train},
        MANIFEST,
    )


@pytest.mark.parametrize(
    ("challenger", "champion", "decision"),
    [
        (GOOD, None, Decision.APPROVED),
        (UNINFORMED, None, Decision.PENDING),
        (SURE_AND_WRONG, None, Decision.REJECTED),
        (GUESSED, None, Decision.REJECTED),
        (BETTER, GOOD, Decision.APPROVED),
        (GOOD, GOOD, Decision.PENDING),
        (GOOD, BETTER, Decision.PENDING),
        (SURE_AND_WRONG, SURE_AND_WRONG, Decision.REJECTED),
    ],
)
def test_challenger_must_beat_the_champion_or_no_model(
    challenger: list[str], champion: list[str] | None, decision: Decision
) -> None:
    assert judged(challenger, champion).card.verdict.decision is decision


def test_card_says_what_the_model_is_and_how_good_it_is() -> None:
    card = judged(BETTER, GOOD).card
    assert (card.model_version, card.candidate_name) == ("version-2", "candidate-7")
    assert (card.created_at, card.code_version) == (datetime(2020, 2, 1, tzinfo=UTC), "1a2b3c4d5e6f")
    assert (card.labeled_set, card.autopilot_metrics) == (MANIFEST, {"F1macro": 0.25})
    assert card.class_shares == {
        "Dreamer": 0.25, "Casual Searcher": 0.25, "Active Searcher": 0.25, "Ready To Transact": 0.25,
    }  # fmt: skip
    assert (card.evaluation.rows, card.evaluation.metrics["macro_f1"].value) == (100, 1)
    assert card.against_prior.differences["log_loss"].value < -1
    assert card.champion_version == "version-1"
    assert card.against_champion is not None
    assert -1 < card.against_champion.differences["log_loss"].value < 0


def test_first_model_has_no_champion() -> None:
    card = judged(GOOD).card
    assert (card.champion_version, card.against_champion) == (None, None)


def test_class_shares_are_those_of_the_training_split() -> None:
    shares = judged(GOOD, train=SPLIT_FILES["train"][:3]).card.class_shares
    assert shares == {"Dreamer": 0.5, "Casual Searcher": 0.5, "Active Searcher": 0, "Ready To Transact": 0}


def test_drift_baseline_counts_each_member_once_on_the_latest_snapshot() -> None:
    header, first, *others = SPLIT_FILES["train"]
    active = first.replace("2020-01-30,0", "2020-01-31,1")
    baseline = judged([*GOOD[:-1], scored_line(0, 0.7)], train=[header, first, active, *others]).drift_baseline
    assert baseline.features.rows == 100
    assert set(baseline.features.counts) == set(MODEL_FEATURES)
    assert baseline.features.counts[MODEL_FEATURES[0]] == (99, 1, *[0] * (BIN_COUNT - 2))
    assert baseline.stages == {"Dreamer": 26, "Casual Searcher": 25, "Active Searcher": 25, "Ready To Transact": 24}


def test_same_predictions_get_the_same_judgement() -> None:
    assert judged(BETTER, GOOD) == judged(BETTER, GOOD)


def test_member_in_two_splits_is_an_error_that_counts_the_members() -> None:
    with pytest.raises(LabeledSetError, match=r"members in more than one split: 1 \(train and test: 1\)"):
        judged(GOOD, train=[*SPLIT_FILES["train"], SPLIT_FILES["test"][1]])


@pytest.mark.parametrize("missing", ["challenger", "champion"])
def test_missing_prediction_is_an_error(missing: str) -> None:
    lines = {"challenger": GOOD, "champion": GOOD, missing: GOOD[:-1]}
    with pytest.raises(ModelError, match="returned 99 predictions for the 100 rows"):
        judged(**lines)
