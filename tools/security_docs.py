"""Write docs/security.md, the permissions of every role, from the policies of a deployed environment.

`make diagrams` does this with the environment local. Placeholders stand for the names of account, Region and
environment, so all environments with the same options produce the same document.
"""

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import boto3

from tools.repository import REPOSITORY
from tools.roles import PREFIX, Policy, Role, as_document, as_list, read_roles, statements
from tools.terraform_variables import read_variables

DOCUMENT = REPOSITORY / "docs" / "security.md"

PURPOSES = {
    "autopilot": "Runs Autopilot's jobs, which train models.",
    "emr-instances": "Runs the Spark steps on the instances of an ETL execution's cluster.",
    "emr-service": "Starts and terminates these instances for EMR.",
    "freshness-schedule": "Starts `report_freshness` every hour.",
    "erasure": "Runs `make find-members` and `make forget-members` for the principals in `erasure_principal_arns`.",
    "etl-pipeline": "Runs the ETL's state machine: the cluster, its steps, and notifications of failures.",
    "etl-schedule": "Starts the ETL on schedule.",
    "ml-pipeline": "Runs the ML pipeline's state machine: calls the functions, and scores the holdout of a new model.",
    "ml-schedule": "Starts the ML pipeline on schedule.",
    "model": "Reads a model and the rows that it scores, and writes the scores, in a batch transform.",
    "push-to-dynamodb": "Runs the Glue job that writes stages to the table.",
    "key": "Encrypts the environment's data. With EnableIamPolicies, the policies of the roles above apply to it.",
    "alerts": "Topic that sends alerts to its subscribers.",
    "bucket": "Pipeline bucket.",
}
"""Purpose of each role or resource, by the part of its name between product and environment. The purpose of a function
is the first sentence of its handler's docstring."""


class UnknownRoleError(LookupError):
    """A role has no purpose in `PURPOSES`."""


@dataclass(frozen=True)
class Placeholders:
    """The names of one environment that the document replaces with placeholders.

    Attributes:
        environment: name of the environment.
        account_id: AWS account ID.
        region: AWS Region.
        key_arn: ARN of the KMS key.
        datalake_bucket: bucket of the data lake.
        suppression_secret_arn: ARN of the secret with the key of the suppression list, which ends at random.
    """

    environment: str
    account_id: str
    region: str
    key_arn: str
    datalake_bucket: str
    suppression_secret_arn: str

    def apply(self, text: str) -> str:
        """Return the text with placeholders, which is the same for every environment."""
        for own, placeholder in self._names:
            text = text.replace(own, placeholder)
        return re.sub(rf"(?<![a-z]){self.environment}(?![a-z])", "{environment}", text)

    def fill(self, text: str) -> str:
        """Return a text with placeholders with the names of the environment."""
        for own, placeholder in (*self._names, (self.environment, "{environment}")):
            text = text.replace(placeholder, own)
        return text

    @property
    def _names(self) -> tuple[tuple[str, str], ...]:
        return (
            (self.key_arn, "{key}"),
            (self.suppression_secret_arn, "{suppression key}"),
            (self.datalake_bucket, "{datalake bucket}"),
            (self.account_id, "{account}"),
            (self.region, "{region}"),
        )


def read_resource_policies(environment: str) -> dict[str, Policy]:
    """Return the resource policies of an environment by name: `key`, `alerts` (the topic) and `bucket`."""
    account = boto3.client("sts").get_caller_identity()["Account"]
    kms, sns, s3 = boto3.client("kms"), boto3.client("sns"), boto3.client("s3")
    texts = {
        "key": kms.get_key_policy(KeyId=find_key(environment), PolicyName="default")["Policy"],
        "alerts": sns.get_topic_attributes(TopicArn=find_topic(environment))["Attributes"]["Policy"],
        "bucket": s3.get_bucket_policy(Bucket=f"{PREFIX}ml-pipeline-{environment}-{account}")["Policy"],
    }
    return {name: as_document(text) for name, text in texts.items()}


def find_topic(environment: str) -> str:
    """Return the ARN of the topic of an environment's alerts."""
    sts = boto3.client("sts")
    account = sts.get_caller_identity()["Account"]
    return f"arn:aws:sns:{sts.meta.region_name}:{account}:{PREFIX}alerts-{environment}"


def read_placeholders(environment: str) -> Placeholders:
    """Return the names that the document replaces for an environment."""
    datalake_bucket = read_variables(environment)["datalake"]["bucket"]
    sts = boto3.client("sts")
    account = sts.get_caller_identity()["Account"]
    secret = boto3.client("secretsmanager").describe_secret(SecretId=f"{PREFIX}suppression-key-{environment}")["ARN"]
    return Placeholders(environment, account, sts.meta.region_name, find_key(environment), datalake_bucket, secret)


def find_key(environment: str) -> str:
    """Return the ARN of the KMS key of a deployed environment."""
    key: str = boto3.client("kms").describe_key(KeyId=f"alias/{PREFIX}{environment}")["KeyMetadata"]["Arn"]
    return key


def purpose(name: str) -> str:
    """Return the purpose of a role or resource in a sentence.

    Args:
        name: name without the prefix and the environment, such as `start-automl`.

    Raises:
        UnknownRoleError: the name does not belong to a function and is not in `PURPOSES`.
    """
    if name in PURPOSES:
        return PURPOSES[name]
    handler = REPOSITORY / "lambdas" / name.replace("-", "_") / "handler.py"
    if not handler.is_file():
        raise UnknownRoleError(
            f"role {name} does not belong to a function; add its purpose to PURPOSES in tools/security_docs.py"
        )
    sentence = (ast.get_docstring(ast.parse(handler.read_text())) or "").split("\n\n")[0].replace("\n", " ")
    return f"Function. {sentence}"


def render(roles: Iterable[Role], resource_policies: Mapping[str, Policy], placeholders: Placeholders) -> str:
    """Return the text of the document.

    Args:
        roles: roles of one environment.
        resource_policies: resource policies by their key in `PURPOSES`.
        placeholders: names of that environment.

    Raises:
        UnknownRoleError: a role has no purpose.
    """
    parts = [INTRODUCTION, "## Roles"]
    for role in roles:
        name = role.name.removeprefix(PREFIX).removesuffix(f"-{placeholders.environment}")
        parts += [f"### {name}", purpose(name), f"Role `{role.name}`, used by {_trusted(role.trust)}."]
        parts += ["\n".join([TABLE, *(row for policy in role.policies for row in _rows(policy))])]
        parts += [f"The AWS managed policy `{managed}` is also attached." for managed in role.managed]
    parts += ["## Resource policies"]
    for name, policy in resource_policies.items():
        parts += [
            f"### {name}",
            purpose(name),
            "\n".join([TABLE_WITH_PRINCIPALS, *_rows(policy, with_principals=True)]),
        ]
    return placeholders.apply("\n\n".join(parts)) + "\n"


INTRODUCTION = """<!-- Generated by `make diagrams`. Change the policies, not this file. -->

# Roles and permissions

Each function, state machine, schedule and kind of job has its own role with only the permissions that it uses. A test
compares the policies with the calls of an end-to-end run. Every role has the permissions boundary of
[terraform/bootstrap/boundaries.tf](../terraform/bootstrap/boundaries.tf).

Policies name the resources that they allow. [star_resources.json](../tests/infra/star_resources.json) lists the few
statements with the resource `*` and explains why AWS does not support anything narrower.
[unused_permissions.json](../tests/infra/unused_permissions.json) lists permissions that the end-to-end run does not
use.

Braces mark names that differ between environments; `{key}` is the environment's KMS key, and `{suppression key}` the
secret with the key of the suppression list. This document leaves out the roles of GitHub's workflows (see
[deployment.md](deployment.md) and [terraform/bootstrap/iam.tf](../terraform/bootstrap/iam.tf)) and the permissions that
`sagemaker_vpc` adds."""

TABLE = "| statement | actions | resources | conditions |\n|---|---|---|---|"
TABLE_WITH_PRINCIPALS = "| statement | principals | actions | resources | conditions |\n|---|---|---|---|---|"


def _rows(policy: Policy, *, with_principals: bool = False) -> list[str]:
    rows = []
    for statement in statements(policy):
        actions = _cell(statement["Action"])
        cells = [statement["Sid"], f"**denied**: {actions}" if statement["Effect"] == "Deny" else actions]
        if with_principals:
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


def write(environment: str) -> None:
    """Write the document from the policies of a deployed environment."""
    text = render(read_roles(environment), read_resource_policies(environment), read_placeholders(environment))
    DOCUMENT.write_text(text)
    print(DOCUMENT.relative_to(REPOSITORY))
