"""What Autopilot's inference container does: answers CSV rows with the response keys asked for."""

import csv
import io
from collections.abc import Callable, Sequence

import numpy as np

from buyer_stage.quality.evaluation import Matrix
from buyer_stage.training.model_archive import Model


class InvalidRequestError(Exception):
    """The rows or response keys asked for cannot be answered."""


def respond(model: Model, rows: Sequence[Sequence[str]], response_keys: Sequence[str]) -> list[str]:
    """Answer rows as Autopilot's container does with `SAGEMAKER_INFERENCE_OUTPUT` set to the response keys.

    Args:
        model: the model to ask.
        rows: the fields of each row, in the order of the model's features.
        response_keys: any of `predicted_label` (the label that the model's rule names), `probability` (its
            probability), `labels` and `probabilities` (lists in the same order, printed as Python prints them).

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
    return [
        write_csv_line([answer(model.labels, int(named), row) for answer in answers])
        for named, row in zip(model.named(probabilities), probabilities, strict=True)
    ]


RESPONSES: dict[str, Callable[[tuple[str, ...], int, Matrix], str]] = {
    "predicted_label": lambda labels, named, _row: str(labels[named]),
    "probability": lambda _labels, named, row: repr(float(row[named])),
    "labels": lambda labels, _named, _row: str([str(label) for label in labels]),
    "probabilities": lambda _labels, _named, row: str(row.tolist()),
}
"""Response key -> how it is answered from the labels, the index of the named one and one row's probabilities."""


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
