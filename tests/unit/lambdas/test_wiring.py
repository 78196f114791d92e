"""Every handler logs, traces, counts and fails in the same way."""

import io
import json
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError
from pydantic import TypeAdapter, ValidationError

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.failures import UnexpectedError
from lambdas.common.errors import TransientAwsError
from lambdas.common.events import ExecutionEvent, SnapshotDate
from lambdas.common.wiring import lambda_handler, logger, metrics

MEMBER = "member-1"
EVENT = {"execution_name": "daily-2020-02-01", "snapshot_date": "20200130"}


class Event(ExecutionEvent):
    """An event with a date."""

    snapshot_date: SnapshotDate


@dataclass(frozen=True)
class Model:
    """A part of a result."""

    name: str


@dataclass(frozen=True)
class Result:
    """A result with a part and an absent value."""

    day: int
    model: Model
    reason: str | None = None


def failing(error: Exception) -> Any:
    """Return a handler that emits a metric and then raises an error."""

    @lambda_handler
    def handler(event: Event) -> Result:
        metrics.add_metric("Attempts", MetricUnit.Count, 1)
        raise error

    return handler


def client_error(code: str, status: int) -> ClientError:
    """Return what botocore raises when AWS rejects a call."""
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Call",
    )


@pytest.fixture
def log_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return the lines that the handlers' logger has written."""
    stream = io.StringIO()
    original = logger.registered_handler.setStream(stream)  # type: ignore[attr-defined]
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.registered_handler.setStream(original)  # type: ignore[attr-defined]


def test_typed_event_goes_in_and_plain_json_comes_out(context: Any) -> None:
    @lambda_handler
    def handler(event: Event) -> Result:
        return Result(event.snapshot_date.day, Model("m"))

    assert handler(EVENT, context) == {"day": 30, "model": {"name": "m"}, "reason": None}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"snapshot_date": "2020-01-30"}, "snapshot_date: .*YYYYMMDD"),
        ({"execution_name": ""}, "execution_name: .*at least 1 character"),
        ({"execution_name": "x" * 81}, "execution_name: .*at most 80 characters"),
        ({"snapshot_day": "20200130"}, "snapshot_day: Extra inputs are not permitted"),
    ],
)
def test_event_that_does_not_match_is_an_invalid_input_that_names_the_field(
    context: Any, change: dict[str, str], problem: str
) -> None:
    with pytest.raises(InvalidInputError, match=f"^invalid event: {problem}"):
        failing(AssertionError("the function must not be called"))({**EVENT, **change}, context)


def test_log_lines_carry_the_execution_name(context: Any, log_lines: Callable[[], list[dict[str, Any]]]) -> None:
    @lambda_handler
    def handler(event: Event) -> Result:
        logger.info("at work")
        return Result(1, Model("m"))

    handler(EVENT, context)
    (line,) = log_lines()
    assert (line["message"], line["correlation_id"]) == ("at work", "daily-2020-02-01")
    assert line["function_request_id"] == context.aws_request_id


def test_rejected_event_sets_the_execution_name_too(context: Any) -> None:
    with pytest.raises(InvalidInputError):
        failing(AssertionError())({"execution_name": "rejected"}, context)
    assert logger.get_correlation_id() == "rejected"


def test_metrics_are_flushed_when_the_function_raises(
    context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    with pytest.raises(UnexpectedError):
        failing(KeyError("x"))(EVENT, context)
    assert emitted_metrics() == {"Attempts": 1}


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException", 400),
        client_error("TooManyRequestsException", 429),
        client_error("SlowDown", 503),
        client_error("InternalError", 500),
        EndpointConnectionError(endpoint_url="https://s3"),
        ConnectTimeoutError(endpoint_url="https://s3"),
    ],
)
def test_error_that_a_later_attempt_can_avoid_is_transient(
    context: Any, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    with pytest.raises(TransientAwsError) as raised:
        failing(error)(EVENT, context)
    assert raised.value.__suppress_context__
    (traced,) = [record.exc_info for record in caplog.records if record.exc_info]
    assert traced[0] is TransientAwsError, "the tracer records the final name"


def invalid() -> ValidationError:
    """Return the error of a document that a function has read."""
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(int).validate_python(MEMBER)
    return raised.value


@pytest.mark.parametrize("error", [KeyError(MEMBER), invalid()])
def test_error_of_another_library_shows_its_name_but_not_its_message(context: Any, error: Exception) -> None:
    with pytest.raises(UnexpectedError) as raised:
        failing(error)(EVENT, context)
    assert str(raised.value).startswith(f"{type(error).__name__} in lambdas.common.wiring, line ")
    assert MEMBER not in "".join(traceback.format_exception(raised.value))


@pytest.mark.parametrize("error", [client_error("AccessDenied", 403), InvalidInputError("x")])
def test_any_other_error_keeps_its_name(context: Any, error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        failing(error)(EVENT, context)
    assert raised.value is error
