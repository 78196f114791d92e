r"""Do the work of a SageMaker Autopilot job: search for the model that the objective ranks best.

    python -m localcloud.sagemaker.autopilot --training DIR --validation DIR --target buyer_stage --objective F1macro \
        --max-candidates 8 --max-runtime-seconds 120 --seed 0 --output DIR

The candidates are the recipes of `buyer_stage.training` and their blend. The training channel fits them. The validation
channel sets their weights, rule and rank. An Autopilot job does not see member ids, so it relies on the two channels
having no member in common. The output folder receives `candidates.json` (best first) and the best candidate as
`model.tar.gz`.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from buyer_stage.domain.stages import Stage
from buyer_stage.quality.evaluation import HIGHER_IS_BETTER, metric_values
from buyer_stage.quality.predictions import Matrix
from buyer_stage.training.candidates import RECIPES, fit, raw_probabilities
from buyer_stage.training.fitting import blended_model, choose
from buyer_stage.training.model_archive import MODEL_ARCHIVE, Component, Model, save_model
from buyer_stage.training.representations import REPRESENTATIONS
from buyer_stage.training.training_rows import TrainingRows, feature_values, read_csv, stage_classes

CANDIDATES_FILE = "candidates.json"

MINIMUM_TRAINING_ROWS = 500
"""Rows that Autopilot requires in the training channel, see `InputDataConfig` in
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateAutoMLJob.html."""

METRICS: dict[str, str] = {
    "F1macro": "macro_f1",
    "BalancedAccuracy": "balanced_accuracy",
    "LogLoss": "log_loss",
    "Accuracy": "accuracy",
}
"""Metric name of Autopilot -> metric name of `buyer_stage.quality`. Any of them can be the objective."""

BLEND = "Blend"


class SearchError(Exception):
    """The search cannot start, or it completes no candidate."""


@dataclass(frozen=True)
class Candidate:
    """A fitted and calibrated candidate, measured on the validation rows.

    Attributes:
        name: a name that is unique in the search.
        algorithm: an algorithm of `buyer_stage.training.candidates`, or `BLEND`.
        parameters: the parameters of the algorithm; for a blend, the weight of each candidate.
        metrics: key of `METRICS` -> value on the validation rows.
        seconds: how long the candidate took.
        model: the model, ready to serve.
    """

    name: str
    algorithm: str
    parameters: dict[str, Any]
    metrics: dict[str, float]
    seconds: float
    model: Model


def read_channels(training: Path, validation: Path, target: str) -> tuple[TrainingRows, TrainingRows]:
    """Read both channels. Every column except the target is a feature, and every row counts as a separate member.

    Raises:
        BuyerStageError: A channel cannot be read.
        SearchError: There are too few training rows, or a stage has none.
    """
    frames = [(path, read_csv(path)) for path in (training, validation)]
    features = tuple(column for column in frames[0][1].columns if column != target)
    training_rows, validation_rows = (
        TrainingRows(
            features,
            tuple(Stage),
            tuple(str(row) for row in range(len(frame))),
            feature_values(frame, features, path),
            stage_classes(frame, path, target),
        )
        for path, frame in frames
    )
    if len(training_rows.members) < MINIMUM_TRAINING_ROWS:
        raise SearchError(
            f"{training}: {len(training_rows.members)} rows; Autopilot requires {MINIMUM_TRAINING_ROWS} training rows"
        )
    absent = [label for label, share in zip(training_rows.labels, training_rows.prior, strict=True) if share == 0]
    if absent:
        raise SearchError(f"{training}: no row is labeled {' or '.join(absent)}; a search needs rows of every stage")
    return training_rows, validation_rows


def search(
    training: TrainingRows,
    validation: TrainingRows,
    objective: str,
    *,
    max_candidates: int,
    max_runtime_seconds: float,
    seed: int,
) -> list[Candidate]:
    """Fit and rank candidates until a limit is reached, and print a line for each.

    Args:
        training: rows to fit.
        validation: rows of other members, which decide between the candidates.
        objective: a key of `METRICS`.
        max_candidates: the largest number of candidates to complete.
        max_runtime_seconds: the time limit; a candidate that ends later does not count.
        seed: seed of everything random. The same seed produces the same candidates.

    Returns:
        The completed candidates, best first.

    Raises:
        SearchError: The objective is unknown, or the search completes no candidate.
    """
    if objective not in METRICS:
        raise SearchError(f"unknown objective {objective}; use one of {', '.join(METRICS)}")
    deadline = time.monotonic() + max_runtime_seconds
    candidates: list[Candidate] = []
    components: list[Component] = []
    probabilities: list[Matrix] = []
    for recipe in (*RECIPES, None)[:max_candidates]:
        started = time.monotonic()
        if recipe:
            estimator = fit(recipe, training, seed)
            inputs = REPRESENTATIONS[recipe.representation](validation.features, validation.values)
            probabilities.append(raw_probabilities(estimator, inputs))
            components.append(Component(recipe.name, recipe.representation, 1.0, estimator))
        tried = slice(-1, None) if recipe else slice(None)
        model = _calibrated(training, validation, components[tried], probabilities[tried])
        measured = metric_values(model.predict(validation))
        algorithm = recipe.algorithm if recipe else BLEND
        candidate = Candidate(
            name=f"{algorithm}-{len(candidates) + 1:03}",
            algorithm=algorithm,
            parameters=recipe.parameters if recipe else {each.name: each.weight for each in model.components},
            metrics={name: measured[metric] for name, metric in METRICS.items()},
            seconds=round(time.monotonic() - started, 3),
            model=model,
        )
        if time.monotonic() > deadline:
            print(f"{candidate.name}: discarded, it ended after the limit of {max_runtime_seconds:g} s", flush=True)
            break
        candidates.append(candidate)
        print(
            f"{candidate.name}: {objective} {candidate.metrics[objective]:.4f} ({candidate.seconds:.1f} s)", flush=True
        )
    if not candidates:
        raise SearchError(f"no candidate was completed within {max_runtime_seconds:g} s; raise the limit")
    sign = 1 if HIGHER_IS_BETTER[METRICS[objective]] else -1
    return sorted(candidates, key=lambda each: (sign * each.metrics[objective], -each.metrics["LogLoss"]), reverse=True)


def _calibrated(
    training: TrainingRows, validation: TrainingRows, components: Sequence[Component], probabilities: Sequence[Matrix]
) -> Model:
    """Return a model whose weights, including that of the prior, and rule fit the validation rows."""
    prior = np.tile(training.prior, (len(validation.members), 1))
    choice = choose(np.stack([*probabilities, prior]), validation.classes, training.prior)
    return blended_model(training, components, choice)


def write_output(candidates: Sequence[Candidate], output: Path, *, time_limit_reached: bool) -> None:
    """Write the list of candidates and whether the time limit ended the search, and the first one as the model."""
    output.mkdir(parents=True, exist_ok=True)
    save_model(candidates[0].model, output / MODEL_ARCHIVE)
    listed = [
        {name: getattr(candidate, name) for name in ("name", "algorithm", "parameters", "metrics", "seconds")}
        for candidate in candidates
    ]
    search_result = {"time_limit_reached": time_limit_reached, "candidates": listed}
    (output / CANDIDATES_FILE).write_text(json.dumps(search_result, indent=2) + "\n")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a search with the arguments of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--training", "--validation", "--output"):
        parser.add_argument(name, required=True, type=Path)
    parser.add_argument("--target", required=True)
    parser.add_argument("--objective", required=True, choices=list(METRICS))
    parser.add_argument("--max-candidates", required=True, type=int)
    parser.add_argument("--max-runtime-seconds", required=True, type=float)
    parser.add_argument("--seed", required=True, type=int)
    parsed = parser.parse_args(arguments)
    candidates = search(
        *read_channels(parsed.training, parsed.validation, parsed.target),
        parsed.objective,
        max_candidates=parsed.max_candidates,
        max_runtime_seconds=parsed.max_runtime_seconds,
        seed=parsed.seed,
    )
    complete = min(parsed.max_candidates, len(RECIPES) + 1)
    write_output(candidates, parsed.output, time_limit_reached=len(candidates) < complete)
    print(f"best: {candidates[0].name}", flush=True)


if __name__ == "__main__":
    main()
