"""How good a model is on members that neither fitted nor chose it, with intervals that resample members.

A member occurs on several snapshot days with nearly the same features and the same answer. Rows are therefore not
independent, and an interval that resampled rows would be too narrow: here whole members are drawn with replacement
(Efron and Tibshirani, An Introduction to the Bootstrap, 1993, the percentile interval; Field and Welsh, Bootstrapping
clustered data, 2007, on drawing clusters). Every metric is a function of sums over rows, so a resample is a weighted
sum over members, and a thousand resamples are one matrix product.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.transform_output import PROBABILITY_SUM_TOLERANCE

Matrix = npt.NDArray[np.float64]
Classes = npt.NDArray[np.int64]

HIGHER_IS_BETTER: dict[str, bool] = {
    "macro_f1": True,
    "balanced_accuracy": True,
    "accuracy": True,
    "log_loss": False,
    "brier": False,
    "ece": False,
    "ordinal_error": False,
}
"""The metrics, and whether more of it is better."""

RELIABILITY_BINS = 10
"""Bins of equal width over the probabilities 0 to 1."""

CONFIDENCE_LEVEL = 0.95
RESAMPLES = 1000

LIKELIHOOD_FLOOR = float(np.finfo(np.float64).eps)
"""A stage that was given no probability costs the log-loss of this one, as in scikit-learn."""

MEMBERS_PER_BLOCK = 2_000_000
"""Members times resamples whose weights are held at a time: 16 MB."""


@dataclass(frozen=True)
class Predictions:
    """What a model said about rows whose stage is known.

    Attributes:
        labels: the K stages, in order: the distance of two is the ordinal error of taking one for the other.
        members: member id of each of the N rows.
        actual: index in `labels` of each row's stage, shape (N,).
        probabilities: of each stage, shape (N, K); each row adds up to 1.
        named: index in `labels` of the stage that the model names for each row, shape (N,).
    """

    labels: tuple[str, ...]
    members: tuple[str, ...]
    actual: Classes
    probabilities: Matrix
    named: Classes

    def __post_init__(self) -> None:
        rows, stages = len(self.members), len(self.labels)
        if not rows:
            raise InvalidInputError("there are no predictions to evaluate")
        shapes = (self.actual.shape, self.named.shape, self.probabilities.shape)
        if shapes != ((rows,), (rows,), (rows, stages)):
            raise InvalidInputError(f"{rows} rows of {stages} stages, but actual, named, probabilities are {shapes}")
        for name, classes in (("actual", self.actual), ("named", self.named)):
            if classes.min() < 0 or classes.max() >= stages:
                raise InvalidInputError(f"{name} holds an index that is none of the {stages} stages")
        sums = self.probabilities.sum(axis=1)
        if not (self.probabilities.min() >= 0 and np.abs(sums - 1).max() <= PROBABILITY_SUM_TOLERANCE):
            raise InvalidInputError("a row's probabilities are negative, not numbers, or do not add up to 1")


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; both ends are the value itself when nothing was resampled."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows to which a stage was given about the same probability.

    Attributes:
        rows: how many.
        mean_probability: what was said of them, on average.
        observed: share of them that is of the stage; equal to what was said when the model is reliable.
    """

    rows: int
    mean_probability: float
    observed: Estimate


@dataclass(frozen=True)
class StageQuality:
    """How well one stage is told from the others.

    Attributes:
        rows: that are of the stage.
        precision: share of the rows named so that are of the stage; 0 when none is named so.
        recall: share of the stage's rows that are named so; 0 when there are none.
        f1: their harmonic mean.
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
        rows: rows measured.
        members: distinct members among them.
        resamples: draws behind the intervals.
        seed: of the draws.
        confidence_level: of the intervals.
        metrics: keys of `HIGHER_IS_BETTER` -> the model's.
        baselines: `majority`, `prior`, `stratified_random` -> the same metrics of not looking at the member at all.
        stages: stage -> how well it is told.
        confusion: stage -> stage named -> rows.
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
    """Two models on the same rows.

    Attributes:
        rows: rows compared.
        members: distinct members among them.
        resamples: draws behind the intervals; each draws the same members for both models.
        seed: of the draws.
        confidence_level: of the intervals.
        differences: keys of `HIGHER_IS_BETTER` -> the challenger's value less the champion's.
    """

    rows: int
    members: int
    resamples: int
    seed: int
    confidence_level: float
    differences: dict[str, Estimate]

    def challenger_is_better(self, metric: str) -> bool:
        """Tell whether the whole interval is on the better side of zero."""
        difference = self.differences[metric]
        return difference.low > 0 if HIGHER_IS_BETTER[metric] else difference.high < 0


def evaluate(predictions: Predictions, prior: Matrix, *, seed: int, resamples: int = RESAMPLES) -> Evaluation:
    """Measure a model, and what knowing only the stages' shares would reach.

    Args:
        predictions: what the model said about members that it has not seen.
        prior: share of each stage among the *training* rows, shape (K,); the baselines come from it.
        seed: of the bootstrap and of the random baseline.
        resamples: draws behind the intervals; 0 leaves the intervals out.

    Raises:
        InvalidInputError: an argument has an impossible value.
    """
    stages = len(predictions.labels)
    totals, draws = _resample(_row_statistics(predictions), predictions.members, seed, resamples)
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
                precision=_estimate(_precision(sums.confusion)[index], _precision(drawn.confusion)[:, index]),
                recall=_estimate(_recall(sums.confusion)[index], _recall(drawn.confusion)[:, index]),
                f1=_estimate(_f1(sums.confusion)[index], _f1(drawn.confusion)[:, index]),
                reliability=_reliability(sums, drawn, index),
            )
            for index, label in enumerate(predictions.labels)
        },
        confusion={
            label: {
                named: _estimate(sums.confusion[i, j], drawn.confusion[:, i, j])
                for j, named in enumerate(predictions.labels)
            }
            for i, label in enumerate(predictions.labels)
        },
    )


def metric_estimates(predictions: Predictions, *, seed: int, resamples: int = RESAMPLES) -> dict[str, Estimate]:
    """Give the metrics alone, without baselines, stages and confusion; arguments as of `evaluate`."""
    totals, draws = _resample(_row_statistics(predictions), predictions.members, seed, resamples)
    return _metric_estimates(totals, draws, len(predictions.labels))


def metric_values(predictions: Predictions) -> dict[str, float]:
    """Give the metrics without intervals."""
    return {name: estimate.value for name, estimate in metric_estimates(predictions, seed=0, resamples=0).items()}


def baseline_predictions(predictions: Predictions, prior: Matrix, seed: int) -> dict[str, Predictions]:
    """Give what can be said about the same rows without looking at them, as scikit-learn's `DummyClassifier` has it.

    Args:
        predictions: whose rows to predict.
        prior: share of each stage among the training rows, shape (K,).
        seed: of the random baseline.

    Returns:
        `majority` is sure of the most frequent stage; `prior` says the shares and names the most frequent stage;
        `stratified_random` is sure of a stage drawn by the shares.

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
        "majority": dataclasses.replace(predictions, probabilities=certain[majority], named=majority),
        "prior": dataclasses.replace(predictions, probabilities=np.tile(prior, (rows, 1)), named=majority),
        "stratified_random": dataclasses.replace(predictions, probabilities=certain[drawn], named=drawn),
    }


def compare(challenger: Predictions, champion: Predictions, *, seed: int, resamples: int = RESAMPLES) -> Comparison:
    """Compare two models on the same rows; each draw takes the same members for both.

    Args:
        challenger: what the new model said.
        champion: what the present model said about the same rows, in the same order.
        seed: of the draws.
        resamples: draws behind the intervals.

    Raises:
        InvalidInputError: the rows, their stages or their order differ.
    """
    same = challenger.labels == champion.labels and challenger.members == champion.members
    if not (same and np.array_equal(challenger.actual, champion.actual)):
        raise InvalidInputError("the two models were not asked about the same rows in the same order")
    # The same seed and members: both models are measured on the same draws.
    (new, new_draws), (old, old_draws) = (
        tuple(
            _metrics(sums, len(model.labels))
            for sums in _resample(_row_statistics(model), model.members, seed, resamples)
        )
        for model in (challenger, champion)
    )
    return Comparison(
        rows=len(challenger.members),
        members=len(set(challenger.members)),
        resamples=resamples,
        seed=seed,
        confidence_level=CONFIDENCE_LEVEL,
        differences={name: _estimate(new[name] - old[name], new_draws[name] - old_draws[name]) for name in new},
    )


@dataclass(frozen=True)
class _Sums:
    """Sums over rows; each has the shape of the leading axes (none, or the draws) and its own.

    Attributes:
        log_loss: sum of the rows' losses.
        brier: sum of the rows' scores.
        confusion: rows by actual (K) and named (K) stage.
        top_bins: rows, sum of probability and rows that are right by bin (B) of the most probable stage; (3, B).
        stage_bins: rows, sum of probability and rows of the stage by stage (K) and bin (B); (3, K, B).
    """

    log_loss: Matrix
    brier: Matrix
    confusion: Matrix
    top_bins: Matrix
    stage_bins: Matrix


def _row_statistics(predictions: Predictions) -> Matrix:
    """Give what every metric is a sum of, one row per row; `_split` takes the sums apart again."""
    probabilities, actual = predictions.probabilities, predictions.actual
    rows, stages = probabilities.shape
    row = np.arange(rows)
    is_actual = np.eye(stages)[actual]
    confusion = np.zeros((rows, stages * stages))
    confusion[row, actual * stages + predictions.named] = 1
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
    """Give 1, the probability and what was observed in the column of the probability's bin; shape (N, 3 * K * B)."""
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


def _resample(statistics: Matrix, members: Sequence[str], seed: int, resamples: int) -> tuple[Matrix, Matrix]:
    """Give the sums over all rows, and over the rows of members drawn with replacement.

    Args:
        statistics: one row per row, shape (N, S).
        members: of the rows.
        seed: of the draws; the same seed draws the same members, whatever the statistics.
        resamples: number of draws R.

    Returns:
        The sums, shape (S,), and the draws' sums, shape (R, S).
    """
    _, positions = np.unique(np.array(members), return_inverse=True)
    count = int(positions.max()) + 1
    by_member = np.zeros((count, statistics.shape[1]))
    np.add.at(by_member, positions, statistics)
    drawn = [weights @ by_member for weights in _draws(count, seed, resamples)]
    return by_member.sum(axis=0), np.vstack([np.zeros((0, statistics.shape[1])), *drawn])


def _draws(members: int, seed: int, resamples: int) -> Iterator[Matrix]:
    """Give blocks of draws: how often each member was drawn, shape (draws of the block, members)."""
    random = np.random.default_rng(seed)
    block = max(1, MEMBERS_PER_BLOCK // members)
    for start in range(0, resamples, block):
        draws = min(block, resamples - start)
        offsets = np.arange(draws)[:, None] * members
        picked = random.integers(members, size=(draws, members)) + offsets
        yield np.bincount(picked.ravel(), minlength=draws * members).reshape(draws, members).astype(np.float64)


def _metrics(totals: Matrix, stages: int) -> dict[str, Matrix]:
    sums = _split(totals, stages)
    rows = sums.confusion.sum(axis=(-2, -1))
    actual = sums.confusion.sum(axis=-1)
    recall = np.where(actual > 0, _recall(sums.confusion), np.nan)
    distance = np.abs(np.subtract.outer(np.arange(stages), np.arange(stages)))
    return {
        "macro_f1": _f1(sums.confusion).mean(axis=-1),
        # Recall is defined for the stages that occur.
        "balanced_accuracy": np.nanmean(recall, axis=-1),
        "accuracy": np.trace(sums.confusion, axis1=-2, axis2=-1) / rows,
        "log_loss": sums.log_loss / rows,
        # Brier, Verification of forecasts expressed in terms of probability, 1950: 0 to 2.
        "brier": sums.brier / rows,
        # Naeini et al., Obtaining well calibrated probabilities, 2015, of the most probable stage.
        "ece": np.abs(sums.top_bins[..., 1, :] - sums.top_bins[..., 2, :]).sum(axis=-1) / rows,
        "ordinal_error": (sums.confusion * distance).sum(axis=(-2, -1)) / rows,
    }


def _metric_estimates(totals: Matrix, draws: Matrix, stages: int) -> dict[str, Estimate]:
    drawn = _metrics(draws, stages)
    return {name: _estimate(value, drawn[name]) for name, value in _metrics(totals, stages).items()}


def _precision(confusion: Matrix) -> Matrix:
    return _share(_right(confusion), confusion.sum(axis=-2))


def _recall(confusion: Matrix) -> Matrix:
    return _share(_right(confusion), confusion.sum(axis=-1))


def _f1(confusion: Matrix) -> Matrix:
    """Give 2 * right / (actual + named): a stage that neither occurs nor is named counts 0."""
    return _share(2 * _right(confusion), confusion.sum(axis=-1) + confusion.sum(axis=-2))


def _right(confusion: Matrix) -> Matrix:
    return np.diagonal(confusion, axis1=-2, axis2=-1)


def _share(part: Matrix, whole: Matrix) -> Matrix:
    return np.asarray(np.divide(part, whole, out=np.zeros_like(part), where=whole > 0))


def _reliability(totals: _Sums, draws: _Sums, stage: int) -> tuple[ReliabilityBin, ...]:
    rows, probability, observed = totals.stage_bins[:, stage]
    drawn_rows, _, drawn_observed = np.moveaxis(draws.stage_bins[:, :, stage], 1, 0)
    # A draw without rows in the bin says nothing about it.
    drawn = np.where(drawn_rows > 0, _share(drawn_observed, drawn_rows), np.nan)
    return tuple(
        ReliabilityBin(
            int(rows[bin_]),
            float(probability[bin_] / rows[bin_]),
            _estimate(observed[bin_] / rows[bin_], drawn[:, bin_]),
        )
        for bin_ in np.flatnonzero(rows)
    )


def _estimate(value: np.float64 | Matrix, drawn: Matrix) -> Estimate:
    drawn = drawn[~np.isnan(drawn)]
    if not len(drawn):
        return Estimate(float(value), float(value), float(value))
    tail = (1 - CONFIDENCE_LEVEL) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Estimate(float(value), float(low), float(high))
