"""What `contracts/` says to others is current and valid."""

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
import yaml

from buyer_stage.domain.datalake import PARTITION_COLUMN, REQUIRED_COLUMNS, table_name
from buyer_stage.domain.features import DOMINANT_SEGMENT, SOURCE_COLUMNS
from buyer_stage.domain.input_checks import RULES, Level, Measure
from buyer_stage.domain.windows import Window
from sample_data.schema import table_schema
from tools.contracts.consumer_profile import STANDARD_VERSION
from tools.contracts.documents import FOLDER, broken_contracts, documents

STALE = "run `make contracts` and commit the result"


@pytest.fixture(scope="module")
def contract() -> dict[str, Any]:
    """The contract with the owners of the data lake, as its readers parse it."""
    parsed: dict[str, Any] = yaml.safe_load((FOLDER / "consumer_profile.odcs.yaml").read_text())
    return parsed


def test_contracts_are_current() -> None:
    assert {file: file.read_text() for file in documents()} == documents(), STALE


def test_contracts_with_product_teams_break_nothing_that_they_rely_on() -> None:
    assert broken_contracts() == []


def test_contract_of_the_data_lake_follows_the_json_schema_of_its_standard(contract: dict[str, Any]) -> None:
    schema = json.loads(files("open_data_contract_standard").joinpath("schema.json").read_text())
    assert schema["properties"]["apiVersion"]["default"] == STANDARD_VERSION

    jsonschema.Draft201909Validator(schema).validate(contract)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft201909Validator(schema).validate({**contract, "schema": [{"quality": []}]})


def test_contract_of_the_data_lake_has_every_column_and_limit(contract: dict[str, Any]) -> None:
    assert [table["name"] for table in contract["schema"]] == [table_name(window) for window in Window]
    for table in contract["schema"]:
        columns = {column["name"]: column for column in table["properties"]}
        assert list(columns) == [*table_schema().names, PARTITION_COLUMN]
        assert {name: columns[name]["physicalType"] for name in REQUIRED_COLUMNS} == {
            name: hive_type.value for name, hive_type in REQUIRED_COLUMNS.items()
        }
        assert limits(table) == {"repeated_members": None, **expected(Measure.ROWS)}
        for source in SOURCE_COLUMNS:
            of_values = Measure.UNKNOWN_SEGMENT_SHARE if source is DOMINANT_SEGMENT else Measure.ZERO_SHARE
            assert limits(columns[source.name]) == {**expected(Measure.NULL_SHARE), **expected(of_values)}
        assert {name for name, column in columns.items() if "quality" in column} == REQUIRED_COLUMNS.keys()


def limits(element: dict[str, Any]) -> dict[str, Any]:
    """Return the name of each rule of a table or column -> its severity and limits."""
    return {
        rule["name"]: (rule["severity"], *rule["mustBeBetween"]) if "mustBeBetween" in rule else None
        for rule in element["quality"]
    }


def expected(measure: Measure) -> dict[str, Any]:
    return {
        f"{measure.value}_{rule.level.value}": (
            "error" if rule.level is Level.ERROR else "warning", rule.lowest, rule.highest,
        )
        for rule in RULES
        if rule.measure is measure
    }  # fmt: skip
