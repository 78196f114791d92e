"""Writes docs/security.md: who may do what, from the policies of a deployed environment.

python -m tools.security_docs --environment local

Policies are read from AWS, or wherever the endpoint points. What names the account, its region or the environment is
written as a placeholder, so every environment without options of its own gives the same document.
"""

import argparse
import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import boto3

from tools.repository import REPOSITORY
from tools.roles import PREFIX, Policy, Role, as_document, as_list, read_roles, statements
from tools.terraform import ENVIRONMENTS

DOCUMENT = REPOSITORY / "docs" / "security.md"

PURPOSES = {
    "emr-instances": "Runs the Spark steps: the machines of an ETL execution's cluster.",
    "emr-service": "Starts and ends those machines for EMR.",
    "etl-pipeline": "Is the ETL's state machine: one cluster, its steps, and word of failures.",
    "etl-schedule": "Starts the ETL when it is time.",
    "ml-pipeline": "Is the ML pipeline's state machine: calls the functions, and scores the holdout of a new model.",
    "ml-schedule": "Starts the ML pipeline when it is time.",
    "push-to-dynamodb": "Runs the Glue job that writes the stages to the serving table.",
    "sagemaker": "Trains and scores: Autopilot's jobs and the batch transforms.",
    "key": "The environment's key. That the account's policies decide is what lets the roles above use it.",
    "alerts": "The topic that subscribers of alerts hear.",
    "bucket": "The pipeline bucket.",
}
"""What each holder of a policy is for, by its name in between. A function's is the first line of its handler."""


class UnknownRoleError(LookupError):
    """A role that nobody has said the purpose of."""


@dataclass(frozen=True)
class Placeholders:
    """What is written in the place of an environment's own names.

    Attributes:
        environment: its name.
        account_id: its account.
        region: its region.
        key_arn: its key.
        datalake_bucket: the bucket of the data lake.
    """

    environment: str
    account_id: str
    region: str
    key_arn: str
    datalake_bucket: str

    def apply(self, text: str) -> str:
        """Give a text that holds of any environment."""
        for own, placeholder in (
            (self.key_arn, "{key}"),
            (self.datalake_bucket, "{datalake bucket}"),
            (self.account_id, "{account}"),
            (self.region, "{region}"),
        ):
            text = text.replace(own, placeholder)
        return re.sub(rf"(?<![a-z]){self.environment}(?![a-z])", "{environment}", text)


def read_resource_policies(environment: str) -> dict[str, Policy]:
    """Read the policies of what is reached from outside the roles: `key`, `alerts` (the topic) and `bucket`."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    kms, sns, s3 = boto3.client("kms"), boto3.client("sns"), boto3.client("s3")
    topic = f"arn:aws:sns:{sns.meta.region_name}:{account}:{PREFIX}alerts-{environment}"
    texts = {
        "key": kms.get_key_policy(KeyId=_key_arn(environment), PolicyName="default")["Policy"],
        "alerts": sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"],
        "bucket": s3.get_bucket_policy(Bucket=f"{PREFIX}ml-pipeline-{environment}-{account}")["Policy"],
    }
    return {name: as_document(text) for name, text in texts.items()}


def read_placeholders(environment: str) -> Placeholders:
    """Read what names an environment."""
    variables = (REPOSITORY / f"terraform/environments/{environment}.tfvars").read_text()
    (datalake_bucket,) = re.findall(r'^datalake += \{ bucket = "([^"]+)"', variables, flags=re.MULTILINE)
    sts = boto3.client("sts")
    account = sts.get_caller_identity()["Account"]
    return Placeholders(environment, account, sts.meta.region_name, _key_arn(environment), datalake_bucket)


def _key_arn(environment: str) -> str:
    key: str = boto3.client("kms").describe_key(KeyId=f"alias/{PREFIX}{environment}")["KeyMetadata"]["Arn"]
    return key


def purpose(name: str) -> str:
    """Say in a sentence what a role is for.

    Args:
        name: of the role without what all names have, such as `start-automl`.

    Raises:
        UnknownRoleError: neither a function's nor in `PURPOSES`.
    """
    if name in PURPOSES:
        return PURPOSES[name]
    handler = REPOSITORY / "lambdas" / name.replace("-", "_") / "handler.py"
    if not handler.is_file():
        raise UnknownRoleError(
            f"role {name} is no function's; say in PURPOSES of tools/security_docs.py what it is for"
        )
    sentence = (ast.get_docstring(ast.parse(handler.read_text())) or "").split("\n\n")[0].replace("\n", " ")
    return f"Function. {sentence}"


def render(roles: Iterable[Role], resource_policies: Mapping[str, Policy], placeholders: Placeholders) -> str:
    """Write the document.

    Args:
        roles: those of one environment.
        resource_policies: policies of resources, by their key in `PURPOSES`.
        placeholders: what is written in the place of the environment's own names.

    Raises:
        UnknownRoleError: nobody has said what a role is for.
    """
    parts = [INTRODUCTION, "## Roles"]
    for role in roles:
        name = role.name.removeprefix(PREFIX).removesuffix(f"-{placeholders.environment}")
        parts += [f"### {name}", purpose(name), f"Role `{role.name}`, taken by {_trusted(role.trust)}."]
        parts += ["\n".join([TABLE, *(row for policy in role.policies for row in _rows(policy))])]
        parts += [f"Beside that, the policy of AWS `{managed}`." for managed in role.managed]
    parts += ["## Policies of resources"]
    for name, policy in resource_policies.items():
        parts += [f"### {name}", purpose(name), "\n".join([TABLE_WITH_WHO, *_rows(policy, with_who=True)])]
    return placeholders.apply("\n\n".join(parts)) + "\n"


INTRODUCTION = """<!-- Generated by `make diagrams`. Change the policies, not this file. -->

# Who may do what

One role per function, state machine, schedule and kind of job, each with the calls it makes and no others: a test
compares the policies with the calls of an end-to-end run. Each role carries the organization's permissions boundary
where `permissions_boundary_arn` names one. Resources are named; the few statements that AWS gives no other resource
than `*` are listed with their reasons in [star_resources.json](../tests/infra/star_resources.json), and what is allowed
but was not seen used in [unused_permissions.json](../tests/infra/unused_permissions.json).

In braces is what differs between environments; `{key}` is the environment's one key. Not here: the two roles that
GitHub's workflows take, which [deployment.md](deployment.md) tells about and
[terraform/bootstrap/iam.tf](../terraform/bootstrap/iam.tf) makes, and rights that `sagemaker_vpc` adds."""

TABLE = "| to | may | on | if |\n|---|---|---|---|"
TABLE_WITH_WHO = "| to | who | may | on | if |\n|---|---|---|---|---|"


def _rows(policy: Policy, *, with_who: bool = False) -> list[str]:
    rows = []
    for statement in statements(policy):
        actions = _cell(statement["Action"])
        cells = [statement["Sid"], f"may **not**: {actions}" if statement["Effect"] == "Deny" else actions]
        if with_who:
            cells.insert(1, _cell(_principals(statement)))
        cells += [_cell(statement["Resource"]), "<br/>".join(_conditions(statement))]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def _cell(values: Iterable[str]) -> str:
    return "<br/>".join(f"`{value}`" for value in values)


def _principals(statement: Policy) -> list[str]:
    principal = statement["Principal"]
    if isinstance(principal, str):
        return [principal]
    return sorted(name for names in principal.values() for name in as_list(names))


def _conditions(statement: Policy) -> list[str]:
    return [
        f"`{key}` {test} {' or '.join(f'`{value}`' for value in sorted(as_list(values)))}"
        for test, tested in sorted(statement.get("Condition", {}).items())
        for key, values in sorted(tested.items())
    ]


def _trusted(trust: Policy) -> str:
    return "; ".join(
        " and ".join(f"`{name}`" for name in _principals(statement))
        + (f" if {' and '.join(conditions)}" if (conditions := _conditions(statement)) else "")
        for statement in statements(trust)
    )


def main() -> None:
    """Write the document from the environment that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--environment", required=True, choices=ENVIRONMENTS)
    environment = parser.parse_args().environment
    text = render(read_roles(environment), read_resource_policies(environment), read_placeholders(environment))
    DOCUMENT.write_text(text)
    print(DOCUMENT.relative_to(REPOSITORY))


if __name__ == "__main__":
    main()
