"""Check what a first run needs from an AWS account, and print one line per check, with a fix where one is needed.

python -m tools.preflight --environment dev

The exit code is 1 when a check fails. A check that cannot look, for example without permission, is unknown, which is
not a failure. Run it before the first `make apply`, and again after it: some checks look at the deployed environment.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError
from rich.console import Console
from rich.text import Text

from buyer_stage.domain.datalake import SURVEY_KEY
from buyer_stage.domain.snapshot_date import resolve_snapshot_date
from tools.environment import require
from tools.execution import PIPELINES, find_state_machine
from tools.preflight.account import check_identity, check_region, check_service_linked_roles
from tools.preflight.deployment import check_definitions, check_deliveries, check_subscriptions
from tools.preflight.github import call_github, check_environment_rules
from tools.preflight.network import check_emr_subnets, check_sagemaker_subnets
from tools.preflight.permissions import check_roles
from tools.preflight.quotas import (
    check_quotas,
    count_other_tables,
    dynamodb_needs,
    glue_needs,
    instance_needs,
    sagemaker_needs,
    vcpus_of,
)
from tools.preflight.result import Check, NotDeployedError, Result, Status, run
from tools.preflight.storage import check_bucket, check_partitions, check_survey
from tools.publish import code_bucket
from tools.recorded_calls import DOCUMENT, read_document
from tools.security_docs import find_topic, read_placeholders, read_resource_policies
from tools.terraform import ENVIRONMENTS
from tools.terraform_binary import TerraformError
from tools.terraform_variables import BOOTSTRAP, read_backend, read_variables

QUICK = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 4, "mode": "standard"})
"""A service that does not answer is soon unknown."""

NOT_FOUND = {"NotFound", "NotFoundException", "NoSuchBucket", "NoSuchBucketPolicy", "ResourceNotFoundException"}

LOCAL_CLOUD_LACKS = {
    "service-linked roles": "the local cloud needs none",
    "EMR subnets": "the local cloud has no network",
    "SageMaker subnets": "the local cloud has no network",
    "quotas of ec2": "the local cloud has no Service Quotas",
    "quotas of sagemaker": "the local cloud has no Service Quotas",
    "quotas of glue": "the local cloud has no Service Quotas",
    "quotas of dynamodb": "the local cloud has no Service Quotas",
    "permissions": "the local cloud simulates without conditions; `make infra-test` checks the policies",
    "GitHub environment": "GitHub does not deploy to the local cloud",
}
"""Check -> why it cannot look at the environment local."""

COLORS = {Status.PASSED: "green", Status.FAILED: "bold red", Status.UNKNOWN: "yellow"}


def checks(
    environment: str, variables: Mapping[str, Any], present_region: str | None, now: datetime
) -> dict[str, Check]:
    """Return the checks by name, in order. The name stands for the results of a check that cannot look.

    Args:
        environment: name of the environment.
        variables: values of its Terraform variables.
        present_region: the Region that clients use by default.
        now: when the checks run, with a time zone.
    """
    client: Any = boto3.client
    region, lake, emr = variables["region"], variables["datalake"], variables["emr"]
    transform, push = variables["transform"], variables["push"]
    backend = read_backend(environment)
    bootstrap = "bootstrap the account: step 1 of docs/deployment.md"
    snapshot_date = resolve_snapshot_date(now, lake["lag_days"])
    survey_uri = lake["survey_uri"] or f"s3://{lake['bucket']}/{SURVEY_KEY}"

    def deployed(check: Check) -> Check:
        return lambda: _deployed(environment, check)

    return {
        "account": lambda: check_identity(client("sts").get_caller_identity(), environment),
        "Region": lambda: check_region(present_region, region, backend["region"]),
        "state bucket": lambda: check_bucket(
            client("s3"), "state", backend["bucket"], f"{bootstrap}, and set bucket in {environment}.s3.tfbackend"
        ),
        "code bucket": lambda: check_bucket(client("s3"), "code", code_bucket(environment), bootstrap),
        "data lake": lambda: check_partitions(client("s3"), lake["bucket"], snapshot_date),
        "survey": lambda: check_survey(client("s3"), survey_uri),
        "service-linked roles": lambda: check_service_linked_roles(client("iam")),
        "EMR subnets": lambda: check_emr_subnets(client("ec2"), emr["subnet_ids"]),
        "SageMaker subnets": lambda: check_sagemaker_subnets(client("ec2"), variables["sagemaker_vpc"]["subnet_ids"]),
        "quotas of ec2": lambda: check_quotas(
            client("service-quotas"), instance_needs(emr, vcpus_of(client("ec2"), emr))
        ),
        "quotas of sagemaker": lambda: check_quotas(client("service-quotas"), sagemaker_needs(transform)),
        "quotas of glue": lambda: check_quotas(client("service-quotas"), glue_needs(push)),
        "quotas of dynamodb": lambda: check_quotas(
            client("service-quotas"), dynamodb_needs(push, count_other_tables(client("dynamodb"), environment))
        ),
        "GitHub environment": lambda: check_environment_rules(
            call_github, read_variables(environment, BOOTSTRAP)["github_repository"], environment
        ),
        "definitions": deployed(
            lambda: check_definitions(
                client("stepfunctions"), {name: find_state_machine(name, environment) for name in PIPELINES}
            )
        ),
        "subscriptions": deployed(
            lambda: check_subscriptions(client("sns"), find_topic(environment), variables["alerts"]["emails"])
        ),
        "deliveries": deployed(
            lambda: check_deliveries(
                read_resource_policies(environment), client("sts").get_caller_identity()["Account"], region
            )
        ),
        "permissions": deployed(
            lambda: check_roles(client("iam"), read_document(DOCUMENT.read_text()), read_placeholders(environment))
        ),
    }


def results(environment: str, named: Mapping[str, Check]) -> Iterator[Result]:
    """Run checks, except those that cannot look at the local cloud, and yield their results."""
    for name, check in named.items():
        reason = LOCAL_CLOUD_LACKS.get(name) if environment == "local" else None
        if reason is not None:
            yield Result(name, Status.UNKNOWN, reason)
        else:
            yield from run(name, check)


def show(console: Console, result: Result) -> None:
    """Print the line of a result, and below it the line of its fix."""
    line = Text.assemble((f"{result.status:7}", COLORS[result.status]), f"  {result.check:21}  {result.finding}")
    console.print(line, soft_wrap=True)
    if result.fix:
        console.print(Text(f"{'':9}fix: {result.fix}", style="dim"), soft_wrap=True)


def _deployed(environment: str, check: Check) -> Iterator[Result]:
    """Run a check of what the first apply creates."""
    try:
        yield from check()
    except LookupError as error:
        raise NotDeployedError(environment) from error
    except ClientError as error:
        if error.response["Error"]["Code"] not in NOT_FOUND:
            raise
        raise NotDeployedError(environment) from error


def main() -> None:
    """Run the checks of one environment; exit with 1 when one fails."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    environment = parser.parse_args().environment
    require(environment)
    console = Console(highlight=False)
    try:
        variables = read_variables(environment)
    except TerraformError as error:
        sys.exit(str(error))
    present_region = boto3.Session().region_name
    session = botocore.session.Session()
    session.set_default_client_config(QUICK)
    boto3.setup_default_session(botocore_session=session, region_name=variables["region"])
    counts = dict.fromkeys(Status, 0)
    for result in results(environment, checks(environment, variables, present_region, datetime.now(UTC))):
        show(console, result)
        counts[result.status] += 1
    console.print(", ".join(f"{count} {status}" for status, count in counts.items()))
    sys.exit(counts[Status.FAILED] > 0)


if __name__ == "__main__":
    main()
