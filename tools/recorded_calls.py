"""The AWS calls of each role in a run on the local cloud, in a form that fits every environment.

The local cloud lists every call that a role makes, with the dependent actions that the service checks for it.
`docs/recorded_calls.json` keeps them without repetitions: placeholders stand for the names of the environment, and
`{any}` stands for what differs between runs, such as days, job names and versions. `make diagrams` writes it.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from localcloud.policies.calls import Call
from tools.repository import REPOSITORY
from tools.security_docs import Placeholders

DOCUMENT = REPOSITORY / "docs" / "recorded_calls.json"

ANY = "{any}"
DIFFERS_BETWEEN_RUNS = re.compile(
    r"""
      [0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}  # execution, file
    | \d{4}[/-]\d{2}[/-]\d{2}                      # day
    | (?<==)\d{8}                                  # day of a partition
    | (?<=-)[0-9a-f]{10}\b                         # job
    | (?<=code/)[0-9a-f]+                          # code version
    | (?<=cluster/)j-\w+
    | (?<=part-)\d{5}
    | (?<=:)\d+$                                   # version of a function
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Calls:
    """Calls of a role that one simulation can check: each action on each resource.

    Attributes:
        role: name of the role.
        actions: the actions as policies spell them.
        resources: ARNs, or `*`.
        context: the condition keys of the calls.
    """

    role: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    context: tuple[tuple[str, str], ...]


def combine(calls: Iterable[Call], placeholders: Placeholders) -> list[Calls]:
    """Return recorded calls without repetitions and without names of one environment or one run."""
    actions = defaultdict(set)
    for call in calls:
        role, resource = (_general(text, placeholders) for text in (call.role, call.resource))
        context = tuple(sorted((key, _general(str(value), placeholders)) for key, value in call.context.items()))
        actions[role, context, resource].add(call.action)
    resources = defaultdict(set)
    for (role, context, resource), called in actions.items():
        resources[role, tuple(sorted(called)), context].add(resource)
    return sorted(
        (Calls(role, called, tuple(sorted(on)), context) for (role, called, context), on in resources.items()),
        key=lambda each: (each.role, each.actions, each.context),
    )


def write_document(calls: Sequence[Calls]) -> str:
    """Return the text of the document, with a line for each simulation."""
    lines = [
        json.dumps(
            {"role": each.role, "actions": each.actions, "resources": each.resources, "context": dict(each.context)}
        )
        for each in calls
    ]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def read_document(text: str) -> list[Calls]:
    """Return the calls in the text of a document."""
    return [
        Calls(each["role"], tuple(each["actions"]), tuple(each["resources"]), tuple(sorted(each["context"].items())))
        for each in json.loads(text)
    ]


def _general(text: str, placeholders: Placeholders) -> str:
    return DIFFERS_BETWEEN_RUNS.sub(ANY, placeholders.apply(text))
