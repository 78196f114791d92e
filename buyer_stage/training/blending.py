"""What is done with the candidates' probabilities: they are blended with the prior, and a rule names a stage.

Both are chosen on rows of members that the candidates have not seen. The probabilities stay what they are; the named
stage is that of the highest probability *times a multiplier*. The most probable stage would nearly always be the most
frequent one, and dividing the probabilities themselves by the prior would make them wrong.
"""

import numpy as np

from buyer_stage.quality.evaluation import Classes, Matrix

EARLY_STOP = 30
"""Steps after which the weights are good enough: more would fit them to the noise of the rows they are chosen on."""

MAXIMUM_STEPS = 2000

STRENGTHS = np.linspace(0, 1.2, 25)
"""Powers of the prior that the multipliers may divide by: 0 names the most probable stage, 1 the most telling one."""


def blend_weights(likelihoods: Matrix) -> Matrix:
    """Choose the weights of a mixture of forecasts, starting from equal ones.

    Each step of expectation-maximization raises the likelihood of the mixture (Dempster, Laird and Rubin, 1977), whose
    forecasts stay as they are. Few steps keep dissimilar forecasts in; steps go on while the last forecast alone, the
    prior, has a better log-loss: no mixture that is worse than knowing nothing is taken.

    Args:
        likelihoods: what each of the M forecasts, the prior last, gave the true stage of each row, shape (M, N).

    Returns:
        Weights of the M forecasts, adding up to 1.
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
    """Choose the multipliers that reach the best macro-F1 if the probabilities are right.

    One number is chosen, how strongly the prior is divided out, and no stage of any row is looked at: what is
    maximized is the F1 that the probabilities themselves promise (the plug-in rule; Koyejo et al., Consistent binary
    classification with generalized performance metrics, 2014). So there is next to nothing to overfit.

    Args:
        probabilities: of rows that the candidates have not seen, shape (N, K).
        prior: share of each stage among the training rows, shape (K,).

    Returns:
        Shape (K,).
    """
    seen = np.maximum(prior, 1 / (len(probabilities) + 1))
    multipliers = [seen**-strength for strength in STRENGTHS]
    return max(multipliers, key=lambda each: _expected_macro_f1(probabilities, predicted_classes(probabilities, each)))


def predicted_classes(probabilities: Matrix, multipliers: Matrix) -> Classes:
    """Give the index of the stage that is named for each row."""
    return np.asarray((probabilities * multipliers).argmax(axis=1), dtype=np.int64)


def _expected_macro_f1(probabilities: Matrix, named: Classes) -> float:
    is_named = np.eye(probabilities.shape[1])[named]
    right = (probabilities * is_named).sum(axis=0)
    return float(np.mean(2 * right / np.maximum(probabilities.sum(axis=0) + is_named.sum(axis=0), 1e-12)))
