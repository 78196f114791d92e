"""Decides calls by policy documents alone, with MiniStack's evaluator: JSON cases in, JSON decisions out.

    python -m tests.infra.policy_decisions < cases.json       (in the local cloud's own environment)

A case is `{"policies": [document, ...], "call": {...}}`, the call as in `localcloud.policies.calls`; a decision is a boolean.
"""

import json
import sys
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document

from localcloud.cloud import REGION
from localcloud.policies.calls import Call


def is_allowed(policies: list[dict[str, Any]], call: Call) -> bool:
    """Tell whether the policies of a role allow a call of it."""
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
    """Decide the cases on standard input."""
    cases = json.load(sys.stdin)
    json.dump([is_allowed(case["policies"], Call(**case["call"])) for case in cases], sys.stdout)


if __name__ == "__main__":
    main()
