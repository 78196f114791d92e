"""What the functions read from their environment, and what they can do without."""

import subprocess
import sys

import pytest

from buyer_stage.domain.errors import InvalidInputError
from lambdas.common.environment import Environment
from tools.repository import REPOSITORY


class Variables(Environment):
    """An environment with a variable that must be a number."""

    ttl_days: int


def test_missing_variable_is_an_error_that_names_it_and_shows_no_values(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TTL_DAYS")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    with pytest.raises(InvalidInputError, match="TTL_DAYS: Field required") as raised:
        Variables.load()
    assert "hunter2" not in str(raised.value)
    assert raised.value.__suppress_context__, "the cause would show the values"


def test_impossible_variable_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTL_DAYS", "five")
    with pytest.raises(InvalidInputError, match=r"TTL_DAYS: .*integer"):
        Variables.load()


CALL_WITHOUT_XRAY = """
import json, os, sys
from types import SimpleNamespace
del os.environ["POWERTOOLS_TRACE_DISABLED"]
os.environ["LAMBDA_TASK_ROOT"] = "/var/task"
import boto3
from moto import mock_aws
with mock_aws():
    boto3.client("s3").create_bucket(
        Bucket=os.environ["PIPELINE_BUCKET"], CreateBucketConfiguration={"LocationConstraint": "us-west-2"}
    )
    from lambdas.check_if_training_data_available.handler import handler
    from lambdas.common.wiring import tracer
    context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r")
    assert not tracer.disabled
    assert handler({"execution_name": "e"}, context)["available"] is False
"""


def test_functions_work_without_xray() -> None:
    subprocess.run([sys.executable, "-c", CALL_WITHOUT_XRAY], check=True, cwd=REPOSITORY)
