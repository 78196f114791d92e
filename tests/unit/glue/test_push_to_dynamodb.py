"""The push's arguments, and the counts that make it fail. `tests/spark` runs the push itself."""

from datetime import date

import pytest

from buyer_stage.domain.documents import PushReceipt, StageChanges
from buyer_stage.domain.errors import InvalidInputError, ScoredLinesLostError
from glue.push_to_dynamodb import parse_arguments, verify

TEXTS = ("transform_output", "pipeline_bucket", "table_name", "model_version", "run_name")
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


def receipt(read: int, written: int, quarantined: int, failed: int) -> PushReceipt:
    return PushReceipt(date(2020, 1, 30), read, written, quarantined, failed, {}, {}, StageChanges(None, 0, {}, 0))


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


def test_push_without_lost_lines_is_accepted() -> None:
    verify(receipt(read=5, written=4, quarantined=1, failed=0), 5, [])


@pytest.mark.parametrize(
    ("counts", "expected", "message"),
    [
        (receipt(read=5, written=3, quarantined=1, failed=1), 5, "did not accept all items: .*1 failed; denied"),
        (receipt(read=5, written=3, quarantined=1, failed=0), 5, "do not add up: 5 read of 5 expected, 3 written"),
        (receipt(read=5, written=5, quarantined=1, failed=0), 5, "do not add up"),
        (receipt(read=5, written=4, quarantined=1, failed=0), 6, "one line per member: 5 read of 6 expected"),
        (receipt(read=5, written=4, quarantined=1, failed=0), 4, "one line per member: 5 read of 4 expected"),
    ],
)
def test_lost_line_is_an_error_with_all_counts(counts: PushReceipt, expected: int, message: str) -> None:
    with pytest.raises(ScoredLinesLostError, match=message):
        verify(counts, expected, ["denied"])
