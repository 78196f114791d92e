"""Run Terraform for one environment, with the environment's own backend, variables and working folder.

python -m tools.terraform plan --environment dev [--plan build/plans/dev.tfplan] [--destroy] [--no-lock] \
    [--detailed-exitcode]
python -m tools.terraform apply --environment dev [--plan build/plans/dev.tfplan] [--functions-only]

`plan` also writes the plan as text, next to the saved plan. Without a saved plan, `apply` asks for confirmation. In
continuous integration (`CI=true`), where an approver sees the saved plan, it applies nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from tools.environment import LOCAL, for_terraform, require
from tools.repository import REPOSITORY
from tools.terraform_binary import TerraformError as TerraformError
from tools.terraform_binary import find_terraform
from tools.terraform_providers import cli_environment

CONFIGURATION = REPOSITORY / "terraform"
ENVIRONMENTS = ("local", "dev", "qa", "prod")
CHANGES = 2
"""Exit code of `terraform plan -detailed-exitcode` when there are changes."""

LOCK_TIMEOUT = "-lock-timeout=5m"
"""Another plan or deployment can hold the lock of the state."""

PROTECTED_TARGETS = ("module.storage", "module.serving_table", "module.audit")
"""What the variable `deletion_protection` protects."""

FUNCTION_TARGETS = ("module.functions", "module.etl_pipeline", "module.ml_pipeline")
"""What a function's new code changes: its version, and the state machines that refer to versions."""


def terraform_call(configuration: Path, data: Path, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the command line and the environment of a Terraform command.

    Args:
        configuration: folder of the configuration.
        data: folder for what Terraform downloads and notes about the configuration.
        arguments: the subcommand and its options.

    Raises:
        TerraformError: Terraform is missing, or `TF_PLUGIN_MIRROR` names a mirror that must not be used.
    """
    subcommand, *options = arguments
    command = [str(find_terraform()), f"-chdir={configuration}", subcommand, "-no-color", *options]
    settings = {"TF_DATA_DIR": str(data), "CHECKPOINT_DISABLE": "1"}
    return command, {**for_terraform(subcommand), **cli_environment(), **settings}


def state_bucket(environment: str) -> str:
    """Return the name of the bucket of an environment's state, which `terraform/bootstrap` creates in this account."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    return f"buyer-stage-terraform-state-{environment}-{account}"


@dataclass(frozen=True)
class Workspace:
    """Terraform for one environment.

    Attributes:
        environment: name of the files with variables and backend in `terraform/environments/`.
        folder: folder for what Terraform downloads and notes about this environment.
        log: file for the output of commands; None for the terminal.
    """

    environment: str
    folder: Path
    log: Path | None = None

    def init(self) -> None:
        """Install the provider and connect to the environment's state.

        Raises:
            TerraformError: the account has no bucket for the state, or the command failed.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        backend = f"-backend-config=environments/{self.environment}.s3.tfbackend"
        bucket = state_bucket(self.environment)
        require_own(bucket)
        self._run("init", "-input=false", "-reconfigure", backend, f"-backend-config=bucket={bucket}")

    def plan(self, plan: Path, *, destroy: bool = False, lock: bool = True) -> bool:
        """Save a plan, and the same plan as text in a `.txt` file next to it.

        Args:
            plan: file for the plan.
            destroy: whether to plan the end of the environment.
            lock: whether to lock the state, which needs the right to write next to it.

        Returns:
            Whether there are changes.

        Raises:
            TerraformError: the command failed.
        """
        plan.parent.mkdir(parents=True, exist_ok=True)
        options = ["-input=false", LOCK_TIMEOUT if lock else "-lock=false", "-detailed-exitcode", f"-out={plan}"]
        exit_code = self._run("plan", *options, *(["-destroy"] if destroy else []), *self._variables)
        plan.with_suffix(".txt").write_text(self._output("show", str(plan)))
        return exit_code == CHANGES

    def describe(self, plan: Path) -> dict[str, Any]:
        """Return a saved plan in Terraform's JSON format."""
        described: dict[str, Any] = json.loads(self._output("show", "-json", str(plan)))
        return described

    def apply(self, plan: Path | None = None, *, approved: bool, targets: Sequence[str] = ()) -> None:
        """Apply a saved plan, or plan and apply.

        Args:
            plan: saved plan, which needs no confirmation.
            approved: whether to continue without confirmation.
            targets: addresses that limit the change; empty for everything.

        Raises:
            TerraformError: the command failed.
        """
        if plan is not None:
            self._run("apply", "-input=false", LOCK_TIMEOUT, str(plan))
            return
        only = [f"-target={target}" for target in targets]
        self._run("apply", LOCK_TIMEOUT, *self._approval(approved), *self._variables, *only)

    def apply_events(self, *, parallelism: int) -> Iterator[dict[str, Any]]:
        """Plan and apply without confirmation, and yield what Terraform reports, as it happens.

        Terraform starts with the first event. To let it end, read all of them.

        Args:
            parallelism: how many resources to work on at once.

        Yields:
            An event, see https://developer.hashicorp.com/terraform/internals/machine-readable-ui.

        Raises:
            TerraformError: the command failed.
        """
        options = ("-json", LOCK_TIMEOUT, f"-parallelism={parallelism}", *self._approval(True), *self._variables)
        command, environment = self._command(["apply", *options])
        errors: list[str] = []
        with (
            (self.log or Path(os.devnull)).open("a", buffering=1) as log,
            subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True) as process,
        ):
            for line in process.stdout or ():
                event: dict[str, Any] = json.loads(line)
                diagnostic = event.get("diagnostic", {})
                log.write(f"{event['@timestamp']} {event['@message']} {diagnostic.get('detail', '')}".rstrip() + "\n")
                if diagnostic.get("severity") == "error":
                    errors.append(f"{diagnostic['summary']}. {diagnostic['detail']}")
                yield event
        if process.returncode != 0:
            raise TerraformError(f"terraform apply, environment {self.environment}: {' '.join(errors)}")

    def end_protection(self) -> None:
        """Turn the deletion protection off, whatever the variables of the environment say.

        Raises:
            TerraformError: the command failed.
        """
        only = [f"-target={target}" for target in PROTECTED_TARGETS]
        self._run(
            "apply", LOCK_TIMEOUT, *self._approval(True), *self._variables, "-var=deletion_protection=false", *only
        )

    def destroy(self, *, approved: bool) -> None:
        """Destroy the environment.

        Args:
            approved: whether to continue without confirmation.

        Raises:
            TerraformError: the command failed.
        """
        self._run("destroy", LOCK_TIMEOUT, *self._approval(approved), *self._variables)

    def resources(self) -> dict[str, list[dict[str, Any]]]:
        """Return the attributes of the deployed resources, by kind of resource."""
        values = json.loads(self._output("show", "-json")).get("values", {})
        found: dict[str, list[dict[str, Any]]] = {}
        modules = [values.get("root_module", {})]
        while modules:
            module = modules.pop()
            modules += module.get("child_modules", [])
            for resource in module.get("resources", []):
                found.setdefault(resource["type"], []).append(resource["values"])
        return found

    @property
    def _variables(self) -> list[str]:
        return [f"-var-file=environments/{self.environment}.tfvars"]

    def _approval(self, approved: bool) -> list[str]:
        return ["-auto-approve", "-input=false"] if approved else []

    def _command(self, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        return terraform_call(CONFIGURATION, self.folder / "data", arguments)

    def _run(self, *arguments: str) -> int:
        command, environment = self._command(arguments)
        if self.log is None:
            exit_code, errors = subprocess.run(command, env=environment, check=False).returncode, "see above"
        else:
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            exit_code, errors = done.returncode, _errors(done.stderr)
            with self.log.open("a") as file:
                file.write(f"$ terraform {' '.join(arguments)}\n{done.stdout}{done.stderr}\n")
        if exit_code not in (0, CHANGES):
            raise TerraformError(f"terraform {arguments[0]}, environment {self.environment}: {errors}")
        return exit_code

    def _output(self, *arguments: str) -> str:
        command, environment = self._command(arguments)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise TerraformError(f"terraform {arguments[0]}, environment {self.environment}: {_errors(done.stderr)}")
        return done.stdout


def require_own(bucket: str) -> None:
    """Check that a bucket is this account's: anyone can take the name of one that does not exist yet.

    Args:
        bucket: name of the bucket, which ends with the account.

    Raises:
        TerraformError: the account has no such bucket, or does not let this process use it.
    """
    account = bucket.rpartition("-")[2]
    try:
        boto3.client("s3").head_bucket(Bucket=bucket, ExpectedBucketOwner=account)
    except ClientError as error:
        raise TerraformError(
            f"account {account} has no bucket {bucket} that you can use ({error.response['Error']['Code']}). "
            "Bootstrap the account: step 1 of docs/deployment.md"
        ) from error


def _errors(text: str) -> str:
    lines = [line.strip("│ ") for line in text.splitlines()]
    return " ".join(line for line in lines if line and not line.startswith(("╷", "╵")))[:2000]


def workspace(environment: str) -> Workspace:
    """Return the workspace of an environment, with its folder below `build/`."""
    return Workspace(environment, REPOSITORY / "build" / "terraform" / environment)


def in_workflow(environment: str) -> bool:
    """Check whether a workflow runs this command on AWS, so that an approver must have seen the saved plan."""
    return os.environ.get("CI") == "true" and environment != LOCAL


def require_shown_plan(environment: str, plan: Path | None) -> None:
    """Exit with 1 when a workflow would change an environment without a saved plan."""
    if plan is None and in_workflow(environment):
        sys.exit(
            f"A workflow changes {environment} only by a saved plan that an approver has seen. Save one with "
            f"`make plan ENV={environment} PLAN=<file>`, show it, and pass the same PLAN."
        )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; exit with 1 when it fails, or with 2 when `--detailed-exitcode` finds changes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["plan", "apply"])
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    parser.add_argument("--plan", type=Path, help="file of the saved plan")
    parser.add_argument("--destroy", action="store_true", help="for plan: plan the end of the environment")
    parser.add_argument("--no-lock", action="store_true", help="for plan: do not lock the state")
    parser.add_argument("--detailed-exitcode", action="store_true", help="for plan: exit with 2 when there are changes")
    parser.add_argument(
        "--functions-only",
        action="store_true",
        help="for apply: update only the functions and the state machines that call them",
    )
    parsed = parser.parse_args(arguments)
    require(parsed.environment)
    terraform = workspace(parsed.environment)
    plan = parsed.plan.resolve() if parsed.plan else None
    if parsed.command == "apply":
        require_shown_plan(parsed.environment, plan)
    try:
        terraform.init()
        match parsed.command:
            case "plan":
                file = plan or terraform.folder / "plan.tfplan"
                changes = terraform.plan(file, destroy=parsed.destroy, lock=not parsed.no_lock)
                sys.exit(CHANGES if changes and parsed.detailed_exitcode else 0)
            case "apply":
                targets = FUNCTION_TARGETS if parsed.functions_only else ()
                terraform.apply(plan, approved=parsed.environment == LOCAL, targets=targets)
    except TerraformError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
