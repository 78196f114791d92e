r"""Does the work of a SageMaker Autopilot job: searches for the model that the objective ranks best.

    python -m localcloud.autopilot --training DIR --validation DIR --target buyer_stage --objective F1macro \
        --max-candidates 8 --max-runtime-seconds 120 --seed 0 --output DIR

Candidates are fitted to the training channel, and calibrated and ranked on the validation channel. The output folder
gets `candidates.json` (best first) and the best candidate as `model.tar.gz`.
"""

import argparse
import itertools
import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

# Read when LightGBM is loaded: threads that wait must not spin on cores that others are using.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import lightgbm
import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from localcloud.evaluation import Classes, class_indices, class_prior, feature_matrix, read_channel, score
from localcloud.inference_container import (
    MODEL_ARCHIVE,
    Calibration,
    Matrix,
    Model,
    raw_probabilities,
    save_model,
)

CANDIDATES_FILE = "candidates.json"

HIGHER_IS_BETTER: dict[str, bool] = {
    "F1macro": True,
    "BalancedAccuracy": True,
    "LogLoss": False,
    "Accuracy": True,
}
"""The objectives that can be searched for."""

THREADS = 2
MAXIMUM_ROUNDS = 300
EARLY_STOPPING_ROUNDS = 25

SHRINKAGES = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
TILTS = (0.0, -0.25, 0.25, -0.5, 0.5, -0.75, 0.75, -1.0, 1.0)
"""The calibrations tried, mild ones first: the first of equally good ones is taken."""

LINEAR_CLASSIFIERS: dict[str, Callable[..., Any]] = {
    "LogisticRegression": LogisticRegression,
    "LinearDiscriminantAnalysis": LinearDiscriminantAnalysis,
}
"""Those of scikit-learn that are tried. Not its trees: skops does not trust them, as a damaged file of them can crash
the process that reads it."""

LOG_LOSS_TOLERANCE = 1e-9
"""The prior's log-loss by two ways of computing it."""


class SearchError(Exception):
    """The search cannot be made, or no candidate was completed."""


class _DeadlineError(Exception):
    """The time is up."""


@dataclass(frozen=True)
class Channels:
    """The data of a search: features and class indices of the training and the validation rows.

    Attributes:
        features: names of the columns of both matrices.
        labels: the classes, sorted.
    """

    features: tuple[str, ...]
    labels: tuple[str, ...]
    training: Matrix
    training_classes: Classes
    validation: Matrix
    validation_classes: Classes

    @property
    def prior(self) -> Matrix:
        """Share of each class among the training rows."""
        return class_prior(self.training_classes, len(self.labels))


@dataclass(frozen=True)
class Configuration:
    """What a candidate is made of.

    Attributes:
        algorithm: `LightGBM` or a key of `LINEAR_CLASSIFIERS`.
        parameters: of the algorithm.
    """

    algorithm: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Candidate:
    """A candidate that was fitted, calibrated and measured on the validation rows."""

    name: str
    configuration: Configuration
    metrics: dict[str, float]
    seconds: float
    model: Model


def read_channels(training: Path, validation: Path, target: str) -> Channels:
    """Read both channels; every column but the target is a feature.

    Raises:
        ChannelError: a channel cannot be used.
        SearchError: the training rows have a single label.
    """
    training_rows, validation_rows = read_channel(training), read_channel(validation)
    features = tuple(column for column in training_rows.columns if column != target)
    labels = tuple(sorted(training_rows[target].map(str).unique())) if target in training_rows.columns else ()
    channels = Channels(
        features,
        labels,
        feature_matrix(training_rows, features),
        class_indices(training_rows, target, labels),
        feature_matrix(validation_rows, features),
        class_indices(validation_rows, target, labels),
    )
    if len(labels) < 2:
        raise SearchError(f"the training rows have no other label than {', '.join(labels)}")
    return channels


def configurations(seed: int) -> Iterator[Configuration]:
    """Give configurations to try, without end: different kinds first, then LightGBM ones drawn at random."""
    balanced, plain = {"class_weight": "balanced"}, {"class_weight": None}
    descent = {"max_iter": 100, "tol": 1e-3}
    leaves = {"num_leaves": 15, "learning_rate": 0.05, "min_child_samples": 40}
    yield Configuration("LightGBM", {**leaves, **balanced})
    yield Configuration("LogisticRegression", {**descent, "C": 0.003, **balanced})
    yield Configuration("LightGBM", {**leaves, "extra_trees": True, **balanced})
    yield Configuration("LightGBM", {**leaves, **plain})
    yield Configuration("LightGBM", {**leaves, "num_leaves": 7, "min_child_samples": 100, **balanced})
    yield Configuration("LogisticRegression", {**descent, "C": 0.03, **plain})
    yield Configuration("LinearDiscriminantAnalysis", {"solver": "lsqr", "shrinkage": 0.1})
    draw = random.Random(seed)  # noqa: S311  # a search, not a secret
    while True:
        yield Configuration(
            "LightGBM",
            {
                "num_leaves": draw.choice((4, 7, 15, 31, 63)),
                "learning_rate": draw.choice((0.03, 0.05, 0.1)),
                "min_child_samples": draw.choice((20, 40, 100, 200)),
                "feature_fraction": draw.choice((0.5, 0.7, 1.0)),
                "lambda_l2": draw.choice((0.0, 1.0, 10.0)),
                "class_weight": draw.choice(("balanced", None)),
            },
        )


def _fit(configuration: Configuration, channels: Channels, seed: int, deadline: float) -> Any:
    if configuration.algorithm == "LightGBM":
        return _fit_lightgbm(channels, configuration.parameters, seed, deadline)
    return _fit_scaled(channels, LINEAR_CLASSIFIERS[configuration.algorithm](**configuration.parameters))


def _fit_lightgbm(channels: Channels, parameters: dict[str, Any], seed: int, deadline: float) -> lightgbm.Booster:
    """Boost until the validation loss no longer falls.

    Raises:
        _DeadlineError: the time was up before that.
    """

    def stop_at_deadline(_: lightgbm.callback.CallbackEnv) -> None:
        if time.monotonic() > deadline:
            raise _DeadlineError

    own = {name: value for name, value in parameters.items() if name != "class_weight"}
    weights = None
    if parameters["class_weight"] == "balanced":
        weights = (1 / (len(channels.labels) * channels.prior))[channels.training_classes]
    training = lightgbm.Dataset(channels.training, channels.training_classes, weight=weights)
    return lightgbm.train(
        {
            "objective": "multiclass",
            "num_class": len(channels.labels),
            "num_threads": THREADS,
            "seed": seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
            **own,
        },
        training,
        num_boost_round=MAXIMUM_ROUNDS,
        valid_sets=[lightgbm.Dataset(channels.validation, channels.validation_classes, reference=training)],
        callbacks=[lightgbm.early_stopping(EARLY_STOPPING_ROUNDS, verbose=False), stop_at_deadline],
    )


def _fit_scaled(channels: Channels, classifier: Any) -> Any:
    # arcsinh is close to log1p for counts and seconds, and also defined below zero.
    estimator = make_pipeline(FunctionTransformer(np.arcsinh), StandardScaler(), classifier)
    # The matrices are too narrow for threads of the linear algebra to be worth their waiting.
    with threadpool_limits(1, user_api="blas"):
        return estimator.fit(channels.training, channels.training_classes)


def calibrate(channels: Channels, raw: Matrix, objective: str) -> tuple[Calibration, dict[str, float]]:
    """Choose how an estimator's probabilities are calibrated, and give the metrics that this reaches.

    Of the calibrations whose log-loss on the validation rows is no worse than that of the training rows' class shares,
    the one that the objective ranks best. There always is one: full shrinkage gives the class shares themselves.

    Args:
        channels: the data.
        raw: the estimator's probabilities for the validation rows.
        objective: a key of `HIGHER_IS_BETTER`.
    """
    prior = tuple(channels.prior.tolist())
    reference = score(channels.validation_classes, np.tile(channels.prior, (len(raw), 1)))["LogLoss"]
    scored = (
        (calibration, score(channels.validation_classes, calibration.apply(raw)))
        for calibration in (Calibration(prior, shrinkage, tilt) for shrinkage in SHRINKAGES for tilt in TILTS)
    )
    admissible = [pair for pair in scored if pair[1]["LogLoss"] <= reference + LOG_LOSS_TOLERANCE]
    return max(admissible, key=lambda pair: _rank(pair[1], objective))


def _rank(metrics: dict[str, float], objective: str) -> tuple[float, float]:
    """Give what is highest for the best: the objective, then the log-loss."""
    value = metrics[objective]
    return (value if HIGHER_IS_BETTER[objective] else -value, -metrics["LogLoss"])


def search(
    channels: Channels, objective: str, *, max_candidates: int, max_runtime_seconds: float, seed: int
) -> list[Candidate]:
    """Fit and rank candidates until their number or the time is used up; prints a line for each.

    Args:
        channels: the data.
        objective: a key of `HIGHER_IS_BETTER`.
        max_candidates: how many candidates to complete at most.
        max_runtime_seconds: after which no candidate counts any more.
        seed: of everything random: the same seed gives the same candidates.

    Returns:
        The candidates that were completed, best first.

    Raises:
        SearchError: the objective is unknown, or no candidate was completed.
    """
    if objective not in HIGHER_IS_BETTER:
        raise SearchError(f"objective {objective} is unknown; known: {', '.join(HIGHER_IS_BETTER)}")
    deadline = time.monotonic() + max_runtime_seconds
    candidates: list[Candidate] = []
    for number, configuration in enumerate(itertools.islice(configurations(seed), max_candidates), start=1):
        started = time.monotonic()
        name = f"{configuration.algorithm}-{number:03}"
        try:
            candidate = _try(channels, objective, name, configuration, seed, deadline)
        except _DeadlineError:
            print(f"{name}: left out, {max_runtime_seconds:g} seconds are used up", flush=True)
            break
        candidates.append(candidate)
        print(
            f"{name}: {objective} {candidate.metrics[objective]:.4f} "
            f"({len(candidates)} of {max_candidates} candidates, {time.monotonic() - started:.1f} s)",
            flush=True,
        )
    if not candidates:
        raise SearchError(f"no candidate was completed within {max_runtime_seconds:g} seconds")
    return sorted(candidates, key=lambda candidate: _rank(candidate.metrics, objective), reverse=True)


def _try(
    channels: Channels, objective: str, name: str, configuration: Configuration, seed: int, deadline: float
) -> Candidate:
    started = time.monotonic()
    if started > deadline:
        raise _DeadlineError
    estimator = _fit(configuration, channels, seed, deadline)
    calibration, metrics = calibrate(channels, raw_probabilities(estimator, channels.validation), objective)
    if time.monotonic() > deadline:
        raise _DeadlineError
    model = Model(channels.features, channels.labels, calibration, estimator)
    return Candidate(name, configuration, metrics, round(time.monotonic() - started, 3), model)


def write_output(candidates: Sequence[Candidate], output: Path) -> None:
    """Write the list of candidates, and the first of them as the model."""
    output.mkdir(parents=True, exist_ok=True)
    save_model(candidates[0].model, output / MODEL_ARCHIVE)
    listed = [
        {
            "name": candidate.name,
            **asdict(candidate.configuration),
            "metrics": candidate.metrics,
            "seconds": candidate.seconds,
        }
        for candidate in candidates
    ]
    (output / CANDIDATES_FILE).write_text(json.dumps(listed, indent=2) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a search."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--training", "--validation", "--output"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--objective", required=True, choices=list(HIGHER_IS_BETTER))
    parser.add_argument("--max-candidates", required=True, type=int)
    parser.add_argument("--max-runtime-seconds", required=True, type=float)
    parser.add_argument("--seed", required=True, type=int)
    parsed = parser.parse_args(arguments)
    candidates = search(
        read_channels(parsed.training, parsed.validation, parsed.target),
        parsed.objective,
        max_candidates=parsed.max_candidates,
        max_runtime_seconds=parsed.max_runtime_seconds,
        seed=parsed.seed,
    )
    write_output(candidates, parsed.output)
    print(f"best: {candidates[0].name}", flush=True)


if __name__ == "__main__":
    main()
