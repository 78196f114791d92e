"""Fit a model: fit the candidates, and choose their blend and its decision rule on unseen members."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sklearn.model_selection import StratifiedGroupKFold

from buyer_stage.domain.errors import LabeledSetError
from buyer_stage.quality.predictions import Classes, Matrix, Predictions
from buyer_stage.training.blending import blend_weights, decision_multipliers, predicted_classes
from buyer_stage.training.candidates import RECIPES, Recipe, fit, raw_probabilities
from buyer_stage.training.model_archive import Component, Model
from buyer_stage.training.representations import REPRESENTATIONS
from buyer_stage.training.training_rows import TrainingRows

FOLDS = 5

Report = Callable[[str], None]
"""Called with a description each time a candidate has been fitted."""


@dataclass(frozen=True)
class OutOfFold:
    """Predictions of M candidates for N rows of unseen members.

    Attributes:
        names: names of the candidates, the prior last.
        probabilities: probability of each stage, shape (M, N, K).
        seconds: time to fit each candidate to all folds, M values.
    """

    names: tuple[str, ...]
    probabilities: Matrix
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Choice:
    """How candidates are blended, and how the blend predicts a stage.

    Attributes:
        weights: weights of the M candidates, the prior last.
        multipliers: multipliers of the K stages.
    """

    weights: Matrix
    multipliers: Matrix

    def predict(
        self, probabilities: Matrix, labels: Sequence[str], members: Sequence[str], actual: Classes
    ) -> Predictions:
        """Blend the candidates' probabilities, shape (M, N, K), and predict the stages."""
        blend = np.einsum("m,mnk->nk", self.weights, probabilities)
        blend /= blend.sum(axis=1, keepdims=True)
        return Predictions(tuple(labels), tuple(members), actual, blend, predicted_classes(blend, self.multipliers))


@dataclass(frozen=True)
class Training:
    """A trained model and its predictions for unseen members.

    Attributes:
        model: the model, fitted to all rows.
        out_of_fold: predictions of its candidates for unseen members.
        predictions: blend of the candidates' predictions. Its few weights and multipliers were chosen on the same rows.
    """

    model: Model
    out_of_fold: OutOfFold
    predictions: Predictions


def member_folds(rows: TrainingRows, folds: int, seed: int) -> list[tuple[Classes, Classes]]:
    """Return the positions of the rows to fit and of the rows held out, per fold; no member is in both.

    Args:
        rows: the rows to divide.
        folds: number of folds, 2 or more.
        seed: seed of the assignment to folds.

    Raises:
        LabeledSetError: a stage has fewer members than there are folds.
    """
    for index, label in enumerate(rows.labels):
        members = len({rows.members[row] for row in np.flatnonzero(rows.classes == index)})
        if members < folds:
            raise LabeledSetError(f"{label} has {members} members; {folds} folds need at least {folds} of every stage")
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(rows.values, rows.classes, rows.members))


def out_of_fold(
    rows: TrainingRows, recipes: Sequence[Recipe], seed: int, report: Report, folds: int = FOLDS
) -> OutOfFold:
    """Predict each fold with every recipe fitted to the other folds."""
    probabilities = np.zeros((len(recipes) + 1, len(rows.members), len(rows.labels)))
    seconds = np.zeros(len(recipes) + 1)
    for number, (fitted, held_out) in enumerate(member_folds(rows, folds, seed), start=1):
        training = rows.take(fitted)
        for position, recipe in enumerate(recipes):
            started = time.monotonic()
            inputs = REPRESENTATIONS[recipe.representation](rows.features, rows.values[held_out])
            probabilities[position, held_out] = raw_probabilities(fit(recipe, training, seed), inputs)
            seconds[position] += time.monotonic() - started
            report(f"{recipe.name}, fold {number} of {folds}")
        probabilities[-1, held_out] = training.prior
    return OutOfFold((*(recipe.name for recipe in recipes), "prior"), probabilities, tuple(seconds.tolist()))


def choose(probabilities: Matrix, classes: Classes, prior: Matrix) -> Choice:
    """Choose weights and multipliers.

    Args:
        probabilities: predictions of the candidates for rows of unseen members, the prior last, shape (M, N, K).
        classes: index of each row's label, shape (N,).
        prior: share of each stage among the training rows, shape (K,).
    """
    weights = blend_weights(probabilities[:, np.arange(len(classes)), classes])
    return Choice(weights, decision_multipliers(np.einsum("m,mnk->nk", weights, probabilities), prior))


def train(
    rows: TrainingRows, seed: int, report: Report, recipes: Sequence[Recipe] = RECIPES, folds: int = FOLDS
) -> Training:
    """Train a model; the same rows and seed produce the same model.

    Args:
        rows: all rows to learn from.
        seed: seed of everything random.
        report: called after each of the `len(recipes) * (folds + 1)` fits.
        recipes: recipes of the candidates.
        folds: number of folds for choosing weights and multipliers, 2 or more.

    Raises:
        LabeledSetError: a stage has too few members.
    """
    held_out = out_of_fold(rows, recipes, seed, report, folds)
    choice = choose(held_out.probabilities, rows.classes, rows.prior)
    components = []
    for recipe in recipes:
        components.append(Component(recipe.name, recipe.representation, 0.0, fit(recipe, rows, seed)))
        report(f"{recipe.name}, all rows")
    model = blended_model(rows, components, choice)
    return Training(model, held_out, choice.predict(held_out.probabilities, rows.labels, rows.members, rows.classes))


def blended_model(rows: TrainingRows, components: Sequence[Component], choice: Choice) -> Model:
    """Return the model that blends components fitted to the rows, with the weights of a choice in the same order."""
    *weights, prior_weight = choice.weights.tolist()
    return Model(
        features=rows.features,
        labels=rows.labels,
        prior=tuple(rows.prior.tolist()),
        prior_weight=prior_weight,
        components=tuple(
            dataclasses.replace(component, weight=weight) for component, weight in zip(components, weights, strict=True)
        ),
        multipliers=tuple(choice.multipliers.tolist()),
    )


def train_showing_progress(rows: TrainingRows, seed: int, console: Console) -> Training:
    """Train a model with the default recipes and folds, and show the progress."""
    columns: tuple[Any, ...] = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("training", total=len(RECIPES) * (FOLDS + 1))
        return train(rows, seed, lambda done: progress.update(task, advance=1, description=f"{done:<24}"))
