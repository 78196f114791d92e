"""Tests of the metrics against scikit-learn, and of the evaluation against figures worked out by hand."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss

from buyer_stage.features import TARGET_COLUMN
from localcloud.evaluation import ChannelError, class_indices, evaluate, feature_matrix, main, read_channel, score
from localcloud.inference_container import Calibration, Model, save_model

LABELS = ("Active Searcher", "Dreamer")


@pytest.mark.parametrize("classes", [np.array([0, 1, 2, 2, 1, 0, 2, 2]), np.array([0, 0, 2, 2, 2, 2, 2, 2])])
def test_metrics_are_those_of_scikit_learn(classes: np.ndarray) -> None:
    probabilities = np.random.default_rng(0).dirichlet(np.ones(4), size=len(classes))
    predicted = probabilities.argmax(axis=1)
    with np.testing.suppress_warnings() as quiet:
        quiet.filter(UserWarning)
        expected = {
            "F1macro": f1_score(classes, predicted, labels=range(4), average="macro", zero_division=0),
            "BalancedAccuracy": balanced_accuracy_score(classes, predicted),
            "LogLoss": log_loss(classes, probabilities, labels=range(4)),
            "Accuracy": accuracy_score(classes, predicted),
        }
    assert score(classes, probabilities) == pytest.approx(expected)


def test_label_given_no_probability_costs_much_but_not_everything() -> None:
    assert 100 < score(np.array([0]), np.array([[0.0, 1.0]]))["LogLoss"] < 1000


def write_rows(folder: Path, values: list[float], stages: list[str]) -> Path:
    folder.mkdir()
    pd.DataFrame({"a": values, TARGET_COLUMN: stages}).to_csv(folder / "part-0.csv", index=False)
    return folder


@pytest.fixture
def model() -> Model:
    estimator = LogisticRegression().fit([[-1.0], [-2.0], [1.0], [2.0]], [0, 0, 1, 1])
    return Model(("a",), LABELS, Calibration((0.5, 0.5), 0.0, 0.0), estimator)


@pytest.fixture
def training(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "training", [-1, -2, -3, 1], ["Active Searcher"] * 3 + ["Dreamer"])


@pytest.fixture
def test_members(tmp_path: Path) -> Path:
    return write_rows(tmp_path / "test", [-5, -6, 5, 6], ["Active Searcher", "Dreamer", "Dreamer", "Dreamer"])


def test_model_is_measured_beside_the_training_rows_class_shares(
    model: Model, training: Path, test_members: Path
) -> None:
    evaluation = evaluate(model, test_members, training)
    assert evaluation["rows"] == 4
    assert evaluation["metrics"]["Accuracy"] == 0.75
    assert evaluation["metrics"]["BalancedAccuracy"] == pytest.approx((1 + 2 / 3) / 2)
    assert evaluation["confusion_matrix"] == {
        "Active Searcher": {"Active Searcher": 1, "Dreamer": 0},
        "Dreamer": {"Active Searcher": 1, "Dreamer": 2},
    }
    assert evaluation["baselines"]["predicted_label"] == "Active Searcher"
    assert evaluation["baselines"]["Accuracy"] == 0.25
    assert evaluation["baselines"]["F1macro"] == pytest.approx((2 / 5 + 0) / 2)
    assert evaluation["baselines"]["LogLoss"] == pytest.approx(-(np.log(0.75) + 3 * np.log(0.25)) / 4)


def test_command_writes_the_evaluation(model: Model, training: Path, test_members: Path, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model.tar.gz")
    output = tmp_path / "evaluation.json"
    main(
        [
            *("--model", str(tmp_path / "model.tar.gz"), "--test", str(test_members)),
            *("--training", str(training), "--output", str(output)),
        ]
    )
    assert json.loads(output.read_text()) == evaluate(model, test_members, training)


def test_folder_without_rows_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "part-0.csv").write_text("a,buyer_stage\n")
    with pytest.raises(ChannelError, match="no rows"):
        read_channel(tmp_path)


def test_files_of_different_columns_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "part-0.csv").write_text("a,buyer_stage\n1,Dreamer\n")
    (tmp_path / "part-1.csv").write_text("b,buyer_stage\n1,Dreamer\n")
    with pytest.raises(ChannelError, match="different columns"):
        read_channel(tmp_path)


def test_unknown_label_and_missing_value_are_errors() -> None:
    rows = pd.DataFrame({"a": [1.0, None], TARGET_COLUMN: ["Dreamer", "Buyer"]})
    with pytest.raises(ChannelError, match="Buyer"):
        class_indices(rows, TARGET_COLUMN, LABELS)
    with pytest.raises(ChannelError, match="empty"):
        feature_matrix(rows, ["a"])
    with pytest.raises(ChannelError, match="missing"):
        feature_matrix(rows, ["b"])
