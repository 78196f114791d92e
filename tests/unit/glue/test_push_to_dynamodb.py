"""The push's arguments. `tests/spark` runs the push itself."""

from datetime import date

import pytest

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.failures import UnexpectedError
from glue.push_to_dynamodb import main, parse_arguments

TEXTS = ("transform_output", "pipeline_bucket", "table_name", "region", "model_version", "run_name")
NUMBERS = (
    "expires_at_epoch_seconds",
    "ttl_days",
    "snapshots_before_stage_change",
    "expected_line_count",
    "write_partitions",
    "maximum_writes_per_second",
)
ARGUMENTS = {
    **{f"--{name}": "x" for name in TEXTS},
    **{f"--{name}": "1" for name in NUMBERS},
    "--snapshot_date": "20200130",
}


def command_line(arguments: dict[str, str]) -> list[str]:
    return [part for pair in arguments.items() for part in pair]


def test_arguments_of_glue_itself_are_ignored() -> None:
    parsed = parse_arguments([*command_line(ARGUMENTS), "--JOB_NAME", "added-by-glue"])
    assert (parsed.snapshot_date, parsed.ttl_days, parsed.run_name) == (date(2020, 1, 30), 1, "x")


@pytest.mark.parametrize(
    ("name", "value"),
    [("--snapshot_date", "2020-01-30"), *[(f"--{name}", "0") for name in NUMBERS], ("--ttl_days", "-1")],
)
def test_impossible_argument_is_an_error(name: str, value: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_arguments(command_line({**ARGUMENTS, name: value}))


def test_error_that_repeating_cannot_fix_ends_the_run_normally(caplog: pytest.LogCaptureFixture) -> None:
    main(command_line({**ARGUMENTS, "--ttl_days": "0"}))
    assert "repeating it would not help" in caplog.text
    assert "0 is not a whole number above 0" in caplog.text


def test_other_error_makes_glue_repeat_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_executors(*_: object) -> None:
        raise OSError("executor lost")

    monkeypatch.setattr("pyspark.sql.SparkSession.Builder.appName", lose_executors)
    with pytest.raises(UnexpectedError, match=r"OSError in glue\.push_to_dynamodb, line"):
        main(command_line(ARGUMENTS))
