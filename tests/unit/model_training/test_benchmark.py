"""Tests of the benchmark: its synthetic members, and that its candidates are measured on members held out."""

import numpy as np
from rich.console import Console

from benchmarks.model_quality import PROCEDURE, SYNTHETIC_DAYS, SYNTHETIC_MEMBERS, baselines, measure, synthetic_rows
from model_training.candidates import RECIPES
from model_training.labelled_rows import DWELL_FEATURES


def test_synthetic_members_have_the_etls_features_on_every_day() -> None:
    rows = synthetic_rows(3)
    assert len(rows.members) == SYNTHETIC_MEMBERS * len(SYNTHETIC_DAYS)
    assert len(set(rows.members)) == SYNTHETIC_MEMBERS
    assert rows.prior.min() > 0.1
    dwell = [position for position, name in enumerate(rows.features) if name in DWELL_FEATURES]
    assert rows.values[:, dwell].max() == 180
    segments = [position for position, name in enumerate(rows.features) if name.endswith(("for_sale_090", "rent_090"))]
    assert set(np.unique(rows.values[:, segments[:3]])) == {0, 1}
    one_day = [position for position, name in enumerate(rows.features) if name.endswith("_001")]
    assert 0 < rows.values[:, one_day].any(axis=1).mean() < 0.5  # hardly anyone comes every day
    np.testing.assert_array_equal(rows.values, synthetic_rows(3).values)


def test_procedure_and_every_candidate_are_measured_on_all_members() -> None:
    rows = synthetic_rows(3)
    rows = rows.of_others(rows.members[150:SYNTHETIC_MEMBERS])
    lines = measure(rows, 2, 0, Console(quiet=True), "test")
    assert list(lines) == [PROCEDURE, *(recipe.name for recipe in RECIPES)]
    prior = baselines(rows, 0)["prior"].metrics
    for line in lines.values():
        assert line.metrics["log_loss"].value < prior["log_loss"].value + 0.1
        assert line.metrics["log_loss"].low < line.metrics["log_loss"].high
