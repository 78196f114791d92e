"""The document about roles and permissions."""

import pytest

from tools.roles import Role, statements
from tools.security_docs import Placeholders, UnknownRoleError, purpose, render

KEY = "arn:aws:kms:eu-west-1:123456789012:key/abc"
PLACEHOLDERS = Placeholders("dev", "123456789012", "eu-west-1", KEY, "the-lake", "arn:secret")
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
ROLE = Role("buyer-stage-push-to-dynamodb-dev", TRUST, [POLICY], ["SomeAwsManagedPolicy"])


def rendered() -> str:
    return render([ROLE], {"alerts": TOPIC}, PLACEHOLDERS)


def test_statement_shows_actions_resources_and_conditions() -> None:
    assert "| Read | `s3:GetObject`<br/>`s3:PutObject` | `arn:aws:s3:::{datalake bucket}/*` |  |" in rendered()
    assert "| UseKey | `kms:Decrypt` | `{key}` | `kms:ViaService` StringLike `dynamodb.*` or `s3.*` |" in rendered()


def test_role_shows_who_uses_it_and_its_aws_managed_policies() -> None:
    assert (
        "Role `buyer-stage-push-to-dynamodb-{environment}`, used by `glue.amazonaws.com` "
        "if `aws:SourceAccount` StringEquals `{account}`." in rendered()
    )
    assert "The AWS managed policy `SomeAwsManagedPolicy` is also attached." in rendered()


def test_deny_statement_is_shown_as_denied() -> None:
    topic = "`arn:aws:sns:{region}:{account}:buyer-stage-alerts-{environment}`"

    assert f"| TlsOnly | `*` | **denied**: `sns:Publish` | {topic} |" in rendered()


def test_environment_is_replaced_only_as_a_whole_word() -> None:
    assert PLACEHOLDERS.apply("buyer-stage-dev, BuyerStage/dev, device") == (
        "buyer-stage-{environment}, BuyerStage/{environment}, device"
    )


def test_order_of_actions_does_not_matter() -> None:
    (backwards,) = statements({"Statement": {"Action": ["b:B", "a:A"], "Resource": "*"}})

    assert backwards == {"Action": ["a:A", "b:B"], "Resource": ["*"]}


def test_purpose_of_a_function_comes_from_its_handler() -> None:
    assert purpose("send-sns-notification").startswith("Function. Notifies the subscribers")


def test_role_without_a_purpose_is_an_error_that_names_the_file_to_edit() -> None:
    with pytest.raises(UnknownRoleError, match=r"role new-one .* PURPOSES in tools/security_docs\.py"):
        purpose("new-one")
