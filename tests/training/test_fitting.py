"""Training finds a signal on unseen members, stays at the prior without one, and is reproducible."""

import dataclasses

import numpy as np
import pytest

from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.domain.stages import Stage
from buyer_stage.quality.evaluation import compare, metric_values
from buyer_stage.quality.predictions import baseline_predictions
from buyer_stage.training.blending import blend_weights, decision_multipliers, predicted_classes
from buyer_stage.training.candidates import RECIPES, Recipe, fit, raw_probabilities
from buyer_stage.training.fitting import Training, member_folds, train
from buyer_stage.training.representations import REPRESENTATIONS
from buyer_stage.training.training_rows import TrainingRows

FEATURES = tuple(f"total_searches_{window}" for window in ("001", "007", "030", "060", "090"))
FAST = (RECIPES[0], RECIPES[1])


def labeled_rows(members: int, seed: int, signal: float = 1.0) -> TrainingRows:
    """Return members on three days each, who search more the nearer they are."""
    random = np.random.default_rng(seed)
    classes = random.choice(4, size=members, p=[0.16, 0.13, 0.54, 0.17])
    searches = random.poisson(np.exp(1 + signal * (classes - 1.5) + random.normal(0, 0.3, members)))
    values = np.outer(searches, [0, 0.2, 0.5, 0.8, 1]).round()
    names = tuple(f"m{member}" for member in range(members))
    once = TrainingRows(FEATURES, tuple(Stage), names, values, classes)
    return once.with_rows(once).with_rows(once)


def trained(rows: TrainingRows, seed: int = 0) -> Training:
    return train(rows, seed, lambda _: None, FAST, folds=3)


@pytest.fixture(scope="module")
def signal() -> TrainingRows:
    return labeled_rows(200, 1)


@pytest.fixture(scope="module")
def training(signal: TrainingRows) -> Training:
    return trained(signal)


def test_model_beats_the_prior_on_unseen_members(training: Training, signal: TrainingRows) -> None:
    predictions = training.model.predict(labeled_rows(200, 2))
    measured = metric_values(predictions)
    prior = metric_values(baseline_predictions(predictions, signal.prior, 0)["prior"])
    assert measured["macro_f1"] > prior["macro_f1"] + 0.15
    assert measured["log_loss"] < prior["log_loss"] - 0.1


def shuffled(rows: TrainingRows) -> TrainingRows:
    """Assign every member's label to another member."""
    stages = dict(zip(rows.members, rows.classes, strict=True))
    drawn = dict(zip(stages, np.random.default_rng(0).permutation(list(stages.values())), strict=True))
    return dataclasses.replace(rows, classes=np.array([drawn[member] for member in rows.members]))


def test_shuffled_labels_produce_a_model_no_better_than_the_prior(signal: TrainingRows) -> None:
    # The unseen members are shuffled too: the model could find the direction of the only feature by luck.
    predictions = trained(shuffled(signal)).model.predict(shuffled(labeled_rows(300, 2)))
    baselines = baseline_predictions(predictions, signal.prior, 0)
    assert not compare(predictions, baselines["prior"], seed=0, resamples=300).challenger_is_better("log_loss")
    by_chance = compare(predictions, baselines["stratified_random"], seed=0, resamples=300)
    assert not by_chance.challenger_is_better("macro_f1")


def test_same_seed_produces_the_same_model(training: Training, signal: TrainingRows) -> None:
    again, other = trained(signal), trained(signal, seed=1)
    np.testing.assert_array_equal(training.predictions.probabilities, again.predictions.probabilities)
    values = signal.values[:20]
    np.testing.assert_array_equal(training.model.probabilities(values), again.model.probabilities(values))
    assert not np.array_equal(training.predictions.probabilities, other.predictions.probabilities)


def test_out_of_fold_log_loss_is_never_worse_than_the_priors() -> None:
    rows = labeled_rows(60, 5, signal=0)
    training = trained(rows)
    prior = training.out_of_fold.probabilities[-1, np.arange(len(rows.classes)), rows.classes]
    assert metric_values(training.predictions)["log_loss"] <= -np.log(prior).mean() + 1e-9


def test_progress_is_reported_fit_by_fit(signal: TrainingRows) -> None:
    done: list[str] = []
    train(signal, 0, done.append, FAST, folds=2)
    assert done == [
        *("ordinal, fold 1 of 2", "stumps, fold 1 of 2", "ordinal, fold 2 of 2", "stumps, fold 2 of 2"),
        *("ordinal, all rows", "stumps, all rows"),
    ]


def test_no_member_is_fitted_and_held_out_in_a_fold(signal: TrainingRows) -> None:
    for fitted, held_out in member_folds(signal, 4, seed=0):
        assert {signal.members[row] for row in fitted}.isdisjoint(signal.members[row] for row in held_out)


def test_stage_with_fewer_members_than_folds_is_an_error(signal: TrainingRows) -> None:
    few = signal.without_members([f"m{member}" for member in range(3, 200) if signal.classes[member] == 1])
    with pytest.raises(LabeledSetError, match=r"Casual Searcher has \d members; 5 folds need at least 5"):
        member_folds(few, 5, seed=0)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_recipe_predicts_probabilities_of_all_stages(recipe: Recipe, signal: TrainingRows) -> None:
    without_casual = signal.take(signal.classes != 1)
    inputs = REPRESENTATIONS[recipe.representation](signal.features, signal.values)
    probabilities = raw_probabilities(fit(recipe, without_casual, 0), inputs)
    assert probabilities.shape == (len(signal.members), 4)
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert probabilities[:, 1].max() < 0.05


def test_ordinal_recipe_keeps_the_stages_in_order(signal: TrainingRows) -> None:
    ordinal = next(recipe for recipe in RECIPES if recipe.name == "ordinal")
    few, many = np.array([[0.0, 0, 0, 0, 1]]), np.array([[20.0, 20, 30, 40, 50]])
    inputs = REPRESENTATIONS[ordinal.representation](FEATURES, np.vstack([few, many]))
    probabilities = raw_probabilities(fit(ordinal, signal, 0), inputs)
    assert probabilities[0] @ np.arange(4) < probabilities[1] @ np.arange(4)


def test_weights_prefer_the_better_forecast() -> None:
    random = np.random.default_rng(0)
    good, bad, prior = random.uniform(0.5, 0.9, 300), random.uniform(0.0, 0.2, 300), np.full(300, 0.4)
    weights = blend_weights(np.stack([good, bad, prior]))
    assert weights.sum() == pytest.approx(1)
    assert weights[0] > 0.8 > weights[2] > weights[1]


def test_prior_takes_over_when_every_forecast_is_worse() -> None:
    weights = blend_weights(np.stack([np.full(100, 0.1), np.full(100, 0.0), np.full(100, 0.4)]))
    assert weights[-1] == pytest.approx(1)


def test_multipliers_predict_rare_stages_when_that_improves_the_expected_macro_f1() -> None:
    prior = np.array([0.1, 0.1, 0.7, 0.1])
    likely = np.tile(prior, (40, 1)) + 0.2 * np.tile(np.eye(4), (10, 1)) - 0.05
    multipliers = decision_multipliers(likely, prior)
    assert set(predicted_classes(likely, multipliers)) == {0, 1, 2, 3}
    assert set(predicted_classes(likely, np.ones(4))) == {2}


def test_multipliers_do_not_change_near_certain_predictions() -> None:
    certain = np.full((40, 4), 0.01) + 0.96 * np.tile(np.eye(4), (10, 1))
    predicted = predicted_classes(certain, decision_multipliers(certain, np.array([0.1, 0.1, 0.7, 0.1])))
    np.testing.assert_array_equal(predicted, np.tile(np.arange(4), 10))


def test_all_members_have_equal_weight_with_any_number_of_rows() -> None:
    once = labeled_rows(2, 0).take(np.array([0, 1]))
    rows = once.with_rows(once.take(np.array([1]))).with_rows(once.take(np.array([1])))
    assert rows.weights.tolist() == pytest.approx([2, 2 / 3, 2 / 3, 2 / 3])


def test_representations_hold_windows_and_changes() -> None:
    features = (*(f"total_searches_{w}" for w in ("007", "030", "090")), "median_searches_030")
    values = np.array([[0, 0, 8, 0], [8, 8, 8, 3]])
    levels, activity = (REPRESENTATIONS[name](features, values) for name in ("levels", "activity"))
    np.testing.assert_allclose(levels[:, :4], np.arcsinh(values))
    np.testing.assert_array_equal(levels[:, 4:], [[0, 0, 1], [1, 1, 1]])
    np.testing.assert_array_equal(activity[:, -3:], [[0, 0, 1], [1, 1, 1]])
    np.testing.assert_allclose(activity[0, :-3], [0, 0, 0, -np.arcsinh(8), np.arcsinh(8)])
    np.testing.assert_allclose(activity[1, :-3], [np.arcsinh(8), 0, np.arcsinh(8), 0, np.arcsinh(8)])
