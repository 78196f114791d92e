"""Reads rows of members, with or without their stages, from CSV files with header.

A value that is missing is read as the ETL writes it: 0, and dwell times are capped. So the rows of the original's
sample, where a window that the member is absent from is empty, become those that the pipeline scores.
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
from buyer_stage.domain.labeled_set import MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS
from buyer_stage.domain.stages import Stage, parse_stage
from buyer_stage.domain.windows import Window
from buyer_stage.quality.evaluation import Classes, Matrix

DWELL_FEATURES = frozenset(
    name
    for column in SOURCE_COLUMNS
    if column.rule is Rule.DWELL
    for window in Window
    for name in column.feature_names(window)
)


@dataclass(frozen=True)
class TrainingRows:
    """Rows of members whose stage is known.

    Attributes:
        features: names of the columns of `values`, in order.
        labels: the K stages that the rows may have, from furthest to nearest.
        members: member id of each of the N rows.
        values: the features, shape (N, F); finite.
        classes: index in `labels` of each row's stage, shape (N,).
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
        """Weight of each row, 1 on average: a member counts the same however often it occurs; shape (N,)."""
        rows_of = Counter(self.members)
        weights = np.array([1 / rows_of[member] for member in self.members])
        return np.asarray(weights / weights.mean())

    def take(self, rows: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "TrainingRows":
        """Give the rows at these positions, or where this is true."""
        members = tuple(np.array(self.members, dtype=object)[rows].tolist())
        return TrainingRows(self.features, self.labels, members, self.values[rows], self.classes[rows])

    def of_others(self, members: Iterable[str]) -> "TrainingRows":
        """Give the rows of everyone but these members."""
        left_out = set(members)
        return self.take(np.array([member not in left_out for member in self.members]))

    def with_rows(self, other: "TrainingRows") -> "TrainingRows":
        """Give these rows followed by others of the same features and labels."""
        return TrainingRows(
            self.features,
            self.labels,
            self.members + other.members,
            np.vstack([self.values, other.values]),
            np.concatenate([self.classes, other.classes]),
        )


def read_training_rows(path: Path, features: Sequence[str]) -> TrainingRows:
    """Read a CSV file, or all in a folder, that holds `member_id`, the features and `buyer_stage`.

    Raises:
        InvalidInputError: a file, column or value is missing or impossible.
        LabeledSetError: a stage is unknown, or too many members equal another.
    """
    frame = read_csv(path)
    rows = TrainingRows(
        features=tuple(features),
        labels=tuple(Stage),
        members=member_ids(frame, path),
        values=feature_values(frame, features, path),
        classes=stage_classes(frame, path),
    )
    twins, members = len(duplicate_members(rows)), len(set(rows.members))
    if twins > MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS * members:
        raise LabeledSetError(
            f"{path}: {twins} of {members} members have a row that equals another member's in every feature, more than "
            f"{MAXIMUM_SHARE_OF_DUPLICATE_MEMBERS:.0%}; were ids issued again? No split by member is honest then"
        )
    return rows


def read_csv(path: Path) -> pd.DataFrame:
    """Read a CSV file with header, or all files directly in a folder.

    Raises:
        InvalidInputError: there is no file or no row, or the files' columns differ.
    """
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    files = [file for file in files if file.is_file() and not file.name.startswith((".", "_"))]
    try:
        frames = [pd.read_csv(file, dtype={MEMBER_ID: str}, low_memory=False) for file in files]
    except (ValueError, pd.errors.ParserError) as error:
        raise InvalidInputError(f"{path} cannot be read as CSV with header: {error}") from error
    if not any(len(frame) for frame in frames):
        raise InvalidInputError(f"{path} holds no rows")
    if any(list(frame.columns) != list(frames[0].columns) for frame in frames):
        raise InvalidInputError(f"the files of {path} have different columns")
    return pd.concat(frames, ignore_index=True)


def member_ids(frame: pd.DataFrame, source: Path) -> tuple[str, ...]:
    """Give the rows' member ids.

    Raises:
        InvalidInputError: there is no such column, or a row has none.
    """
    _require_columns(frame, [MEMBER_ID], source)
    if frame[MEMBER_ID].isna().any():
        raise InvalidInputError(f"{source}: row {int(frame[MEMBER_ID].isna().argmax()) + 1} has no {MEMBER_ID}")
    return tuple(frame[MEMBER_ID])


def feature_values(frame: pd.DataFrame, features: Sequence[str], source: Path) -> Matrix:
    """Give the rows' features as the ETL writes them: what is missing is 0, dwell times are capped.

    Args:
        frame: the rows.
        features: names of the F features.
        source: where the rows are from, for messages.

    Returns:
        Shape (rows, F).

    Raises:
        InvalidInputError: a feature is missing, or a value is no finite number.
    """
    _require_columns(frame, features, source)
    values = np.zeros((len(frame), len(features)))
    for position, feature in enumerate(features):
        column = frame[feature]
        numbers = pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan)
        wrong = (np.isnan(numbers) & column.notna().to_numpy()) | np.isinf(numbers)
        if wrong.any():
            row = int(wrong.argmax())
            raise InvalidInputError(f"{source}: row {row + 1}: {feature} is {column.iloc[row]}, not a finite number")
        values[:, position] = np.nan_to_num(numbers)
        if feature in DWELL_FEATURES:
            values[:, position] = np.minimum(values[:, position], MAXIMUM_DWELL_SECONDS)
    return values


def stage_classes(frame: pd.DataFrame, source: Path, target: str = TARGET_COLUMN) -> Classes:
    """Give the index in `Stage` of each row's stage.

    Raises:
        InvalidInputError: there is no such column.
        LabeledSetError: a label names no stage.
    """
    _require_columns(frame, [target], source)
    index_of = {stage: index for index, stage in enumerate(Stage)}
    try:
        stage_of = {label: index_of[parse_stage(str(label))] for label in frame[target].unique()}
    except ValueError as error:
        raise LabeledSetError(f"{source}: column {target}: {error}") from error
    return np.array([stage_of[label] for label in frame[target]], dtype=np.int64)


def duplicate_members(rows: TrainingRows) -> set[str]:
    """Give the members with a row that equals a row of another member in every feature.

    Rows without any behavior are left out: members who did nothing equal each other.
    """
    members_by_values: dict[bytes, set[str]] = {}
    for member, values in zip(rows.members, rows.values, strict=True):
        if values.any():
            members_by_values.setdefault(values.tobytes(), set()).add(member)
    return {member for twins in members_by_values.values() if len(twins) > 1 for member in twins}


def _require_columns(frame: pd.DataFrame, columns: Sequence[str], source: Path) -> None:
    missing = [column for column in columns if column not in frame.columns]
    if missing:
        named = ", ".join(missing[:3])
        raise InvalidInputError(f"{source}: {len(missing)} columns are missing, such as {named}")
