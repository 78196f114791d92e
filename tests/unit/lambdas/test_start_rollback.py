"""A rollback finds the state that comes back, or says which states there are."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from buyer_stage.domain.data_inventory import find_entry
from buyer_stage.domain.errors import InvalidInputError, InvalidManifestError
from buyer_stage.domain.s3_layout import served_items_prefix
from buyer_stage.domain.serving_documents import ServedState
from lambdas.start_rollback import handler as function
from tests.unit.lambdas.conftest import BUCKET, s3
from tests.unit.lambdas.serving import JOB, create_job, described, keep, publish, started_runs, state

Put = Callable[[str, str], None]
FIRST = state(28, 1)
BEFORE = state(29, 2, previous=FIRST.folder)
LIVE = state(30, 3, previous=BEFORE.folder)


@pytest.fixture(autouse=True)
def glue_job(aws: None) -> None:
    """The Glue job."""
    create_job(function.glue)


@pytest.fixture
def three_days(aws: None) -> None:
    """Three days were served, the last one is live."""
    keep(FIRST, BEFORE, LIVE)
    publish(LIVE, 3)


def refused(event: dict[str, Any], context: Any, message: str) -> None:
    """Check that the rollback is an invalid input with this message and that nothing is started."""
    with pytest.raises(InvalidInputError, match=f"^{re.escape(message)}$"):
        function.handler(event, context)
    assert started_runs(function.glue) == []


def test_run_knows_the_state_to_bring_back(event: dict[str, Any], context: Any, three_days: None) -> None:
    result = function.handler(event, context)
    (arguments,) = started_runs(function.glue)
    assert result == {
        "status": "RUNNING",
        "run_name": arguments["--run_name"],
        "snapshot_date": "20200129",
        "target_state": "served-items/2020/01/29/000002-1/",
        "is_new": True,
    }
    assert arguments == {
        "--scriptLocation": "s3://buyer-stage-code/code/1a2b3c4d5e6f/glue/push_to_dynamodb.py",
        "--extra-py-files": "s3://buyer-stage-code/code/1a2b3c4d5e6f/libraries.zip",
        "--kind": "rollback",
        "--snapshot_date": "20200129",
        "--served_on": "20200201",
        "--ttl_days": "5",
        "--target_state": "served-items/2020/01/29/000002-1/",
        "--run_name": result["run_name"],
        "--execution_name": "daily-2020-02-01",
    }


def target_of(event: dict[str, Any], context: Any, rollback_to: str) -> str:
    target: str = function.handler({**event, "rollback_to": rollback_to}, context)["target_state"]
    return target


def test_named_day_comes_back(event: dict[str, Any], context: Any, three_days: None) -> None:
    assert target_of(event, context, "20200128") == FIRST.folder


def test_last_state_of_a_day_that_was_served_several_times_comes_back(event: dict[str, Any], context: Any) -> None:
    again = state(29, 12, previous=LIVE.folder)
    keep(BEFORE, LIVE, again, state(29, 4))
    publish(LIVE, 3)
    assert target_of(event, context, "20200129") == again.folder
    publish(again, 12)
    assert target_of(event, context, "20200129") == state(29, 4).folder, "the live state cannot come back"


def test_the_same_way_back_from_another_live_state_is_another_push(
    event: dict[str, Any], context: Any, three_days: None
) -> None:
    first = function.handler(event, context)["run_name"]
    publish(LIVE, 4)
    second = function.handler(event, context)["run_name"]
    assert first[:-2] != second[:-2]


def test_two_executions_at_once_go_back_once(event: dict[str, Any], context: Any, three_days: None) -> None:
    first, second = event, {**event, "execution_name": "second"}
    started = function.handler(first, context)
    run_name, joined = started["run_name"], {**started, "is_new": False}
    with Stubber(function.glue) as stub:
        stub.add_response("get_job_runs", described([]), {"JobName": JOB})
        stub.add_client_error("start_job_run", "ConcurrentRunsExceededException", "one run at a time")
        assert function.handler(second, context) == {**joined, "status": "WAITING", "run_name": None}
        stub.add_response("get_job_runs", described([(run_name, "RUNNING")]), {"JobName": JOB})
        assert function.handler(second, context) == joined
        # The push of the first execution ends before the second one looks again.
        publish(state(29, 4, previous=LIVE.folder), 4, run_name)
        stub.add_response("get_job_runs", described([(run_name, "SUCCEEDED")]), {"JobName": JOB})
        with pytest.raises(InvalidInputError, match=f"{run_name} has changed the live state since the execution"):
            function.handler(second, context)


def test_another_push_in_progress_is_waited_for(event: dict[str, Any], context: Any, three_days: None) -> None:
    with Stubber(function.glue) as stub:
        stub.add_response("get_job_runs", described([("of-another-day", "RUNNING")]), {"JobName": JOB})
        result = function.handler(event, context)
    assert (result["status"], result["run_name"], result["target_state"]) == ("WAITING", None, BEFORE.folder)


def test_table_that_was_never_served_cannot_go_back(event: dict[str, Any], context: Any) -> None:
    refused(
        event, context, "the table has no live state, because nothing was ever published: there is no way back"
    )  # fmt: skip


def test_first_state_has_no_previous_one(event: dict[str, Any], context: Any) -> None:
    keep(FIRST)
    publish(FIRST, 1)
    refused(event, context, "the live state is the first one: there is no previous state")


def after_daily_push(event: dict[str, Any], context: Any, *, ended: str, rollback_to: str) -> str:
    """Return what comes back after the push of the live state has ended `before` the execution started, or `after`."""
    publish(LIVE, 3, "daily-push")
    started = datetime.now(UTC) - timedelta(minutes=2)
    ended_ago = {"before": timedelta(minutes=3), "after": timedelta(minutes=1)}[ended]
    with Stubber(function.glue) as stub:
        stub.add_response("get_job_runs", described([("daily-push", "SUCCEEDED")], ended_ago), {"JobName": JOB})
        stub.add_response("start_job_run", {"JobRunId": "jr_1"})
        return target_of({**event, "execution_start_time": started.isoformat()}, context, rollback_to)


def test_live_state_that_has_changed_since_the_execution_started_is_an_error_that_says_so(
    event: dict[str, Any], context: Any, three_days: None
) -> None:
    message = (
        "daily-push has changed the live state since the execution started, so `previous` has another meaning now; "
        "look at the live state before you start again"
    )
    with pytest.raises(InvalidInputError, match=f"^{message}$"):
        after_daily_push(event, context, ended="after", rollback_to="previous")
    assert after_daily_push(event, context, ended="before", rollback_to="previous") == BEFORE.folder
    assert after_daily_push(event, context, ended="after", rollback_to="20200128") == FIRST.folder, "a day is a day"


CHOICE = "states are kept for 30 days, and there are states of"


@pytest.mark.parametrize(
    ("kept", "days"), [((LIVE,), "2020-01-30"), ((FIRST, LIVE), "2020-01-28, 2020-01-30"), ((), "no day")]
)
def test_previous_state_that_was_deleted_is_an_error_with_the_days_to_choose_from(
    event: dict[str, Any], context: Any, kept: tuple[ServedState, ...], days: str
) -> None:
    keep(*kept)
    publish(LIVE, 3)
    refused(event, context, f"the previous state, {BEFORE.folder}, is not kept anymore; {CHOICE} {days}")


def test_day_without_a_state_is_an_error_with_the_days_to_choose_from(
    event: dict[str, Any], context: Any, three_days: None
) -> None:
    message = f"no state of 2020-01-27 is kept; {CHOICE} 2020-01-28, 2020-01-29, 2020-01-30"
    refused({**event, "rollback_to": "20200127"}, context, message)


def test_day_that_is_live_is_an_error_that_says_so(event: dict[str, Any], context: Any, three_days: None) -> None:
    message = (
        "the live state is the only kept state of 2020-01-30, so the table has these stages already; "
        f"{CHOICE} 2020-01-28, 2020-01-29, 2020-01-30"
    )
    refused({**event, "rollback_to": "20200130"}, context, message)


def test_state_whose_rows_can_be_deleted_is_not_kept(
    event: dict[str, Any], context: Any, three_days: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Later(datetime):
        passed = timedelta(days=30)

        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) + cls.passed

    monkeypatch.setattr(function, "datetime", Later)
    refused(event, context, f"the previous state, {BEFORE.folder}, is not kept anymore; {CHOICE} no day")
    Later.passed = timedelta(days=29, hours=23)
    assert target_of(event, context, "previous") == BEFORE.folder


def test_state_without_rows_or_without_description_is_not_kept(event: dict[str, Any], context: Any) -> None:
    keep(FIRST, BEFORE, LIVE)
    publish(LIVE, 3)
    s3.delete_object(Bucket=BUCKET, Key=f"{FIRST.folder}part-00000.parquet")
    s3.delete_object(Bucket=BUCKET, Key=f"{BEFORE.folder[:-1]}.json")
    for day in ("20200128", "20200129"):
        refused(
            {**event, "rollback_to": day},
            context,
            f"no state of {day[:4]}-{day[4:6]}-{day[6:]} is kept; {CHOICE} 2020-01-30",
        )


def test_states_are_kept_as_long_as_the_inventory_says() -> None:
    entry = find_entry(served_items_prefix(date(2020, 1, 30)))
    assert entry is not None
    assert entry.days_kept == function.KEPT.days


def test_damaged_description_is_an_error_that_names_it(
    event: dict[str, Any], context: Any, three_days: None, put: Put
) -> None:
    put(f"{FIRST.folder[:-1]}.json", "{}")
    with pytest.raises(InvalidManifestError, match=r"served-items/2020/01/28/000001-1\.json is damaged"):
        function.handler(event, context)


@pytest.mark.parametrize("rollback_to", ["before", "20200230", "2020-01-29"])
def test_target_that_is_neither_previous_nor_a_day_is_an_invalid_input(
    event: dict[str, Any], context: Any, rollback_to: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"rollback_to.*snapshot date '{rollback_to}' is not a day written as"):
        function.handler({**event, "rollback_to": rollback_to}, context)
