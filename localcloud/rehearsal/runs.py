"""Run workflows as GitHub does: job by job, each in a fresh clone, with what its artifacts bring and nothing else."""

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from localcloud.cloud import REGION
from localcloud.rehearsal import artifacts, programs
from localcloud.rehearsal.errors import RehearsalError, located
from localcloud.rehearsal.expressions import holds, render
from localcloud.rehearsal.workflows import (
    ON,
    Job,
    Step,
    checked_inputs,
    combinations,
    needed_jobs,
    read_composite_action,
    read_workflow,
    step_title,
)
from tools.environment import LOCAL_ACCOUNT

REPOSITORY_VARIABLES = {
    "AWS_REGION": REGION,
    **{
        f"AWS_{purpose}_ROLE_ARN_{environment.upper()}": f"arn:aws:iam::{LOCAL_ACCOUNT}:role/{purpose}-{environment}"
        for purpose, environments in {"PLAN": ("dev", "qa", "prod"), "PULL_REQUEST": ("dev", "qa")}.items()
        for environment in environments
    },
}
"""What step 3 of docs/deployment.md sets for the repository."""

GITHUB: Final[Mapping[str, str]] = {
    "repository": "example-org/buyer-stage-pipelines",
    "run_id": "17",
    "server_url": "https://github.example",
    "token": "no-token",
}

MACHINE_VARIABLES = (
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "LANG", "LD_LIBRARY_PATH",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "TF_CLI_CONFIG_FILE", "TF_PLUGIN_MIRROR",
)  # fmt: skip
"""How this machine reaches networks and mirrors. Jobs get no other variables of it, except those of pip."""

MACHINE_FILES = {"TF_CLI_CONFIG_FILE": ".terraformrc", "PIP_CONFIG_FILE": ".config/pip/pip.conf"}
"""Variable -> file of the home folder with such settings; a job has its own home."""

SUMMARY_BYTES = 1024 * 1024
"""GitHub's limit for the summary of a step."""

SHOWN_LINES = 25
DEFAULT_MINUTES = 360


@dataclass(frozen=True)
class Event:
    """What starts a run.

    Attributes:
        name: name of the event, such as `push`.
        ref: the branch, or the merge of the pull request.
        payload: the fields of `github.event`.
        inputs: what a person enters for `workflow_dispatch`.
    """

    name: str
    ref: str = "refs/heads/main"
    payload: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Stage:
    """Where workflows run.

    Attributes:
        source: repository whose HEAD the jobs clone.
        folder: folder for logs and for what jobs work on.
        environment: the one environment that is rehearsed; jobs for others are skipped.
        cloud: variables that point AWS clients at the local cloud, which a job gets with its credentials.
        open_issue: number of the issue that the fake `gh` finds; empty for none.
        jobs_started: how many jobs have started.
    """

    source: Path
    folder: Path
    environment: str
    cloud: Mapping[str, str]
    open_issue: str = ""
    jobs_started: int = 0

    def run(self, file: str, event: Event) -> "Run":
        """Run the workflow in a file and return what it did.

        Raises:
            RehearsalError: a job fails, or contains something that the rehearsal does not interpret.
        """
        entered = " ".join(f"{name}={value}" for name, value in event.inputs.items())
        print(f"{file} on {event.name} {entered}".rstrip(), flush=True)
        run = Run(self, event)
        run.start(file)
        return run


@dataclass
class _JobRun:
    """A job that runs: its folders, variables and contexts."""

    title: str
    folder: Path
    variables: dict[str, str]
    contexts: dict[str, Any]
    permissions: Mapping[str, str]
    deadline: float

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def programs(self) -> Path:
        return self.folder / "programs"

    def require(self, permission: str, access: str) -> None:
        """Raise an error unless the job has a permission."""
        if self.permissions.get(permission) not in (access, "write"):
            raise RehearsalError(f"the job needs the permission `{permission}: {access}`")


class Run:
    """One run of a workflow.

    Attributes:
        logs: the logs of its commands, by job and step.
    """

    def __init__(self, stage: Stage, event: Event) -> None:
        self.stage = stage
        self.event = event
        self.logs: dict[tuple[str, str], Path] = {}
        number = stage.jobs_started + 1
        self._artifacts = stage.folder / "artifacts" / f"before-job-{number}"
        self._artifacts.mkdir(parents=True)
        self._calls = self._artifacts.with_suffix(".gh-calls")
        self._sha = _git(stage.source, "rev-parse", "HEAD").strip()
        self._github = {
            **GITHUB,
            "event": event.payload,
            "event_name": event.name,
            "ref": event.ref,
        }

    def start(self, file: str) -> None:
        """Run every job of a workflow.

        Raises:
            RehearsalError: a job fails, or contains something that the rehearsal does not interpret.
        """
        workflow = read_workflow(self.stage.source / ".github/workflows" / file)
        with located(file):
            if self.event.name not in workflow[ON]:
                raise RehearsalError(f"the workflow does not start on {self.event.name}")
            form = workflow[ON]["workflow_dispatch"] if self.event.name == "workflow_dispatch" else None
            declared = (form or {}).get("inputs", {})
            self._run_jobs(workflow, checked_inputs(declared, self.event.inputs), caller="", allowed=None)

    def gh_calls(self) -> list[dict[str, str]]:
        """Return the calls of the fake `gh`, each with its words and the body that it sent."""
        lines = self._calls.read_text().splitlines() if self._calls.exists() else []
        return [json.loads(line) for line in lines]

    def _run_jobs(
        self, workflow: Mapping[Any, Any], inputs: Mapping[str, Any], caller: str, allowed: Mapping[str, str] | None
    ) -> None:
        waiting: dict[str, Job] = dict(workflow["jobs"])
        results: dict[str, str] = {}
        while waiting:
            ready = [name for name, job in waiting.items() if results.keys() >= set(needed_jobs(job))]
            if not ready:
                raise RehearsalError(f"jobs {', '.join(waiting)} need each other, or a job that does not exist")
            for name in ready:
                job = waiting.pop(name)
                own = job.get("permissions", workflow["permissions"])
                permissions = own if allowed is None else {each: allowed[each] for each in own if each in allowed}
                contexts = {
                    "github": self._github,
                    "inputs": inputs,
                    "needs": {needed: {"result": results[needed]} for needed in needed_jobs(job)},
                    "vars": REPOSITORY_VARIABLES,
                }
                with located(f"job {name}"):
                    results[name] = self._run_job(f"{caller}{name}", job, contexts, permissions)

    def _run_job(self, name: str, job: Job, contexts: dict[str, Any], permissions: Mapping[str, str]) -> str:
        succeeded = all(needed["result"] == "success" for needed in contexts["needs"].values())
        if not holds(job.get("if"), contexts, needed_succeeded=succeeded):
            return "skipped"
        result = "skipped"
        for combination in combinations(job):
            matrix = {key: render(value, contexts) for key, value in combination.items()}
            given = {key: render(value, contexts) for key, value in job.get("with", {}).items()}
            if (matrix | given).get("environment", self.stage.environment) != self.stage.environment:
                continue
            if "uses" in job:
                self._call_workflow(name, job, given, permissions)
            else:
                self._run_steps(name, job, {**contexts, "matrix": matrix}, permissions)
            result = "success"
        return result

    def _call_workflow(self, name: str, job: Job, given: Mapping[str, str], permissions: Mapping[str, str]) -> None:
        called = read_workflow(self.stage.source / job["uses"].removeprefix("$/"))
        with located(Path(job["uses"]).name):
            inputs = checked_inputs(called[ON]["workflow_call"]["inputs"], given)
            self._run_jobs(called, inputs, f"{name} / ", permissions)

    def _run_steps(self, name: str, job: Job, contexts: dict[str, Any], permissions: Mapping[str, str]) -> None:
        self.stage.jobs_started += 1
        folder = self.stage.folder / f"{self.stage.jobs_started:02d}-{name.replace(' / ', '-')}"
        if "environment" in job:  # Only these jobs see the variables of the GitHub environment.
            environment = render(job["environment"]["name"], contexts)
            role = f"arn:aws:iam::{LOCAL_ACCOUNT}:role/buyer-stage-apply-{environment}"
            contexts["vars"] = {**contexts["vars"], "AWS_APPLY_ROLE_ARN": role}
        minutes = job.get("timeout-minutes", DEFAULT_MINUTES)
        running = _JobRun(
            name,
            folder,
            self._variables(folder),
            {**contexts, "steps": {}},
            permissions,
            time.monotonic() + 60 * minutes,
        )
        for each in ("workspace", "home", "programs", "temp"):
            (folder / each).mkdir(parents=True)
        programs.install_gh(running.programs)
        running.variables |= {key: render(value, running.contexts) for key, value in job.get("env", {}).items()}
        for number, step in enumerate(job["steps"], start=1):
            with located(f"step `{step_title(step)}`"):
                self._run_step(running, step, number)
        for each in ("workspace", "home"):  # With their Python environments, clones are large.
            shutil.rmtree(folder / each)

    def _variables(self, folder: Path) -> dict[str, str]:
        own = {name: os.environ[name] for name in MACHINE_VARIABLES if name in os.environ}
        own |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        for name, file in MACHINE_FILES.items():
            if name not in own and (Path.home() / file).is_file():
                own[name] = str(Path.home() / file)
        return {
            "PIP_CACHE_DIR": _pip_cache(),
            **own,
            "PATH": f"{folder / 'programs'}:{programs.SYSTEM_PATH}",
            "HOME": str(folder / "home"),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.event.name,
            "GITHUB_REF": self.event.ref,
            "GITHUB_REPOSITORY": GITHUB["repository"],
            "GITHUB_RUN_ID": GITHUB["run_id"],
            "GITHUB_SERVER_URL": GITHUB["server_url"],
            "GITHUB_SHA": self._sha,
            "GITHUB_WORKSPACE": str(folder / "workspace"),
            "RUNNER_TEMP": str(folder / "temp"),
            "GH_CALLS": str(self._calls),
            "GH_FOUND": self.stage.open_issue,
        }

    def _run_step(self, running: _JobRun, step: Step, number: int) -> None:
        print(f"  {running.title:<14} {step_title(step)[:80]:<80}", end="", flush=True)
        started = time.monotonic()
        try:
            if "run" in step:
                self._run_command(running, step, number)
            else:
                self._use_action(running, step)
        except RehearsalError:
            print(f" {time.monotonic() - started:6.1f} s  failed", flush=True)
            raise
        print(f" {time.monotonic() - started:6.1f} s", flush=True)

    def _run_command(self, running: _JobRun, step: Step, number: int) -> None:
        base = running.folder / f"{number:02d}"
        script, log, output, summary = (base.with_suffix(f".{kind}") for kind in ("sh", "log", "output", "summary"))
        script.write_text(step["run"])
        output.touch()
        summary.touch()
        self.logs[running.title, step_title(step)] = log
        own = {key: render(value, running.contexts) for key, value in step.get("env", {}).items()}
        variables = {**running.variables, **own, "GITHUB_OUTPUT": str(output), "GITHUB_STEP_SUMMARY": str(summary)}
        problem = _run_bash(script, running.workspace, variables, log, running.deadline)
        if problem is None and summary.stat().st_size > SUMMARY_BYTES:
            problem = f"the summary has more than {SUMMARY_BYTES} bytes"
        if problem is not None:
            lines = log.read_text(errors="replace").splitlines()[-SHOWN_LINES:]
            raise RehearsalError("\n".join([problem, *(f"    {line}" for line in lines), f"    (log: {log})"]))
        if "id" in step:
            running.contexts["steps"][step["id"]] = {"outputs": _outputs(output)}

    def _use_action(self, running: _JobRun, step: Step) -> None:
        if step["uses"].startswith("$/"):
            for inner in read_composite_action(self.stage.source / step["uses"].removeprefix("$/")):
                with located(f"step `{step_title(inner)}`"):
                    self._use_action(running, inner)
            return
        name = step["uses"].partition("@")[0]
        if name not in ACTIONS:
            raise RehearsalError(f"the rehearsal does not interpret the action {name}; add it to {Path(__file__).name}")
        action, required, optional = ACTIONS[name]
        inputs = {key: render(value, running.contexts) for key, value in step.get("with", {}).items()}
        if unknown := inputs.keys() - required - optional:
            raise RehearsalError(f"the rehearsal does not interpret the input {', '.join(sorted(unknown))} of {name}")
        if missing := required - inputs.keys():
            raise RehearsalError(f"{name} needs the input {', '.join(sorted(missing))}")
        action(self, running, inputs)

    def _check_out(self, running: _JobRun, _inputs: Mapping[str, str]) -> None:
        running.require("contents", "read")
        _git(running.folder, "clone", "--quiet", "--depth", "1", f"file://{self.stage.source}", str(running.workspace))

    def _set_up_python(self, running: _JobRun, inputs: Mapping[str, str]) -> None:
        if inputs["python-version"] != "3.11":
            raise RehearsalError(f"the product needs Python 3.11, not {inputs['python-version']}")
        programs.install_python(running.programs)

    def _set_up_terraform(self, running: _JobRun, inputs: Mapping[str, str]) -> None:
        if inputs["terraform_wrapper"] != "false":
            raise RehearsalError("set `terraform_wrapper: false`, because the wrapper changes what Terraform prints")
        programs.install_terraform(running.programs)

    def _upload(self, running: _JobRun, inputs: Mapping[str, str]) -> None:
        artifacts.upload(self._artifacts, running.workspace, inputs)

    def _download(self, running: _JobRun, inputs: Mapping[str, str]) -> None:
        artifacts.download(self._artifacts, running.workspace, inputs)

    def _configure_credentials(self, running: _JobRun, inputs: Mapping[str, str]) -> None:
        running.require("id-token", "write")
        if not inputs["role-to-assume"]:
            raise RehearsalError("there is no role to assume")
        region = {"AWS_REGION": inputs["aws-region"], "AWS_DEFAULT_REGION": inputs["aws-region"]}
        running.variables |= {**self.stage.cloud, **region}


Action = Callable[[Run, _JobRun, Mapping[str, str]], None]

ACTIONS: dict[str, tuple[Action, set[str], set[str]]] = {
    "actions/checkout": (Run._check_out, set(), {"persist-credentials"}),
    "actions/setup-python": (Run._set_up_python, {"python-version"}, set()),
    "hashicorp/setup-terraform": (Run._set_up_terraform, {"terraform_version", "terraform_wrapper"}, set()),
    "actions/upload-artifact": (Run._upload, {"name", "path"}, {"if-no-files-found", "retention-days"}),
    "actions/download-artifact": (Run._download, {"path"}, {"name", "pattern", "merge-multiple"}),
    "aws-actions/configure-aws-credentials": (
        Run._configure_credentials, {"role-to-assume", "aws-region"}, {"role-duration-seconds", "mask-aws-account-id"},
    ),
}  # fmt: skip
"""Action -> what it does in a rehearsal, the inputs that it requires, and the others that the rehearsal interprets."""


@functools.cache
def _pip_cache() -> str:
    command = [sys.executable, "-m", "pip", "cache", "dir"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RehearsalError(f"git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def _run_bash(script: Path, folder: Path, variables: Mapping[str, str], log: Path, deadline: float) -> str | None:
    """Run a script as GitHub does, and return what went wrong, or None."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["bash", "-e", str(script)],
            cwd=folder, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
        try:
            exit_code = process.wait(timeout=deadline - time.monotonic())
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if isinstance(error, subprocess.TimeoutExpired):
                return "the job takes longer than its timeout-minutes"
            raise
    return None if exit_code == 0 else f"exit code {exit_code}"


def _outputs(file: Path) -> dict[str, str]:
    lines = file.read_text().splitlines()
    if strange := [line for line in lines if "=" not in line or "<<" in line]:
        raise RehearsalError(f"the rehearsal does not interpret the output `{strange[0]}`; write name=value")
    return dict(line.split("=", 1) for line in lines)
