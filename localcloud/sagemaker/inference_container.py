"""Do what Autopilot's inference container does: return the requested response keys for CSV rows."""

import csv
import io
from collections.abc import Callable, Sequence

import numpy as np

from buyer_stage.quality.predictions import Matrix
from buyer_stage.training.model_archive import Model

MAXIMUM_PAYLOAD_MB = 1
"""What Autopilot's feature container reports in its execution parameters."""

MAXIMUM_FEATURES_BYTES = 20 * 1024 * 1024
"""What Autopilot's second container accepts from the first one, which turns the CSV into dense features.

Text of one digit and a comma becomes a number of eight bytes, so features are up to four times as large as the CSV.
https://github.com/aws/amazon-sagemaker-examples/issues/1822 shows a payload that passes the first container only."""

BYTES_PER_FEATURE = 8


class InvalidRequestError(Exception):
    """The rows or the response keys of a request are not valid."""


class PayloadTooLargeError(InvalidRequestError):
    """The features of a request are larger than the container accepts."""


def respond(model: Model, rows: Sequence[Sequence[str]], response_keys: Sequence[str]) -> list[str]:
    """Return predictions as Autopilot's container does with `SAGEMAKER_INFERENCE_OUTPUT` set to the response keys.

    Args:
        model: the model that predicts.
        rows: the fields of each row, in the order of the model's features.
        response_keys: any of `predicted_label` (the label that the model's rule selects), `probability` (its
            probability), `labels` and `probabilities` (lists in the same order, formatted as Python prints them).

    Returns:
        One CSV line per row, without a line end: the values of the keys in the requested order.

    Raises:
        InvalidRequestError: A key is unknown, a row has the wrong number of fields, or a field is not a finite number.
        PayloadTooLargeError: There are too many rows.
    """
    unknown = [key for key in response_keys if key not in RESPONSES]
    if unknown or not response_keys:
        raise InvalidRequestError(
            f"response keys {list(response_keys)} are not valid; use any of {', '.join(RESPONSES)}"
        )
    writers = [RESPONSES[key] for key in response_keys]
    if not rows:
        return []
    size = len(rows) * len(model.features) * BYTES_PER_FEATURE
    if size > MAXIMUM_FEATURES_BYTES:
        raise PayloadTooLargeError(
            f"HTTP 413: the features have {size} bytes, and {MAXIMUM_FEATURES_BYTES} are allowed"
        )
    probabilities = model.probabilities(_to_matrix(model, rows))
    return [
        write_csv_line([write(model.labels, int(predicted), row) for write in writers])
        for predicted, row in zip(model.predicted(probabilities), probabilities, strict=True)
    ]


RESPONSES: dict[str, Callable[[tuple[str, ...], int, Matrix], str]] = {
    "predicted_label": lambda labels, predicted, _row: str(labels[predicted]),
    "probability": lambda _labels, predicted, row: repr(float(row[predicted])),
    "labels": lambda labels, _predicted, _row: str([str(label) for label in labels]),
    "probabilities": lambda _labels, _predicted, row: str(row.tolist()),
}
"""Response key -> its value from the labels, the index of the predicted label and the probabilities of a row."""


def write_csv_line(fields: Sequence[str]) -> str:
    """Return fields as one CSV line without a line end."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(fields)
    return buffer.getvalue()


def _to_matrix(model: Model, rows: Sequence[Sequence[str]]) -> Matrix:
    for row in rows:
        if len(row) != len(model.features):
            raise InvalidRequestError(f"a row has {len(row)} fields; the model expects {len(model.features)}")
    try:
        matrix = np.array(rows, dtype=np.float64)
    except ValueError as error:
        raise InvalidRequestError("a field is not a number") from error
    if not np.isfinite(matrix).all():
        raise InvalidRequestError("a field is not a finite number")
    return matrix
