"""Tests of the metrics against scikit-learn, and of the intervals against what resampling members must show."""

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
from buyer_stage.quality.evaluation import Predictions, compare, evaluate, metric_values

LABELS = tuple(Stage)
PRIOR = np.array([0.16, 0.13, 0.54, 0.17])


def predictions(seed: int, rows: int = 200, members: int = 50, skill: float = 1.0) -> Predictions:
    """Give forecasts that know something of the stage, as much as `skill` says."""
    random = np.random.default_rng(seed)
    of_member = random.choice(4, size=members, p=PRIOR)
    member = random.integers(members, size=rows)
    scores = random.normal(size=(rows, 4)) + skill * np.eye(4)[of_member[member]]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    named = (probabilities * [1.2, 1.4, 1, 1.2]).argmax(axis=1)
    return Predictions(LABELS, tuple(f"m{each}" for each in member), of_member[member], probabilities, named)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), rows=st.integers(1, 60))
def test_metrics_are_those_of_scikit_learn(seed: int, rows: int) -> None:
    made = predictions(seed, rows)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a stage that does not occur
        expected = {
            "macro_f1": f1_score(made.actual, made.named, labels=range(4), average="macro", zero_division=0),
            "balanced_accuracy": balanced_accuracy_score(made.actual, made.named),
            "accuracy": accuracy_score(made.actual, made.named),
            "log_loss": log_loss(made.actual, made.probabilities, labels=range(4)),
            "brier": brier_score_loss(made.actual, made.probabilities, labels=range(4), scale_by_half=False),
            "ordinal_error": np.abs(made.actual - made.named).mean(),
        }
    measured = metric_values(made)
    assert {name: measured[name] for name in expected} == pytest.approx(expected)


def test_stages_and_confusion_are_those_of_scikit_learn() -> None:
    made = predictions(1)
    evaluation = evaluate(made, PRIOR, seed=0, resamples=20)
    confusion = [[evaluation.confusion[actual][named].value for named in LABELS] for actual in LABELS]
    np.testing.assert_array_equal(confusion, confusion_matrix(made.actual, made.named))
    qualities = [evaluation.stages[label] for label in LABELS]
    for expected, name in (
        (precision_score(made.actual, made.named, average=None, zero_division=0), "precision"),
        (recall_score(made.actual, made.named, average=None), "recall"),
        (f1_score(made.actual, made.named, average=None), "f1"),
    ):
        assert [getattr(quality, name).value for quality in qualities] == pytest.approx(expected.tolist())


def test_baselines_are_those_of_scikit_learn() -> None:
    made = predictions(2)
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


def test_reliability_compares_what_was_said_with_what_was_so() -> None:
    probabilities = np.array([[0.85, 0.15]] * 10)
    made = Predictions(("a", "b"), tuple("abcdefghij"), np.array([0] * 6 + [1] * 4), probabilities, np.zeros(10, int))
    evaluation = evaluate(made, np.array([0.5, 0.5]), seed=0, resamples=50)
    (first,) = evaluation.stages["a"].reliability
    assert (first.rows, first.mean_probability, first.observed.value) == (10, pytest.approx(0.85), 0.6)
    assert first.observed.low < 0.6 < first.observed.high
    assert evaluation.metrics["ece"].value == pytest.approx(0.25)


def test_stage_given_no_probability_costs_much_but_not_everything() -> None:
    made = Predictions(("a", "b"), ("m",), np.array([0]), np.array([[0.0, 1.0]]), np.array([1]))
    assert 30 < metric_values(made)["log_loss"] < 40


def test_intervals_resample_members_not_rows() -> None:
    once = predictions(3, rows=100, members=100)
    copies = 9
    often = Predictions(
        LABELS,
        once.members * copies,
        np.tile(once.actual, copies),
        np.tile(once.probabilities, (copies, 1)),
        np.tile(once.named, copies),
    )
    of_others = dataclasses.replace(often, members=tuple(str(row) for row in range(100 * copies)))
    by_member, copied, by_row = (
        evaluate(each, PRIOR, seed=0, resamples=400).metrics for each in (once, often, of_others)
    )
    for metric in ("macro_f1", "log_loss", "brier", "ordinal_error"):
        width, copied_width, row_width = (each[metric].high - each[metric].low for each in (by_member, copied, by_row))
        assert copied_width == pytest.approx(width)  # seeing a member nine times tells nothing new
        assert row_width == pytest.approx(width / 3, rel=0.25)


def test_interval_holds_the_value_and_follows_the_seed() -> None:
    made = predictions(4)
    first, again, other = (evaluate(made, PRIOR, seed=seed, resamples=200) for seed in (1, 1, 2))
    assert to_json(first) == to_json(again) != to_json(other)
    for name, estimate in first.metrics.items():
        assert estimate.low < estimate.high
        if name != "ece":  # which noise can only raise
            assert estimate.low < estimate.value < estimate.high


def test_better_challenger_is_told_from_an_equal_one() -> None:
    champion, better = predictions(5, 600, 300, skill=0.5), predictions(5, 600, 300, skill=1.5)
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


def test_pairing_makes_the_interval_of_the_difference_narrow() -> None:
    champion = predictions(6, 400, 200)
    nudged = dataclasses.replace(champion, probabilities=0.98 * champion.probabilities + 0.02 * PRIOR)
    difference = compare(nudged, champion, seed=0, resamples=300).differences["log_loss"]
    alone = evaluate(champion, PRIOR, seed=0, resamples=300).metrics["log_loss"]
    assert difference.high - difference.low < (alone.high - alone.low) / 10


def test_different_rows_cannot_be_compared() -> None:
    with pytest.raises(InvalidInputError, match="same rows"):
        compare(predictions(7), predictions(8), seed=0)


def test_document_holds_everything() -> None:
    document = json.loads(to_json(evaluate(predictions(9), PRIOR, seed=3, resamples=10)))
    assert (document["rows"], document["seed"], document["resamples"]) == (200, 3, 10)
    assert set(document["baselines"]) == {"majority", "prior", "stratified_random"}
    assert set(document["stages"]) == set(document["confusion"]) == {stage.value for stage in Stage}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"members": ()}, "no predictions"),
        ({"actual": np.zeros(3, int)}, "200 rows of 4 stages"),
        ({"named": np.full(200, 4)}, "named holds an index"),
        ({"probabilities": np.full((200, 4), 0.3)}, "add up to 1"),
        ({"probabilities": np.full((200, 4), np.nan)}, "not numbers"),
    ],
)
def test_impossible_predictions_are_an_error(changed: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        dataclasses.replace(predictions(0), **changed)


def test_prior_of_other_stages_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="share for each"):
        evaluate(predictions(0), np.array([0.5, 0.5]), seed=0)
