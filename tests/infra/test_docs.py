"""The documents say what there is: generated ones are fresh, alerts have a section each, commands and links work."""

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
DOCUMENTS = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *sorted(REPOSITORY.glob("docs/**/*.md"))]
ENVIRONMENT = "<environment>"
NAME = re.compile(rf"`(buyer-stage-(?:[\w-]+-)?{ENVIRONMENT}(?:/[\w-]+)?)`")
STALE = "run `make diagrams` and commit what it wrote"

every_document = pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: str(file.relative_to(REPOSITORY)))


def test_diagrams_are_fresh() -> None:
    assert {file: file.read_text() for file in diagrams.FOLDER.iterdir()} == diagrams.documents(), STALE


def test_security_document_is_fresh(stack: Stack) -> None:
    written = render(read_roles("local"), read_resource_policies("local"), read_placeholders("local"))

    assert DOCUMENT.read_text() == written, STALE


def named_by_sections(file: Path) -> set[str]:
    """Give what the sections about alerts are about: the names in the line below each heading."""
    text = file.read_text()
    alerts = text[text.index("\n## Alerts\n") : text.index("\n## Follow one execution\n")]
    sections = re.split(r"^### .+\n+", alerts, flags=re.MULTILINE)[1:]
    names = [set(NAME.findall(section.split("\n\n")[0])) for section in sections]
    assert all(names), "a section about an alert begins with its name"
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
    assert named_by_sections(OPERATIONS) == deployed


def test_saved_queries_are_told_about(stack: Stack) -> None:
    saved = boto3.client("logs").describe_query_definitions(queryDefinitionNamePrefix="buyer-stage-")[
        "queryDefinitions"
    ]
    told = {name for name in NAME.findall(OPERATIONS.read_text()) if "/" in name}

    assert told == {query["name"].replace("-local/", f"-{ENVIRONMENT}/") for query in saved}


@every_document
def test_links_lead_to_what_is_there(file: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", file.read_text())
    broken = [link for link in links if not link.startswith("http") and not leads_somewhere(file, link)]

    assert broken == []


def leads_somewhere(file: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (file.parent / path).resolve() if path else file
    if not anchor:
        return target.exists()
    headings = re.findall(r"^#+ (.+)$", target.read_text(), flags=re.MULTILINE)
    return anchor in {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@every_document
def test_make_targets_that_are_named_exist(file: Path) -> None:
    code = "\n".join(re.findall(r"```.*?```|`[^`]+`", file.read_text(), flags=re.DOTALL))
    there = set(re.findall(r"^([a-z0-9-]+):", (REPOSITORY / "Makefile").read_text(), flags=re.MULTILINE))

    assert (
        set(re.findall(r"(?:^|[`$(] ?)make (?:-s )?([a-z][a-z0-9-]*)(?![a-z*-])", code, flags=re.MULTILINE)) - there
        == set()
    )


CLI_OF_ITS_OWN = {("s3", "cp"), ("s3", "ls"), ("emr", "terminate-clusters")}
"""Commands of the AWS CLI that are no operations of a service."""
OPTIONS_OF_ALL = {"--query", "--output"}
OPTIONS_OF_THE_CLI = {"emr list-clusters": {"--active"}, "stepfunctions get-execution-history": {"--max-results"}}


def aws_commands(file: Path) -> list[list[str]]:
    """Give the AWS CLI's commands in a document, in words."""
    code = "\n".join(re.findall(r"```.*?```", file.read_text(), flags=re.DOTALL)).replace("\\\n", "")
    return [
        shlex.split(f"aws {words}", comments=True)
        for words in re.findall(r"(?:^|\$\()\s*aws ((?:[^\n)]|\)(?!\"))+)", code, flags=re.MULTILINE)
    ]


@every_document
def test_commands_of_the_aws_cli_are_operations_with_these_options(file: Path) -> None:
    session = botocore.session.get_session()
    wrong = []
    for words in aws_commands(file):
        service, command = words[1:3]
        if (service, command) in CLI_OF_ITS_OWN:
            continue
        model = session.get_service_model(service)
        operations = {xform_name(name, "-"): name for name in model.operation_names}
        if command not in operations:
            wrong.append(f"{service} {command}")
            continue
        shape = model.operation_model(operations[command]).input_shape
        options = {f"--{xform_name(member, '-')}" for member in (shape.members if shape else {})}
        options |= OPTIONS_OF_ALL | OPTIONS_OF_THE_CLI.get(f"{service} {command}", set())
        wrong += [f"{service} {command} {word}" for word in words if word.startswith("--") and word not in options]

    assert wrong == []
