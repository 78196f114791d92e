"""Decide calls by policy documents alone, with MiniStack's evaluator.

    python -m tests.infra.policy_decisions < cases.json       (with .venv-localcloud)

A case is `{"policies": [document, ...], "call": {...}}`, with a call of `localcloud.policies.calls`. The output is a
list of booleans.
"""

import json
import sys
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from localcloud.cloud import REGION
from localcloud.policies.calls import Call


def is_allowed(policies: list[dict[str, Any]], call: Call) -> bool:
    """Check whether the policies of a role allow its call."""
    context = EvalContext(
        principal_arn=f"arn:aws:sts::000000000000:assumed-role/{call.role}/localcloud",
        principal_type="AssumedRole",
        principal_account="000000000000",
        action=call.action,
        resource_arn=call.resource,
        region=REGION,
        secure_transport=True,
        service_context={key.lower(): value for key, value in call.context.items()},
    )
    return bool(evaluate(context, [parse_policy_document(policy) for policy in policies]).decision == "Allow")


def main() -> None:
    """Read cases from standard input and write the decisions to standard output."""
    cases = json.load(sys.stdin)
    json.dump([is_allowed(case["policies"], Call(**case["call"])) for case in cases], sys.stdout)


if __name__ == "__main__":
    main()
