"""What a model predicts for labeled rows, and what can be predicted without a model."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.transform_output import PROBABILITY_SUM_TOLERANCE

Matrix = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Predictions:
    """What a model predicts for N labeled rows.

    Attributes:
        labels: the K stages, in order; the distance between two is the ordinal error of confusing them.
        members: member id of each row.
        actual: index in `labels` of each row's label, shape (N,).
        probabilities: probability of each stage, shape (N, K); each row adds up to 1.
        predicted: index in `labels` of each row's predicted stage, shape (N,).

    Raises:
        InvalidInputError: there are no rows, the shapes do not match, or a value is impossible.
    """

    labels: tuple[str, ...]
    members: tuple[str, ...]
    actual: Classes
    probabilities: Matrix
    predicted: Classes

    def __post_init__(self) -> None:
        rows, stages = len(self.members), len(self.labels)
        if not rows:
            raise InvalidInputError("there are no predictions to evaluate")
        shapes = (self.actual.shape, self.predicted.shape, self.probabilities.shape)
        if shapes != ((rows,), (rows,), (rows, stages)):
            raise InvalidInputError(
                f"expected {rows} rows of {stages} stages, but actual, predicted and probabilities have shapes {shapes}"
            )
        for name, classes in (("actual", self.actual), ("predicted", self.predicted)):
            if classes.min() < 0 or classes.max() >= stages:
                raise InvalidInputError(f"{name} holds an index outside the {stages} stages")
        sums = self.probabilities.sum(axis=1)
        if not (self.probabilities.min() >= 0 and np.abs(sums - 1).max() <= PROBABILITY_SUM_TOLERANCE):
            raise InvalidInputError("a row's probabilities are negative, not numbers, or do not add up to 1")


def baseline_predictions(predictions: Predictions, prior: Matrix, seed: int) -> dict[str, Predictions]:
    """Return what can be predicted for the same rows without their features, like scikit-learn's `DummyClassifier`.

    Args:
        predictions: predictions for the rows.
        prior: share of each stage among the training rows, shape (K,).
        seed: seed of the random baseline.

    Returns:
        `majority` is certain of the most frequent stage; `prior` predicts the shares, and the most frequent stage;
        `stratified_random` is certain of a stage drawn by the shares.

    Raises:
        InvalidInputError: the prior is not a share for each stage.
    """
    rows, stages = predictions.probabilities.shape
    if prior.shape != (stages,) or prior.min() < 0 or abs(prior.sum() - 1) > PROBABILITY_SUM_TOLERANCE:
        raise InvalidInputError(f"prior {prior.tolist()} is not a share for each of {stages} stages")
    certain = np.eye(stages)
    majority = np.full(rows, prior.argmax(), dtype=np.int64)
    drawn = np.random.default_rng(seed).choice(np.arange(stages), size=rows, p=prior)
    return {
        "majority": dataclasses.replace(predictions, probabilities=certain[majority], predicted=majority),
        "prior": dataclasses.replace(predictions, probabilities=np.tile(prior, (rows, 1)), predicted=majority),
        "stratified_random": dataclasses.replace(predictions, probabilities=certain[drawn], predicted=drawn),
    }
