"""The state machine definitions in `statemachine/`, as the diagrams and the tests read them.

They are Amazon States Language (https://states-language.net/spec.html) with Terraform's placeholders inside strings.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tools.repository import REPOSITORY

FOLDER = REPOSITORY / "statemachine"

State = Mapping[str, Any]
States = Mapping[str, State]


@dataclass(frozen=True)
class Transition:
    """A way that leads on from a state.

    Attributes:
        kind: `choice` depends on a condition, `otherwise` is a choice's default, and `error` is a catch.
        target: the state that follows.
        condition: JSONata of a choice; empty for the other kinds.
    """

    kind: Literal["next", "choice", "otherwise", "error"]
    target: str
    condition: str = ""


def read(name: str) -> dict[str, Any]:
    """Read a definition, with its placeholders left as `${name}`.

    Args:
        name: of the file, without `.asl.json`.
    """
    definition: dict[str, Any] = json.loads((FOLDER / f"{name}.asl.json").read_text())
    return definition


def transitions(state: State) -> Iterator[Transition]:
    """Walk through the ways that lead on from a state; the ways of errors come last."""
    for choice in state.get("Choices", []):
        yield Transition("choice", choice["Next"], *expressions(choice["Condition"]))
    if "Default" in state:
        yield Transition("otherwise", state["Default"])
    if "Next" in state:
        yield Transition("next", state["Next"])
    for catch in state.get("Catch", []):
        yield Transition("error", catch["Next"])


def next_states(state: State) -> set[str]:
    """Return the states that can follow a state that succeeds."""
    return {transition.target for transition in transitions(state) if transition.kind != "error"}


def error_handlers(state: State) -> set[str]:
    """Return the states that can follow a state that fails."""
    return {transition.target for transition in transitions(state) if transition.kind == "error"}


def expressions(value: Any) -> Iterator[str]:
    """Walk through the JSONata in a value, without the marks `{%` and `%}`.

    Raises:
        ValueError: a string holds only one of the marks, or text outside them, which Step Functions would not evaluate.
    """
    if isinstance(value, str) and ("{%" in value or "%}" in value):
        if not (value.startswith("{%") and value.endswith("%}")):
            raise ValueError(f"{value!r} is not one JSONata expression: enclose all of the string in {{% and %}}")
        yield value[2:-2].strip()
    for child in value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ():
        yield from expressions(child)


def called_function(state: State) -> str | None:
    """Return the folder in `lambdas/` of the function that a state calls; None for a state that calls none."""
    if not state.get("Resource", "").endswith(":lambda:invoke"):
        return None
    return str(state["Arguments"]["FunctionName"]).strip("${}")
