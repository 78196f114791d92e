"""Each role can make its recorded calls, with boundaries and the organization's policies."""

from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from tools.preflight.permissions import check_roles
from tools.preflight.result import NotDeployedError, Result, Status
from tools.recorded_calls import Calls
from tools.security_docs import Placeholders

ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/buyer-stage-start-automl-dev"
JOB = f"arn:aws:sagemaker:us-west-2:{ACCOUNT}:automl-job/buyer-stage-automl-x"
KEY = "arn:aws:kms:us-west-2:123456789012:key/abc"
PLACEHOLDERS = Placeholders("dev", ACCOUNT, "us-west-2", KEY, "lake", "arn:secret")
CALLS = Calls(
    "buyer-stage-start-automl-{environment}",
    ("sagemaker:AddTags", "sagemaker:CreateAutoMLJobV2"),
    ("arn:aws:sagemaker:{region}:{account}:automl-job/buyer-stage-automl-{any}",),
    (("aws:RequestTag/product", "buyer-stage"),),
)
REQUEST = {
    "PolicySourceArn": ROLE,
    "ActionNames": ["sagemaker:AddTags", "sagemaker:CreateAutoMLJobV2"],
    "ResourceArns": [JOB],
    "ContextEntries": [
        {
            "ContextKeyName": "aws:RequestTag/product",
            "ContextKeyValues": ["buyer-stage"],
            "ContextKeyType": "string",
        },
        {"ContextKeyName": "aws:SecureTransport", "ContextKeyValues": ["true"], "ContextKeyType": "boolean"},
    ],
}


@pytest.fixture
def iam() -> Any:
    return boto3.client("iam", region_name="us-west-2", aws_access_key_id="test", aws_secret_access_key="test")


def evaluated(action: str, decision: str = "allowed", **details: Any) -> dict[str, Any]:
    return {"EvalActionName": action, "EvalResourceName": JOB, "EvalDecision": decision, **details}


def simulated(iam: Any, *answers: dict[str, Any]) -> Result:
    with Stubber(iam) as stub:
        stub.add_response("simulate_principal_policy", {"EvaluationResults": list(answers)}, REQUEST)
        (result,) = check_roles(iam, [CALLS], PLACEHOLDERS)
    return result


CREATED = evaluated("sagemaker:CreateAutoMLJobV2")


def test_roles_that_can_make_their_calls_pass(iam: Any) -> None:
    result = simulated(iam, evaluated("sagemaker:AddTags"), CREATED)
    assert (result.status, result.finding) == (Status.PASSED, "1 roles can make the 2 calls of a run")


@pytest.mark.parametrize(
    ("decision", "details", "reason"),
    [
        ("implicitDeny", {}, "default: no statement allows it"),
        ("explicitDeny", {}, "a statement of a policy"),
        (
            "implicitDeny",
            {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": False}},
            "the permissions boundary",
        ),
        (
            "explicitDeny",
            {"OrganizationsDecisionDetail": {"AllowedByOrganizations": False}},
            "a policy of the organization",
        ),
    ],
)
def test_denied_call_fails_with_what_denies_it(iam: Any, decision: str, details: dict[str, Any], reason: str) -> None:
    result = simulated(iam, evaluated("sagemaker:AddTags", decision, **details), CREATED)
    assert result.status is Status.FAILED
    assert result.finding == f"buyer-stage-start-automl-dev: sagemaker:AddTags on {JOB} is denied by {reason}"


def test_call_that_is_denied_on_one_of_its_resources_fails(iam: Any) -> None:
    details = [
        {"EvalResourceName": f"{JOB}{number}", "EvalResourceDecision": decision}
        for number, decision in enumerate(["allowed", "implicitDeny"])
    ]
    result = simulated(iam, evaluated("sagemaker:AddTags", ResourceSpecificResults=details), CREATED)
    assert f"sagemaker:AddTags on {JOB}1 is denied" in result.finding


def test_missing_role_among_others_fails(iam: Any) -> None:
    other = Calls("buyer-stage-other-{environment}", CALLS.actions, CALLS.resources, CALLS.context)
    with Stubber(iam) as stub:
        stub.add_client_error("simulate_principal_policy", "NoSuchEntity")
        stub.add_response("simulate_principal_policy", {"EvaluationResults": [CREATED]}, REQUEST)
        (result,) = check_roles(iam, [other, CALLS], PLACEHOLDERS)
    assert (result.status, result.finding) == (Status.FAILED, "the role buyer-stage-other-dev does not exist")


def test_environment_without_roles_is_not_deployed(iam: Any) -> None:
    with Stubber(iam) as stub:
        stub.add_client_error("simulate_principal_policy", "NoSuchEntity")
        with pytest.raises(NotDeployedError):
            list(check_roles(iam, [CALLS], PLACEHOLDERS))
