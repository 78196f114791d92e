"""Let the policies of the owner's account decide on calls from other accounts, and serve these calls there.

MiniStack stores the policy of a table without evaluating it, and looks for tables, and for the policies of keys and
functions, in the account of the caller. On AWS, both accounts must allow a call:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html.
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region, request_scope
from ministack.services import dynamodb

from localcloud.wrapping import wrap


def install() -> None:
    """Evaluate policies and find tables in the account that an ARN names."""
    wrap(iam_evaluator, "_resource_policy", _owners_policy)
    wrap(dynamodb, "handle_request", _serve_in_the_owners_account)


def account_of(arn: str) -> str:
    """Return the account in an ARN, or that of the request for ARNs without an account."""
    named: str | None = iam_evaluator._account_from_arn(arn)
    return named or get_account_id()


@contextlib.contextmanager
def account_scope(arn: str) -> Iterator[None]:
    """Look up resources in the account that an ARN names while the block lasts."""
    with request_scope(account_of(arn), get_region()):
        yield


def refuse_root_of_another_account(
    access_key: str, action: str, service: str, arn: str, context: dict[str, Any]
) -> Any:
    """Return MiniStack's result for a call that the root user of another account makes and no policy allows, or None.

    MiniStack lets a root user do everything, also in accounts of others.
    """
    if account_of(arn) == get_account_id():
        return None
    principal = iam_evaluator.resolve_principal(access_key, get_account_id())
    if isinstance(principal, iam_evaluator.AuthError) or principal.policies is not None:
        return None
    request = iam_evaluator.EvalContext(
        principal.arn, principal.type, principal.account, action, arn, get_region(),
        service_context={key.lower(): value for key, value in context.items()},
    )  # fmt: skip
    policy, _ = iam_evaluator._resource_policy(service, arn) or (None, None)
    result = iam_evaluator.evaluate_resource_policy(policy, request)
    result.principal_arn = principal.arn
    return None if result.decision == "Allow" else result


def _owners_policy(find: Any, service: str, arn: str) -> tuple[Any, str] | None:
    with account_scope(arn):
        if service == "dynamodb":
            table = arn.partition("/index/")[0]
            return (dynamodb._resource_policies.get(table) or {}).get("Policy"), get_account_id()
        found: tuple[Any, str] | None = find(service, arn)
        return found


async def _serve_in_the_owners_account(
    serve: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Any:
    """Serve a request that names tables by ARNs of one account in that account."""
    with contextlib.suppress(ValueError):
        document = json.loads(body or b"{}")
        names = [document.get("TableName"), *(document.get("RequestItems") or {})]
        accounts = {account_of(name) for name in names if name}
        if len(accounts) == 1:
            with request_scope(accounts.pop(), get_region()):
                return await serve(method, path, headers, body, query)
    return await serve(method, path, headers, body, query)
