"""The gate approves a model only if it is better than what there is beyond the interval."""

from dataclasses import replace

import pytest

from buyer_stage.quality.bootstrap import Estimate
from buyer_stage.quality.evaluation import Comparison, Evaluation
from buyer_stage.quality.gate import Decision, judge

BETTER, EQUAL, WORSE = 1, 0, -1


def figure(value: float) -> Estimate:
    return Estimate(value, value - 0.01, value + 0.01)


GOOD_MACRO_F1 = figure(0.4)


def evaluation(log_loss: float = 1.0, macro_f1: Estimate = GOOD_MACRO_F1) -> Evaluation:
    """Return the evaluation of a model on four stages; the class shares have a log-loss of 1.2."""
    return Evaluation(
        rows=100,
        members=60,
        resamples=1000,
        seed=0,
        confidence_level=0.95,
        metrics={"log_loss": figure(log_loss), "macro_f1": macro_f1},
        baselines={"prior": {"log_loss": figure(1.2)}},
        stages=dict.fromkeys(["a", "b", "c", "d"]),  # type: ignore[arg-type]
        confusion={},
    )


def comparison(macro_f1: int, log_loss: int) -> Comparison:
    """Return a comparison in which the challenger is better, equal or worse beyond the interval."""
    differences = {"macro_f1": figure(0.02 * macro_f1), "log_loss": figure(-0.02 * log_loss)}
    return Comparison(100, 60, 1000, 0, 0.95, differences)


def test_model_that_is_worse_than_the_class_shares_is_rejected() -> None:
    verdict = judge(evaluation(log_loss=1.2001), comparison(BETTER, BETTER), comparison(BETTER, BETTER))
    assert verdict.decision is Decision.REJECTED
    assert "worse than no model: its log-loss on 60 unseen members is 1.2001" in verdict.reason
    assert "the class shares alone reach 1.2000" in verdict.reason


def test_model_that_equals_the_class_shares_is_not_rejected() -> None:
    verdict = judge(evaluation(log_loss=1.2), comparison(EQUAL, EQUAL), None)
    assert verdict.decision is Decision.PENDING


@pytest.mark.parametrize(
    ("log_loss", "macro_f1", "decision"),
    [
        (BETTER, Estimate(0.30, 0.2501, 0.35), Decision.APPROVED),
        (BETTER, Estimate(0.30, 0.25, 0.35), Decision.PENDING),
        (EQUAL, Estimate(0.30, 0.2501, 0.35), Decision.PENDING),
        (WORSE, Estimate(0.30, 0.2501, 0.35), Decision.PENDING),
        (EQUAL, Estimate(0.30, 0.20, 0.35), Decision.PENDING),
    ],
    ids=["both better", "macro-F1 at chance", "log-loss equal", "log-loss worse", "neither better"],
)
def test_first_model_needs_a_better_log_loss_and_a_macro_f1_above_chance(
    log_loss: int, macro_f1: Estimate, decision: Decision
) -> None:
    verdict = judge(evaluation(macro_f1=macro_f1), comparison(EQUAL, log_loss), None)
    assert verdict.decision is decision
    assert "by chance 0.2500" in verdict.reason


@pytest.mark.parametrize(
    ("macro_f1", "log_loss", "decision"),
    [
        (BETTER, BETTER, Decision.APPROVED),
        (BETTER, EQUAL, Decision.APPROVED),
        (EQUAL, BETTER, Decision.APPROVED),
        (EQUAL, EQUAL, Decision.PENDING),
        (BETTER, WORSE, Decision.PENDING),
        (WORSE, BETTER, Decision.PENDING),
        (WORSE, WORSE, Decision.PENDING),
    ],
)
def test_challenger_needs_one_better_and_no_worse_metric(macro_f1: int, log_loss: int, decision: Decision) -> None:
    verdict = judge(evaluation(), comparison(WORSE, WORSE), comparison(macro_f1, log_loss))
    assert verdict.decision is decision
    assert f"macro_f1 {0.02 * macro_f1:+.4f}" in verdict.reason


@pytest.mark.parametrize("end", ["low", "high"])
def test_interval_that_touches_zero_is_neither_better_nor_worse(end: str) -> None:
    touching = replace(figure(0.0), **{end: 0.0})
    champion = replace(comparison(EQUAL, EQUAL), differences={"macro_f1": touching, "log_loss": touching})
    assert judge(evaluation(), comparison(EQUAL, EQUAL), champion).decision is Decision.PENDING
    better = replace(champion, differences={"macro_f1": figure(0.02), "log_loss": touching})
    assert judge(evaluation(), comparison(EQUAL, EQUAL), better).decision is Decision.APPROVED
    better = replace(champion, differences={"macro_f1": touching, "log_loss": figure(-0.02)})
    assert judge(evaluation(), comparison(EQUAL, EQUAL), better).decision is Decision.APPROVED
