"""The push's arguments. `tests/spark` runs the push itself."""

import json
from datetime import date
from decimal import Decimal

import pytest

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.failures import UnexpectedError
from buyer_stage.domain.serving_documents import PushKind
from glue.push_to_dynamodb import main, parse_arguments
from tests.spark.serving import LIMITS

TEXTS = (
    "pipeline_bucket", "table_name", "event_bus", "region", "run_name", "execution_name", "transform_output",
    "model_version",
)  # fmt: skip
NUMBERS = (
    "ttl_days",
    "refresh_margin_days",
    "maximum_writes_per_second",
    "maximum_events_per_second",
    "expected_line_count",
    "snapshots_before_stage_change",
)
ARGUMENTS = {
    **{f"--{name}": "x" for name in TEXTS},
    **{f"--{name}": "1" for name in NUMBERS},
    "--kind": "scores",
    "--snapshot_date": "20200130",
    "--served_on": "20200201",
    "--probability_tolerance": "0.02",
    "--audit_limits": json.dumps(LIMITS),
}


def command_line(arguments: dict[str, str]) -> list[str]:
    return [part for pair in arguments.items() for part in pair]


def test_arguments_of_glue_itself_are_ignored() -> None:
    parsed = parse_arguments([*command_line(ARGUMENTS), "--JOB_NAME", "added-by-glue"])
    assert (parsed.snapshot_date, parsed.served_on) == (date(2020, 1, 30), date(2020, 2, 1))
    assert (parsed.ttl_days, parsed.run_name, parsed.probability_tolerance) == (1, "x", Decimal("0.02"))
    assert (parsed.kind, parsed.serve_anyway, parsed.audit_limits.flip_rate) == (PushKind.SCORES, None, 0.45)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--snapshot_date", "2020-01-30"),
        ("--served_on", "yesterday"),
        *[(f"--{name}", "0") for name in NUMBERS],
        ("--ttl_days", "-1"),
        ("--probability_tolerance", "0"),
        ("--probability_tolerance", "little"),
        ("--kind", "everything"),
        ("--audit_limits", "{}"),
        ("--audit_limits", "nothing"),
        ("--audit_limits", json.dumps({**LIMITS, "other": 1})),
        ("--audit_limits", json.dumps({**LIMITS, "flip_rate": "high"})),
    ],
)
def test_impossible_argument_is_an_error(name: str, value: str) -> None:
    with pytest.raises(InvalidInputError):
        parse_arguments(command_line({**ARGUMENTS, name: value}))


@pytest.mark.parametrize(
    ("kind", "needed"),
    [
        ("scores", ["transform_output", "model_version", "expected_line_count", "snapshots_before_stage_change"]),
        ("rollback", ["target_state"]),
    ],
)
def test_each_kind_needs_its_arguments(kind: str, needed: list[str]) -> None:
    names = ("transform_output", "model_version", "expected_line_count", "snapshots_before_stage_change")
    without = {name: value for name, value in ARGUMENTS.items() if name.removeprefix("--") not in names}
    with pytest.raises(InvalidInputError, match=f"needs --{', --'.join(needed)}"):
        parse_arguments(command_line({**without, "--kind": kind}))
    assert parse_arguments(command_line({**without, "--kind": "ttl extension"})).kind is PushKind.TTL_EXTENSION


def test_error_that_repeating_cannot_fix_ends_the_run_normally(caplog: pytest.LogCaptureFixture) -> None:
    main(command_line({**ARGUMENTS, "--ttl_days": "0"}))
    assert "repeating it would not help" in caplog.text
    assert "0 is not a whole number above 0" in caplog.text


def test_other_error_makes_glue_repeat_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def lose_executors(*_: object) -> None:
        raise OSError("executor lost")

    monkeypatch.setattr("glue.push_to_dynamodb.start_spark", lose_executors)
    with pytest.raises(UnexpectedError, match=r"OSError in glue\.push_to_dynamodb, line"):
        main(command_line(ARGUMENTS))
