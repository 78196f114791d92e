"""Tests of the model files and of the container's answers."""

import io
import pickle
import tarfile
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from buyer_stage.stages import Stage
from buyer_stage.transform_output import INFERENCE_RESPONSE_KEYS, parse_record
from localcloud.inference_container import (
    Calibration,
    InvalidRequestError,
    Model,
    ModelFileError,
    load_model,
    respond,
    save_model,
)

LABELS = ("Active Searcher", "Dreamer")
PLAIN = Calibration(prior=(0.5, 0.5), shrinkage=0.0, tilt=0.0)


def data() -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(0).normal(size=(200, 2))
    return rows, (rows[:, 0] > 0).astype(int)


@pytest.fixture(scope="module")
def linear() -> Model:
    return Model(("a", "b"), LABELS, PLAIN, LogisticRegression().fit(*data()))


@pytest.fixture(scope="module")
def boosted() -> Model:
    rows, classes = data()
    parameters = {"objective": "multiclass", "num_class": 2, "verbosity": -1, "num_threads": 1}
    return Model(("a", "b"), LABELS, PLAIN, lightgbm.train(parameters, lightgbm.Dataset(rows, classes), 5))


@pytest.mark.parametrize("kind", ["linear", "boosted"])
def test_saved_model_answers_as_before(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    model: Model = request.getfixturevalue(kind)
    save_model(model, tmp_path / "model.tar.gz")
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")

    for path in (tmp_path / "model.tar.gz", tmp_path, tmp_path / "unpacked"):
        loaded = load_model(path)
        assert (loaded.features, loaded.labels, loaded.calibration) == (model.features, LABELS, PLAIN)
        np.testing.assert_allclose(loaded.probabilities(data()[0]), model.probabilities(data()[0]))


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_archive_cannot_write_outside_or_run_code(linear: Model, tmp_path: Path) -> None:
    description = b'{"features": [], "labels": [], "calibration": {"prior": [], "shrinkage": 0, "tilt": 0}}'
    files = {"../escaped": b"x", "model.json": description, "model.skops": pickle.dumps(linear.estimator)}
    with pytest.raises(ModelFileError, match="cannot be loaded"):
        load_model(archive(tmp_path / "evil.tar.gz", files))
    assert [file.name for file in tmp_path.iterdir()] == ["evil.tar.gz"]
    assert not (tmp_path.parent / "escaped").exists()


def test_estimator_that_could_crash_the_reader_is_refused(tmp_path: Path) -> None:
    trees = ExtraTreesClassifier(2, random_state=0).fit(*data())
    save_model(Model(("a", "b"), LABELS, PLAIN, trees), tmp_path / "model.tar.gz")
    with pytest.raises(ModelFileError, match="Untrusted"):
        load_model(tmp_path / "model.tar.gz")


@pytest.mark.parametrize("files", [{}, {"model.json": b"{}"}, {"model.json": b"not JSON"}])
def test_damaged_model_is_an_error_that_names_it(files: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match=r"damaged\.tar\.gz"):
        load_model(archive(tmp_path / "damaged.tar.gz", files))


def test_missing_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError):
        load_model(tmp_path / "none.tar.gz")


def test_answer_is_what_the_product_reads(linear: Model) -> None:
    (answer,) = respond(linear, [["-3", "0"]], INFERENCE_RESPONSE_KEYS)
    scored = parse_record(f"m1,{answer}")
    assert scored.stage is Stage.ACTIVE_SEARCHER
    expected = linear.probabilities(np.array([[-3.0, 0.0]]))[0]
    assert scored.probabilities[Stage.DREAMER] == pytest.approx(expected[1])


def test_keys_are_answered_in_the_order_asked_for(linear: Model) -> None:
    (answer,) = respond(linear, [["3", "0"]], ["labels", "probability", "predicted_label"])
    labels, probability, label = answer.rsplit(",", 2)
    assert labels == "\"['Active Searcher', 'Dreamer']\""
    assert float(probability) == pytest.approx(linear.probabilities(np.array([[3.0, 0.0]])).max())
    assert label == "Dreamer"


def test_label_is_the_most_probable_after_calibration(linear: Model) -> None:
    tilted = Model(("a", "b"), LABELS, Calibration(prior=(0.95, 0.05), shrinkage=0.3, tilt=1.0), linear.estimator)
    rows = [[str(value), "0"] for value in np.linspace(-3, 3, 25)]
    scored = [parse_record(f"m,{answer}") for answer in respond(tilted, rows, INFERENCE_RESPONSE_KEYS)]
    assert len({member.stage for member in scored}) == 2
    for member in scored:
        assert member.probabilities[member.stage] == max(member.probabilities.values())


def test_full_shrinkage_gives_the_prior() -> None:
    calibrated = Calibration(prior=(0.7, 0.3), shrinkage=1.0, tilt=0.0).apply(np.array([[0.1, 0.9]]))
    np.testing.assert_allclose(calibrated, [[0.7, 0.3]])


@pytest.mark.parametrize(
    ("rows", "keys", "message"),
    [
        ([["1"]], ["labels"], "1 fields, the model takes 2"),
        ([["1", "x"]], ["labels"], "not a number"),
        ([["1", "nan"]], ["labels"], "not a finite number"),
        ([["1", "2"]], ["best_guess"], "best_guess"),
        ([["1", "2"]], [], "known"),
    ],
)
def test_impossible_request_is_an_error(linear: Model, rows: list[list[str]], keys: list[str], message: str) -> None:
    with pytest.raises(InvalidRequestError, match=message):
        respond(linear, rows, keys)
