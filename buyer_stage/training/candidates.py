"""The kinds of estimators that are tried, and how one of them is fitted.

With a thousand members and weak signal, strong regularization and few degrees of freedom win, and dissimilar models
err differently: each recipe is there because the blend of all is better with it.
"""

from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from buyer_stage.quality.evaluation import Matrix
from buyer_stage.training.representations import REPRESENTATIONS
from buyer_stage.training.training_rows import TrainingRows

LIGHTGBM, ORDINAL = "LightGBM", "OrdinalLogisticRegression"


@dataclass(frozen=True)
class Recipe:
    """How a candidate is made.

    Attributes:
        name: of the candidate.
        algorithm: `LIGHTGBM` or `ORDINAL`.
        representation: key of `REPRESENTATIONS`.
        parameters: of the algorithm.
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
"""What is tried and blended, in this order. The last alone is worse than the prior, and the blend better with it."""


def fit(recipe: Recipe, rows: TrainingRows, seed: int) -> Any:
    """Fit a recipe to rows, each weighted so that members count the same.

    Returns:
        What `raw_probabilities` takes: a LightGBM booster, or the list of the K-1 classifiers of an ordinal model.
    """
    seen = REPRESENTATIONS[recipe.representation](rows.features, rows.values)
    if recipe.algorithm == LIGHTGBM:
        return _fit_lightgbm(recipe.parameters, seen, rows, seed)
    # Frank and Hall, A simple approach to ordinal classification, 2001: is it nearer than stage k? The
    # matrices are too narrow for threads of the linear algebra to be worth their waiting.
    with threadpool_limits(1, user_api="blas"):
        return [
            _scaled(recipe.parameters).fit(seen, rows.classes > k, logisticregression__sample_weight=rows.weights)
            for k in range(len(rows.labels) - 1)
        ]


def raw_probabilities(estimator: Any, seen: Matrix) -> Matrix:
    """Give what a fitted estimator says, before it is blended.

    Args:
        estimator: as `fit` returns it.
        seen: rows in the representation of its recipe, shape (N, columns).

    Returns:
        Probability of each stage, shape (N, K).
    """
    if isinstance(estimator, lightgbm.Booster):
        return np.asarray(estimator.predict(seen), dtype=np.float64)
    nearer = np.column_stack([each.predict_proba(seen)[:, 1] for each in estimator])
    # A member nearer than stage k is nearer than stage k-1 too, whatever two separate fits say.
    nearer = np.minimum.accumulate(nearer, axis=1)
    return np.asarray(-np.diff(nearer, axis=1, prepend=1.0, append=0.0))


def _scaled(parameters: dict[str, Any]) -> Pipeline:
    # After scaling, arcsinh holds back values that hardly any member has.
    return make_pipeline(
        StandardScaler(), FunctionTransformer(np.arcsinh), LogisticRegression(**parameters, max_iter=300, tol=1e-3)
    )


def _fit_lightgbm(parameters: dict[str, Any], seen: Matrix, rows: TrainingRows, seed: int) -> lightgbm.Booster:
    own = {name: value for name, value in parameters.items() if name != "rounds"}
    return lightgbm.train(
        {
            "objective": "multiclass",
            "num_class": len(rows.labels),
            "num_threads": 1,  # the rows are too few for threads to be worth their waiting
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **own,
        },
        lightgbm.Dataset(seen, rows.classes, weight=rows.weights),
        num_boost_round=parameters["rounds"],
    )
