"""Create an Athena table of the labeled set, with the definition that the pipeline trains on.

python -m tools.labeled_set --environment dev [--table T]

The table has a row for every member and snapshot near an answer; the column `outcome` says which rows are labeled. The
splits that models are trained on are elsewhere: `emr_steps/build_training_data.py` writes them.
"""

import argparse

import awswrangler as wr

from buyer_stage.domain.datalake import PARTITION_COLUMN, table_name
from buyer_stage.domain.errors import DataLakeError, LabeledSetError
from buyer_stage.domain.queries import fill_labeled_set_query
from buyer_stage.domain.snapshot_date import format_partition_value, parse_snapshot_date
from buyer_stage.domain.windows import Window
from emr_steps.survey import parse_survey
from tools.environment import require
from tools.repository import REPOSITORY
from tools.terraform import ENVIRONMENTS

SQL = REPOSITORY / "sql"


def create_labeled_set(database: str, workgroup: str, table: str) -> dict[str, int]:
    """Replace a table with the labeled set of the current survey.

    Args:
        database: Glue database with the survey and the five tables of the data lake.
        workgroup: Athena workgroup, which decides where the files of the table go.
        table: name of the table.

    Returns:
        Outcome, such as `labeled` or `after the answer` -> number of rows.

    Raises:
        LabeledSetError: the survey is damaged, or there is no snapshot near an answer.
        DataLakeError: a member occurs more than once in a snapshot of a window.
    """
    survey = wr.athena.read_sql_query(
        "SELECT * FROM survey", database=database, workgroup=workgroup, ctas_approach=False
    )
    answers = parse_survey(survey.to_csv(index=False))
    near = {format_partition_value(day) for answer in answers for day in answer.near_days()}
    # Only days with a snapshot, as in the pipeline: the days decide which answers count as contradictions.
    present = wr.athena.read_sql_query(
        " UNION ".join(_days_of(window, near) for window in Window),
        database=database,
        workgroup=workgroup,
        ctas_approach=False,
    )
    if present.empty:
        raise LabeledSetError("the data lake has no snapshot near an answer of the survey")
    days = sorted(parse_snapshot_date(str(day)) for day in present.day)
    query = fill_labeled_set_query((SQL / "labeled_set.sql").read_text(), (SQL / "features.sql").read_text(), days)
    wr.catalog.delete_table_if_exists(database=database, table=table)
    wr.athena.create_ctas_table(
        sql=query, database=database, ctas_table=table, workgroup=workgroup, storage_format="parquet", wait=True
    )
    counted = wr.athena.read_sql_query(
        "SELECT outcome, count(*) AS row_count, count(DISTINCT (member_id, snapshot_date)) AS key_count "  # noqa: S608
        f"FROM {table} GROUP BY outcome",
        database=database,
        workgroup=workgroup,
        ctas_approach=False,
    )
    if (counted.row_count != counted.key_count).any():
        wr.catalog.delete_table_if_exists(database=database, table=table)
        raise DataLakeError(
            "a member occurs more than once in a snapshot of a window; run the ETL for each day to find the window"
        )
    return dict(zip(counted.outcome.tolist(), counted.row_count.tolist(), strict=True))


def _days_of(window: Window, days: set[str]) -> str:
    listed = ", ".join(f"'{day}'" for day in sorted(days))
    return (
        f"SELECT DISTINCT {PARTITION_COLUMN} AS day FROM {table_name(window)} "  # noqa: S608
        f"WHERE {PARTITION_COLUMN} IN ({listed})"
    )


def main() -> None:
    """Create the table and print the number of rows per outcome."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--table", default="labeled_set", help="table to create or replace")
    arguments = parser.parse_args()
    require(arguments.environment)
    database, workgroup = f"buyer_stage_{arguments.environment}", f"buyer-stage-{arguments.environment}"
    for outcome, rows in sorted(create_labeled_set(database, workgroup, arguments.table).items()):
        print(f"{outcome}: {rows}")


if __name__ == "__main__":
    main()
