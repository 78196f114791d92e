"""What is in the way of a destroy goes first, unless the environment is prod or a person refuses."""

import io

import pytest
from rich.console import Console

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


def clear(environment: Environment, name: str) -> str:
    console = Console(file=io.StringIO(), width=200)
    clear_the_way(name, environment.find, console, lambda: None)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the answers of the person, who is asked on a terminal; none means that the person must not be asked."""
    answers: list[str] = []
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr("builtins.input", lambda *_: answers.pop())
    return answers


@pytest.mark.usefixtures("answer")
def test_prod_is_refused_with_what_a_person_must_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
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


@pytest.mark.parametrize(("name", "ci"), [("local", ""), ("dev", "true"), ("qa", "true")])
@pytest.mark.usefixtures("answer")
def test_the_local_cloud_and_workflows_do_not_ask(monkeypatch: pytest.MonkeyPatch, name: str, ci: str) -> None:
    monkeypatch.setenv("CI", ci)
    environment = Environment({"execution one": 0})
    clear(environment, name)

    assert environment.removed == ["execution one"]


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
