"""Read rows of members, with or without labels, from CSV files with a header.

Missing values become 0 and dwell times are capped, as in the ETL. This turns the rows of the original's sample, where
the windows that a member is absent from are empty, into the rows that the pipeline scores.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from buyer_stage.domain.errors import InvalidInputError, LabeledSetError
from buyer_stage.domain.features import MAXIMUM_DWELL_SECONDS, MEMBER_ID, SOURCE_COLUMNS, TARGET_COLUMN, Rule
from buyer_stage.domain.labeled_set import MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS, duplicate_members
from buyer_stage.domain.stages import Stage, parse_stage
from buyer_stage.domain.windows import Window
from buyer_stage.quality.predictions import Classes, Matrix

DWELL_FEATURES = frozenset(
    name
    for column in SOURCE_COLUMNS
    if column.rule is Rule.DWELL
    for window in Window
    for name in column.feature_names(window)
)


@dataclass(frozen=True)
class TrainingRows:
    """N labeled rows of members.

    Attributes:
        features: names of the F columns of `values`, in order.
        labels: the K stages that the rows can have, from furthest to nearest.
        members: member id of each row.
        values: the features, finite, shape (N, F).
        classes: index in `labels` of each row's label, shape (N,).
    """

    features: tuple[str, ...]
    labels: tuple[str, ...]
    members: tuple[str, ...]
    values: Matrix
    classes: Classes

    @property
    def prior(self) -> Matrix:
        """Share of each stage among the rows, shape (K,)."""
        return np.asarray(np.bincount(self.classes, minlength=len(self.labels)) / len(self.classes), dtype=np.float64)

    @property
    def weights(self) -> Matrix:
        """Weight of each row, shape (N,), 1 on average: all members count the same, however many rows they have."""
        rows_of = Counter(self.members)
        weights = np.array([1 / rows_of[member] for member in self.members])
        return np.asarray(weights / weights.mean())

    @property
    def duplicate_members(self) -> set[str]:
        """The members that `labeled_set.duplicate_members` finds."""
        return duplicate_members(zip(self.members, map(tuple, self.values.tolist()), strict=True))

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "TrainingRows":
        """Return the rows at these positions, or where the mask is true."""
        members = tuple(np.array(self.members, dtype=object)[rows].tolist())
        return TrainingRows(self.features, self.labels, members, self.values[rows], self.classes[rows])

    def without_members(self, members: Iterable[str]) -> "TrainingRows":
        """Return the rows of all other members."""
        excluded = set(members)
        return self.take(np.array([member not in excluded for member in self.members]))

    def with_rows(self, other: "TrainingRows") -> "TrainingRows":
        """Return these rows followed by others with the same features and labels."""
        return TrainingRows(
            self.features,
            self.labels,
            self.members + other.members,
            np.vstack([self.values, other.values]),
            np.concatenate([self.classes, other.classes]),
        )


def read_training_rows(path: Path, features: Sequence[str]) -> TrainingRows:
    """Read `member_id`, the features and `buyer_stage` from a CSV file, or from all files in a folder.

    Raises:
        InvalidInputError: a file or column is missing, or a value is impossible.
        LabeledSetError: a label is unknown, or there are too many duplicate members.
    """
    frame = read_csv(path)
    rows = TrainingRows(
        features=tuple(features),
        labels=tuple(Stage),
        members=member_ids(frame, path),
        values=feature_values(frame, features, path),
        classes=stage_classes(frame, path),
    )
    duplicates, members = len(rows.duplicate_members), len(set(rows.members))
    if duplicates > MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS * members:
        raise LabeledSetError(
            f"{path}: {duplicates} of {members} members are duplicates, more than "
            f"{MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS:.0%}; check whether member ids were reissued or features lost"
        )
    return rows


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file with a header, or all files directly in a folder.

    Raises:
        InvalidInputError: a file cannot be read, there are no rows, or the columns of the files differ.
    """
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    files = [file for file in files if file.is_file() and not file.name.startswith((".", "_"))]
    try:
        frames = [pd.read_csv(file, dtype={MEMBER_ID: str}, low_memory=False) for file in files]
    except (ValueError, pd.errors.ParserError) as error:
        raise InvalidInputError(f"{path} cannot be read as CSV with a header ({type(error).__name__})") from None
    if not any(len(frame) for frame in frames):
        raise InvalidInputError(f"{path} has no rows")
    if any(list(frame.columns) != list(frames[0].columns) for frame in frames):
        raise InvalidInputError(f"the files in {path} have different columns")
    return pd.concat(frames, ignore_index=True)


def member_ids(frame: pd.DataFrame, source: Path) -> tuple[str, ...]:
    """Return the member id of each row.

    Raises:
        InvalidInputError: the column is missing, or a row has no member id.
    """
    _require_columns(frame, [MEMBER_ID], source)
    if frame[MEMBER_ID].isna().any():
        raise InvalidInputError(f"{source}: row {int(frame[MEMBER_ID].isna().argmax()) + 1} has no {MEMBER_ID}")
    return tuple(frame[MEMBER_ID])


def feature_values(frame: pd.DataFrame, features: Sequence[str], source: Path) -> Matrix:
    """Return the features of each row as the ETL writes them: missing values are 0, and dwell times are capped.

    Args:
        frame: the rows.
        features: names of the F features.
        source: path of the rows, for error messages.

    Returns:
        Shape (rows, F).

    Raises:
        InvalidInputError: a feature is missing, or a value is not a finite number.
    """
    _require_columns(frame, features, source)
    values = np.zeros((len(frame), len(features)))
    for position, feature in enumerate(features):
        column = frame[feature]
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        wrong = (np.isnan(numbers) & column.notna().to_numpy()) | np.isinf(numbers)
        if wrong.any():
            row = int(wrong.argmax())
            raise InvalidInputError(f"{source}: row {row + 1}: {feature} is not a finite number")
        values[:, position] = np.nan_to_num(numbers)
        if feature in DWELL_FEATURES:
            values[:, position] = np.minimum(values[:, position], MAXIMUM_DWELL_SECONDS)
    return values


def stage_classes(frame: pd.DataFrame, source: Path, target: str = TARGET_COLUMN) -> Classes:
    """Return the index in `Stage` of each row's label.

    Args:
        frame: the rows.
        source: path of the rows, for error messages.
        target: column of the labels.

    Raises:
        InvalidInputError: the column is missing.
        LabeledSetError: a label is unknown.
    """
    _require_columns(frame, [target], source)
    index_of = {stage: index for index, stage in enumerate(Stage)}
    try:
        stage_of = {label: index_of[parse_stage(str(label))] for label in frame[target].unique()}
    except ValueError as error:
        raise LabeledSetError(f"{source}: column {target}: {error}") from None
    return np.array([stage_of[label] for label in frame[target]], dtype=np.int64)


def _require_columns(frame: pd.DataFrame, columns: Sequence[str], source: Path) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        examples = ", ".join(missing[:3])
        raise InvalidInputError(f"{source}: {len(missing)} columns are missing, such as {examples}")
