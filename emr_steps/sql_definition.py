"""Runs the queries in `sql/`, which are written for Athena, on Spark."""

from collections.abc import Mapping

import sqlglot
from pyspark.sql import DataFrame, SparkSession

from buyer_stage.domain.datalake import table_name
from buyer_stage.domain.windows import Window

SNAPSHOT_DATE = "snapshot_date"
"""Date column of the results of `sql/features.sql` and `sql/labeled_set.sql`."""


def run_athena_query(spark: SparkSession, query: str, tables: Mapping[Window, DataFrame]) -> DataFrame:
    """Run a query on the windows' tables and on other views of the session.

    Args:
        spark: the session.
        query: text in Athena's dialect, with its parameters filled in.
        tables: window -> raw rows, from `read_window`.
    """
    for window, table in tables.items():
        table.createOrReplaceTempView(table_name(window))
    return spark.sql(sqlglot.transpile(query, read="athena", write="spark")[0])
