"""What Autopilot's inference container does: holds a model, and answers CSV rows with the response keys asked for.

A model is a folder of two files, packed as `model.tar.gz`: `model.json`, and the fitted estimator as LightGBM's text or
as skops. Neither can run code when it is read, as a pickle could.
"""

import csv
import dataclasses
import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import skops.io

Matrix = npt.NDArray[np.float64]

MODEL_ARCHIVE = "model.tar.gz"
DESCRIPTION_FILE = "model.json"
LIGHTGBM_FILE = "model.txt"
SKOPS_FILE = "model.skops"


class ModelFileError(Exception):
    """A model's files are missing, damaged, or hold what is not allowed in them."""


class InvalidRequestError(Exception):
    """The rows or response keys asked for cannot be answered."""


@dataclass(frozen=True)
class Calibration:
    """Turns what an estimator says into probabilities that can be relied on.

    An estimator fitted to few members is too sure of itself, and one fitted with class weights thinks the rare classes
    as frequent as the others. So its probabilities are mixed with the class prior, then divided by a power of it.
    The label is the class of the highest probability after that: it never contradicts the probabilities.

    Attributes:
        prior: share of each class among the training rows.
        shrinkage: weight of the prior in the mixture, 0 to 1.
        tilt: the power; above 0 it raises the rare classes, below 0 it lowers them.
    """

    prior: tuple[float, ...]
    shrinkage: float
    tilt: float

    def apply(self, raw: Matrix) -> Matrix:
        """Give the calibrated probabilities, one row per row of the estimator's."""
        prior = np.array(self.prior)
        tilted = ((1 - self.shrinkage) * raw + self.shrinkage * prior) * prior**-self.tilt
        return np.asarray(tilted / tilted.sum(axis=1, keepdims=True))


@dataclass(frozen=True)
class Model:
    """A fitted estimator with the names of what goes in and what comes out.

    Attributes:
        features: names of the columns that the model takes, in order.
        labels: the classes, in the order of the probabilities.
        calibration: applied to what the estimator says.
        estimator: a LightGBM booster or a scikit-learn classifier, over class indices.
    """

    features: tuple[str, ...]
    labels: tuple[str, ...]
    calibration: Calibration
    estimator: Any

    def probabilities(self, rows: Matrix) -> Matrix:
        """Give the probability of each label, one row per row."""
        return self.calibration.apply(raw_probabilities(self.estimator, rows))


def raw_probabilities(estimator: Any, rows: Matrix) -> Matrix:
    """Give the probabilities that an estimator says, before calibration."""
    predict = estimator.predict if isinstance(estimator, lightgbm.Booster) else estimator.predict_proba
    return np.asarray(predict(rows), dtype=np.float64)


def save_model(model: Model, archive: Path) -> None:
    """Pack a model as `model.tar.gz`."""
    description = dataclasses.asdict(dataclasses.replace(model, estimator=None))
    del description["estimator"]
    files = {DESCRIPTION_FILE: json.dumps(description, indent=2).encode()}
    if isinstance(model.estimator, lightgbm.Booster):
        files[LIGHTGBM_FILE] = model.estimator.model_to_string().encode()
    else:
        files[SKOPS_FILE] = skops.io.dumps(model.estimator)
    with gzip.GzipFile(archive, "wb", mtime=0) as zipped, tarfile.open(fileobj=zipped, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def load_model(path: Path) -> Model:
    """Load a model from a `model.tar.gz`, a folder that holds one, or a folder that holds its files.

    Nothing is unpacked to disk: the files are read by their names, so that no path in an archive has any effect.

    Raises:
        ModelFileError: the files are missing, damaged, or hold types that skops does not trust.
    """
    archive = path / MODEL_ARCHIVE if (path / MODEL_ARCHIVE).is_file() else path
    try:
        files = _folder_files(archive) if archive.is_dir() else _archive_files(archive)
        description = json.loads(files[DESCRIPTION_FILE])
        features, labels = tuple(description["features"]), tuple(description["labels"])
        calibration = Calibration(**{**description["calibration"], "prior": tuple(description["calibration"]["prior"])})
        if LIGHTGBM_FILE in files:
            estimator = lightgbm.Booster(model_str=files[LIGHTGBM_FILE].decode())
        else:
            estimator = skops.io.loads(files[SKOPS_FILE], trusted=[])
    except KeyError as error:
        raise ModelFileError(f"{archive} has no {error}") from error
    except _DAMAGED as error:
        raise ModelFileError(f"{archive} cannot be loaded: {error}") from error
    return Model(features, labels, calibration, estimator)


_DAMAGED = (
    OSError,
    TypeError,
    ValueError,
    lightgbm.basic.LightGBMError,
    skops.io.exceptions.UntrustedTypesFoundException,
    tarfile.TarError,
    zipfile.BadZipFile,
)
_MODEL_FILES = (DESCRIPTION_FILE, LIGHTGBM_FILE, SKOPS_FILE)


def _folder_files(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in _MODEL_FILES if (folder / name).is_file()}


def _archive_files(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive, "r:gz") as tar:
        members = {member.name: member for member in tar.getmembers() if member.isreg()}
        return {name: tar.extractfile(members[name]).read() for name in _MODEL_FILES if name in members}  # type: ignore[union-attr]


def respond(model: Model, rows: Sequence[Sequence[str]], response_keys: Sequence[str]) -> list[str]:
    """Answer rows as Autopilot's container does with `SAGEMAKER_INFERENCE_OUTPUT` set to the response keys.

    Args:
        model: the model to ask.
        rows: the fields of each row, in the order of the model's features.
        response_keys: any of `predicted_label` (the most probable label), `probability` (its probability), `labels`
            and `probabilities` (lists in the same order, printed as Python prints them).

    Returns:
        One CSV line without line end per row: the keys' values in the order asked for.

    Raises:
        InvalidRequestError: a key is unknown, a row has another number of fields, or a field is not a finite number.
    """
    unknown = [key for key in response_keys if key not in RESPONSES]
    if unknown or not response_keys:
        raise InvalidRequestError(f"response keys {list(response_keys)}; known: {', '.join(RESPONSES)}")
    answers = [RESPONSES[key] for key in response_keys]
    if not rows:
        return []
    probabilities = model.probabilities(_to_matrix(model, rows))
    return [write_csv_line([answer(model.labels, row) for answer in answers]) for row in probabilities]


RESPONSES: dict[str, Callable[[tuple[str, ...], Matrix], str]] = {
    "predicted_label": lambda labels, row: labels[int(row.argmax())],
    "probability": lambda _labels, row: repr(float(row.max())),
    "labels": lambda labels, _row: str(list(labels)),
    "probabilities": lambda _labels, row: str(row.tolist()),
}
"""Response key -> how it is answered from the labels and one row's probabilities."""


def write_csv_line(fields: Sequence[str]) -> str:
    """Write fields as one CSV line without line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(fields)
    return buffer.getvalue()


def _to_matrix(model: Model, rows: Sequence[Sequence[str]]) -> Matrix:
    for row in rows:
        if len(row) != len(model.features):
            raise InvalidRequestError(f"a row has {len(row)} fields, the model takes {len(model.features)}")
    try:
        matrix = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise InvalidRequestError(f"a field is not a number: {error}") from error
    if not np.isfinite(matrix).all():
        raise InvalidRequestError("a field is not a finite number")
    return matrix
