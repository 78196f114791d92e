"""The commands train and predict work from files to files, and fail with a message."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.stages import Stage
from buyer_stage.training import predict, train
from buyer_stage.training.model_archive import load_model


def write_rows(path: Path, members: range) -> Path:
    """Write members on two days each, who search more the nearer they are; one window is empty."""
    random = np.random.default_rng(members.start)
    stages = [list(Stage)[member % 4] for member in members]
    searches = random.poisson(np.exp([1 + 0.7 * (member % 4) for member in members]))
    frame = pd.DataFrame(0.0, index=range(len(members)), columns=list(MODEL_FEATURES))
    for window, share in (("007", 0.2), ("030", 0.5), ("060", 0.8), ("090", 1.0)):
        frame[f"total_searches_{window}"] = (searches * share).round()
        frame[f"total_ldp_page_views_{window}"] = random.poisson(5, len(members))
    frame[[name for name in MODEL_FEATURES if name.endswith("_001")]] = np.nan
    frame.insert(0, "member_id", [f"m{member}" for member in members])
    frame["buyer_stage"] = ["Ready to Transact" if stage is Stage.READY_TO_TRANSACT else stage for stage in stages]
    pd.concat([frame, frame]).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    rows = write_rows(folder / "rows.csv", range(160))
    train.main(["--input", str(rows), "--output", str(folder / "model.tar.gz"), "--seed", "7"])
    return folder


def command(model: Path, rows: Path, output: Path) -> list[str]:
    return ["--model", str(model), "--input", str(rows), "--output", str(output)]


def test_trained_model_scores_rows_in_order_without_their_labels(trained: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "rows.csv", range(200, 240))
    frame = pd.read_csv(rows)
    shuffled = frame.drop(columns="buyer_stage").sample(frac=1, random_state=0).iloc[:, ::-1]
    shuffled.to_csv(tmp_path / "unlabeled.csv", index=False)
    predict.main(command(trained / "model.tar.gz", tmp_path / "unlabeled.csv", tmp_path / "out" / "stages.csv"))
    with (tmp_path / "out" / "stages.csv").open(newline="") as file:
        scored = list(csv.DictReader(file))
    assert list(scored[0]) == ["member_id", "stage", *Stage]
    assert [row["member_id"] for row in scored] == shuffled["member_id"].tolist()
    for row in scored:
        assert Stage(row["stage"])
        assert sum(float(row[stage]) for stage in Stage) == pytest.approx(1)
    actual = dict(zip(frame["member_id"], frame["buyer_stage"], strict=True))
    right = sum(actual[row["member_id"]].lower() == row["stage"].lower() for row in scored)
    assert right > 0.5 * len(scored)


def test_empty_window_scores_the_same_as_zeros(trained: Path, tmp_path: Path) -> None:
    rows = write_rows(tmp_path / "empty.csv", range(4))
    pd.read_csv(rows).fillna(0).to_csv(tmp_path / "zeros.csv", index=False)
    for name in ("empty", "zeros"):
        predict.main(command(trained / "model.tar.gz", tmp_path / f"{name}.csv", tmp_path / f"{name}.out"))
    assert (tmp_path / "empty.out").read_text() == (tmp_path / "zeros.out").read_text()


def test_missing_columns_and_models_end_the_command_with_a_message(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.csv").write_text("member_id,total_searches_007\nm,1\n")
    with pytest.raises(SystemExit, match="154 columns are missing"):
        predict.main(command(trained / "model.tar.gz", tmp_path / "rows.csv", tmp_path / "out.csv"))
    with pytest.raises(SystemExit, match=r"none\.tar\.gz cannot be loaded"):
        predict.main(command(tmp_path / "none.tar.gz", tmp_path / "rows.csv", tmp_path / "out.csv"))
    assert not (tmp_path / "out.csv").exists()


def split_command(folder: Path, members: dict[str, range]) -> list[str]:
    arguments = ["--output", str(folder / "model.tar.gz"), "--seed", "7"]
    for split, ids in members.items():
        arguments += [f"--{split}", str(write_rows(folder / f"{split}.csv", ids))]
    return arguments


def test_disjoint_splits_produce_a_model_and_its_metrics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train.main(split_command(tmp_path, {"train": range(100), "validation": range(100, 140), "test": range(140, 180)}))
    assert load_model(tmp_path / "model.tar.gz").features == MODEL_FEATURES
    shown = capsys.readouterr().err
    assert "macro_f1" in shown
    assert "test: 80 rows of 40 members" in shown


@pytest.mark.parametrize(
    ("members", "crossing"),
    [
        ({"train": range(100), "validation": range(100, 140), "test": range(97, 137)}, 40),
        ({"train": range(100), "validation": range(97, 137), "test": range(140, 180)}, 3),
    ],
)
def test_member_in_two_splits_stops_the_training(
    members: dict[str, range], crossing: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match=f"members in more than one split: {crossing} ") as stopped:
        train.main(split_command(tmp_path, members))
    assert isinstance(stopped.value.code, str)  # which Python prints before it exits with 1
    shown = capsys.readouterr().err
    assert "leaked" in shown
    assert "honest" in shown
    assert not (tmp_path / "model.tar.gz").exists()


@pytest.mark.parametrize("extra", [[], ["--train", "x"], ["--input", "x", "--test", "y"]])
def test_anything_but_one_input_or_all_splits_is_a_usage_error(extra: list[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as stopped:
        train.main(["--output", str(tmp_path / "m"), "--seed", "7", *extra])
    assert stopped.value.code == 2
