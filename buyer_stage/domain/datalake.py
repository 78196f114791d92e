"""The location of the behavior summaries in the data lake, and the columns that the product reads."""

from datetime import date

from buyer_stage.domain.features import MEMBER_ID, SOURCE_COLUMNS, HiveType
from buyer_stage.domain.snapshot_date import format_partition_value
from buyer_stage.domain.windows import Window

PARTITION_COLUMN = "snapshot_date_mst_yyyymmdd"
"""String partition column of every table, `YYYYMMDD`."""

TABLES_PREFIX = "cnsp"
"""Folder of the data lake that holds the tables."""

SURVEY_FILE = "survey.csv"
"""The survey's answers, at the root of a data lake folder: `SURVEY_COLUMNS`, with a header."""

SURVEY_KEY = f"survey/{SURVEY_FILE}"
"""The survey's answers in the data lake's bucket, alone in their folder, because a catalog table is a folder."""

SURVEY_COLUMNS: tuple[str, ...] = (
    MEMBER_ID, "start_date", "end_date", "stage_label_1", "stage_label_2", "stage_label_3",
)  # fmt: skip
"""Columns of the survey. The model learns `stage_label_1`; the dates are ISO 8601 days."""

REQUIRED_COLUMNS: dict[str, HiveType] = {
    MEMBER_ID: HiveType.STRING,
    **{column.name: column.hive_type for column in SOURCE_COLUMNS},
}
"""The columns that the product reads from every table, and their types."""


def table_name(window: Window) -> str:
    """Return the name of the table that holds a window's behavior summaries."""
    return f"consumer_analytical_profile_member_id_summary_{window.value}"


def table_prefix(window: Window) -> str:
    """Return the path of a window's table below the data lake's root, without leading or trailing slash."""
    return f"{TABLES_PREFIX}/{table_name(window)}"


def partition_prefix(window: Window, snapshot_date: date) -> str:
    """Return the path of a snapshot in a window's table, without leading or trailing slash."""
    return f"{table_prefix(window)}/{PARTITION_COLUMN}={format_partition_value(snapshot_date)}"
