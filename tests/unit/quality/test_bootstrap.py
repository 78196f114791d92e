"""Intervals resample members, not rows, and do not depend on the size of the blocks."""

import dataclasses

import numpy as np
import pytest

from buyer_stage.quality import bootstrap
from buyer_stage.quality.bootstrap import Estimate, estimate, resample
from buyer_stage.quality.evaluation import evaluate
from buyer_stage.quality.predictions import Predictions
from tests.made_predictions import LABELS, PRIOR, make_predictions


def test_a_draw_takes_as_many_members_as_there_are_with_all_their_rows() -> None:
    members = ["a", "b", "a", "c"]
    statistics = np.array([[1, 100], [1, 0], [1, 1], [1, 0]], dtype=np.float64)
    totals, draws = resample(statistics, members, seed=0, resamples=200)
    assert totals.tolist() == [4, 101]
    assert draws.shape == (200, 2)
    drawn_a, remainder = np.divmod(draws[:, 1], 101)
    assert not remainder.any()
    np.testing.assert_array_equal(draws[:, 0], 3 + drawn_a)  # a has two rows, b and c have one
    assert set(drawn_a) == {0, 1, 2, 3}
    assert drawn_a.mean() == pytest.approx(1, abs=0.15)


def test_draws_follow_the_seed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    members = [f"m{number}" for number in range(50)]
    statistics = np.random.default_rng(0).normal(size=(50, 2))
    _, draws = resample(statistics, members, seed=1, resamples=100)
    _, other = resample(statistics, members, seed=2, resamples=100)
    assert not np.array_equal(draws, other)
    monkeypatch.setattr(bootstrap, "MEMBERS_PER_BLOCK", 7 * 50)
    _, in_blocks = resample(statistics, members, seed=1, resamples=100)
    np.testing.assert_allclose(draws, in_blocks)


def test_interval_holds_the_middle_95_percent_of_the_draws() -> None:
    drawn = np.append(np.arange(1001.0), np.nan)
    assert estimate(np.float64(7), drawn) == Estimate(7, pytest.approx(25), pytest.approx(975))


def test_without_draws_both_ends_are_the_value() -> None:
    assert estimate(np.float64(7), np.array([])) == estimate(np.float64(7), np.array([np.nan])) == Estimate(7, 7, 7)


def test_intervals_resample_members_not_rows() -> None:
    once = make_predictions(3, rows=100, members=100)
    copies = 9
    often = Predictions(
        LABELS,
        once.members * copies,
        np.tile(once.actual, copies),
        np.tile(once.probabilities, (copies, 1)),
        np.tile(once.predicted, copies),
    )
    of_different_members = dataclasses.replace(often, members=tuple(str(row) for row in range(100 * copies)))
    by_member, copied, by_row = (
        evaluate(each, PRIOR, seed=0, resamples=400).metrics for each in (once, often, of_different_members)
    )
    for metric in ("macro_f1", "log_loss", "brier", "ordinal_error"):
        width, copied_width, row_width = (each[metric].high - each[metric].low for each in (by_member, copied, by_row))
        assert copied_width == pytest.approx(width)  # copies of a row add no information
        assert row_width == pytest.approx(width / 3, rel=0.25)
