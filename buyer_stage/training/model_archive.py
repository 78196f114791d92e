"""A trained model and its file format.

`model.tar.gz` holds `model.json` and one file per component, in LightGBM's text format or skops. Unlike a pickle,
neither can run code when it is read.
"""

import gzip
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import skops.io

from buyer_stage.domain.errors import ModelError
from buyer_stage.quality.predictions import Classes, Matrix, Predictions
from buyer_stage.training.blending import predicted_classes
from buyer_stage.training.candidates import raw_probabilities
from buyer_stage.training.representations import REPRESENTATIONS
from buyer_stage.training.training_rows import TrainingRows

MODEL_ARCHIVE = "model.tar.gz"
DESCRIPTION_FILE = "model.json"
LIGHTGBM_SUFFIX = ".lightgbm.txt"
SKOPS_SUFFIX = ".skops"


@dataclass(frozen=True)
class Component:
    """A fitted estimator in a blend.

    Attributes:
        name: name of its recipe, unique in the model.
        representation: key of `REPRESENTATIONS` for its inputs.
        weight: weight of its probabilities in the blend.
        estimator: what `buyer_stage.training.candidates.fit` returned.
    """

    name: str
    representation: str
    weight: float
    estimator: Any


@dataclass(frozen=True)
class Model:
    """A blend of fitted estimators and the prior, with the rule that predicts a stage.

    Attributes:
        features: names of the F columns that the model reads, in order.
        labels: the K stages, in the order of the probabilities.
        prior: share of each stage among the training rows, K values.
        prior_weight: weight of the prior in the blend; all weights add up to 1.
        components: the estimators.
        multipliers: K values; the predicted stage has the highest probability times multiplier.
    """

    features: tuple[str, ...]
    labels: tuple[str, ...]
    prior: tuple[float, ...]
    prior_weight: float
    components: tuple[Component, ...]
    multipliers: tuple[float, ...]

    def probabilities(self, values: Matrix) -> Matrix:
        """Return the probability of each stage, shape (N, K).

        Args:
            values: the features of N rows, shape (N, F).
        """
        blend = np.tile(self.prior_weight * np.array(self.prior), (len(values), 1))
        for component in self.components:
            inputs = REPRESENTATIONS[component.representation](self.features, values)
            blend += component.weight * raw_probabilities(component.estimator, inputs)
        return np.asarray(blend / blend.sum(axis=1, keepdims=True))

    def predicted(self, probabilities: Matrix) -> Classes:
        """Return the index of the predicted stage for each row of the model's probabilities, shape (N,)."""
        return predicted_classes(probabilities, np.array(self.multipliers))

    def predict(self, rows: TrainingRows) -> Predictions:
        """Return the model's predictions for labeled rows, for evaluation."""
        probabilities = self.probabilities(rows.values)
        return Predictions(self.labels, rows.members, rows.classes, probabilities, self.predicted(probabilities))


def save_model(model: Model, archive: Path) -> None:
    """Write a model as `model.tar.gz`.

    Equal models predict the same, but their bytes differ, because skops writes the time.
    """
    description = {
        "features": model.features,
        "labels": model.labels,
        "prior": model.prior,
        "prior_weight": model.prior_weight,
        "multipliers": model.multipliers,
        "components": [
            {"name": each.name, "representation": each.representation, "weight": each.weight}
            for each in model.components
        ],
    }
    files = {DESCRIPTION_FILE: json.dumps(description, indent=2).encode()}
    for component in model.components:
        if isinstance(component.estimator, lightgbm.Booster):
            files[component.name + LIGHTGBM_SUFFIX] = component.estimator.model_to_string().encode()
        else:
            files[component.name + SKOPS_SUFFIX] = skops.io.dumps(component.estimator)
    archive.parent.mkdir(parents=True, exist_ok=True)
    with gzip.GzipFile(archive, "wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def load_model(path: Path) -> Model:
    """Load a model from a `model.tar.gz`, a folder that holds one, or a folder that holds its files.

    Nothing is unpacked to disk: files are looked up by name, so paths in an archive have no effect.

    Raises:
        ModelError: a file is missing or damaged, or holds a type that skops does not trust.
    """
    archive = path / MODEL_ARCHIVE if (path / MODEL_ARCHIVE).is_file() else path
    try:
        files = _folder_files(archive) if archive.is_dir() else _archive_files(archive)
        description = json.loads(files[DESCRIPTION_FILE])
        return Model(
            features=tuple(description["features"]),
            labels=tuple(description["labels"]),
            prior=tuple(description["prior"]),
            prior_weight=description["prior_weight"],
            components=tuple(
                Component(each["name"], each["representation"], each["weight"], _estimator(files, each["name"]))
                for each in description["components"]
            ),
            multipliers=tuple(description["multipliers"]),
        )
    except KeyError as error:
        raise ModelError(f"{archive} has no {error}; train the model with this version") from error
    except _DAMAGED as error:
        raise ModelError(f"{archive} cannot be loaded: {error}") from error


_DAMAGED = (
    OSError,
    TypeError,
    ValueError,
    lightgbm.basic.LightGBMError,
    skops.io.exceptions.UntrustedTypesFoundException,
    tarfile.TarError,
    zipfile.BadZipFile,
)


def _estimator(files: dict[str, bytes], name: str) -> Any:
    if name + LIGHTGBM_SUFFIX in files:
        return lightgbm.Booster(model_str=files[name + LIGHTGBM_SUFFIX].decode())
    return skops.io.loads(files[name + SKOPS_SUFFIX], trusted=[])


def _folder_files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def _archive_files(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive, "r:gz") as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers() if member.isreg()}  # type: ignore[union-attr]
