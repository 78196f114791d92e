"""Where the data lake keeps the behavior summaries, and which of their columns the product reads."""

from datetime import date

from buyer_stage.domain.features import MEMBER_ID, SOURCE_COLUMNS, HiveType
from buyer_stage.domain.snapshot_date import format_partition_value
from buyer_stage.domain.windows import Window

PARTITION_COLUMN = "snapshot_date_mst_yyyymmdd"
"""String partition column of every table, `YYYYMMDD`."""

TABLES_PREFIX = "cnsp"
"""Folder of the data lake that holds the tables."""

SURVEY_FILE = "survey.csv"
"""The survey's answers, at the root of a data lake's folder: `SURVEY_COLUMNS`, with a header."""

SURVEY_KEY = f"survey/{SURVEY_FILE}"
"""The same in the data lake's bucket: alone in its folder, because a table of the catalog is a folder."""

SURVEY_COLUMNS: tuple[str, ...] = (
    MEMBER_ID, "start_date", "end_date", "stage_label_1", "stage_label_2", "stage_label_3",
)  # fmt: skip
"""Columns of the survey. `stage_label_1` is the answer the model learns; the dates are ISO 8601 days."""

REQUIRED_COLUMNS: dict[str, HiveType] = {
    MEMBER_ID: HiveType.STRING,
    **{column.name: column.hive_type for column in SOURCE_COLUMNS},
}
"""The columns that the product reads of every table, and their types."""


def table_name(window: Window) -> str:
    """Name of the table that holds a window's behavior summaries."""
    return f"consumer_analytical_profile_member_id_summary_{window.value}"


def table_prefix(window: Window) -> str:
    """Path of a window's table below the data lake's root, without slashes at its ends."""
    return f"{TABLES_PREFIX}/{table_name(window)}"


def partition_prefix(window: Window, snapshot_date: date) -> str:
    """Path of one snapshot of a window's table below the data lake's root, without slashes at its ends."""
    return f"{table_prefix(window)}/{PARTITION_COLUMN}={format_partition_value(snapshot_date)}"
