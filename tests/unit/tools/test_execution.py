"""An execution is followed at a pace that AWS accepts: with few calls, and without reading an event twice."""

import io
import itertools
import json
import threading
import time
from collections import Counter
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from rich.console import Console

from tools import execution as tool
from tools.execution import LOCAL_POLL_SECONDS, PAGE_SIZE, POLL_SECONDS, Execution, run

MACHINE = "arn:aws:states:us-west-2:123456789012:stateMachine:buyer-stage-ml-pipeline-dev"
EXECUTION = "arn:aws:states:us-west-2:123456789012:execution:buyer-stage-ml-pipeline-dev:one"


class StepFunctions:
    """Step Functions with one execution, whose history grows while the client sleeps.

    Attributes:
        history: the events that the execution writes.
        per_look: the number of events that it writes between two looks.
        throttled: the number of next calls that are throttled.
        calls: how often each operation was called.
        events_returned: the number of events in all responses.
        names: the names that executions were started with.
        pauses: the seconds of each pause between two looks.
    """

    def __init__(self, history: list[dict[str, Any]], per_look: int, throttled: int = 0) -> None:
        self.history, self.per_look, self.throttled = history, per_look, throttled
        self.written = per_look
        self.calls: Counter[str] = Counter()
        self.events_returned = 0
        self.names: list[str] = []
        self.pauses: list[float] = []

    def respond(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.calls[operation] += 1
        body = json.loads(request.body)
        if operation == "StartExecution":
            self.names.append(body["name"])
        if self.throttled and operation != "DescribeExecution":
            self.throttled -= 1
            return response(400, {"__type": "ThrottlingException", "message": "Rate exceeded"}, request.url)
        return response(200, getattr(self, operation)(body), request.url)

    def StartExecution(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {"executionArn": EXECUTION, "startDate": 0}

    def DescribeExecution(self, _: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        ended = {"status": "SUCCEEDED", "output": '{"written": 3}'} if self.written >= len(self.history) else {}
        return {"executionArn": EXECUTION, "stateMachineArn": MACHINE, "startDate": 0, "status": "RUNNING", **ended}

    def GetExecutionHistory(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        events = self.history[: self.written]
        if body.get("reverseOrder"):
            events = events[::-1]
        start = int(body.get("nextToken", 0))
        end = start + body.get("maxResults", 100)
        page = events[start:end]
        self.events_returned += len(page)
        return {"events": page, **({"nextToken": str(end)} if end < len(events) else {})}

    def sleep(self, seconds: float) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # a server that another test left running
        self.pauses.append(seconds)
        self.written += self.per_look


def response(status: int, body: dict[str, Any], url: str) -> AWSResponse:
    content = io.BytesIO(json.dumps(body).encode())
    content.stream = lambda **_: iter([content.read()])  # type: ignore[attr-defined]
    return AWSResponse(url, status, {}, content)


def poll_loop(rounds: int) -> list[dict[str, Any]]:
    """Return the history of an execution that waits for a job in two states, over and over."""
    ids = itertools.count(1)
    history = [{"id": next(ids), "timestamp": 0, "type": "ExecutionStarted"}]
    for second in range(rounds):
        for name in ("WaitForJob", "CheckJob"):
            entered = {"stateEnteredEventDetails": {"name": name}}
            exited = {"stateExitedEventDetails": {"name": name}}
            history.append({"id": next(ids), "timestamp": second, "type": "TaskStateEntered", **entered})
            history.append({"id": next(ids), "timestamp": second + 1, "type": "TaskStateExited", **exited})
    return history


def follow(
    states: StepFunctions, monkeypatch: pytest.MonkeyPatch, endpoint: str | None = None
) -> tuple[Execution, str]:
    """Run the execution, and return it with what was printed."""
    session = boto3.Session("none", "none", region_name="us-west-2")
    session.events.register("before-send.sfn", states.respond)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    monkeypatch.setattr(time, "sleep", states.sleep)
    if endpoint:
        monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    else:
        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    console = Console(file=io.StringIO(), width=60)
    execution = run(f"{MACHINE}:live", {"snapshot_date": "20200301"}, console)
    assert isinstance(console.file, io.StringIO)
    return execution, console.file.getvalue()


def test_ten_times_as_many_events_cost_about_ten_times_as_many_calls_and_events(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    short, long = (StepFunctions(poll_loop(rounds), per_look=8) for rounds in (50, 500))
    for states in (short, long):
        follow(states, monkeypatch)

    assert long.calls.total() <= 11 * short.calls.total()
    assert long.events_returned <= 11 * short.events_returned
    assert long.events_returned <= PAGE_SIZE * long.calls["GetExecutionHistory"]


@pytest.mark.parametrize("per_look", [1, 7, PAGE_SIZE, 3 * PAGE_SIZE + 1])
def test_every_event_counts_once(monkeypatch: pytest.MonkeyPatch, per_look: int) -> None:
    history = poll_loop(40)
    execution, printed = follow(StepFunctions(history, per_look), monkeypatch)

    assert execution.last_event_id == len(history)
    assert [visit.name for visit in execution.visits] == ["WaitForJob", "CheckJob"] * 40
    assert execution.seconds_per_state() == {"WaitForJob": 40.0, "CheckJob": 40.0}
    assert execution.output == {"written": 3}
    assert (printed.count("WaitForJob"), printed.count("CheckJob")) == (1, 1)


def test_throttled_calls_are_repeated_and_start_one_execution(monkeypatch: pytest.MonkeyPatch) -> None:
    states = StepFunctions(poll_loop(3), per_look=100, throttled=9)
    execution, _ = follow(states, monkeypatch)

    assert execution.status == "SUCCEEDED"
    assert states.calls["StartExecution"] == 10
    assert len(set(states.names)) == 1


@pytest.mark.parametrize(
    ("endpoint", "seconds"),
    [
        (None, POLL_SECONDS),
        ("https://vpce-1-2.states.us-west-2.vpce.amazonaws.com", POLL_SECONDS),
        ("http://127.0.0.1:4566", LOCAL_POLL_SECONDS),
    ],
)
def test_the_pace_depends_on_the_endpoint(
    monkeypatch: pytest.MonkeyPatch, endpoint: str | None, seconds: float
) -> None:
    states = StepFunctions(poll_loop(10), per_look=8)
    follow(states, monkeypatch, endpoint)

    assert set(states.pauses) == {seconds}


def test_the_link_is_printed_in_one_line_before_the_first_state(monkeypatch: pytest.MonkeyPatch) -> None:
    _, printed = follow(StepFunctions(poll_loop(1), per_look=8), monkeypatch)

    assert f"#/v2/executions/details/{EXECUTION}\n" in printed
    assert printed.index("https://us-west-2.console.aws.amazon.com/") < printed.index("WaitForJob")


def test_the_local_cloud_has_no_console(monkeypatch: pytest.MonkeyPatch) -> None:
    _, printed = follow(StepFunctions(poll_loop(1), per_look=8), monkeypatch, "http://127.0.0.1:4566")

    assert "https://" not in printed


@pytest.mark.parametrize(
    ("options", "execution_input"),
    [
        ([], {}),
        (["--snapshot-date", "20200301"], {"snapshot_date": "20200301"}),
        (["--retrain"], {"retrain": True}),
        (["--serve-anyway", "moved to another portal"], {"serve_anyway": "moved to another portal"}),
    ],
)
def test_options_become_the_input_of_the_execution(
    monkeypatch: pytest.MonkeyPatch, options: list[str], execution_input: dict[str, Any]
) -> None:
    started = []

    def start(machine: str, given: dict[str, Any], _: Console) -> Execution:
        started.append((machine, given))
        return Execution(EXECUTION, "SUCCEEDED")

    monkeypatch.setattr(tool, "run", start)
    monkeypatch.setattr(tool, "require", lambda _: None)
    monkeypatch.setattr(tool, "find_state_machine", lambda *_: MACHINE)
    monkeypatch.setattr("sys.argv", ["execution", "ml", "--environment", "dev", *options])

    with pytest.raises(SystemExit) as ended:
        tool.main()
    assert not ended.value.code
    assert started == [(f"{MACHINE}:live", execution_input)]
