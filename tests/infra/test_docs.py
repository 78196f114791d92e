"""Generated documents are current, each alert has a section, and the commands and links of all documents work."""

import re
import shlex
from pathlib import Path

import boto3
import botocore.session
import pytest
from botocore import xform_name

from tests.local_stack import Stack
from tools import diagrams
from tools.repository import REPOSITORY
from tools.roles import read_roles
from tools.security_docs import DOCUMENT, read_placeholders, read_resource_policies, render

OPERATIONS = REPOSITORY / "docs/operations.md"
DOCUMENTS = [
    *(REPOSITORY / name for name in ("README.md", "CONTRIBUTING.md", "examples/consumer/README.md")),
    *sorted(REPOSITORY.glob("docs/**/*.md")),
]
ENVIRONMENT = "<environment>"
NAME = re.compile(rf"`(buyer-stage-(?:[\w-]+-)?{ENVIRONMENT}(?:/[\w-]+)?)`")
STALE = "run `make diagrams` and commit the result"

every_document = pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(REPOSITORY)))


def test_diagrams_are_current() -> None:
    assert {file: file.read_text() for file in diagrams.FOLDER.iterdir()} == diagrams.documents(), STALE


def test_security_document_is_current(stack: Stack) -> None:
    written = render(read_roles("local"), read_resource_policies("local"), read_placeholders("local"))

    assert DOCUMENT.read_text() == written, STALE


def alerts_with_a_section(file: Path) -> set[str]:
    """Return the names of alerts that have a section. They are in the line below each heading."""
    text = file.read_text()
    alerts = text[text.index("\n## Alerts\n") : text.index("\n## Follow one execution\n")]
    sections = re.split(r"^### .+\n+", alerts, flags=re.MULTILINE)[1:]
    names = [set(NAME.findall(section.split("\n\n")[0])) for section in sections]
    assert all(names), "a section about an alert must start with its name"
    return set().union(*names)


def test_every_alert_has_a_section_and_every_section_an_alert(stack: Stack) -> None:
    pages = boto3.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="buyer-stage-")
    alarms = [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
    rules = [rule["Name"] for rule in boto3.client("events").list_rules(NamePrefix="buyer-stage-")["Rules"]]
    account = boto3.client("sts").get_caller_identity()["Account"]
    budgets = [
        budget["BudgetName"] for budget in boto3.client("budgets").describe_budgets(AccountId=account)["Budgets"]
    ]
    assert alarms
    assert rules
    assert budgets

    deployed = {name.removesuffix("local") + ENVIRONMENT for name in [*alarms, *rules, *budgets]}
    assert alerts_with_a_section(OPERATIONS) == deployed


def test_every_saved_query_is_documented(stack: Stack) -> None:
    saved = boto3.client("logs").describe_query_definitions(queryDefinitionNamePrefix="buyer-stage-")[
        "queryDefinitions"
    ]
    documented = {name for name in NAME.findall(OPERATIONS.read_text()) if "/" in name}

    assert documented == {query["name"].replace("-local/", f"-{ENVIRONMENT}/") for query in saved}


@every_document
def test_links_have_a_target(file: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", file.read_text())
    broken = [link for link in links if not link.startswith("http") and not has_target(file, link)]

    assert broken == []


def has_target(file: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (file.parent / path).resolve() if path else file
    if not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(), flags=re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@every_document
def test_make_targets_exist(file: Path) -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`]+`", file.read_text(), flags=re.DOTALL))
    targets = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))

    assert (
        set(re.findall(r"(?:^|[`$(] ?)make (?:-s )?([a-z][a-z0-9-]*)(?![a-z*-])", code, flags=re.MULTILINE)) - targets
        == set()
    )


CLI_COMMANDS = {("s3", "cp"), ("s3", "ls"), ("emr", "terminate-clusters")}
"""Commands of the AWS CLI that are not API operations."""
GLOBAL_OPTIONS = {"--query", "--output"}
CLI_OPTIONS = {
    "emr list-clusters": {"--active"},
    "lambda invoke": {"--cli-binary-format"},
    "stepfunctions get-execution-history": {"--max-results"},
}


def aws_commands(file: Path) -> list[list[str]]:
    """Return the AWS CLI commands of a document, each as a list of words."""
    code = "\n".join(re.findall(r"```.*?```", file.read_text(), flags=re.DOTALL)).replace("\\\n", "")
    return [
        shlex.split(f"aws {words}", comments=True)
        for words in re.findall(r"(?:^|\$\()\s*aws ((?:[^\n)]|\)(?!\"))+)", code, flags=re.MULTILINE)
    ]


@every_document
def test_aws_cli_commands_and_their_options_exist(file: Path) -> None:
    session = botocore.session.get_session()
    wrong = []
    for words in aws_commands(file):
        service, command = words[1:3]
        if (service, command) in CLI_COMMANDS:
            continue
        model = session.get_service_model(service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        if command not in operations:
            wrong.append(f"{service} {command}")
            continue
        shape = model.operation_model(operations[command]).input_shape
        options = {f"--{xform_name(member, '-')}" for member in (shape.members if shape else {})}
        options |= GLOBAL_OPTIONS | CLI_OPTIONS.get(f"{service} {command}", set())
        wrong += [f"{service} {command} {word}" for word in words if word.startswith("--") and word not in options]

    assert wrong == []
