"""Tests of the search on small data with a signal."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from buyer_stage.domain.features import TARGET_COLUMN
from buyer_stage.domain.stages import Stage
from buyer_stage.quality.evaluation import evaluate, metric_values
from buyer_stage.training.candidates import RECIPES
from buyer_stage.training.model_archive import Model, load_model
from buyer_stage.training.training_rows import TrainingRows
from localcloud.sagemaker import autopilot
from localcloud.sagemaker.autopilot import METRICS, SearchError, main, read_channels, search

STAGES = tuple(Stage)
SHARES = (0.16, 0.12, 0.55, 0.17)
Channels = tuple[TrainingRows, TrainingRows]


def write_channel(folder: Path, rows: int, seed: int, *, signal: float = 1.0) -> Path:
    """Write members whose counts depend on their stage with the strength `signal`."""
    random = np.random.default_rng(seed)
    classes = random.choice(len(STAGES), size=rows, p=SHARES)
    counts = {
        f"count_{number}": random.poisson(np.exp(1 + signal * random.normal(0.8 * (classes == number), 0.5)))
        for number in range(len(STAGES))
    }
    folder.mkdir()
    frame = pd.DataFrame({**counts, TARGET_COLUMN: np.array(STAGES)[classes]})
    frame.to_csv(folder / "part-0.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("channels")
    return {
        name: write_channel(root / name, rows, seed)
        for seed, (name, rows) in enumerate([("training", 800), ("validation", 300), ("test", 300)])
    }


@pytest.fixture(scope="module")
def channels(folders: dict[str, Path]) -> Channels:
    return read_channels(folders["training"], folders["validation"], TARGET_COLUMN)


def command(folders: dict[str, Path], output: Path, **changed: str) -> list[str]:
    options = {
        "training": str(folders["training"]),
        "validation": str(folders["validation"]),
        "target": TARGET_COLUMN,
        "objective": "F1macro",
        "max-candidates": "3",
        "max-runtime-seconds": "300",
        "seed": "0",
        "output": str(output),
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return [part for name, value in options.items() for part in (f"--{name}", value)]


@pytest.fixture(scope="module")
def output(folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output") / "job"
    main(command(folders, folder))
    return folder


@pytest.fixture(scope="module")
def model(output: Path) -> Model:
    return load_model(output / "model.tar.gz")


def test_candidates_are_ranked_by_the_objective(output: Path) -> None:
    candidates = json.loads((output / "candidates.json").read_text())["candidates"]
    assert len(candidates) == 3
    assert {candidate["algorithm"] for candidate in candidates} == {"OrdinalLogisticRegression", "LightGBM"}
    scores = [candidate["metrics"]["F1macro"] for candidate in candidates]
    assert scores == sorted(scores, reverse=True)
    assert all(set(candidate) == {"name", "algorithm", "parameters", "metrics", "seconds"} for candidate in candidates)
    assert all(
        set(candidate["metrics"]) == {"F1macro", "BalancedAccuracy", "LogLoss", "Accuracy"} for candidate in candidates
    )


def test_saved_model_is_the_best_candidate(output: Path, model: Model, channels: Channels) -> None:
    best = json.loads((output / "candidates.json").read_text())["candidates"][0]
    measured = metric_values(model.predict(channels[1]))
    assert model.features == channels[0].features
    assert model.labels == STAGES
    assert {name: measured[metric] for name, metric in METRICS.items()} == pytest.approx(best["metrics"])


def test_model_beats_the_prior_on_unseen_members(model: Model, folders: dict[str, Path]) -> None:
    training, test = read_channels(folders["training"], folders["test"], TARGET_COLUMN)
    evaluation = evaluate(model.predict(test), training.prior, seed=0)
    prior = evaluation.baselines["prior"]
    assert evaluation.metrics["macro_f1"].low > 1.5 * prior["macro_f1"].value
    assert evaluation.metrics["log_loss"].high < prior["log_loss"].value


def test_probabilities_are_at_least_as_good_as_the_prior_without_a_signal(tmp_path: Path) -> None:
    training = write_channel(tmp_path / "training", 500, 1, signal=0)
    noise = read_channels(training, write_channel(tmp_path / "validation", 200, 2, signal=0), TARGET_COLUMN)
    prior_log_loss = -np.log(noise[0].prior[noise[1].classes]).mean()
    for candidate in search(*noise, "F1macro", max_candidates=3, max_runtime_seconds=300, seed=0):
        assert candidate.metrics["LogLoss"] <= prior_log_loss + 1e-9


def test_blend_is_the_last_candidate_and_contains_all_others(channels: Channels) -> None:
    candidates = search(*channels, "F1macro", max_candidates=200, max_runtime_seconds=300, seed=0)
    assert len(candidates) == len(RECIPES) + 1
    (blend,) = [candidate for candidate in candidates if candidate.algorithm == "Blend"]
    assert blend.name == f"Blend-{len(candidates):03}"
    assert set(blend.parameters) == {recipe.name for recipe in RECIPES}


def test_same_seed_produces_the_same_candidates(output: Path, channels: Channels) -> None:
    again = search(*channels, "F1macro", max_candidates=3, max_runtime_seconds=300, seed=0)
    first = json.loads((output / "candidates.json").read_text())["candidates"]
    assert [(candidate.name, candidate.metrics) for candidate in again] == [
        (candidate["name"], candidate["metrics"]) for candidate in first
    ]


def test_candidates_are_ranked_by_another_objective(channels: Channels) -> None:
    candidates = search(*channels, "LogLoss", max_candidates=3, max_runtime_seconds=300, seed=0)
    losses = [candidate.metrics["LogLoss"] for candidate in candidates]
    assert losses == sorted(losses)


def test_search_prints_a_line_per_candidate(channels: Channels, capsys: pytest.CaptureFixture[str]) -> None:
    search(*channels, "F1macro", max_candidates=2, max_runtime_seconds=300, seed=0)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["OrdinalLogisticRegression-001", "LightGBM-002"]


def test_no_candidate_in_time_is_an_error(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="no candidate was completed"):
        main(command(folders, tmp_path / "out", max_runtime_seconds="0"))
    assert not (tmp_path / "out").exists()


def test_a_limit_of_no_candidate_is_an_error(channels: Channels) -> None:
    with pytest.raises(SearchError, match="no candidate"):
        search(*channels, "F1macro", max_candidates=0, max_runtime_seconds=300, seed=0)


def test_unknown_objective_is_an_error(channels: Channels, folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="AUC"):
        search(*channels, "AUC", max_candidates=1, max_runtime_seconds=300, seed=0)
    with pytest.raises(SystemExit):
        main(command(folders, tmp_path, objective="AUC"))


def test_fewer_training_rows_than_autopilot_requires_are_an_error(folders: dict[str, Path], tmp_path: Path) -> None:
    few = write_channel(tmp_path / "few", 499, 1)
    with pytest.raises(SearchError, match="499 rows; Autopilot requires 500 training rows"):
        read_channels(few, folders["validation"], TARGET_COLUMN)
    assert len(read_channels(folders["training"], few, TARGET_COLUMN)[1].members) == 499


def test_search_that_its_time_limit_ends_keeps_its_candidates_and_says_so(
    folders: dict[str, Path], output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert json.loads((output / "candidates.json").read_text())["time_limit_reached"] is False
    clock = iter(range(0, 1000, 10))  # two readings per candidate and one for the limit
    monkeypatch.setattr(autopilot, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    main(command(folders, tmp_path / "out", max_runtime_seconds="35"))
    search_result = json.loads((tmp_path / "out" / "candidates.json").read_text())
    assert search_result["time_limit_reached"] is True
    assert len(search_result["candidates"]) == 1


def test_stage_without_training_rows_is_an_error(tmp_path: Path, folders: dict[str, Path]) -> None:
    row = "1,1,1,1,Dreamer\n"
    (tmp_path / "part-0.csv").write_text(f"count_0,count_1,count_2,count_3,{TARGET_COLUMN}\n{row * 500}")
    with pytest.raises(SearchError, match="Casual Searcher or Active Searcher or Ready"):
        read_channels(tmp_path, tmp_path, TARGET_COLUMN)
