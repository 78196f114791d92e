"""Decide calls by policy documents alone, with MiniStack's evaluator.

    python -m tests.infra.policy_decisions < cases.json       (with .venv-localcloud)

The input is `{"documents": [document, ...], "cases": [{"policies": [index, ...], "boundary": index or null, "call":
{...}}, ...]}`, with calls of `localcloud.policies.calls`. The output is a list of booleans.
"""

import json
import sys

from ministack.core.iam_evaluator import EvalContext, ParsedStatement, evaluate, parse_policy_document

from localcloud.cloud import REGION
from localcloud.policies.calls import Call

Statements = list[ParsedStatement]


def is_allowed(policies: list[Statements], boundary: Statements | None, call: Call) -> bool:
    """Check whether the policies of a role allow its call, within its boundary if it has one."""
    context = EvalContext(
        principal_arn=f"arn:aws:iam::000000000000:role/{call.role}",  # What `aws:PrincipalArn` holds in a session too.
        principal_type="AssumedRole",
        principal_account="000000000000",
        action=call.action,
        resource_arn=call.resource,
        region=REGION,
        secure_transport=True,
        service_context={key.lower(): value for key, value in call.context.items()},
    )
    limits = [] if boundary is None else [[boundary]]
    return bool(evaluate(context, policies, *limits).decision == "Allow")


def main() -> None:
    """Read cases from standard input and write the decisions to standard output."""
    given = json.load(sys.stdin)
    documents = {index: parse_policy_document(document) for index, document in enumerate(given["documents"])}
    decided = [
        is_allowed(
            [documents[index] for index in case["policies"]], documents.get(case["boundary"]), Call(**case["call"])
        )
        for case in given["cases"]
    ]
    json.dump(decided, sys.stdout)


if __name__ == "__main__":
    main()
