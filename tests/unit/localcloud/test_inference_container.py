"""Tests of the container's predictions."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from buyer_stage.domain.stages import Stage
from buyer_stage.domain.transform_output import INFERENCE_RESPONSE_KEYS, parse_scored_line
from buyer_stage.training.model_archive import Component, Model
from localcloud.sagemaker.inference_container import InvalidRequestError, PayloadTooLargeError, respond

LABELS = (Stage.DREAMER, Stage.ACTIVE_SEARCHER)


def model_with(multipliers: tuple[float, float]) -> Model:
    rows = np.random.default_rng(0).normal(size=(200, 2))
    estimator = LogisticRegression().fit(rows, (rows[:, 0] > 0).astype(int))
    return Model(("a", "b"), LABELS, (0.5, 0.5), 0.1, (Component("c", "levels", 0.9, [estimator]),), multipliers)


@pytest.fixture(scope="module")
def model() -> Model:
    return model_with((1, 1))


def test_response_is_what_the_product_reads(model: Model) -> None:
    (response,) = respond(model, [["-3", "0"]], INFERENCE_RESPONSE_KEYS)
    scored = parse_scored_line(f"m1,{response}")
    assert scored.stage is Stage.DREAMER
    expected = model.probabilities(np.array([[-3.0, 0.0]]))[0]
    assert scored.probabilities[Stage.ACTIVE_SEARCHER] == pytest.approx(expected[1])


def test_response_has_the_keys_in_the_requested_order(model: Model) -> None:
    (response,) = respond(model, [["3", "0"]], ["labels", "probability", "predicted_label"])
    labels, probability, label = response.rsplit(",", 2)
    assert labels == "\"['Dreamer', 'Active Searcher']\""
    assert float(probability) == pytest.approx(model.probabilities(np.array([[3.0, 0.0]])).max())
    assert label == "Active Searcher"


def test_rule_selects_the_label_and_keeps_the_probabilities(model: Model) -> None:
    rows = [[str(value), "0"] for value in np.linspace(-3, 3, 25)]
    plain, ruled = (
        [parse_scored_line(f"m,{response}") for response in respond(each, rows, INFERENCE_RESPONSE_KEYS)]
        for each in (model, model_with((4, 1)))
    )
    assert [each.probabilities for each in plain] == [each.probabilities for each in ruled]
    for member in ruled:
        odds = member.probabilities[Stage.DREAMER] / member.probabilities[Stage.ACTIVE_SEARCHER]
        assert (member.stage is Stage.DREAMER) == (4 * odds > 1)
    assert [each.stage for each in plain] != [each.stage for each in ruled]


def test_probability_belongs_to_the_predicted_label() -> None:
    (response,) = respond(model_with((1000, 1)), [["1", "0"]], ["predicted_label", "probability"])
    label, probability = response.split(",")
    assert label == "Dreamer"
    assert float(probability) < 0.5


@pytest.mark.parametrize(
    ("rows", "keys", "message"),
    [
        ([["1"]], ["labels"], "1 fields; the model expects 2"),
        ([["1", "x"]], ["labels"], "not a number"),
        ([["1", "nan"]], ["labels"], "not a finite number"),
        ([["1", "2"]], ["best_guess"], "best_guess"),
        ([["1", "2"]], [], "use any of"),
    ],
)
def test_invalid_request_is_an_error(model: Model, rows: list[list[str]], keys: list[str], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        respond(model, rows, keys)


def test_more_features_than_the_second_container_accepts_are_an_error(model: Model) -> None:
    too_many = [["0", "0"]] * (20 * 1024 * 1024 // (8 * 2) + 1)
    assert len("0,0\n") * len(too_many) < 10 * 1024 * 1024, "a payload of 10 MB could hold them"
    with pytest.raises(PayloadTooLargeError, match=r"HTTP 413: the features have 20971536 bytes, and 20971520"):
        respond(model, too_many, INFERENCE_RESPONSE_KEYS)
