"""Metrics equal scikit-learn's, and comparisons tell a better model from an equal one."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    f1_score,
    log_loss,
    precision_score,
    recall_score,
)

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.stages import Stage
from buyer_stage.quality.evaluation import compare, evaluate, metric_values
from buyer_stage.quality.predictions import Predictions
from tests.made_predictions import LABELS, PRIOR, make_predictions


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 60))
def test_metrics_equal_those_of_scikit_learn(seed: int, rows: int) -> None:
    made = make_predictions(seed, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a stage that does not occur
        expected = {
            "macro_f1": f1_score(made.actual, made.predicted, labels=range(4), average="macro", zero_division=0),
            "balanced_accuracy": balanced_accuracy_score(made.actual, made.predicted),
            "accuracy": accuracy_score(made.actual, made.predicted),
            "log_loss": log_loss(made.actual, made.probabilities, labels=range(4)),
            "brier": brier_score_loss(made.actual, made.probabilities, labels=range(4), scale_by_half=False),
            "ordinal_error": np.abs(made.actual - made.predicted).mean(),
        }
    measured = metric_values(made)
    assert {name: measured[name] for name in expected} == pytest.approx(expected)


def test_stages_and_confusion_equal_those_of_scikit_learn() -> None:
    made = make_predictions(1)
    evaluation = evaluate(made, PRIOR, seed=0, resamples=20)
    confusion = [[evaluation.confusion[actual][predicted].value for predicted in LABELS] for actual in LABELS]
    np.testing.assert_array_equal(confusion, confusion_matrix(made.actual, made.predicted))
    qualities = [evaluation.stages[label] for label in LABELS]
    for expected, name in (
        (precision_score(made.actual, made.predicted, average=None, zero_division=0), "precision"),
        (recall_score(made.actual, made.predicted, average=None), "recall"),
        (f1_score(made.actual, made.predicted, average=None), "f1"),
    ):
        assert [getattr(quality, name).value for quality in qualities] == pytest.approx(expected.tolist())


def test_baselines_equal_those_of_scikit_learn() -> None:
    made = make_predictions(2)
    classes = np.repeat(np.arange(4), (PRIOR * 100).round().astype(int))
    evaluation = evaluate(made, PRIOR, seed=0, resamples=0)
    features = np.zeros((len(made.actual), 1))
    for name, strategy in (("majority", "most_frequent"), ("prior", "prior")):
        dummy = DummyClassifier(strategy=strategy).fit(np.zeros((100, 1)), classes)
        expected = log_loss(made.actual, dummy.predict_proba(features), labels=range(4))
        assert evaluation.baselines[name]["log_loss"].value == pytest.approx(expected)
        assert evaluation.baselines[name]["macro_f1"].value == pytest.approx(
            f1_score(made.actual, dummy.predict(features), average="macro")
        )
    assert evaluation.baselines["stratified_random"]["macro_f1"].value > evaluation.baselines["prior"]["macro_f1"].value


def test_reliability_compares_predicted_with_observed_shares() -> None:
    probabilities = np.array([[0.85, 0.15]] * 10)
    made = Predictions(("a", "b"), tuple("abcdefghij"), np.array([0] * 6 + [1] * 4), probabilities, np.zeros(10, int))
    evaluation = evaluate(made, np.array([0.5, 0.5]), seed=0, resamples=50)
    (first,) = evaluation.stages["a"].reliability
    assert (first.rows, first.mean_probability, first.observed.value) == (10, pytest.approx(0.85), 0.6)
    assert first.observed.low < 0.6 < first.observed.high
    assert evaluation.metrics["ece"].value == pytest.approx(0.25)


def test_log_loss_of_a_stage_with_probability_0_is_large_but_finite() -> None:
    made = Predictions(("a", "b"), ("m",), np.array([0]), np.array([[0.0, 1.0]]), np.array([1]))
    assert 30 < metric_values(made)["log_loss"] < 40


def test_interval_holds_the_value_and_follows_the_seed() -> None:
    made = make_predictions(4)
    first, again, other = (evaluate(made, PRIOR, seed=seed, resamples=200) for seed in (1, 1, 2))
    assert to_json(first) == to_json(again) != to_json(other)
    for name, estimate in first.metrics.items():
        assert estimate.low < estimate.high
        if name != "ece":  # noise can only increase it
            assert estimate.low < estimate.value < estimate.high


def test_better_challenger_is_distinguished_from_an_equal_one() -> None:
    champion, better = make_predictions(5, 600, 300, skill=0.5), make_predictions(5, 600, 300, skill=1.5)
    comparison = compare(better, champion, seed=0, resamples=300)
    assert comparison.challenger_is_better("macro_f1")
    assert comparison.challenger_is_better("log_loss")
    assert comparison.differences["log_loss"].value == pytest.approx(
        metric_values(better)["log_loss"] - metric_values(champion)["log_loss"]
    )
    back = compare(champion, better, seed=0, resamples=300)
    assert not back.challenger_is_better("macro_f1")
    same = compare(champion, champion, seed=0, resamples=300)
    assert not same.challenger_is_better("log_loss")
    assert same.differences["log_loss"].low == same.differences["log_loss"].high == 0


def test_paired_draws_make_the_interval_of_the_difference_narrow() -> None:
    champion = make_predictions(6, 400, 200)
    nudged = dataclasses.replace(champion, probabilities=0.98 * champion.probabilities + 0.02 * PRIOR)
    difference = compare(nudged, champion, seed=0, resamples=300).differences["log_loss"]
    alone = evaluate(champion, PRIOR, seed=0, resamples=300).metrics["log_loss"]
    assert difference.high - difference.low < (alone.high - alone.low) / 10


@pytest.mark.parametrize("change", ["members", "actual", "labels"])
def test_different_rows_cannot_be_compared(change: str) -> None:
    made = make_predictions(7)
    other = {"members": made.members[::-1], "actual": (made.actual + 1) % 4, "labels": made.labels[::-1]}[change]
    with pytest.raises(InvalidInputError, match="same rows"):
        compare(made, dataclasses.replace(made, **{change: other}), seed=0)  # type: ignore[arg-type]


def test_document_holds_everything() -> None:
    document = json.loads(to_json(evaluate(make_predictions(9), PRIOR, seed=3, resamples=10)))
    assert (document["rows"], document["seed"], document["resamples"]) == (200, 3, 10)
    assert (document["members"], document["confidence_level"]) == (len(set(make_predictions(9).members)), 0.95)
    assert set(document["baselines"]) == {"majority", "prior", "stratified_random"}
    assert set(document["stages"]) == set(document["confusion"]) == {stage.value for stage in Stage}


def test_prior_of_other_stages_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="share for each"):
        evaluate(make_predictions(0), np.array([0.5, 0.5]), seed=0)
