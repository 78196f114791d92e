"""The contract with the owners of the data lake, in the Open Data Contract Standard.

It has the columns of `sql/datalake_schema.csv`, and each input check as a query, so that the owners can check a
snapshot before the ETL reads it. The queries are in Athena's dialect, with the placeholders of the standard.
"""

import csv
from collections.abc import Iterator
from typing import Any

import yaml

from buyer_stage.domain.datalake import PARTITION_COLUMN, table_name
from buyer_stage.domain.features import DOMINANT_SEGMENT, MEMBER_ID, SOURCE_COLUMNS, HiveType
from buyer_stage.domain.input_checks import (
    EARLIER_SNAPSHOTS,
    EARLIER_SNAPSHOTS_FOR_ROWS,
    MINIMUM_ROWS,
    RULES,
    Level,
    Measure,
)
from buyer_stage.domain.member_id import UNUSABLE_CHARACTER
from buyer_stage.domain.snapshot_date import DEFAULT_LAG_DAYS
from buyer_stage.domain.windows import Window
from sample_data.schema import SCHEMA_FILE

STANDARD_VERSION = "v3.1.0"
"""Version of the standard. `requirements/dev.in` has its JSON Schema."""

CONTRACT_VERSION = "1.0.0"
"""Increases whenever a column, type or limit changes."""

LOGICAL_TYPES = {
    "string": "string",
    "int": "integer",
    "bigint": "integer",
    "double": "number",
    "timestamp": "timestamp",
}
"""Hive type -> logical type of the standard."""

SEVERITIES = {Level.WARN: "warning", Level.ERROR: "error"}

DESCRIPTIONS = {
    Measure.ROWS: "Rows of the latest snapshot, divided by the median",
    Measure.NULL_SHARE: "Share of nulls (and NaN) in the latest snapshot, less the median",
    Measure.ZERO_SHARE: "Share of zeros (and less) in the latest snapshot, less the median",
    Measure.UNKNOWN_SEGMENT_SHARE: "Share of unknown segments in the latest snapshot, less the median",
}

ROW_CHANGE = """\
WITH snapshots AS (
  SELECT count(*) AS row_count, row_number() OVER (ORDER BY {partition} DESC) AS age
  FROM ${{object}}
  GROUP BY {partition}
),
earlier AS (
  SELECT row_count, row_number() OVER (ORDER BY row_count) AS place, count(*) OVER () AS earlier_snapshots
  FROM snapshots
  WHERE age BETWEEN 2 AND {oldest}
),
usual AS (
  SELECT avg(row_count) AS row_count, max(earlier_snapshots) AS earlier_snapshots
  FROM earlier
  WHERE 2 * place BETWEEN earlier_snapshots AND earlier_snapshots + 2
)
SELECT CASE
  WHEN usual.row_count >= {minimum_rows} AND usual.earlier_snapshots >= {minimum_snapshots}
    THEN snapshots.row_count / usual.row_count
  ELSE 1E0
END
FROM snapshots CROSS JOIN usual
WHERE snapshots.age = 1
"""
"""Rows of the latest snapshot, as a ratio to the median. 1 where the median says nothing.

The median is the average of the one or two places in the middle, because Athena has no exact median."""

SHARE_CHANGE = """\
WITH snapshots AS (
  SELECT count(*) AS row_count, avg(CASE WHEN {condition} THEN 1E0 ELSE 0E0 END) AS share,
    row_number() OVER (ORDER BY {partition} DESC) AS age
  FROM ${{object}}
  GROUP BY {partition}
),
earlier AS (
  SELECT row_count, share, count(*) OVER () AS earlier_snapshots,
    row_number() OVER (ORDER BY row_count) AS row_place, row_number() OVER (ORDER BY share) AS place
  FROM snapshots
  WHERE age BETWEEN 2 AND {oldest}
),
usual AS (
  SELECT
    avg(CASE WHEN 2 * row_place BETWEEN earlier_snapshots AND earlier_snapshots + 2 THEN row_count END) AS row_count,
    avg(CASE WHEN 2 * place BETWEEN earlier_snapshots AND earlier_snapshots + 2 THEN share END) AS share
  FROM earlier
)
SELECT CASE
  WHEN snapshots.row_count >= {minimum_rows} AND usual.row_count >= {minimum_rows}
    THEN snapshots.share - usual.share
  ELSE 0E0
END
FROM snapshots CROSS JOIN usual
WHERE snapshots.age = 1
"""
"""Share of the latest snapshot's rows that meet a condition, less the median. 0 where the median says nothing."""

REPEATED_MEMBERS = """\
SELECT count(*)
FROM (SELECT 1 AS repeated FROM ${{object}} GROUP BY {member_id}, {partition} HAVING count(*) > 1)
"""

UNUSABLE_IDS = """\
SELECT count(*)
FROM ${{object}}
WHERE coalesce(regexp_replace(${{property}}, '\\s+', ''), '') = ''
  OR regexp_like(${{property}}, '{unusable_character}')
"""


def render() -> str:
    """Return the contract as YAML. Tables share their columns, and columns of one type share their rules."""
    header = "# Written by `make contracts` from sql/datalake_schema.csv and buyer_stage/domain/input_checks.py.\n"
    text: str = yaml.dump(contract(), Dumper=_Dumper, sort_keys=False, width=120)
    return header + text


def contract() -> dict[str, Any]:
    """Return the contract as a document of the standard."""
    repeated = REPEATED_MEMBERS.format(member_id=MEMBER_ID, partition=PARTITION_COLUMN)
    quality = [_must_be_zero("repeated_members", "Members with several rows in a snapshot", repeated)]
    quality += _rules(Measure.ROWS, "")
    properties = list(_properties())
    return {
        "version": CONTRACT_VERSION,
        "apiVersion": STANDARD_VERSION,
        "kind": "DataContract",
        "id": "consumer-profile",
        "name": "Behavior summaries that buyer-stage-pipelines reads",
        "status": "active",
        "description": {
            "purpose": "Features of every member, from which the product predicts the member's stage.",
            "usage": "The product reads the columns that have quality rules.",
            "limitations": (
                "The product refuses a snapshot that breaks a rule of severity error, and records broken rules of "
                f"severity warning. Rules about changes compare the latest snapshot with the median of the "
                f"{EARLIER_SNAPSHOTS} snapshots before, in tables with {MINIMUM_ROWS} rows or more."
            ),
        },
        "schema": [
            {
                "name": table_name(window),
                "logicalType": "object",
                "physicalType": "table",
                "description": f"Behavior summaries of members. Days in the window: {window.days}.",
                "dataGranularityDescription": "One row per member and snapshot.",
                "quality": quality,
                "properties": properties,
            }
            for window in Window
        ],
        "slaProperties": [{"property": "latency", "value": DEFAULT_LAG_DAYS, "unit": "d", "element": PARTITION_COLUMN}],
    }


def _properties() -> Iterator[dict[str, Any]]:
    sources = {source.name: source for source in SOURCE_COLUMNS}
    quality = {hive_type: _column_rules(hive_type) for hive_type in HiveType}
    unusable = UNUSABLE_IDS.format(unusable_character=UNUSABLE_CHARACTER)
    ids = [_must_be_zero("unusable_ids", "Ids that are blank or contain a control character", unusable)]
    with SCHEMA_FILE.open(encoding="utf-8") as lines:
        columns = [(row["column"], row["hive_type"]) for row in csv.DictReader(lines)]
    for name, hive_type in columns:
        column: dict[str, Any] = {"name": name, "logicalType": LOGICAL_TYPES[hive_type], "physicalType": hive_type}
        if name == MEMBER_ID:
            column |= {"required": True, "primaryKey": True, "primaryKeyPosition": 1, "quality": ids}
        elif name in sources:
            column["quality"] = quality[sources[name].hive_type]
        yield column
    yield {
        "name": PARTITION_COLUMN,
        "logicalType": "string",
        "physicalType": "string",
        "description": "The snapshot date as YYYYMMDD.",
        "required": True,
        "primaryKey": True,
        "primaryKeyPosition": 2,
        "partitioned": True,
        "partitionKeyPosition": 1,
    }


def _column_rules(hive_type: HiveType) -> list[dict[str, Any]]:
    null = "${property} IS NULL"
    if hive_type is HiveType.DOUBLE:
        null += " OR is_nan(${property})"
    rules = _rules(Measure.NULL_SHARE, null)
    if hive_type is HiveType.STRING:
        known = ", ".join(f"'{value}'" for value in DOMINANT_SEGMENT.values)
        trimmed = r"regexp_replace(${property}, '^\s+|\s+$', '')"
        return rules + _rules(Measure.UNKNOWN_SEGMENT_SHARE, f"{trimmed} NOT IN ({known})")
    return rules + _rules(Measure.ZERO_SHARE, "${property} <= 0")


def _rules(measure: Measure, condition: str) -> list[dict[str, Any]]:
    template = ROW_CHANGE if measure is Measure.ROWS else SHARE_CHANGE
    return [
        {
            "name": f"{measure.value}_{rule.level.value}",
            "description": DESCRIPTIONS[measure],
            "type": "sql",
            "severity": SEVERITIES[rule.level],
            "query": template.format(
                partition=PARTITION_COLUMN,
                condition=condition,
                oldest=EARLIER_SNAPSHOTS + 1,
                minimum_rows=MINIMUM_ROWS,
                minimum_snapshots=EARLIER_SNAPSHOTS_FOR_ROWS if rule.level is Level.ERROR else 1,
            ),
            "mustBeBetween": [rule.lowest, rule.highest],
        }
        for rule in RULES
        if rule.measure is measure
    ]


def _must_be_zero(name: str, description: str, query: str) -> dict[str, Any]:
    severity = SEVERITIES[Level.ERROR]
    return {
        "name": name, "description": description, "type": "sql", "severity": severity, "query": query, "mustBe": 0,
    }  # fmt: skip


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes texts of several lines as blocks."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None),
)
