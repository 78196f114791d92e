"""Executions start when all that they need exists, and not before."""

from collections.abc import Iterator
from typing import Any

import pytest

from localcloud.deployment import NOT_FOR_EXECUTIONS, wait_until_executions_can_run
from tools.terraform import CONFIGURATION, TerraformError

BUCKET = "module.storage.aws_s3_bucket.this"
LIFECYCLE = "module.storage.aws_s3_bucket_lifecycle_configuration.this"
SCHEDULE = 'module.schedules.aws_scheduler_schedule.this["etl"]'
TABLE = "module.serving_table.aws_dynamodb_table.this"
DOCUMENT = "module.storage.data.aws_iam_policy_document.bucket"


def planned(address: str, action: str = "create") -> dict[str, Any]:
    return {"type": "planned_change", "change": {"action": action, "resource": {"addr": address}}}


def complete(address: str, action: str = "create") -> dict[str, Any]:
    done = {"action": action, "resource": {"addr": address}, "id_key": "id", "id_value": f"id of {address}"}
    return {"type": "apply_complete", "hook": done}


def test_executions_wait_for_all_but_what_they_do_not_need() -> None:
    plan = [planned(BUCKET), planned(DOCUMENT, "read"), planned(LIFECYCLE), planned(SCHEDULE), planned(TABLE)]
    done = [complete(BUCKET), complete(DOCUMENT, "read"), complete(SCHEDULE), complete(TABLE)]
    rest = [{"type": "apply_progress", "hook": {"resource": {"addr": LIFECYCLE}}}, complete(LIFECYCLE)]
    events = iter([{"type": "version"}, *plan, *done, *rest])

    ids = wait_until_executions_can_run(events)

    assert ids == {address: f"id of {address}" for address in (BUCKET, SCHEDULE, TABLE)}
    assert list(events) == rest


def test_failure_before_everything_exists_is_raised() -> None:
    def events() -> Iterator[dict[str, Any]]:
        yield from (planned(BUCKET), planned(TABLE), complete(TABLE))
        raise TerraformError("no such bucket")

    with pytest.raises(TerraformError, match="no such bucket"):
        wait_until_executions_can_run(events())


@pytest.mark.parametrize("part", NOT_FOR_EXECUTIONS)
def test_what_executions_do_not_need_is_in_the_configuration(part: str) -> None:
    kind, _, name = part.rstrip(".").partition(".")
    declared = f'{kind} "{name}"' if kind == "module" else f'resource "{kind}" "{name}'

    assert any(declared in file.read_text() for file in CONFIGURATION.rglob("*.tf"))
