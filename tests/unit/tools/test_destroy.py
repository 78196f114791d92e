"""What is in the way of a destroy goes first, unless the environment is prod or a person refuses."""

import io
import sys
from collections.abc import Iterable
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from rich.console import Console

from tools import destroy
from tools.destroy import Obstacle, ObstacleError, clear_the_way, remove_obstacles


class Environment:
    """Obstacles by name, each with the number of looks that it stays after its removal began.

    Attributes:
        obstacles: what is in the way.
        later: what appears when something is removed.
        removed: what was removed, in order.
        answer: what the person answers.
    """

    def __init__(self, obstacles: dict[str, int], later: dict[str, int] | None = None) -> None:
        self.obstacles, self.later = dict(obstacles), dict(later or {})
        self.removed: list[str] = []

    def find(self) -> list[Obstacle]:
        self.obstacles = {
            name: looks - (name in self.removed)
            for name, looks in self.obstacles.items()
            if looks or name not in self.removed
        }
        return [Obstacle(name, f"remove {name}", lambda name=name: self.remove(name)) for name in self.obstacles]

    def remove(self, name: str) -> None:
        self.removed.append(name)
        self.obstacles |= self.later
        self.later = {}


def clear(environment: Environment, name: str, *, planned: bool = False) -> str:
    console = Console(file=io.StringIO(), width=200)
    clear_the_way(name, environment.find, console, lambda: None, planned=planned)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the answers of the person, who is asked on a terminal; none means that the person must not be asked."""
    answers: list[str] = []
    monkeypatch.setattr("builtins.input", lambda *_: answers.pop())
    return answers


@pytest.mark.usefixtures("answer")
def test_prod_is_refused_with_what_a_person_must_do() -> None:
    environment = Environment({"model one": 0, "execution two": 0})

    with pytest.raises(ObstacleError, match=r"(?s)- model one\n    remove model one\n- execution two\n"):
        clear(environment, "prod")
    assert environment.removed == []


@pytest.mark.parametrize("name", ["local", "dev", "qa", "prod"])
@pytest.mark.usefixtures("answer")
def test_without_obstacles_no_question_is_asked(name: str) -> None:
    assert clear(Environment({}), name) == ""


def test_a_person_sees_the_list_and_agrees(answer: list[str]) -> None:
    answer.append("yes")
    environment = Environment({"execution one": 0, "model two": 0})
    printed = clear(environment, "dev")

    assert environment.removed == ["execution one", "model two"]
    assert printed.index("- model two") < printed.index("Remove it from dev?") < printed.index("removing: model two")


@pytest.mark.parametrize("text", ["no", "", "y"])
def test_another_answer_changes_nothing(answer: list[str], text: str) -> None:
    answer.append(text)
    environment = Environment({"execution one": 0})

    with pytest.raises(ObstacleError, match="Nothing was changed"):
        clear(environment, "qa")
    assert environment.removed == []


@pytest.mark.parametrize(("name", "planned"), [("local", False), ("dev", True), ("qa", True)])
@pytest.mark.usefixtures("answer")
def test_the_local_cloud_and_saved_plans_do_not_ask(name: str, planned: bool) -> None:
    environment = Environment({"execution one": 0})
    clear(environment, name, planned=planned)

    assert environment.removed == ["execution one"]


@pytest.mark.usefixtures("answer")
def test_nothing_is_removed_that_would_make_the_saved_plan_stale() -> None:
    removed: list[str] = []
    obstacles = [
        Obstacle("execution one", "stop it", lambda: removed.append("execution")),
        Obstacle("protection", "turn it off", lambda: removed.append("protection"), in_state=True),
    ]

    with pytest.raises(ObstacleError, match=r"(?s)plan the destruction again:\n- protection\n    turn it off$"):
        clear_the_way("qa", lambda: obstacles, Console(quiet=True), lambda: None, planned=True)
    assert removed == []


@pytest.mark.parametrize(
    ("environment", "plan", "message"),
    [
        ("dev", [], "A workflow changes dev only by a saved plan"),
        ("prod", [], "A workflow changes prod only by a saved plan"),
        ("prod", ["--plan", "prod.tfplan"], "No workflow destroys prod"),
    ],
)
def test_workflow_destroys_by_a_plan_that_was_shown_and_never_prod(
    monkeypatch: pytest.MonkeyPatch, environment: str, plan: list[str], message: str
) -> None:
    monkeypatch.setenv("CI", "true")
    monkeypatch.setattr(destroy, "require", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["destroy", "--environment", environment, *plan])

    with pytest.raises(SystemExit, match=message):
        destroy.main()


def test_what_stops_slowly_is_removed_once_and_waited_for() -> None:
    environment = Environment({"cluster one": 3}, later={"execution of the schedule": 1})
    remove_obstacles(environment.find, Console(quiet=True), lambda: None)

    assert environment.removed == ["cluster one", "execution of the schedule"]
    assert environment.obstacles == {}


def test_what_does_not_go_is_listed() -> None:
    environment = Environment({"cluster one": 100})

    with pytest.raises(ObstacleError, match="- cluster one"):
        remove_obstacles(environment.find, Console(quiet=True), lambda: None, looks=3)
    assert environment.removed == ["cluster one"]


def stubbed(
    monkeypatch: pytest.MonkeyPatch, service: str, *responses: tuple[str, dict[str, Any], dict[str, Any]]
) -> Any:
    """Let a service expect these calls only: operation, response, parameters."""
    client = boto3.client(service, region_name="us-west-2", aws_access_key_id="none", aws_secret_access_key="none")
    stub = Stubber(client)
    for response in responses:
        stub.add_response(*response)
    stub.activate()
    monkeypatch.setattr(boto3, "client", lambda _: client)
    return stub


def texts(obstacles: Iterable[Obstacle]) -> list[str]:
    return [obstacle.what for obstacle in obstacles]


def test_a_sagemaker_job_that_is_stopping_is_not_stopped_again(monkeypatch: pytest.MonkeyPatch) -> None:
    training = {
        "AutoMLJobName": "buy-dev-0123456789-1",
        "AutoMLJobArn": "arn:aws:sagemaker:us-west-2:123456789012:automl-job/buy-dev-0123456789-1",
        "AutoMLJobSecondaryStatus": "ModelTuning", "CreationTime": 0, "LastModifiedTime": 0,
    }  # fmt: skip
    transform = {
        "TransformJobName": "buy-dev-transform-0123456789-1",
        "TransformJobArn": "arn:aws:sagemaker:us-west-2:123456789012:transform-job/one", "CreationTime": 0,
    }  # fmt: skip
    running, stopping = ({"NameContains": "buy-dev-", "StatusEquals": status} for status in ("InProgress", "Stopping"))
    stub = stubbed(
        monkeypatch, "sagemaker",
        ("list_auto_ml_jobs", {"AutoMLJobSummaries": [{**training, "AutoMLJobStatus": "InProgress"}]}, running),
        ("list_transform_jobs", {"TransformJobSummaries": []}, running),
        ("list_auto_ml_jobs", {"AutoMLJobSummaries": []}, stopping),
        ("list_transform_jobs", {"TransformJobSummaries": [{**transform, "TransformJobStatus": "Stopping"}]}, stopping),
        ("stop_auto_ml_job", {}, {"AutoMLJobName": training["AutoMLJobName"]}),
    )  # fmt: skip
    obstacles = list(destroy._sagemaker_jobs("dev"))
    for obstacle in obstacles:
        obstacle.remove()

    assert texts(obstacles) == [
        "Autopilot job buy-dev-0123456789-1 is running",
        "transform buy-dev-transform-0123456789-1 is running",
    ]
    stub.assert_no_pending_responses()


def test_only_unfinished_runs_of_the_push_are_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = [{"Id": state.lower(), "JobRunState": state} for state in ("RUNNING", "SUCCEEDED", "FAILED", "STOPPING")]
    stubbed(monkeypatch, "glue", ("get_job_runs", {"JobRuns": runs}, {"JobName": "push"}))

    assert texts(destroy._glue_runs(["push"])) == [
        "run running of the Glue job push is running",
        "run stopping of the Glue job push is running",
    ]


def test_only_clusters_of_the_environment_are_in_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {
        "j-1": "another-product",
        "j-2": "buyer-stage-etl-qa-20200301",
        "j-3": "buyer-stage-etl-dev-20200301",
    }
    stubbed(
        monkeypatch, "emr",
        (
            "list_clusters", {"Clusters": [{"Id": cluster, "Name": name} for cluster, name in names.items()]},
            {"ClusterStates": ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]},
        ),
    )  # fmt: skip

    assert texts(destroy._clusters("dev")) == ["EMR cluster j-3 is running"]
