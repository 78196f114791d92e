"""Impossible predictions are rejected, and baselines equal scikit-learn's."""

import dataclasses

import numpy as np
import pytest

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.quality.predictions import Predictions, baseline_predictions
from tests.made_predictions import PRIOR, make_predictions


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"members": ()}, "no predictions"),
        ({"actual": np.zeros(3, int)}, "expected 200 rows of 4 stages"),
        ({"predicted": np.zeros((200, 1), int)}, "expected 200 rows of 4 stages"),
        ({"probabilities": np.full((200, 3), 1 / 3)}, "expected 200 rows of 4 stages"),
        ({"predicted": np.arange(200) // 199 * 4}, "predicted holds an index outside the 4 stages"),
        ({"actual": np.arange(200) // 199 * -1}, "actual holds an index outside the 4 stages"),
        ({"probabilities": np.vstack([np.full((199, 4), 0.25), np.full((1, 4), 0.3)])}, "add up to 1"),
        ({"probabilities": np.vstack([np.full((199, 4), 0.25), np.full((1, 4), 0.2)])}, "add up to 1"),
        ({"probabilities": np.tile([-0.1, 0.5, 0.5, 0.1], (200, 1))}, "are negative"),
        ({"probabilities": np.full((200, 4), np.nan)}, "not numbers"),
    ],
)
def test_impossible_predictions_are_an_error(changed: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        dataclasses.replace(make_predictions(0), **changed)  # type: ignore[arg-type]


def test_certain_predictions_of_the_first_and_the_last_stage_are_possible() -> None:
    certain = Predictions(("a", "b"), ("m", "n"), np.array([0, 1]), np.eye(2), np.array([1, 0]))
    assert certain.probabilities.min() == 0


def test_baselines_know_only_the_shares() -> None:
    made = make_predictions(2)
    baselines = baseline_predictions(made, PRIOR, seed=1)
    rows = len(made.members)
    assert set(baselines["majority"].predicted) == set(baselines["prior"].predicted) == {2}
    np.testing.assert_array_equal(baselines["majority"].probabilities, np.tile([0, 0, 1, 0], (rows, 1)))
    np.testing.assert_array_equal(baselines["prior"].probabilities, np.tile(PRIOR, (rows, 1)))
    random = baselines["stratified_random"]
    np.testing.assert_array_equal(random.probabilities.argmax(axis=1), random.predicted)
    np.testing.assert_allclose(np.bincount(random.predicted) / rows, PRIOR, atol=0.1)
    again, other = (baseline_predictions(made, PRIOR, seed)["stratified_random"].predicted for seed in (1, 2))
    np.testing.assert_array_equal(random.predicted, again)
    assert not np.array_equal(random.predicted, other)


@pytest.mark.parametrize("prior", [[0.5, 0.5], [0.1, 0.1, 0.7, 0.2], [0.1, 0.1, 0.7, 0.0], [-0.1, 0.4, 0.5, 0.2]])
def test_prior_that_is_not_a_share_for_each_stage_is_an_error(prior: list[float]) -> None:
    with pytest.raises(InvalidInputError, match="not a share for each of 4 stages"):
        baseline_predictions(make_predictions(0), np.array(prior), seed=0)


def test_prior_of_a_stage_that_does_not_occur_is_possible() -> None:
    assert baseline_predictions(make_predictions(0), np.array([0, 0.2, 0.5, 0.3]), seed=0)["prior"]
