"""Read GitHub's workflow files, and refuse what the rehearsal does not interpret."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from localcloud.rehearsal import expressions
from localcloud.rehearsal.errors import RehearsalError, located

Job = dict[str, Any]
Step = dict[str, Any]
Workflow = dict[Any, Any]

ON = True
"""The key of the triggers: YAML 1.1 reads `on` as true."""

WORKFLOW_KEYS = frozenset({"name", "run-name", ON, "permissions", "concurrency", "jobs"})
COMMON_KEYS = frozenset({"name", "if", "needs", "permissions"})
CALLING_JOB_KEYS = COMMON_KEYS | {"uses", "with", "concurrency"}
JOB_KEYS = COMMON_KEYS | {"runs-on", "timeout-minutes", "environment", "strategy", "env", "steps"}
STEP_KEYS = frozenset({"name", "id", "uses", "with", "run", "env"})
STRATEGY_KEYS = frozenset({"fail-fast", "matrix"})
MATRIX_KEYS = frozenset({"include"})


def read_workflow(file: Path) -> Workflow:
    """Read a workflow and check every key and expression in it, even of jobs that will not run.

    Raises:
        RehearsalError: the rehearsal does not interpret something; the message names file, job and step.
    """
    with located(file.name):
        if not file.is_file():
            raise RehearsalError("there is no such workflow")
        workflow: Workflow = yaml.safe_load(file.read_text())
        _check_keys(workflow, WORKFLOW_KEYS)
        _check_expressions({key: value for key, value in workflow.items() if key != "jobs"})
        for name, job in workflow["jobs"].items():
            with located(f"job {name}"):
                _check_job(job)
    return workflow


def read_composite_action(folder: Path) -> list[Step]:
    """Return the steps of an action of this repository, each of which uses another action.

    Raises:
        RehearsalError: the rehearsal does not interpret something.
    """
    action = yaml.safe_load((folder / "action.yml").read_text())
    steps: list[Step] = action["runs"]["steps"]
    for step in steps:
        with located(f"step `{step_title(step)}`"):
            _check_keys(step, frozenset({"name", "uses", "with"}))
            _check_expressions(step)
    return steps


def step_title(step: Step) -> str:
    """Return what identifies a step for a reader: its name, its command, or its action."""
    title: str = step.get("name") or step.get("run") or step["uses"].partition("@")[0]
    return title.strip().splitlines()[0]


def needed_jobs(job: Job) -> list[str]:
    """Return the jobs that a job needs."""
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)


def combinations(job: Job) -> list[dict[str, Any]]:
    """Return the combinations of a job's matrix, or one empty combination when it has none."""
    return list(job.get("strategy", {}).get("matrix", {}).get("include", [{}]))


def checked_inputs(declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs of a run: those given, and the defaults of the others.

    Args:
        declared: the workflow's `inputs`.
        given: the values that a person or a calling workflow enters.

    Raises:
        RehearsalError: an input is unknown or missing, or is not one of its options.
    """
    if unknown := given.keys() - declared.keys():
        raise RehearsalError(f"the workflow has no input {', '.join(sorted(unknown))}")
    values: dict[str, Any] = {}
    for name, about in declared.items():
        if name not in given and about.get("required"):
            raise RehearsalError(f"the input {name} is required")
        values[name] = given.get(name, about.get("default", ""))
        if about["type"] == "choice" and values[name] not in about["options"]:
            raise RehearsalError(f"the input {name} has no option {values[name]}")
    return values


def _check_job(job: Job) -> None:
    _check_keys(job, CALLING_JOB_KEYS if "uses" in job else JOB_KEYS)
    _check_keys(job.get("strategy", {}), STRATEGY_KEYS)
    _check_keys(job.get("strategy", {}).get("matrix", {}), MATRIX_KEYS)
    expressions.parse(expressions.without_braces(job.get("if", "true")))
    _check_expressions({key: value for key, value in job.items() if key not in ("if", "steps")})
    for step in job.get("steps", []):
        with located(f"step `{step_title(step)}`"):
            _check_keys(step, STEP_KEYS)
            _check_expressions(step)


def _check_keys(mapping: Mapping[Any, Any], known: frozenset[Any]) -> None:
    if unknown := mapping.keys() - known:
        raise RehearsalError(f"the rehearsal does not interpret the key {', '.join(sorted(map(str, unknown)))}")


def _check_expressions(value: Any) -> None:
    for text in _texts(value):
        expressions.check(text)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
