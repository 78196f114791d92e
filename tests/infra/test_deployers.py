"""The roles of GitHub's workflows deploy everything, but cannot become administrators, and in prod cannot delete data.

The decisions are MiniStack's, on the policies that Terraform plans for the bootstrap.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from localcloud.cloud import SERVER_PYTHON
from localcloud.policies.calls import Call
from tests.infra.permissions import decisions
from tests.terraform_copy import initialized_copy, terraform
from tools.recorded_calls import ANY, DOCUMENT, read_document
from tools.repository import REPOSITORY
from tools.roles import Policy, statements
from tools.security_docs import Placeholders
from tools.terraform import terraform_call
from tools.terraform_layout import LAYOUT_FILE, layout_json

BOOTSTRAP = REPOSITORY / "terraform/bootstrap"
ACCOUNT = "000000000000"
REGION = "us-west-2"
IAM = f"arn:aws:iam::{ACCOUNT}"
KEYS = f"arn:aws:kms:{REGION}:{ACCOUNT}:key"
DATALAKE = "example-datalake"  # as in bootstrap.tftest.hcl
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:buyer-stage-suppression-key-dev-AbCdEf"
EVERYTHING: Policy = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
DEPLOYERS = [
    (environment, role)
    for environment in ("dev", "prod")
    for role in ("apply", "plan", "pull-request")
    if (environment, role) != ("prod", "pull-request")
]


@dataclass(frozen=True)
class Bootstrap:
    """What the bootstrap plans for one environment.

    Attributes:
        policies: role of the workflows -> its policies.
        boundary: boundary of these roles.
        runtime: boundary of the roles that Terraform makes for the pipelines.
    """

    policies: Mapping[str, list[Policy]]
    boundary: Policy
    runtime: Policy


@pytest.fixture(scope="module")
def messages(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Run the Terraform tests and return their messages, one JSON document each."""
    root = tmp_path_factory.mktemp("bootstrap")
    (root / "build/packages").mkdir(parents=True)
    (root / "build/packages" / LAYOUT_FILE).write_text(layout_json())
    (root / "terraform").mkdir()
    configuration = initialized_copy(BOOTSTRAP, root / "terraform")
    terraform(configuration, "fmt", "-check", "-recursive", "-diff")
    command, environment = terraform_call(
        configuration, root / "terraform/terraform-data", ("test", "-json", "-verbose")
    )
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    found = done.stdout.splitlines()
    # A planned run takes 15 MB, because it contains the schema of the provider.
    short = [message for message in found if '"type":"test_plan"' not in message]
    assert done.returncode == 0, "\n".join([*short, done.stderr])
    return found


def planned(messages: Iterable[str], run: str, kind: str) -> dict[str, dict[str, Any]]:
    """Return the planned resources of one kind by their key in `for_each`."""
    (line,) = [message for message in messages if '"type":"test_plan"' in message and f'"@testrun":"{run}"' in message]
    changes = json.loads(line.replace("123456789012", ACCOUNT))["test_plan"]["resource_changes"]
    return {change["index"]: change["change"]["after"] for change in changes if change["type"] == kind}


@pytest.fixture(scope="module")
def bootstraps(messages: list[str]) -> dict[str, Bootstrap]:
    result = {}
    for environment in ("dev", "prod"):
        documents = {
            name: json.loads(policy["policy"])
            for name, policy in planned(messages, environment, "aws_iam_policy").items()
        }
        attached: dict[str, list[Policy]] = {role: [] for role in planned(messages, environment, "aws_iam_role")}
        for key in planned(messages, environment, "aws_iam_role_policy_attachment"):
            role, _, name = key.partition("/")
            attached[role].append(documents[name])
        result[environment] = Bootstrap(attached, documents["github-boundary"], documents["boundary"])
    return result


def test_terraform_tests_pass(messages: list[str]) -> None:
    assert re.search(r"Success! \d+ passed, 0 failed\.", messages[-1])


# Who can take a role

NAMES = "repo:example-org/buyer-stage-pipelines"
IDS = "repo:example-org@123456/buyer-stage-pipelines@456789"
SUBJECTS = {
    "pull request": f"{NAMES}:pull_request",
    "main": f"{NAMES}:ref:refs/heads/main",
    "environment": f"{NAMES}:environment:dev",
    "pull request with ids": f"{IDS}:pull_request",
    "main with ids": f"{IDS}:ref:refs/heads/main",
    "environment with ids": f"{IDS}:environment:dev",
    "another branch": f"{NAMES}:ref:refs/heads/feature",
    "another branch with ids": f"{IDS}:ref:refs/heads/feature",
    "another environment": f"{NAMES}:environment:prod",
    "another environment with ids": f"{IDS}:environment:prod",
    "longer environment": f"{NAMES}:environment:dev2",
    "another repository": "repo:example-org/another-repository:environment:dev",
    "another repository with ids": "repo:example-org@123456/another-repository@456790:environment:dev",
    "fork": "repo:someone/buyer-stage-pipelines:pull_request",
    "fork with ids": "repo:someone@777/buyer-stage-pipelines@888:pull_request",
    "successor of a deleted repository": "repo:example-org@123456/buyer-stage-pipelines@999:environment:dev",
    "successor of a renamed organization": "repo:example-org@777/buyer-stage-pipelines@888:environment:dev",
    "renamed repository": "repo:example-org@123456/renamed@456789:environment:dev",
    "ids without names": "repo:@123456/@456789:environment:dev",
}
"""Case -> subject of a token of GitHub Actions."""


@pytest.mark.parametrize(("run", "suffix"), [("dev", ""), ("tokens_with_ids", " with ids")])
def test_only_tokens_of_the_repository_can_take_a_role(messages: list[str], run: str, suffix: str) -> None:
    assert {
        role: trusted_subjects(json.loads(planned["assume_role_policy"]), "sts.amazonaws.com")
        for role, planned in planned(messages, run, "aws_iam_role").items()
    } == {"plan": {f"main{suffix}"}, "pull-request": {f"pull request{suffix}"}, "apply": {f"environment{suffix}"}}


def test_a_token_for_another_audience_is_refused(messages: list[str]) -> None:
    for role in planned(messages, "dev", "aws_iam_role").values():
        assert trusted_subjects(json.loads(role["assume_role_policy"]), "https://github.com/example-org") == set()


def test_pull_requests_cannot_plan_prod(messages: list[str]) -> None:
    assert planned(messages, "prod", "aws_iam_role").keys() == {"plan", "apply"}


def trusted_subjects(policy: dict[str, Any], audience: str) -> set[str]:
    """Return the cases of `SUBJECTS` whose tokens a trust policy accepts."""
    provider = f"{IAM}:oidc-provider/token.actions.githubusercontent.com"
    cases = [
        {"policy": policy, "provider": provider, "claims": {"aud": audience, "sub": subject}}
        for subject in SUBJECTS.values()
    ]
    done = subprocess.run(
        [SERVER_PYTHON, "-m", "tests.infra.trust_decisions"],
        input=json.dumps(cases), capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )  # fmt: skip
    return {case for case, is_trusted in zip(SUBJECTS, json.loads(done.stdout), strict=True) if is_trusted}


# Escalation: the lists that Cloudsplaining publishes

LISTS = """
import json
from cloudsplaining.shared import constants
from policy_sentry.querying.actions import get_actions_with_access_level
from policy_sentry.querying.all import get_all_service_prefixes
exposing = [
    action
    for service in get_all_service_prefixes()
    for action in get_actions_with_access_level(service, "Permissions management")
]
print(json.dumps({
    **constants.PRIVILEGE_ESCALATION_METHODS,
    **{action: [action] for action in constants.READ_ONLY_DATA_EXFILTRATION_ACTIONS},
    **{action: [action] for action in constants.ACTIONS_THAT_RETURN_CREDENTIALS},
    **{action: [action] for action in exposing},
}))
"""


@cache
def escalations() -> dict[str, list[str]]:
    """Return every published way to gain permissions, credentials or data, or to expose resources: the actions of each.

    Cloudsplaining takes the last list, actions that change who has access to a resource, from Policy Sentry.
    """
    python = REPOSITORY / ".venv-checks/bin/python"
    done = subprocess.run([python, "-c", LISTS], capture_output=True, text=True, check=True)
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def outside(environment: str) -> list[str]:
    """Return ARNs of what a workflow must not use to gain anything: all that no runtime boundary limits."""
    other = "prod" if environment == "dev" else "dev"
    return [
        "*",
        f"{IAM}:role/Administrator",
        f"{IAM}:role/buyer-stage-etl-pipeline-{other}",
        *(f"{IAM}:role/buyer-stage-github-{name}-apply" for name in (environment, other)),
        f"{IAM}:policy/buyer-stage-boundary-{environment}",
        f"{IAM}:policy/buyer-stage-github-{environment}-boundary",
        f"{IAM}:policy/buyer-stage-github-{environment}-change-roles",
        f"{IAM}:user/someone",
        f"{IAM}:group/administrators",
        f"{IAM}:instance-profile/Administrator",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:another-product",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:buyer-stage-start-automl-{other}",
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/another-product",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:another-product",
        f"arn:aws:s3:::buyer-stage-ml-pipeline-{other}-{ACCOUNT}",
        f"arn:aws:s3:::buyer-stage-ml-pipeline-{other}-{ACCOUNT}/inputs/2020/03/01/part-0",
        f"arn:aws:s3:::buyer-stage-terraform-state-{environment}-{ACCOUNT}",
        f"arn:aws:s3:::buyer-stage-terraform-state-{other}-{ACCOUNT}/buyer-stage-pipelines/terraform.tfstate",
        f"{KEYS}/another-product",
        f"{KEYS}/bootstrap",
    ]


def inside(environment: str) -> list[str]:
    """Return ARNs of what the environment's deployments manage. Its roles all carry the runtime boundary."""
    return [
        f"{IAM}:role/buyer-stage-start-automl-{environment}",
        f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:buyer-stage-start-automl-{environment}",
        f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/buyer-stage-ml-pipeline-results-{environment}",
        f"arn:aws:s3:::buyer-stage-ml-pipeline-{environment}-{ACCOUNT}",
        f"arn:aws:s3:::buyer-stage-ml-pipeline-{environment}-{ACCOUNT}/inputs/2020/03/01/part-0",
        f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:buyer-stage-suppression-key-{environment}-AbCdEf",
        f"{KEYS}/environment",
    ]


def best_context(environment: str, *, bounded: bool) -> dict[str, str]:
    """Return the condition keys with which a workflow would try, on a target that has the boundary or has not."""
    boundary = {"iam:PermissionsBoundary": f"{IAM}:policy/buyer-stage-boundary-{environment}"} if bounded else {}
    tags = {"aws:ResourceTag/product": "buyer-stage", "aws:ResourceTag/environment": environment}
    anyone = {"lambda:Principal": "arn:aws:iam::999999999999:role/anyone", "lambda:FunctionUrlAuthType": "AWS_IAM"}
    return {**boundary, **tags, **anyone, "kms:GrantIsForAWSResource": "true"}


PASSED_TO = ("ec2", "lambda", "glue", "cloudformation", "datapipeline")


def possible(
    policies: list[Policy], boundary: Policy | None, environment: str, targets: Iterable[str], *, bounded: bool
) -> set[str]:
    """Return the escalations whose every action is allowed on one of the targets."""
    wanted = sorted({action for actions in escalations().values() for action in actions})
    tried = best_context(environment, bounded=bounded)
    cases = [
        (action, Call("deployer", action, target, context, True))
        for action in wanted
        for target in targets
        for passed_to in (PASSED_TO if action.lower() == "iam:passrole" else [""])
        for context in [{**tried, **({"iam:PassedToService": f"{passed_to}.amazonaws.com"} if passed_to else {})}]
    ]
    decided = decisions(((policies, call) for _, call in cases), boundary)
    allowed = {action for (action, _), is_allowed in zip(cases, decided, strict=True) if is_allowed}
    return {name for name, actions in escalations().items() if allowed.issuperset(actions)}


@pytest.mark.parametrize(("environment", "role"), DEPLOYERS)
def test_no_published_escalation_reaches_beyond_the_environment(
    bootstraps: dict[str, Bootstrap], environment: str, role: str
) -> None:
    policies = bootstraps[environment].policies[role]  # Already without their boundary, which only takes more.

    assert possible(policies, None, environment, outside(environment), bounded=False) == set()


@pytest.mark.parametrize(("environment", "role"), DEPLOYERS)
def test_within_the_environment_only_the_apply_role_changes_access_and_no_role_reads_data(
    bootstraps: dict[str, Bootstrap], environment: str, role: str
) -> None:
    bootstrap = bootstraps[environment]
    found = possible(bootstrap.policies[role], bootstrap.boundary, environment, inside(environment), bounded=True)

    roles = {
        "iam:CreateRole", "iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy", "iam:PassRole",
        "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
        "iam:UpdateRoleDescription",
    }  # fmt: skip
    bucket = {"s3:DeleteBucketPolicy", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock"}
    readers = {"dynamodb:DeleteResourcePolicy", "dynamodb:PutResourcePolicy", "lambda:AddPermission"}
    # The functions that it updates run with roles within the runtime boundary.
    deploys = {"EditExistingLambdaFunctionWithRole", "lambda:RemovePermission"} | roles
    assert found == {"apply": deploys | (bucket | readers if environment == "dev" else set())}.get(role, set())


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_no_role_of_the_pipelines_reaches_beyond_the_environment(
    bootstraps: dict[str, Bootstrap], environment: str
) -> None:
    """Whatever its policies say: the apply role writes them."""
    found = possible([EVERYTHING], bootstraps[environment].runtime, environment, outside(environment), bounded=True)

    # Images of containers, log groups, and network interfaces, which SageMaker's jobs use in a VPC.
    assert found == {
        "ecr:getauthorizationtoken", "logs:PutResourcePolicy", "ec2:CreateNetworkInterfacePermission",
        "ec2:DeleteNetworkInterfacePermission",
    }  # fmt: skip


# Boundaries and keys

OTHER_BOUNDARIES: list[dict[str, str]] = [{}, {"iam:PermissionsBoundary": f"{IAM}:policy/another"}]


@pytest.mark.parametrize("has_boundary", [True, False], ids=["with boundary", "without boundary"])
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_apply_role_cannot_make_or_leave_a_role_without_the_boundary(
    bootstraps: dict[str, Bootstrap], environment: str, has_boundary: bool
) -> None:
    bootstrap = bootstraps[environment]
    role, own = inside(environment)[0], best_context(environment, bounded=True)
    changes = ("CreateRole", "PutRolePolicy", "AttachRolePolicy", "DeleteRolePolicy", "PutRolePermissionsBoundary")
    refused = [(f"iam:{change}", role, context) for change in changes for context in OTHER_BOUNDARIES]
    refused += [("iam:DeleteRolePermissionsBoundary", role, own)]
    refused += [("iam:AttachRolePolicy", role, {**own, "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"})]
    decided = decisions(
        ((bootstrap.policies["apply"], Call("apply", *call, True)) for call in refused),
        bootstrap.boundary if has_boundary else None,
    )
    assert [call for call, is_allowed in zip(refused, decided, strict=True) if is_allowed] == []


KEY_ADMINISTRATION = (
    "CancelKeyDeletion", "CreateAlias", "CreateKey", "DeleteAlias", "DeleteImportedKeyMaterial", "DisableKey",
    "DisableKeyRotation", "EnableKey", "EnableKeyRotation", "ImportKeyMaterial", "PutKeyPolicy", "ReplicateKey",
    "RevokeGrant", "ScheduleKeyDeletion", "TagResource", "UntagResource", "UpdateAlias", "UpdateKeyDescription",
    "UpdatePrimaryRegion",
)  # fmt: skip


@pytest.mark.parametrize("has_boundary", [True, False], ids=["with boundary", "without boundary"])
@pytest.mark.parametrize(("environment", "role"), DEPLOYERS)
def test_workflows_cannot_administer_keys(
    bootstraps: dict[str, Bootstrap], environment: str, role: str, has_boundary: bool
) -> None:
    bootstrap = bootstraps[environment]
    alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/buyer-stage-{environment}"
    tags = {f"aws:{kind}Tag/environment": environment for kind in ("Request", "Resource")}
    tags |= {f"aws:{kind}Tag/product": "buyer-stage" for kind in ("Request", "Resource")}
    calls = [
        Call(role, f"kms:{action}", resource, context, True)
        for action in KEY_ADMINISTRATION
        for resource in ("*", alias, *(f"{KEYS}/{key}" for key in ("environment", "bootstrap", "another-product")))
        for context in ({}, tags)
    ]
    decided = decisions(
        ((bootstrap.policies[role], call) for call in calls), bootstrap.boundary if has_boundary else None
    )
    assert [(call.action, call.resource) for call, allowed in zip(calls, decided, strict=True) if allowed] == []


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize(
    ("action", "context"),
    [
        ("AddPermission", {"lambda:Principal": "*"}),
        ("AddPermission", {"lambda:Principal": "*", "lambda:FunctionUrlAuthType": "NONE"}),
        ("AddPermission", {"lambda:Principal": "events.amazonaws.com"}),
        ("CreateFunctionUrlConfig", {"lambda:FunctionUrlAuthType": "NONE"}),
        ("UpdateFunctionUrlConfig", {"lambda:FunctionUrlAuthType": "NONE"}),
    ],
)
def test_apply_role_cannot_open_a_function_to_callers_without_a_signature(
    bootstraps: dict[str, Bootstrap], environment: str, action: str, context: dict[str, str]
) -> None:
    bootstrap, function = bootstraps[environment], inside(environment)[1]
    call = Call("apply", f"lambda:{action}", function, context, True)

    assert decisions([(bootstrap.policies["apply"], call)], bootstrap.boundary) == [False]


VIA = {"kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"}
FOR_SERVICE = {"kms:GrantIsForAWSResource": "true"}


@pytest.mark.parametrize(
    ("action", "key", "context", "is_allowed"),
    [
        ("CreateGrant", "environment", VIA | FOR_SERVICE, True),
        ("CreateGrant", "environment", VIA, False),
        ("CreateGrant", "environment", FOR_SERVICE, False),
        ("CreateGrant", "another-product", VIA | FOR_SERVICE, False),
        ("CreateGrant", "bootstrap", VIA | FOR_SERVICE, False),
        ("Decrypt", "environment", VIA, True),
        ("Decrypt", "environment", {}, False),
        ("Decrypt", "environment", {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}, False),
        ("Decrypt", "another-product", VIA, False),
    ],
)
def test_apply_role_uses_the_key_only_through_the_services_that_it_deploys(
    bootstraps: dict[str, Bootstrap], action: str, key: str, context: dict[str, str], is_allowed: bool
) -> None:
    call = Call("apply", f"kms:{action}", f"{KEYS}/{key}", context, True)

    assert decisions([(bootstraps["prod"].policies["apply"], call)], bootstraps["prod"].boundary) == [is_allowed]


def test_runtime_roles_grant_the_key_only_to_services(bootstraps: dict[str, Bootstrap]) -> None:
    via = {"kms:ViaService": f"sagemaker.{REGION}.amazonaws.com"}
    calls = [
        Call("x", "kms:CreateGrant", f"{KEYS}/environment", context, True)
        for context in (via | FOR_SERVICE, via, FOR_SERVICE, {})
    ]
    assert decisions((([EVERYTHING], call) for call in calls), bootstraps["dev"].runtime) == [True, False, False, False]


# Data in prod

STAYS_WITH_A_PERSON = {
    "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopLogging", "cloudtrail:UpdateTrail",
    "dynamodb:DeleteResourcePolicy", "dynamodb:DeleteTable", "dynamodb:PutResourcePolicy",
    "dynamodb:UpdateContinuousBackups", "dynamodb:UpdateTable", "dynamodb:UpdateTimeToLive",
    "elasticmapreduce:TerminateJobFlows", "events:DeleteArchive", "events:DeleteEventBus", "events:PutPermission",
    "events:UpdateArchive", "glue:BatchStopJobRun", "lambda:AddPermission", "logs:DeleteLogGroup",
    "logs:DisassociateKmsKey",
    "logs:PutRetentionPolicy", "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObject", "s3:DeleteObjectVersion",
    "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning", "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration", "sagemaker:DeleteModel", "sagemaker:DeleteModelPackage",
    "sagemaker:DeleteModelPackageGroup", "sagemaker:StopAutoMLJob", "sagemaker:StopTransformJob",
    "secretsmanager:DeleteSecret", "secretsmanager:UpdateSecret", "states:StopExecution",
}  # fmt: skip
"""What the workflows can do in dev, and only a person can do in prod. `docs/deployment.md` says so."""


@pytest.mark.parametrize(("environment", "lost"), [("dev", set()), ("prod", STAYS_WITH_A_PERSON)])
def test_boundary_takes_nothing_that_a_deployment_needs_and_in_prod_all_that_ends_data(
    bootstraps: dict[str, Bootstrap], environment: str, lost: set[str]
) -> None:
    bootstrap = bootstraps[environment]
    cases = {}
    for policy in bootstrap.policies["apply"]:
        for statement in statements(policy):
            context = {
                key: values[0] if isinstance(values, list) else values
                for tested in statement.get("Condition", {}).values()
                for key, values in tested.items()
            }
            context |= best_context(environment, bounded=True) if "iam:PutRolePolicy" in statement["Action"] else {}
            for action in statement["Action"]:
                for resource in statement["Resource"]:
                    cases[statement["Sid"], action, resource] = Call("apply", action, resource, context, True)
    before = decisions((bootstrap.policies["apply"], call) for call in cases.values())
    after = decisions(((bootstrap.policies["apply"], call) for call in cases.values()), bootstrap.boundary)

    assert all(before)
    kept = {case[1:] for case, is_allowed in zip(cases, after, strict=True) if is_allowed}
    refused = {case[1:] for case in cases} - kept
    assert {action for action, _ in refused} == lost
    state = f"arn:aws:s3:::buyer-stage-terraform-state-{environment}-{ACCOUNT}/buyer-stage-pipelines/terraform.tfstate"
    assert {resource for action, resource in kept if action in lost} <= {f"{state}.tflock"}


ENDS_DATA = {
    "dynamodb:DeleteTable": "table", "dynamodb:UpdateTable": "table", "dynamodb:UpdateTimeToLive": "table",
    "dynamodb:UpdateContinuousBackups": "table", "s3:DeleteBucket": "bucket", "s3:DeleteBucketPolicy": "bucket",
    "s3:PutBucketPolicy": "bucket", "s3:PutBucketVersioning": "bucket", "s3:PutEncryptionConfiguration": "bucket",
    "s3:PutLifecycleConfiguration": "bucket", "s3:PutBucketPublicAccessBlock": "bucket",
    "s3:DeleteObjectVersion": "object", "s3:PutObjectAcl": "object", "logs:DeleteLogGroup": "logs",
    "logs:PutRetentionPolicy": "logs", "kms:ScheduleKeyDeletion": "key", "kms:DisableKey": "key",
    "secretsmanager:DeleteSecret": "secret", "secretsmanager:PutSecretValue": "secret", "iam:CreateRole": "role",
    "iam:DeleteRolePermissionsBoundary": "role", "sts:AssumeRole": "role",
}  # fmt: skip


@pytest.mark.parametrize("environment", ["dev", "prod"])
@pytest.mark.parametrize("name", ["start-automl", "erasure"])
def test_roles_of_the_pipelines_overwrite_data_and_only_erasure_deletes_versions(
    bootstraps: dict[str, Bootstrap], environment: str, name: str
) -> None:
    role, function, table, bucket, part, secret, key = inside(environment)
    group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/buyer-stage-start-automl-{environment}"
    targets = {
        "role": role, "function": function, "table": table, "bucket": bucket, "object": part, "secret": secret,
        "key": key, "logs": group,
    }  # fmt: skip
    wanted = {**ENDS_DATA, "s3:PutObject": "object", "s3:DeleteObject": "object", "dynamodb:BatchWriteItem": "table"}
    holder = f"buyer-stage-{name}-{environment}"
    decided = decisions(
        (([EVERYTHING], Call(holder, action, targets[kind], {}, True)) for action, kind in wanted.items()),
        bootstraps[environment].runtime,
    )
    erasure = {"s3:DeleteObjectVersion", "secretsmanager:PutSecretValue"} if name == "erasure" else set()
    assert {action for action, is_allowed in zip(wanted, decided, strict=True) if is_allowed} == {
        "s3:PutObject", "s3:DeleteObject", "dynamodb:BatchWriteItem", *erasure,
    }  # fmt: skip


@pytest.mark.parametrize(("environment", "allowed"), [("dev", True), ("prod", False)])
def test_workflows_of_prod_cannot_decide_who_erases(
    bootstraps: dict[str, Bootstrap], environment: str, allowed: bool
) -> None:
    bootstrap = bootstraps[environment]
    changes = ("CreateRole", "PutRolePolicy", "UpdateAssumeRolePolicy", "DeleteRole")
    role, context = f"{IAM}:role/buyer-stage-erasure-{environment}", best_context(environment, bounded=True)
    cases = ((bootstrap.policies["apply"], Call("apply", f"iam:{change}", role, context, True)) for change in changes)

    assert decisions(cases, bootstrap.boundary) == [allowed] * len(changes)


# What the pipelines need

EXAMPLE = "1"


def test_boundary_allows_every_call_of_a_run(bootstraps: dict[str, Bootstrap]) -> None:
    names = Placeholders("dev", ACCOUNT, REGION, f"{KEYS}/environment", DATALAKE, SECRET)
    calls = [
        Call(
            names.fill(recorded.role), action, names.fill(resource).replace(ANY, EXAMPLE),
            {key: names.fill(value) for key, value in recorded.context}, True,
        )
        for recorded in read_document(DOCUMENT.read_text())
        for action in recorded.actions
        for resource in recorded.resources
    ]  # fmt: skip
    decided = decisions((([EVERYTHING], call) for call in calls), bootstraps["dev"].runtime)

    assert {(call.action, call.resource) for call, allowed in zip(calls, decided, strict=True) if not allowed} == set()


NOT_USED_BY_CLUSTERS = re.compile(r"application-autoscaling:|cloudwatch:|iam:PassRole|ec2:\w+PlacementGroup")
"""Custom scaling rules and placement groups, which the ETL's clusters do not have, and default roles of EMR."""


def test_boundary_allows_what_emr_does_for_a_cluster(bootstraps: dict[str, Bootstrap]) -> None:
    document = json.loads(aws_managed_policies_data)["AmazonEMRServicePolicy_v2"]["Document"]
    context = {
        **{f"aws:{kind}Tag/for-use-with-amazon-emr-managed-policies": "true" for kind in ("Request", "Resource")},
        "ec2:CreateAction": "RunInstances",
    }
    calls = [
        Call("buyer-stage-emr-service-dev", action, "*", context, True)
        for statement in statements(document)
        for action in statement["Action"]
        if not NOT_USED_BY_CLUSTERS.match(action)
    ]
    decided = decisions((([EVERYTHING], call) for call in calls), bootstraps["dev"].runtime)

    assert {call.action for call, is_allowed in zip(calls, decided, strict=True) if not is_allowed} == set()


def test_workflows_take_only_roles_that_the_bootstrap_makes() -> None:
    """The GitHub environments' file names the roles by their purpose, as `local.names.roles` does."""
    (purposes,) = re.findall(
        r"for purpose in (\[.+?\]) : purpose => \"buyer-stage-github-", (BOOTSTRAP / "locals.tf").read_text()
    )
    files = [*Path(REPOSITORY / ".github").rglob("*.yml"), *Path(REPOSITORY / ".github").rglob("*.json")]
    named = {role for file in files for role in re.findall(r"AWS_([A-Z_]+)_ROLE_ARN", file.read_text())}

    assert named
    assert {role.lower().replace("_", "-") for role in named} <= set(json.loads(purposes))
