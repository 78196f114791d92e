"""Each part of the pipeline reads the columns that the part before it writes.

The lines of the ETL pass through the filters of the transform to the model, and the transform's output goes to Glue.
The local cloud's transform applies the filters here.
"""

import csv
import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
import sqlglot

from buyer_stage.domain.features import (
    CALENDAR_COLUMNS,
    MEMBER_ID,
    MODEL_FEATURES,
    OUTPUT_COLUMNS,
    TARGET_COLUMN,
    TRANSFORM_INPUT_FILTER,
    column_checksum,
)
from buyer_stage.domain.serving_item import round_probability, serving_item
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.transform_output import INFERENCE_RESPONSE_KEYS, OUTPUT_FILTER, parse_scored_line
from localcloud.sagemaker.batch_transform import FieldFilter, Transform
from tools.repository import REPOSITORY

PREDICTION = {
    "predicted_label": "Active Searcher",
    "labels": "['Active Searcher', 'Casual Searcher', 'Dreamer', 'Ready To Transact']",
    "probabilities": "[0.4, 0.3, 0.2, 0.1]",
}


def csv_line(fields: list[str]) -> str:
    """Write fields as an inference container does: quoted if they contain a comma."""
    return ",".join(f'"{field}"' if "," in field else field for field in fields)


def transform(predict: Callable[[list[list[str]]], list[str]]) -> Transform:
    """Return a transform with the product's filters and a scripted model."""
    return Transform(
        predict=predict,
        input_filter=FieldFilter.parse(TRANSFORM_INPUT_FILTER),
        output_filter=FieldFilter.parse(OUTPUT_FILTER),
        maximum_payload_bytes=10 * 1024 * 1024,
    )


def test_etl_writes_the_published_columns_in_order() -> None:
    published = (REPOSITORY / "tests" / "contract" / "feature_columns.txt").read_text().split()
    assert list(OUTPUT_COLUMNS) == published


def test_sql_definition_selects_the_same_columns() -> None:
    query = sqlglot.parse_one((REPOSITORY / "sql" / "features.sql").read_text(), read="athena")
    assert isinstance(query, sqlglot.exp.Query)
    assert query.named_selects == ["snapshot_date", *OUTPUT_COLUMNS]


def test_model_receives_exactly_the_columns_it_was_trained_on() -> None:
    sent: list[list[str]] = []

    def predict(rows: list[list[str]]) -> list[str]:
        sent.extend(rows)
        return [csv_line([PREDICTION[key] for key in INFERENCE_RESPONSE_KEYS])] * len(rows)

    list(transform(predict).transform_lines([",".join(OUTPUT_COLUMNS)]))
    assert sent == [list(MODEL_FEATURES)]


@pytest.mark.parametrize("column", [MEMBER_ID, *CALENDAR_COLUMNS, TARGET_COLUMN])
def test_model_receives_no_id_date_or_label(column: str) -> None:
    assert column not in MODEL_FEATURES


def test_glue_reads_what_the_transform_writes() -> None:
    def predict(rows: list[list[str]]) -> list[str]:
        return [csv_line([PREDICTION[key] for key in INFERENCE_RESPONSE_KEYS])] * len(rows)

    features = [["m1", "1", "30", "4", *("0" for _ in MODEL_FEATURES)], ["m,2", "1", "30", "4", *MODEL_FEATURES]]
    lines = list(transform(predict).transform_lines([csv_line(fields) for fields in features]))

    assert [len(next(csv.reader([line]))) for line in lines] == [4, 4]
    scored = [parse_scored_line(line) for line in lines]
    assert [member.member_id for member in scored] == ["m1", "m,2"]
    for member in scored:
        assert member.stage is Stage.ACTIVE_SEARCHER
        assert member.probabilities == {
            Stage.DREAMER: 0.2,
            Stage.CASUAL_SEARCHER: 0.3,
            Stage.ACTIVE_SEARCHER: 0.4,
            Stage.READY_TO_TRANSACT: 0.1,
        }
        probabilities = [round_probability(repr(member.probabilities[stage])) for stage in Stage]
        day = date(2020, 1, 30)
        item = serving_item(
            member.member_id, member.stage, probabilities, since=day, snapshot_date=day, model_version="v", ttl=1
        )
        assert (item.member_id, item.value, item.confidence) == (member.member_id, "Active Searcher", Decimal("0.4"))


def test_checksum_depends_on_the_order() -> None:
    assert column_checksum(MODEL_FEATURES) != column_checksum(tuple(reversed(MODEL_FEATURES)))


def test_every_function_has_a_sample_event() -> None:
    events: dict[str, Any] = {
        path.stem: json.loads(path.read_text()) for path in (REPOSITORY / "tests" / "events").glob("*.json")
    }
    functions = {path.parent.name for path in (REPOSITORY / "lambdas").glob("*/handler.py")}
    assert events.keys() == functions
