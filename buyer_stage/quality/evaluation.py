"""How good a model is on members that were used neither to fit nor to choose it, with intervals (see `bootstrap`)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.quality.bootstrap import CONFIDENCE_LEVEL, RESAMPLES, Estimate, estimate, resample
from buyer_stage.quality.predictions import Matrix, Predictions, baseline_predictions

HIGHER_IS_BETTER: dict[str, bool] = {
    "macro_f1": True,
    "balanced_accuracy": True,
    "accuracy": True,
    "log_loss": False,
    "brier": False,
    "ece": False,
    "ordinal_error": False,
}
"""Metric -> whether a higher value is better."""

RELIABILITY_BINS = 10
"""Number of equally wide bins for the probabilities from 0 to 1."""

LIKELIHOOD_FLOOR = float(np.finfo(np.float64).eps)
"""Lowest probability in the log-loss, as in scikit-learn: a stage with probability 0 costs no more than this one."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows with about the same predicted probability of a stage.

    Attributes:
        rows: number of rows.
        mean_probability: mean of the predicted probabilities.
        observed: share of the rows that have the stage; a reliable model's equals `mean_probability`.
    """

    rows: int
    mean_probability: float
    observed: Estimate


@dataclass(frozen=True)
class StageQuality:
    """How well a model distinguishes one stage from the others.

    Attributes:
        rows: number of rows with the stage.
        precision: share of the rows predicted as the stage that have it; 0 when there are none.
        recall: share of the rows with the stage that are predicted as it; 0 when there are none.
        f1: harmonic mean of precision and recall.
        reliability: the bins that hold rows, from low to high probability.
    """

    rows: int
    precision: Estimate
    recall: Estimate
    f1: Estimate
    reliability: tuple[ReliabilityBin, ...]


@dataclass(frozen=True)
class Evaluation:
    """Everything measured on a set of rows; `buyer_stage.domain.documents.to_json` writes it.

    Attributes:
        rows: number of rows measured.
        members: number of distinct members.
        resamples: number of draws behind the intervals.
        seed: seed of the draws.
        confidence_level: share of the draws inside the intervals.
        metrics: key of `HIGHER_IS_BETTER` -> value for the model.
        baselines: key of `baseline_predictions` -> the same metrics for that baseline.
        stages: stage -> how well the model distinguishes it.
        confusion: label -> predicted stage -> rows.
    """

    rows: int
    members: int
    resamples: int
    seed: int
    confidence_level: float
    metrics: dict[str, Estimate]
    baselines: dict[str, dict[str, Estimate]]
    stages: dict[str, StageQuality]
    confusion: dict[str, dict[str, Estimate]]


@dataclass(frozen=True)
class Comparison:
    """Two models compared on the same rows.

    Attributes:
        rows: number of rows compared.
        members: number of distinct members.
        resamples: number of draws behind the intervals; each draws the same members for both models.
        seed: seed of the draws.
        confidence_level: share of the draws inside the intervals.
        differences: key of `HIGHER_IS_BETTER` -> the challenger's value minus the champion's.
    """

    rows: int
    members: int
    resamples: int
    seed: int
    confidence_level: float
    differences: dict[str, Estimate]

    def challenger_is_better(self, metric: str) -> bool:
        """Check whether the whole interval is on the better side of zero."""
        difference = self.differences[metric]
        return difference.low > 0 if HIGHER_IS_BETTER[metric] else difference.high < 0


def evaluate(predictions: Predictions, prior: Matrix, *, seed: int, resamples: int = RESAMPLES) -> Evaluation:
    """Measure a model and the baselines that know only the shares of the stages.

    Args:
        predictions: the model's predictions for unseen members.
        prior: share of each stage among the *training* rows, shape (K,), from which the baselines derive.
        seed: seed of the draws and of the random baseline.
        resamples: number of draws behind the intervals; 0 omits the intervals.

    Raises:
        InvalidInputError: the prior is not a share for each stage.
    """
    stages = len(predictions.labels)
    totals, draws = resample(_row_statistics(predictions), predictions.members, seed, resamples)
    sums, drawn = _split(totals, stages), _split(draws, stages)
    return Evaluation(
        rows=len(predictions.members),
        members=len(set(predictions.members)),
        resamples=resamples,
        seed=seed,
        confidence_level=CONFIDENCE_LEVEL,
        metrics=_metric_estimates(totals, draws, stages),
        baselines={
            name: metric_estimates(baseline, seed=seed, resamples=resamples)
            for name, baseline in baseline_predictions(predictions, prior, seed).items()
        },
        stages={
            label: StageQuality(
                rows=int(sums.confusion[index].sum()),
                precision=estimate(_precision(sums.confusion)[index], _precision(drawn.confusion)[:, index]),
                recall=estimate(_recall(sums.confusion)[index], _recall(drawn.confusion)[:, index]),
                f1=estimate(_f1(sums.confusion)[index], _f1(drawn.confusion)[:, index]),
                reliability=_reliability(sums, drawn, index),
            )
            for index, label in enumerate(predictions.labels)
        },
        confusion={
            label: {
                predicted: estimate(sums.confusion[i, j], drawn.confusion[:, i, j])
                for j, predicted in enumerate(predictions.labels)
            }
            for i, label in enumerate(predictions.labels)
        },
    )


def metric_estimates(predictions: Predictions, *, seed: int, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Return only the metrics of `evaluate`, without baselines, stages and confusion."""
    totals, draws = resample(_row_statistics(predictions), predictions.members, seed, resamples)
    return _metric_estimates(totals, draws, len(predictions.labels))


def metric_values(predictions: Predictions) -> dict[str, float]:
    """Return the metrics without intervals."""
    return {name: metric.value for name, metric in metric_estimates(predictions, seed=0, resamples=0).items()}


def compare(challenger: Predictions, champion: Predictions, *, seed: int, resamples: int = RESAMPLES) -> Comparison:
    """Compare two models on the same rows; each draw takes the same members for both.

    Args:
        challenger: predictions of the new model.
        champion: predictions of the model in use for the same rows, in the same order.
        seed: seed of the draws.
        resamples: number of draws behind the intervals; 0 omits the intervals.

    Raises:
        InvalidInputError: the rows, their labels or their order differ.
    """
    same = challenger.labels == champion.labels and challenger.members == champion.members
    if not (same and np.array_equal(challenger.actual, champion.actual)):
        raise InvalidInputError("the predictions of the two models are not for the same rows in the same order")
    # With equal seeds and members, both models are measured on the same draws.
    (new, new_draws), (old, old_draws) = (
        tuple(
            _metrics(sums, len(model.labels))
            for sums in resample(_row_statistics(model), model.members, seed, resamples)
        )
        for model in (challenger, champion)
    )
    return Comparison(
        rows=len(challenger.members),
        members=len(set(challenger.members)),
        resamples=resamples,
        seed=seed,
        confidence_level=CONFIDENCE_LEVEL,
        differences={name: estimate(new[name] - old[name], new_draws[name] - old_draws[name]) for name in new},
    )


@dataclass(frozen=True)
class _Sums:
    """Sums over rows, each with leading axes (none, or one for the draws) and a shape of its own.

    Attributes:
        log_loss: sum of the rows' losses.
        brier: sum of the rows' scores.
        confusion: rows by label and predicted stage, shape (K, K).
        top_bins: rows, sum of probabilities and correct rows by bin of the most probable stage, shape (3, B).
        stage_bins: rows, sum of probabilities and rows with the stage by stage and bin, shape (3, K, B).
    """

    log_loss: Matrix
    brier: Matrix
    confusion: Matrix
    top_bins: Matrix
    stage_bins: Matrix


def _row_statistics(predictions: Predictions) -> Matrix:
    """Return the statistics whose sums determine every metric, shape (N, S); `_split` separates the sums."""
    probabilities, actual = predictions.probabilities, predictions.actual
    rows, stages = probabilities.shape
    row = np.arange(rows)
    is_actual = np.eye(stages)[actual]
    confusion = np.zeros((rows, stages * stages))
    confusion[row, actual * stages + predictions.predicted] = 1
    top = probabilities.argmax(axis=1)
    return np.hstack(
        [
            -np.log(np.maximum(probabilities[row, actual], LIKELIHOOD_FLOOR))[:, None],
            ((probabilities - is_actual) ** 2).sum(axis=1)[:, None],
            confusion,
            _binned(probabilities[row, top][:, None], (top == actual)[:, None]),
            _binned(probabilities, is_actual),
        ]
    )


def _binned(probabilities: Matrix, observed: npt.ArrayLike) -> Matrix:
    """Return 1, the probability and the observation in the columns of the probability's bin, shape (N, 3 * K * B)."""
    bins = np.minimum((probabilities * RELIABILITY_BINS).astype(np.int64), RELIABILITY_BINS - 1)
    in_bin = np.eye(RELIABILITY_BINS)[bins]
    parts = (in_bin, in_bin * probabilities[..., None], in_bin * np.asarray(observed, dtype=np.float64)[..., None])
    return np.stack(parts, axis=1).reshape(len(probabilities), -1)


def _split(sums: Matrix, stages: int) -> _Sums:
    leading = sums.shape[:-1]
    ends = np.cumsum([1, 1, stages**2, 3 * RELIABILITY_BINS])
    log_loss, brier, confusion, top_bins, stage_bins = np.split(sums, ends, axis=-1)
    return _Sums(
        log_loss[..., 0],
        brier[..., 0],
        confusion.reshape(*leading, stages, stages),
        top_bins.reshape(*leading, 3, RELIABILITY_BINS),
        stage_bins.reshape(*leading, 3, stages, RELIABILITY_BINS),
    )


def _metrics(totals: Matrix, stages: int) -> dict[str, Matrix]:
    sums = _split(totals, stages)
    rows = sums.confusion.sum(axis=(-2, -1))
    actual = sums.confusion.sum(axis=-1)
    recall = np.where(actual > 0, _recall(sums.confusion), np.nan)
    distance = np.abs(np.subtract.outer(np.arange(stages), np.arange(stages)))
    return {
        "macro_f1": _f1(sums.confusion).mean(axis=-1),
        # Recall is undefined for a stage that does not occur.
        "balanced_accuracy": np.nanmean(recall, axis=-1),
        "accuracy": np.trace(sums.confusion, axis1=-2, axis2=-1) / rows,
        "log_loss": sums.log_loss / rows,
        # Brier, Verification of forecasts expressed in terms of probability, 1950: 0 to 2.
        "brier": sums.brier / rows,
        # Naeini et al., Obtaining well calibrated probabilities, 2015, for the most probable stage.
        "ece": np.abs(sums.top_bins[..., 1, :] - sums.top_bins[..., 2, :]).sum(axis=-1) / rows,
        "ordinal_error": (sums.confusion * distance).sum(axis=(-2, -1)) / rows,
    }


def _metric_estimates(totals: Matrix, draws: Matrix, stages: int) -> dict[str, Estimate]:
    drawn = _metrics(draws, stages)
    return {name: estimate(value, drawn[name]) for name, value in _metrics(totals, stages).items()}


def _precision(confusion: Matrix) -> Matrix:
    return _share(_correct(confusion), confusion.sum(axis=-2))


def _recall(confusion: Matrix) -> Matrix:
    return _share(_correct(confusion), confusion.sum(axis=-1))


def _f1(confusion: Matrix) -> Matrix:
    """Return 2 * correct / (actual + predicted); a stage that is neither actual nor predicted counts as 0."""
    return _share(2 * _correct(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def _correct(confusion: Matrix) -> Matrix:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _share(part: Matrix, whole: Matrix) -> Matrix:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))


def _reliability(totals: _Sums, draws: _Sums, stage: int) -> tuple[ReliabilityBin, ...]:
    rows, probability, observed = totals.stage_bins[:, stage]
    drawn_rows, _, drawn_observed = np.moveaxis(draws.stage_bins[:, :, stage], 1, 0)
    # A draw without rows in the bin does not define the share.
    drawn = np.where(drawn_rows > 0, _share(drawn_observed, drawn_rows), np.nan)
    return tuple(
        ReliabilityBin(
            int(rows[bin_]),
            float(probability[bin_] / rows[bin_]),
            estimate(observed[bin_] / rows[bin_], drawn[:, bin_]),
        )
        for bin_ in np.flatnonzero(rows)
    )
