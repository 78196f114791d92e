"""Runs the queries in `sql/`, which are written for Athena, on Spark."""

from collections.abc import Mapping

import sqlglot
from pyspark.sql import DataFrame, SparkSession
from sqlglot import exp

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
    return spark.sql(_pack_joined_rows(sqlglot.parse_one(query, read="athena")).sql("spark"))


def _pack_joined_rows(query: exp.Expr) -> exp.Expr:
    """Make the outer joins of a query carry the columns that it selects as one struct.

    Spark copies a row at every join, field by field. It copies a struct as a whole, which takes a fraction of the time.
    """
    for join in query.args.get("joins", []):
        if join.side != "LEFT":
            continue
        table = join.alias_or_name
        keys = {column.name for column in join.args["on"].find_all(exp.Column) if column.table == table}
        selected = [c for each in query.expressions for c in each.find_all(exp.Column) if c.table == table]
        names = dict.fromkeys(column.name for column in selected)
        packed = exp.Struct(expressions=[exp.column(name) for name in names]).as_("packed")
        join.set("this", exp.select(*sorted(keys), packed).from_(join.this.name).subquery(table))
        for column in selected:
            column.replace(exp.column(column.name, table="packed", db=table))
    return query
