"""Rows are read as the ETL would write them, and impossible values are errors."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from buyer_stage.domain.errors import InvalidInputError, LabeledSetError
from buyer_stage.training.training_rows import read_training_rows

FEATURES = ("total_searches_007", "total_srp_dwell_time_seconds_007")


def write(path: Path, **changed: list[object]) -> Path:
    columns: dict[str, list[object]] = {
        "member_id": ["001", "b", "c"],
        "snapshot_month": [1, 1, 2],
        "total_searches_007": [3, None, 700],
        "total_srp_dwell_time_seconds_007": [10.5, 400, None],
        "buyer_stage": ["Dreamer", "Ready to Transact", "Casual Searcher"],
    }
    pd.DataFrame({**columns, **changed}).to_csv(path, index=False)
    return path


def test_missing_values_are_0_and_dwell_times_are_capped(tmp_path: Path) -> None:
    rows = read_training_rows(write(tmp_path / "rows.csv"), FEATURES)
    assert rows.members == ("001", "b", "c")
    assert [rows.labels[index] for index in rows.classes] == ["Dreamer", "Ready To Transact", "Casual Searcher"]
    np.testing.assert_array_equal(rows.values, [[3, 10.5], [0, 180], [700, 0]])


def test_files_of_a_folder_are_read_together(tmp_path: Path) -> None:
    write(tmp_path / "part-0.csv")
    write(tmp_path / "part-1.csv")
    (tmp_path / "_SUCCESS").write_text("")
    assert len(read_training_rows(tmp_path, FEATURES).members) == 6
    (tmp_path / "part-2.csv").write_text("member_id\nx\n")
    with pytest.raises(InvalidInputError, match="different columns"):
        read_training_rows(tmp_path, FEATURES)


@pytest.mark.parametrize(
    ("changed", "error", "message"),
    [
        ({"total_searches_007": [1, "many", 2]}, InvalidInputError, "row 2: total_searches_007 is not a finite number"),
        (
            {"total_searches_007": [1, 2, float("inf")]},
            InvalidInputError,
            "row 3: total_searches_007 is not a finite number",
        ),
        ({"member_id": ["a", None, "c"]}, InvalidInputError, "row 2 has no member_id"),
        ({"buyer_stage": ["Dreamer", "Buyer", "Dreamer"]}, LabeledSetError, "unknown stage"),
        ({"buyer_stage": ["Dreamer", None, "Dreamer"]}, LabeledSetError, "unknown stage"),
    ],
)
def test_impossible_value_is_an_error_that_names_its_row_or_column(
    changed: dict[str, list[object]], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        read_training_rows(write(tmp_path / "rows.csv", **changed), FEATURES)


def test_missing_columns_are_counted_and_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="1 columns are missing, such as total_leads_submitted_007"):
        read_training_rows(write(tmp_path / "rows.csv"), (*FEATURES, "total_leads_submitted_007"))


def test_file_that_is_missing_or_empty_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no rows"):
        read_training_rows(tmp_path / "none.csv", FEATURES)
    (tmp_path / "header.csv").write_text("member_id,buyer_stage\n")
    with pytest.raises(InvalidInputError, match="no rows"):
        read_training_rows(tmp_path / "header.csv", FEATURES)


def rows_of_100_members(pairs: int) -> dict[str, list[object]]:
    """Return rows of 100 members: the given number of equal pairs, six idle members, and others that differ."""
    return {
        "member_id": [f"m{member}" for member in range(100)],
        "snapshot_month": [1] * 100,
        "total_searches_007": [*range(1, 95 - pairs), *range(1, pairs + 1), *[0] * 6],
        "total_srp_dwell_time_seconds_007": [0] * 100,
        "buyer_stage": ["Dreamer", "Active Searcher"] * 50,
    }


@pytest.mark.parametrize(("pairs", "duplicates"), [(0, set()), (2, {"m0", "m1", "m92", "m93"})])
def test_few_duplicate_members_are_accepted_and_idle_members_are_not_duplicates(
    pairs: int, duplicates: set[str], tmp_path: Path
) -> None:
    rows = read_training_rows(write(tmp_path / "rows.csv", **rows_of_100_members(pairs)), FEATURES)
    assert rows.duplicate_members == duplicates


def test_more_than_5_percent_of_duplicate_members_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabeledSetError, match="6 of 100 members are duplicates, more than 5%"):
        read_training_rows(write(tmp_path / "rows.csv", **rows_of_100_members(3)), FEATURES)
