"""Roles in the accounts of a local cloud."""

import json
from typing import Any

import boto3

Json = dict[str, Any]


def allow(actions: list[str], resource: str = "*", **more: Any) -> Json:
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def document(*statements: Json) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def assume(account: dict[str, str], name: str, *statements: Json) -> boto3.Session:
    """Create a role in an account and return a session of it."""
    owner = boto3.Session(*account.values())
    number = owner.client("sts").get_caller_identity()["Account"]
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{number}:root"}, "Action": "sts:AssumeRole"}
    role = owner.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    if statements:
        owner.client("iam").put_role_policy(RoleName=name, PolicyName="calls", PolicyDocument=document(*statements))
    credentials = owner.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    return boto3.Session(*(credentials[each] for each in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
