"""Items get more time when the first one expires within a day, nothing writes, and there are any."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.stub import Stubber

from buyer_stage.domain.errors import InvalidManifestError
from lambdas.start_ttl_extension import handler as function
from tests.unit.lambdas.serving import JOB, create_job, described, leave_pending, publish, started_runs, state

NOTHING = {"run_name": None, "note": None}
NOW = datetime(2020, 2, 1, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def glue_job(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Glue job, at a fixed time."""
    create_job(function.glue)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return NOW.astimezone(tz)

    monkeypatch.setattr(function, "datetime", Clock)


def publish_expiring(time_left: timedelta, sequence: int = 7) -> None:
    """Publish a state whose first item expires after some time."""
    publish(state(25, sequence, first_expiry=int((NOW + time_left).timestamp())), sequence)


def test_items_that_expire_within_a_day_get_more_time_and_the_note_says_so(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    publish_expiring(timedelta(hours=11, minutes=30))
    result = function.handler(event, context)
    (arguments,) = started_runs(function.glue)
    run_name = arguments["--run_name"]
    assert arguments == {
        "--scriptLocation": "s3://buyer-stage-code/code/1a2b3c4d5e6f/glue/push_to_dynamodb.py",
        "--extra-py-files": "s3://buyer-stage-code/code/1a2b3c4d5e6f/libraries.zip",
        "--kind": "ttl extension",
        "--snapshot_date": "20200125",
        "--served_on": "20200201",
        "--ttl_days": "5",
        "--run_name": run_name,
        "--execution_name": "daily-2020-02-01",
    }
    assert result == {
        "run_name": run_name,
        "note": "The first items of the table expire at 2020-02-02 00:00 UTC, and no later day is served. Push "
        f"{run_name} gives the items 5 days from today, so members keep the stages of 2020-01-25 until then. Serve a "
        "day before that.",
    }
    assert emitted_metrics() == {"PushRunsStarted": 1, "TTLExtensionsStarted": 1}


@pytest.mark.parametrize(
    ("time_left", "is_extended"),
    [
        (timedelta(days=1, seconds=1), False),
        (timedelta(days=1), True),
        (timedelta(), True),
        (timedelta(days=-1), True),
    ],
)
def test_a_day_is_the_least_time_left(
    event: dict[str, Any], context: Any, time_left: timedelta, is_extended: bool
) -> None:
    publish_expiring(time_left)
    assert (function.handler(event, context) != NOTHING) is is_extended
    assert len(started_runs(function.glue)) == is_extended


def test_before_the_first_publication_there_is_nothing_to_do(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    leave_pending(state(25, 1))
    assert function.handler(event, context) == NOTHING
    assert emitted_metrics() == {"TTLExtensionsStarted": 0}


def test_state_without_items_needs_nothing(event: dict[str, Any], context: Any) -> None:
    publish(state(25, 1, first_expiry=None, last_expiry=None), 1)
    assert function.handler(event, context) == NOTHING


@pytest.mark.parametrize("run_state", ["WAITING", "STARTING", "RUNNING", "STOPPING"])
def test_push_that_is_running_is_left_alone(event: dict[str, Any], context: Any, run_state: str) -> None:
    publish_expiring(timedelta(hours=1))
    with Stubber(function.glue) as stub:
        stub.add_response("get_job_runs", described([("of-a-later-day", run_state)]), {"JobName": JOB})
        assert function.handler(event, context) == NOTHING


def test_two_executions_at_once_extend_once(event: dict[str, Any], context: Any) -> None:
    publish_expiring(timedelta(hours=1))
    with Stubber(function.glue) as stub:
        stub.add_response("get_job_runs", described([]), {"JobName": JOB})
        stub.add_client_error("start_job_run", "ConcurrentRunsExceededException", "one run at a time")
        assert function.handler(event, context) == NOTHING


def test_extension_that_failed_is_repeated_by_the_next_failure(event: dict[str, Any], context: Any) -> None:
    publish_expiring(timedelta(hours=1))
    first = function.handler(event, context)["run_name"]
    second = function.handler({**event, "execution_name": "second"}, context)["run_name"]  # moto's runs have ended
    assert second == f"{first[:-2]}-2"


def test_damaged_publication_is_an_error_that_names_it(
    event: dict[str, Any], context: Any, put: Callable[[str, str], None]
) -> None:
    put("serving/current.json", "{}")
    with pytest.raises(InvalidManifestError, match=r"serving/current.json is damaged"):
        function.handler(event, context)
