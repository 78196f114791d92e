"""Links to the AWS Management Console."""

CONSOLE = "console.aws.amazon.com"
CONSOLES = {"aws-cn": "console.amazonaws.cn", "aws-us-gov": "console.amazonaws-us-gov.com"}
"""Partition -> domain of its console, where it differs."""


def execution_link(execution_arn: str) -> str:
    """Return the link to an execution of a state machine."""
    _, partition, _, region, *_ = execution_arn.split(":")
    domain = CONSOLES.get(partition, CONSOLE)
    return f"https://{region}.{domain}/states/home?region={region}#/v2/executions/details/{execution_arn}"
