"""The candidates: their recipes, and how to fit one.

With a thousand members and a weak signal, strong regularization and few degrees of freedom work best. Dissimilar models
make different errors, and each recipe improves the blend.
"""

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from buyer_stage.quality.predictions import Matrix
from buyer_stage.training.representations import REPRESENTATIONS
from buyer_stage.training.training_rows import TrainingRows

LIGHTGBM, ORDINAL = "LightGBM", "OrdinalLogisticRegression"


@dataclass(frozen=True)
class Recipe:
    """How to make a candidate.

    Attributes:
        name: name of the candidate.
        algorithm: `LIGHTGBM` or `ORDINAL`.
        representation: key of `REPRESENTATIONS`.
        parameters: parameters of the algorithm.
    """

    name: str
    algorithm: str
    representation: str
    parameters: dict[str, Any]


_BOOSTING = {"bagging_fraction": 0.6, "bagging_freq": 1, "feature_fraction": 0.3}
_REGULARIZED = {**_BOOSTING, "learning_rate": 0.03, "min_child_samples": 60, "lambda_l2": 10.0, "extra_trees": True}

RECIPES: tuple[Recipe, ...] = (
    Recipe("ordinal", ORDINAL, "activity", {"C": 0.003}),
    Recipe("stumps", LIGHTGBM, "levels", {**_REGULARIZED, "num_leaves": 2, "rounds": 300}),
    Recipe("trees", LIGHTGBM, "levels", {**_REGULARIZED, "num_leaves": 4, "rounds": 150}),
    Recipe(
        "deep",
        LIGHTGBM,
        "levels",
        {**_BOOSTING, "learning_rate": 0.05, "min_child_samples": 40, "num_leaves": 15, "rounds": 60},
    ),
)
"""The recipes of the blend, in order. The last one alone is worse than the prior, but improves the blend."""


def fit(recipe: Recipe, rows: TrainingRows, seed: int) -> Any:
    """Fit a recipe to rows, weighted so that all members count the same.

    Args:
        recipe: the recipe to fit.
        rows: the rows to learn from.
        seed: seed of LightGBM.

    Returns:
        A LightGBM booster, or the list of the K-1 classifiers of an ordinal model, for `raw_probabilities`.
    """
    inputs = REPRESENTATIONS[recipe.representation](rows.features, rows.values)
    if recipe.algorithm == LIGHTGBM:
        return _fit_lightgbm(recipe.parameters, inputs, rows, seed)
    # Frank and Hall, A simple approach to ordinal classification, 2001: is the member nearer than stage k? The
    # matrices are too narrow for BLAS threads to pay off.
    with threadpool_limits(1, user_api="blas"):
        return [
            _scaled(recipe.parameters).fit(inputs, rows.classes > k, logisticregression__sample_weight=rows.weights)
            for k in range(len(rows.labels) - 1)
        ]


def raw_probabilities(estimator: Any, inputs: Matrix) -> Matrix:
    """Return the probabilities of a fitted estimator, before blending.

    Args:
        estimator: an estimator that `fit` has returned.
        inputs: rows in the representation of the estimator's recipe, shape (N, columns).

    Returns:
        Probability of each stage, shape (N, K).
    """
    if isinstance(estimator, lightgbm.Booster):
        return np.asarray(estimator.predict(inputs), dtype=np.float64)
    nearer = np.column_stack([each.predict_proba(inputs)[:, 1] for each in estimator])
    # A member who is nearer than stage k is nearer than stage k-1 too, even if two separate fits disagree.
    nearer = np.minimum.accumulate(nearer, axis=1)
    return np.asarray(-np.diff(nearer, axis=1, prepend=1.0, append=0.0))


def _scaled(parameters: dict[str, Any]) -> Pipeline:
    # After scaling, arcsinh compresses the values of very active members.
    return make_pipeline(
        StandardScaler(), FunctionTransformer(np.arcsinh), LogisticRegression(**parameters, max_iter=300, tol=1e-3)
    )


def _fit_lightgbm(parameters: dict[str, Any], inputs: Matrix, rows: TrainingRows, seed: int) -> lightgbm.Booster:
    own = {name: value for name, value in parameters.items() if name != "rounds"}
    return lightgbm.train(
        {
            "objective": "multiclass",
            "num_class": len(rows.labels),
            "num_threads": 1,  # with so few rows, threads do not pay off
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **own,
        },
        lightgbm.Dataset(inputs, rows.classes, weight=rows.weights),
        num_boost_round=parameters["rounds"],
    )
