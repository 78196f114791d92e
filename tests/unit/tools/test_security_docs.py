"""What the document about roles says of policies."""

import pytest

from tools.roles import Role, statements
from tools.security_docs import Placeholders, UnknownRoleError, purpose, render

KEY = "arn:aws:kms:eu-west-1:123456789012:key/abc"
PLACEHOLDERS = Placeholders("dev", "123456789012", "eu-west-1", KEY, "the-lake")
TRUST = {
    "Statement": {
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "glue.amazonaws.com"},
        "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}},
    }
}
POLICY = {
    "Statement": [
        {
            "Sid": "Read",
            "Effect": "Allow",
            "Action": ["s3:PutObject", "s3:GetObject"],
            "Resource": "arn:aws:s3:::the-lake/*",
        },
        {
            "Sid": "UseKey",
            "Effect": "Allow",
            "Action": "kms:Decrypt",
            "Resource": KEY,
            "Condition": {"StringLike": {"kms:ViaService": ["s3.*", "dynamodb.*"]}},
        },
    ]
}
TOPIC = {
    "Statement": [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Action": "sns:Publish",
            "Principal": "*",
            "Resource": "arn:aws:sns:eu-west-1:123456789012:buyer-stage-alerts-dev",
        }
    ]
}
ROLE = Role("buyer-stage-push-to-dynamodb-dev", TRUST, [POLICY], ["SomePolicyOfAws"])


def rendered() -> str:
    return render([ROLE], {"alerts": TOPIC}, PLACEHOLDERS)


def test_statement_says_what_on_what_and_under_which_condition() -> None:
    assert "| Read | `s3:GetObject`<br/>`s3:PutObject` | `arn:aws:s3:::{datalake bucket}/*` |  |" in rendered()
    assert "| UseKey | `kms:Decrypt` | `{key}` | `kms:ViaService` StringLike `dynamodb.*` or `s3.*` |" in rendered()


def test_role_says_who_takes_it_and_which_policies_of_aws_it_has() -> None:
    assert (
        "Role `buyer-stage-push-to-dynamodb-{environment}`, taken by `glue.amazonaws.com` "
        "if `aws:SourceAccount` StringEquals `{account}`." in rendered()
    )
    assert "Beside that, the policy of AWS `SomePolicyOfAws`." in rendered()


def test_refusal_of_a_resource_is_told_as_one() -> None:
    topic = "`arn:aws:sns:{region}:{account}:buyer-stage-alerts-{environment}`"

    assert f"| TlsOnly | `*` | may **not**: `sns:Publish` | {topic} |" in rendered()


def test_environment_is_replaced_where_it_is_a_word() -> None:
    assert PLACEHOLDERS.apply("buyer-stage-dev, BuyerStage/dev, device") == (
        "buyer-stage-{environment}, BuyerStage/{environment}, device"
    )


def test_order_in_which_aws_gives_actions_does_not_matter() -> None:
    (backwards,) = statements({"Statement": {"Action": ["b:B", "a:A"], "Resource": "*"}})

    assert backwards == {"Action": ["a:A", "b:B"], "Resource": ["*"]}


def test_function_is_described_by_its_handler() -> None:
    assert purpose("send-sns-notification").startswith("Function. Says what failed and where")


def test_role_without_a_purpose_is_an_error_that_says_where_to_add_it() -> None:
    with pytest.raises(UnknownRoleError, match=r"role new-one .* PURPOSES of tools/security_docs\.py"):
        purpose("new-one")
