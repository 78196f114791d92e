"""Decide who can assume a role by its trust policy alone, with MiniStack's evaluator.

    python -m tests.infra.trust_decisions < cases.json       (with .venv-localcloud)

A case is `{"policy": document, "provider": ARN, "claims": {...}}`, with claims of a token of the identity provider. The
output is a list of booleans.
"""

import json
import sys
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_trust_policy


def is_trusted(policy: dict[str, Any], provider: str, claims: dict[str, str]) -> bool:
    """Check whether a token with these claims can be exchanged for the role."""
    issuer = provider.partition("/")[2]
    context = EvalContext(
        principal_arn=provider,
        principal_type="WebIdentityUser",
        principal_account=provider.split(":")[4],
        action="sts:AssumeRoleWithWebIdentity",
        resource_arn="*",
        region="",
        service_context={f"{issuer}:{claim}": value for claim, value in claims.items()},
    )
    return bool(evaluate_trust_policy(policy, provider, context))


def main() -> None:
    """Read cases from standard input and write the decisions to standard output."""
    json.dump([is_trusted(**case) for case in json.load(sys.stdin)], sys.stdout)


if __name__ == "__main__":
    main()
