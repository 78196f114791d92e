"""A model survives saving and loading, and damaged or dangerous files are rejected."""

import io
import json
import pickle
import tarfile
from pathlib import Path

import lightgbm
import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.stages import Stage
from buyer_stage.training.model_archive import Component, Model, load_model, save_model


def data() -> tuple[np.ndarray, np.ndarray]:
    rows = np.random.default_rng(0).normal(size=(200, 2))
    return rows, np.digitize(rows[:, 0], [-1, 0, 1])


def model_of(*components: Component) -> Model:
    return Model(("a", "b"), tuple(Stage), (0.1, 0.2, 0.3, 0.4), 0.25, components, (2.0, 1.5, 1.0, 1.5))


@pytest.fixture(scope="module")
def model() -> Model:
    rows, classes = data()
    parameters = {"objective": "multiclass", "num_class": 4, "verbosity": -1, "num_threads": 1}
    return model_of(
        Component("boosted", "levels", 0.25, lightgbm.train(parameters, lightgbm.Dataset(rows, classes), 5)),
        Component("ordinal", "activity", 0.5, [LogisticRegression().fit(rows, classes > k) for k in range(3)]),
    )


def test_loaded_model_predicts_the_same_as_the_saved_one(model: Model, tmp_path: Path) -> None:
    save_model(model, tmp_path / "model.tar.gz")
    with tarfile.open(tmp_path / "model.tar.gz") as tar:
        tar.extractall(tmp_path / "unpacked", filter="data")
    rows = data()[0]
    for path in (tmp_path / "model.tar.gz", tmp_path, tmp_path / "unpacked"):
        loaded = load_model(path)
        assert (loaded.features, loaded.labels) == (model.features, model.labels)
        np.testing.assert_array_equal(loaded.probabilities(rows), model.probabilities(rows))
        probabilities = loaded.probabilities(rows)
        np.testing.assert_array_equal(loaded.predicted(probabilities), model.predicted(probabilities))


def test_blend_is_the_weighted_mean_with_the_prior(model: Model) -> None:
    only_prior = model_of()
    np.testing.assert_allclose(only_prior.probabilities(np.zeros((3, 2))), np.tile([0.1, 0.2, 0.3, 0.4], (3, 1)))
    rows = data()[0][:5]
    parts = [
        model_of(Component(each.name, each.representation, 1e9, each.estimator)).probabilities(rows)
        for each in model.components
    ]
    expected = 0.25 * np.array(only_prior.prior) + 0.25 * parts[0] + 0.5 * parts[1]
    np.testing.assert_allclose(model.probabilities(rows), expected, atol=1e-6)


def archive(path: Path, files: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def test_archive_cannot_write_files_or_run_code(model: Model, tmp_path: Path) -> None:
    description = {
        "features": [],
        "labels": [],
        "prior": [],
        "prior_weight": 0,
        "multipliers": [],
        "components": [{"name": "ordinal", "representation": "levels", "weight": 1}],
    }
    files = {
        "../escaped": b"x",
        "model.json": json.dumps(description).encode(),
        "ordinal.skops": pickle.dumps(model.components[1].estimator),
    }
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(archive(tmp_path / "evil.tar.gz", files))
    assert [file.name for file in tmp_path.iterdir()] == ["evil.tar.gz"]
    assert not (tmp_path.parent / "escaped").exists()


def test_estimator_of_an_untrusted_type_is_rejected(tmp_path: Path) -> None:
    trees = ExtraTreesClassifier(2, random_state=0).fit(*data())
    save_model(model_of(Component("trees", "levels", 1.0, trees)), tmp_path / "model.tar.gz")
    with pytest.raises(ModelError, match="Untrusted"):
        load_model(tmp_path / "model.tar.gz")


@pytest.mark.parametrize("files", [{}, {"model.json": b"{}"}, {"model.json": b"not JSON"}])
def test_damaged_model_is_an_error_that_names_it(files: dict[str, bytes], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"damaged\.tar\.gz"):
        load_model(archive(tmp_path / "damaged.tar.gz", files))


def test_missing_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError):
        load_model(tmp_path / "none.tar.gz")
