"""Policies are valid, and use the resource "*" only where a reviewed file explains it."""

import copy
import fnmatch
import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.local_stack import Stack
from tools.repository import REPOSITORY
from tools.roles import Policy, Role, as_list, read_roles, statements
from tools.security_docs import read_resource_policies

TERRAFORM = REPOSITORY / "terraform"
REVIEWED = json.loads((REPOSITORY / "tests/infra/star_resources.json").read_text())
"""Statements that can have the resource "*": the module in which they are written (`root` and `bootstrap` for those
configurations), the Sid, patterns of the roles or resources that have them after a deployment, and the reason."""

LINT = """
import json, sys, warnings
warnings.filterwarnings("ignore")
import parliament
policies = json.load(sys.stdin)
findings = {name: parliament.analyze_policy_string(json.dumps(policy)).findings for name, policy in policies.items()}
texts = {name: sorted({f"{one.issue}: {one.detail}" for one in found}) for name, found in findings.items() if found}
json.dump(texts, sys.stdout)
"""

REVIEWED_FINDINGS = {
    # Each service defines the keys of its encryption context, so parliament does not know that this one holds an ARN.
    # CloudWatch Logs documents the condition with ArnLike.
    "key": ["MISMATCHED_TYPE: Type mismatch: ArnLike requires a value of type Arn but given String"],
    # Its list of actions is older than "ListExecutions: stateMachine" in the service authorization reference.
    "buyer-stage-erasure-local 0": [
        "RESOURCE_MISMATCH: [{'action': 'states:ListExecutions', 'required_format': 'arn:*:states:*:*:mapRun:*/*:*'}]"
    ],
}
"""Findings of parliament that are correct by intention, by role or resource."""

GOOD = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::bucket/*"}],
}


def lint(policies: Mapping[str, Policy]) -> dict[str, list[str]]:
    """Return all findings of parliament by policy. Even an unknown action is only of low severity."""
    done = subprocess.run(
        [str(REPOSITORY / ".venv-checks/bin/python"), "-c", LINT],
        input=json.dumps(policies), capture_output=True, text=True, check=True,
    )  # fmt: skip
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def statements_on_all_resources(policies: Mapping[str, Sequence[Policy]]) -> set[tuple[str, str]]:
    """Return holder and Sid of the statements that allow actions on all resources."""
    return {
        (holder, statement.get("Sid", ""))
        for holder, documents in policies.items()
        for document in documents
        for statement in statements(document)
        if statement["Effect"] == "Allow" and "*" in statement.get("Resource", [])
    }


def star_statements_in_terraform() -> set[tuple[str, str]]:
    """Return module and Sid of the statements with the resource "*" in Terraform files."""
    found = set()
    for file in [*TERRAFORM.glob("*.tf"), *TERRAFORM.glob("modules/*/*.tf"), *TERRAFORM.glob("bootstrap/*.tf")]:
        text, module = file.read_text(), "root" if file.parent == TERRAFORM else file.parent.name
        for star in re.finditer(r'resources\s+= \["\*"\]', text):
            # The name of a statement is its sid, or its key in a map.
            names = re.findall(r'\bsid\s+= "(\w+)"|\b([A-Z]\w+)\s+= \{', text[: star.start()])
            found.add((module, "".join(names[-1])))
    return found


@pytest.fixture(scope="module")
def roles(stack: Stack) -> list[Role]:
    return read_roles("local")


@pytest.fixture(scope="module")
def resource_policies(stack: Stack) -> dict[str, Policy]:
    return read_resource_policies("local")


def test_parliament_finds_only_what_is_reviewed(roles: list[Role], resource_policies: dict[str, Policy]) -> None:
    policies = {
        f"{role.name} {number}": policy for role in roles for number, policy in enumerate(role.policies)
    } | resource_policies
    found = lint(policies)
    # In a key policy, "*" means the key itself.
    found["key"] = [finding for finding in found["key"] if not finding.startswith("RESOURCE_STAR")]

    assert policies
    assert found == REVIEWED_FINDINGS


@pytest.mark.parametrize(
    ("damage", "issue"),
    [
        ({"Action": "s3:GetObjekt"}, "UNKNOWN_ACTION"),
        ({"Action": "s4:GetObject"}, "UNKNOWN_PREFIX"),
        ({"Action": "s3:ListBucket"}, "RESOURCE_MISMATCH"),
        ({"Action": "xray:PutTraceSegments"}, "RESOURCE_MISMATCH"),  # It supports no resources.
        ({"Resource": "*"}, "RESOURCE_STAR"),
        ({"Resource": "bucket"}, "INVALID_ARN"),
        ({"Action": None}, "MALFORMED"),
        ({"Condition": {"StringEquals": {"ec2:Region": "us-west-2"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
    ],
)
def test_faulty_policy_is_found(damage: dict[str, Any], issue: str) -> None:
    faulty = copy.deepcopy(GOOD)
    changed = {**faulty["Statement"][0], **damage}
    faulty["Statement"] = [{key: value for key, value in changed.items() if value is not None}]

    assert "good" not in (found := lint({"good": GOOD, "faulty": faulty}))
    assert issue in {finding.partition(":")[0] for finding in found["faulty"]}


def test_exactly_the_statements_on_all_resources_are_reviewed() -> None:
    assert star_statements_in_terraform() == {(entry["module"], entry["sid"]) for entry in REVIEWED}
    assert [entry["sid"] for entry in REVIEWED if not entry["reason"].endswith(".")] == []


def test_deployed_statements_on_all_resources_are_reviewed(
    roles: list[Role], resource_policies: dict[str, Policy]
) -> None:
    policies = {role.name: role.policies for role in roles} | {name: [of] for name, of in resource_policies.items()}
    found = statements_on_all_resources(policies)
    assert len(found) > len(roles)

    def is_reviewed(holder: str, sid: str) -> bool:
        return any(
            sid == entry["sid"] and any(fnmatch.fnmatchcase(holder, pattern) for pattern in entry["holders"])
            for entry in REVIEWED
        )

    assert sorted(statement for statement in found if not is_reviewed(*statement)) == []
    patterns = {pattern for entry in REVIEWED for pattern in entry["holders"]}
    assert {pattern for pattern in patterns if not fnmatch.filter(policies, pattern)} == set()


def test_services_use_roles_only_for_this_account(roles: list[Role]) -> None:
    """EC2 does not send the account when it takes the role of an instance profile."""
    open_to_all = {
        role.name
        for role in roles
        for statement in statements(role.trust)
        if "Service" in statement["Principal"]
        and "aws:SourceAccount" not in statement.get("Condition", {}).get("StringEquals", {})
    }
    assert open_to_all == {"buyer-stage-emr-instances-local"}


def test_role_is_passed_to_one_service_only(roles: list[Role]) -> None:
    passing = [
        statement
        for role in roles
        for policy in role.policies
        for statement in statements(policy)
        if "iam:PassRole" in statement["Action"]
    ]
    assert passing
    for statement in passing:
        assert len(as_list(statement["Condition"]["StringEquals"]["iam:PassedToService"])) == 1
        assert [resource for resource in statement["Resource"] if "*" in resource] == []
