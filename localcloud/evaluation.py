"""How good a model is on members that neither fitted nor chose it, beside what no model at all would reach.

python -m localcloud.evaluation --model model.tar.gz --test DIR --training DIR --output evaluation.json
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from buyer_stage.features import TARGET_COLUMN
from localcloud.inference_container import Matrix, Model, load_model

Classes = npt.NDArray[np.int64]


class ChannelError(Exception):
    """A folder of labelled rows cannot be used."""


def read_channel(folder: Path) -> pd.DataFrame:
    """Read all CSV files with header directly in a folder.

    Raises:
        ChannelError: there is no file or no row, or the files' columns differ.
    """
    files = sorted(file for file in folder.glob("*") if file.is_file() and not file.name.startswith((".", "_")))
    frames = [pd.read_csv(file) for file in files]
    if not any(len(frame) for frame in frames):
        raise ChannelError(f"{folder} holds no rows")
    if any(list(frame.columns) != list(frames[0].columns) for frame in frames):
        raise ChannelError(f"the files of {folder} have different columns")
    return pd.concat(frames, ignore_index=True)


def feature_matrix(rows: pd.DataFrame, features: Sequence[str]) -> Matrix:
    """Give the rows' features as numbers.

    Raises:
        ChannelError: a feature is missing, or a value is not a finite number.
    """
    missing = [feature for feature in features if feature not in rows.columns]
    if missing:
        raise ChannelError(f"columns {missing} are missing")
    try:
        matrix = rows[list(features)].to_numpy(dtype=np.float64)
    except ValueError as error:
        raise ChannelError(f"a feature is not a number: {error}") from error
    if not np.isfinite(matrix).all():
        raise ChannelError("a feature is empty or infinite")
    return matrix


def class_indices(rows: pd.DataFrame, target: str, labels: Sequence[str]) -> Classes:
    """Give the index in `labels` of each row's label.

    Raises:
        ChannelError: the target column is missing, or a row has another label.
    """
    if target not in rows.columns:
        raise ChannelError(f"there is no column {target}")
    unknown = sorted(set(rows[target].map(str)) - set(labels))
    if unknown:
        raise ChannelError(f"labels {unknown} are not among {list(labels)}")
    index_of = {label: index for index, label in enumerate(labels)}
    return np.array([index_of[label] for label in rows[target].map(str)], dtype=np.int64)


def class_prior(classes: Classes, class_count: int) -> Matrix:
    """Give the share of each class."""
    return np.asarray(np.bincount(classes, minlength=class_count) / len(classes), dtype=np.float64)


def score(classes: Classes, probabilities: Matrix) -> dict[str, float]:
    """Give the metrics, named as Autopilot names them, of probabilities against the true classes."""
    confusion = confusion_counts(classes, probabilities)
    right = confusion.diagonal()
    actual, predicted = confusion.sum(axis=1), confusion.sum(axis=0)
    likelihoods = probabilities[np.arange(len(classes)), classes]
    return {
        # F1 = 2 * right / (actual + predicted); a label that neither occurs nor is predicted counts 0.
        "F1macro": float(np.mean(2 * right / np.maximum(actual + predicted, 1))),
        # Recall is defined for the labels that occur.
        "BalancedAccuracy": float(np.mean(right[actual > 0] / actual[actual > 0])),
        "LogLoss": float(-np.mean(np.log(np.maximum(likelihoods, np.finfo(np.float64).tiny)))),
        "Accuracy": float(right.sum() / len(classes)),
    }


def confusion_counts(classes: Classes, probabilities: Matrix) -> Classes:
    """Give the number of rows of each true class (row) for which each class is the most probable (column)."""
    class_count = probabilities.shape[1]
    pairs = classes * class_count + probabilities.argmax(axis=1)
    return np.bincount(pairs, minlength=class_count**2).reshape(class_count, class_count).astype(np.int64)


def evaluate(model: Model, test: Path, training: Path) -> dict[str, Any]:
    """Measure a model on test members.

    Args:
        model: the model.
        test: folder of the labelled rows of members that the model has not seen.
        training: folder of the labelled rows that it was fitted to, which the baselines come from.

    Returns:
        `rows`; `metrics` of the model; `baselines`: the metrics of saying the training rows' class shares for everyone
        (which predicts their most frequent label, `predicted_label`); and `confusion_matrix`: true label -> predicted
        label -> rows.

    Raises:
        ChannelError: a folder cannot be used.
    """
    rows = read_channel(test)
    classes = class_indices(rows, TARGET_COLUMN, model.labels)
    probabilities = model.probabilities(feature_matrix(rows, model.features))
    training_classes = class_indices(read_channel(training), TARGET_COLUMN, model.labels)
    prior = class_prior(training_classes, len(model.labels))
    confusion = confusion_counts(classes, probabilities)
    return {
        "rows": len(rows),
        "metrics": score(classes, probabilities),
        "baselines": {
            "predicted_label": model.labels[int(prior.argmax())],
            **score(classes, np.tile(prior, (len(rows), 1))),
        },
        "confusion_matrix": {
            label: dict(zip(model.labels, row.tolist(), strict=True))
            for label, row in zip(model.labels, confusion, strict=True)
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the evaluation as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--model", "--test", "--training", "--output"):
        parser.add_argument(name, required=True, type=Path)
    parsed = parser.parse_args(arguments)
    evaluation = evaluate(load_model(parsed.model), parsed.test, parsed.training)
    parsed.output.write_text(json.dumps(evaluation, indent=2) + "\n")


if __name__ == "__main__":
    main()
