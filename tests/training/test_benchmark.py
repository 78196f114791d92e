"""The benchmark makes synthetic members and measures candidates on members held out."""

import numpy as np
from rich.console import Console

from benchmarks import stability
from benchmarks.model_quality import PROCEDURE, SYNTHETIC_DAYS, SYNTHETIC_MEMBERS, baselines, measure, synthetic_rows
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.stages import Stage
from buyer_stage.training.candidates import RECIPES
from buyer_stage.training.training_rows import DWELL_FEATURES, TrainingRows


def test_synthetic_members_have_all_features_on_every_day() -> None:
    rows = synthetic_rows(3)
    assert len(rows.members) == SYNTHETIC_MEMBERS * len(SYNTHETIC_DAYS)
    assert len(set(rows.members)) == SYNTHETIC_MEMBERS
    assert rows.prior.min() > 0.1
    dwell = [position for position, name in enumerate(rows.features) if name in DWELL_FEATURES]
    assert rows.values[:, dwell].max() == 180
    segments = [position for position, name in enumerate(rows.features) if name.endswith(("for_sale_090", "rent_090"))]
    assert set(np.unique(rows.values[:, segments[:3]])) == {0, 1}
    one_day = [position for position, name in enumerate(rows.features) if name.endswith("_001")]
    assert 0 < rows.values[:, one_day].any(axis=1).mean() < 0.5  # few members are active every day
    np.testing.assert_array_equal(rows.values, synthetic_rows(3).values)


def test_procedure_and_every_candidate_are_measured_on_all_members() -> None:
    rows = synthetic_rows(3)
    rows = rows.without_members(rows.members[150:SYNTHETIC_MEMBERS])
    lines = measure(rows, 2, 0, Console(quiet=True), "test")
    assert list(lines) == [PROCEDURE, *(recipe.name for recipe in RECIPES)]
    prior = baselines(rows, 0)["prior"].metrics
    for line in lines.values():
        assert line.metrics["log_loss"].value < prior["log_loss"].value + 0.1
        assert line.metrics["log_loss"].low < line.metrics["log_loss"].high


def test_flips_are_counted_among_members_with_an_earlier_stage() -> None:
    bouncing = [Stage.DREAMER, Stage.ACTIVE_SEARCHER, Stage.DREAMER]
    assert stability.flip_rate([bouncing, [Stage.DREAMER] * 3, [Stage.DREAMER]], 1) == 0.5
    assert stability.flip_rate([bouncing, [Stage.DREAMER] * 3], 2) == 0


def test_several_rows_per_member_look_like_drift_and_one_row_does_not() -> None:
    values = np.random.default_rng(1).poisson(1.0, (400, len(MODEL_FEATURES))).astype(np.float64)
    members = tuple(f"m{number // 10:02}" for number in range(400))
    values = np.repeat(values[::10], 10, axis=0)
    rows = TrainingRows(MODEL_FEATURES, tuple(Stage), members, values, np.zeros(400, dtype=np.int64))
    assert stability.shifts_by_chance(rows, 10, 0, all_days=False) < 0.01
    assert stability.shifts_by_chance(rows, 10, 0, all_days=True) > 0.05
