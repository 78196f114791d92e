"""Predictions for the holdout are joined to labels by position."""

import pytest

from buyer_stage.domain.errors import LabeledSetError, ModelError
from buyer_stage.domain.stages import Stage
from buyer_stage.quality.holdout import LABELS, class_shares, labels, predictions

ROWS = [("m1", Stage.DREAMER), ("m2", Stage.READY_TO_TRANSACT), ("m1", Stage.DREAMER)]
OUTPUT = [
    "Dreamer,\"['Dreamer', 'Ready To Transact']\",\"[0.75, 0.25]\"",
    "Casual Searcher,\"['Casual Searcher', 'Dreamer']\",\"[0.6, 0.4]\"",
    "Dreamer,\"['Dreamer', 'Ready To Transact']\",\"[1, 0]\"",
]


def test_labels_are_read_by_column_name() -> None:
    assert labels(["x,buyer_stage,member_id", "1,Dreamer,m1", "2,Ready to Transact,m2"]) == ROWS[:2]


def test_split_without_rows_is_an_error() -> None:
    with pytest.raises(LabeledSetError, match="no rows"):
        labels(["member_id,buyer_stage"])


def test_class_shares_are_in_the_order_of_the_stages() -> None:
    assert LABELS == ("Dreamer", "Casual Searcher", "Active Searcher", "Ready To Transact")
    assert class_shares(ROWS).tolist() == pytest.approx([2 / 3, 0, 0, 1 / 3])


def test_predictions_keep_the_order_of_the_rows() -> None:
    made = predictions(ROWS, OUTPUT)
    assert made.members == ("m1", "m2", "m1")
    assert made.actual.tolist() == [0, 3, 0]
    assert made.predicted.tolist() == [0, 1, 0]
    assert made.probabilities.tolist() == [[0.75, 0, 0, 0.25], [0.4, 0.6, 0, 0], [1, 0, 0, 0]]


@pytest.mark.parametrize("output", [OUTPUT[:2], [*OUTPUT, OUTPUT[0]]])
def test_another_number_of_predictions_than_rows_is_an_error(output: list[str]) -> None:
    with pytest.raises(ModelError, match=f"returned {len(output)} predictions for the 3 rows"):
        predictions(ROWS, output)


def test_prediction_that_cannot_be_read_is_an_error_with_the_reason() -> None:
    with pytest.raises(ModelError, match="cannot be read: unknown stage"):
        predictions(ROWS, [*OUTPUT[:2], OUTPUT[2].replace("Dreamer", "Buyer", 1)])
