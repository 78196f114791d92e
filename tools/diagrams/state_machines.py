"""Draws a state machine from its definition.

Catches are not drawn one by one. States whose errors lead to the same state share a box, and the box has one arrow.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tools.diagrams.markdown import document, escaped, table
from tools.state_machines import (
    FOLDER,
    State,
    States,
    Transition,
    called_function,
    error_handlers,
    next_states,
    read,
    transitions,
)

CONDITION_LENGTH = 60

SHAPES = {
    "Task": ("[", "]"),
    "Pass": ("[", "]"),
    "Choice": ("{", "}"),
    "Wait": ("([", "])"),
    "Succeed": ("((", "))"),
    "Fail": ("((", "))"),
}
"""Type of a state -> what encloses its name in Mermaid."""


def state_machine_document(name: str, title: str) -> str:
    """Draw a state machine and list its states."""
    definition = read(name)
    file = f"{name}.asl.json"
    return document(
        title,
        f"{definition['Comment']}\n\nDrawn from [{file}](../../{FOLDER.name}/{file}).",
        draw_state_machine(definition),
        "A dashed arrow shows where an error leads once its retries are used up. It applies to every state in its\n"
        "box; the red ones name what went wrong.",
        table(("state", "why", "calls"), *state_rows(definition["States"])),
    )


def draw_state_machine(definition: Mapping[str, Any]) -> str:
    """Draw a state machine.

    A red state inside a box names what went wrong and then leads where the box's errors lead: it needs no arrow.
    """
    states: States = definition["States"]
    boxes = _boxes(states)
    box_of = {name: handler for handler, members in boxes.items() for name in members}
    failures = [name for name, state in states.items() if _names_a_failure(state) or state["Type"] == "Fail"]
    lines = ["flowchart TD", f"  start((start)) --> {definition['StartAt']}"]
    lines += [f"  {_node(name, state)}" for name, state in states.items() if name not in box_of]
    for handler, members in boxes.items():
        nodes = (f"    {_node(name, states[name], is_boxed=True)}" for name in members)
        lines += [f'  subgraph until_{handler}[" "]', *nodes, "  end"]
    for name, state in states.items():
        lines += [f"  {name} {arrow}" for arrow in _arrows(state, box_of.get(name))]
    lines += [f"  until_{handler} -. any error .-> {handler}" for handler in boxes]
    lines += [f"  style until_{handler} fill:none,stroke-dasharray:4" for handler in boxes]
    lines += ["  classDef failure fill:#fdecea,stroke:#c0392b,color:#611a15"]
    lines += [f"  class {','.join(failures)} failure"] if failures else []
    return "\n".join(lines)


def _arrows(state: State, box: str | None) -> Iterator[str]:
    """Draw the ways that lead on from a state, except those that its box stands for.

    Args:
        state: where the arrows start.
        box: the state that handles the errors of the state's box; None outside of any box.
    """
    for transition in transitions(state):
        if transition.kind != "error" and not (transition.target == box and _names_a_failure(state)):
            yield f"-->{_label(transition)} {transition.target}"
    for handler in sorted(error_handlers(state) - next_states(state) - {box}):
        yield f"-. error .-> {handler}"


def _boxes(states: States) -> dict[str, list[str]]:
    """Group the states whose errors lead to the same state; return that state -> the members of its box."""
    handlers = sorted({handler for state in states.values() for handler in error_handlers(state)})
    boxes = {handler: _box(states, handler, handlers) for handler in handlers}
    return {handler: members for handler, members in boxes.items() if len(members) > 1}


def _box(states: States, handler: str, handlers: list[str]) -> list[str]:
    """Return the states whose errors lead to a state, and those without errors that lie between them.

    A state that handles errors is not in a box unless it lies between such states itself.
    """
    members = {name for name, state in states.items() if handler in error_handlers(state)} - set(handlers)
    while len(members) > 1 and (between := _between(states, members)):
        members |= between
    return [name for name in states if name in members]


def _between(states: States, members: set[str]) -> set[str]:
    """Return the states without errors of their own to which only members lead."""
    found = set()
    for name, state in states.items():
        leading = {other for other in states if name in next_states(states[other])}
        if state["Type"] in ("Choice", "Wait", "Pass") and name not in members and leading and leading <= members:
            found.add(name)
    return found


def _names_a_failure(state: State) -> bool:
    return state["Type"] == "Pass" and "Cause" in (state.get("Assign", {}).get("failure") or {})


def _label(transition: Transition) -> str:
    if transition.kind == "otherwise":
        return '|"otherwise"|'
    return f'|"{escaped(_shortened(transition.condition))}"|' if transition.condition else ""


def _shortened(condition: str) -> str:
    short = re.sub(r"\$(?=\w)", "", re.sub(r"\$\{(\w+)\}", r"\1", condition))
    return short if len(short) <= CONDITION_LENGTH else short[: CONDITION_LENGTH - 1] + "…"


def _node(name: str, state: State, *, is_boxed: bool = False) -> str:
    opening, closing = (">", "]") if is_boxed and _names_a_failure(state) else SHAPES[state["Type"]]
    return f'{name}{opening}"{name}"{closing}'


def state_rows(states: States) -> Iterator[tuple[str, str, str]]:
    """List states: name, why it exists, and what it calls."""
    for name, state in states.items():
        yield name, state.get("Comment", ""), _called(state)


def _called(state: State) -> str:
    if function := called_function(state):
        return f"function `{function}`"
    return f"`{state['Resource'].removeprefix('arn:aws:states:::')}`" if "Resource" in state else ""
