"""Predictions of a synthetic model, for tests of quality."""

import numpy as np

from buyer_stage.domain.stages import Stage
from buyer_stage.quality.predictions import Predictions

LABELS = tuple(Stage)
PRIOR = np.array([0.16, 0.13, 0.54, 0.17])


def make_predictions(seed: int, rows: int = 200, members: int = 50, skill: float = 1.0) -> Predictions:
    """Return predictions that are better than chance for a positive `skill`."""
    random = np.random.default_rng(seed)
    of_member = random.choice(4, size=members, p=PRIOR)
    member = random.integers(members, size=rows)
    scores = random.normal(size=(rows, 4)) + skill * np.eye(4)[of_member[member]]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    predicted = (probabilities * [1.2, 1.4, 1, 1.2]).argmax(axis=1)
    return Predictions(LABELS, tuple(f"m{each}" for each in member), of_member[member], probabilities, predicted)
