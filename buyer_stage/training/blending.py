"""Blend the probabilities of candidates with the prior, and derive the predicted stage from the blend.

Weights and multipliers are chosen on rows of unseen members. The predicted stage has the highest probability *times a
multiplier*: the most probable stage is nearly always the most frequent one. The probabilities themselves do not change,
because dividing them by the prior would make them wrong.
"""

import numpy as np

from buyer_stage.quality.predictions import Classes, Matrix

EARLY_STOP = 30
"""Number of steps after which the weights are good enough; more steps would fit them to noise."""

MAXIMUM_STEPS = 2000

STRENGTHS = np.linspace(0, 1.2, 25)
"""Powers of the prior by which the multipliers can divide. With 0, the most probable stage is predicted; with 1, the
stage whose probability exceeds its prior the most."""


def blend_weights(likelihoods: Matrix) -> Matrix:
    """Choose the weights of a mixture of forecasts.

    Start with equal weights. Each step of expectation-maximization raises the likelihood of the mixture and leaves its
    forecasts unchanged (Dempster, Laird and Rubin, 1977). Stop early, so that dissimilar forecasts keep a weight, but
    not before the mixture's log-loss is at least as good as the prior's.

    Args:
        likelihoods: probability of each row's label in each of the M forecasts, the prior last, shape (M, N).

    Returns:
        Weights of the M forecasts, which add up to 1.
    """
    weights: Matrix = np.full(len(likelihoods), 1 / len(likelihoods))
    likelihoods = np.maximum(likelihoods, np.finfo(np.float64).tiny)
    prior_log_likelihood = np.log(likelihoods[-1]).mean()
    for step in range(MAXIMUM_STEPS):
        mixture = weights @ likelihoods
        if step >= EARLY_STOP and np.log(mixture).mean() >= prior_log_likelihood:
            return weights
        weights = weights * (likelihoods / mixture).mean(axis=1)
    return np.asarray(np.eye(len(likelihoods))[-1])


def decision_multipliers(probabilities: Matrix, prior: Matrix) -> Matrix:
    """Choose the multipliers with the best macro-F1, provided that the probabilities are right.

    The choice has one degree of freedom, the power of the prior to divide by, and does not use any labels: it maximizes
    the macro-F1 that the probabilities themselves predict (the plug-in rule; Koyejo et al., Consistent binary
    classification with generalized performance metrics, 2014). Overfitting is therefore hardly possible.

    Args:
        probabilities: probability of each stage for rows of unseen members, shape (N, K).
        prior: share of each stage among the training rows, shape (K,).

    Returns:
        Multiplier of each stage, shape (K,).
    """
    floored_prior = np.maximum(prior, 1 / (len(probabilities) + 1))
    multipliers = [floored_prior**-strength for strength in STRENGTHS]
    return max(multipliers, key=lambda each: _expected_macro_f1(probabilities, predicted_classes(probabilities, each)))


def predicted_classes(probabilities: Matrix, multipliers: Matrix) -> Classes:
    """Return the index of each row's predicted stage, shape (N,)."""
    return np.asarray((probabilities * multipliers).argmax(axis=1), dtype=np.int64)


def _expected_macro_f1(probabilities: Matrix, predicted: Classes) -> float:
    is_predicted = np.eye(probabilities.shape[1])[predicted]
    correct = (probabilities * is_predicted).sum(axis=0)
    return float(np.mean(2 * correct / np.maximum(probabilities.sum(axis=0) + is_predicted.sum(axis=0), 1e-12)))
