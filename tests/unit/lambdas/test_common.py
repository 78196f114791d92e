"""The functions' shared edge."""

import subprocess
import sys

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError, EndpointConnectionError

from buyer_stage.domain.errors import InvalidInputError
from lambdas.common.environment import Environment
from lambdas.common.errors import TransientAwsError, named_errors
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


def test_impossible_variable_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTL_DAYS", "five")
    with pytest.raises(InvalidInputError, match=r"TTL_DAYS: .*integer"):
        Variables.load()


def client_error(code: str, status: int) -> ClientError:
    """What botocore raises when AWS refuses a call."""
    return ClientError(
        {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "Call",
    )


@pytest.mark.parametrize(
    "error",
    [
        client_error("ThrottlingException", 400),
        client_error("SlowDown", 503),
        client_error("InternalError", 500),
        EndpointConnectionError(endpoint_url="https://s3"),
        ConnectTimeoutError(endpoint_url="https://s3"),
    ],
)
def test_error_that_waiting_may_mend_is_named_transient(error: Exception) -> None:
    with pytest.raises(TransientAwsError) as raised, named_errors():
        raise error
    assert raised.value.__cause__ is error


@pytest.mark.parametrize("error", [client_error("AccessDenied", 403), KeyError("x"), InvalidInputError("x")])
def test_any_other_error_passes_unchanged(error: Exception) -> None:
    with pytest.raises(type(error)) as raised, named_errors():
        raise error
    assert raised.value is error


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
    from lambdas.check_if_training_data_available.handler import handler, tracer
    context = SimpleNamespace(function_name="f", memory_limit_in_mb=1, invoked_function_arn="a", aws_request_id="r")
    assert not tracer.disabled
    assert handler({"execution_name": "e"}, context) == {"available": False}
"""


def test_functions_work_where_there_is_no_xray() -> None:
    subprocess.run([sys.executable, "-c", CALL_WITHOUT_XRAY], check=True, cwd=REPOSITORY)
