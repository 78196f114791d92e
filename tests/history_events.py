"""The largest number of events that an execution can write to its history."""

import re
from collections.abc import Mapping
from typing import Any

from tools.state_machines import States, error_handlers, inner_states, next_states, transitions

EVENTS = {"Choice": 2, "Fail": 1, "Pass": 2, "Succeed": 2, "Wait": 2}
"""Type of a state without tasks -> its events: entered and, except for `Fail`, exited."""

START_AND_END = 2
"""Events of the execution itself."""


def most_events(definition: Mapping[str, Any], limits: Mapping[str, int]) -> int:
    """Return the largest number of events of an execution in which every task fails as often as it is retried.

    A loop runs only as often as the choices that lead back in it allow: `$polls < ${poll_limit}`. See
    `test_no_execution_runs_forever` for the counters.

    Args:
        definition: a definition with placeholders.
        limits: values of the placeholders that are limits.
    """
    return START_AND_END + _Machine(definition["States"], limits).most_events(definition["StartAt"])


def _events_of(state: Mapping[str, Any], limits: Mapping[str, int]) -> int:
    if state["Type"] == "Map":  # started and succeeded; each iteration too. All items run at once.
        machine = _Machine(inner_states(state), limits)
        iteration = 2 + machine.most_events(state["ItemProcessor"]["StartAt"])
        return 4 + int(state["MaxConcurrency"]) * iteration
    if state["Type"] != "Task":
        return EVENTS[state["Type"]]
    attempts = 1 + sum(retry["MaxAttempts"] for retry in state["Retry"])
    # Scheduled, started, ended; a job is also submitted.
    return 2 + attempts * (4 if ".sync" in state["Resource"] else 3)


class _Machine:
    """The states of one machine, whose loops are counted as a whole."""

    def __init__(self, states: States, limits: Mapping[str, int]) -> None:
        self._states = states
        self._events = {name: _events_of(state, limits) for name, state in states.items()}
        self._back: dict[tuple[str, str], tuple[str, int]] = {}
        for name, state in states.items():
            for way in transitions(state):
                if counted := re.fullmatch(r"\$(\w+) < (?:\$\{(\w+)\}|(\d+))", way.condition):
                    counter, placeholder, number = counted.groups()
                    self._back[name, way.target] = counter, limits[placeholder] if placeholder else int(number)
        self._following = {name: next_states(state) | error_handlers(state) for name, state in states.items()}
        self._reached = {name: self._reach(name) for name in states}

    def most_events(self, name: str) -> int:
        """Return the most events from a state to the end."""
        loop = {other for other in self._reached[name] if name in self._reached[other]} | {name}
        after = {target for inner in loop for target in self._following[inner]} - loop
        return self._most_in_loop(loop) + max(map(self.most_events, after), default=0)

    def _most_in_loop(self, loop: set[str]) -> int:
        back = {way: counted for way, counted in self._back.items() if loop.issuperset(way)}
        most = max(self._most_without_going_back(name, loop) for name in loop)
        for (_, target), (counter, limit) in back.items():
            others = sum(other_limit for other, other_limit in back.values() if other != counter)
            times = limit * (1 + others if self._is_reset(counter, loop) else 1)
            most += times * self._most_without_going_back(target, loop)
        return most

    def _most_without_going_back(self, name: str, loop: set[str]) -> int:
        after = {target for target in self._following[name] & loop if (name, target) not in self._back}
        return self._events[name] + max((self._most_without_going_back(target, loop) for target in after), default=0)

    def _is_reset(self, counter: str, loop: set[str]) -> bool:
        values = [
            holder["Assign"][counter]
            for name in loop
            for holder in (
                self._states[name],
                *self._states[name].get("Catch", []),
                *self._states[name].get("Choices", []),
            )
            if counter in holder.get("Assign", {})
        ]
        return any(value != f"{{% ${counter} + 1 %}}" for value in values)

    def _reach(self, start: str) -> set[str]:
        reached: set[str] = set()
        frontier = self._following[start]
        while frontier:
            reached |= frontier
            frontier = {target for name in frontier for target in self._following[name]} - reached
        return reached
