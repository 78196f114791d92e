"""The lookup keeps its contract whatever it is asked: schemathesis derives requests from the OpenAPI document."""

import hypothesis
import pytest
import requests
import schemathesis
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, Phase
from schemathesis import GenerationMode
from schemathesis.specs.openapi import checks

from localcloud.cloud import REGION
from tests.local_stack import FirstRuns, Stack
from tools.contracts.lookup import openapi

# Every request is signed. Without the security, schemathesis does not try requests without a signature.
CONTRACT = schemathesis.openapi.from_dict({**openapi(), "security": []})
OPERATIONS = {("GET", "/v1/members/{member_id}"), ("POST", "/v1/members:batchGet")}

CHECKS = [
    schemathesis.checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.positive_data_acceptance,
]


class Signed(requests.auth.AuthBase):
    """Signs requests as a product team does."""

    def __init__(self, stack: Stack) -> None:
        credentials = stack.product_team.get_credentials()
        assert credentials is not None
        self.signer = SigV4Auth(Credentials(*credentials.get_frozen_credentials()[:3]), "lambda", REGION)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        signed = AWSRequest(request.method, request.url, data=request.body)
        self.signer.add_auth(signed)
        request.headers.update(signed.headers.items())
        return request


def test_the_contract_has_no_other_operations() -> None:
    assert {(found.ok().method.upper(), found.ok().path) for found in CONTRACT.get_all_operations()} == OPERATIONS


@pytest.mark.parametrize(
    "examples", [pytest.param(25, id="some"), pytest.param(1000, id="many", marks=pytest.mark.matrix)]
)
@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize(("method", "path"), sorted(OPERATIONS))
def test_requests_derived_from_the_contract_get_answers_that_it_describes(
    stack: Stack, first_runs: FirstRuns, method: str, path: str, mode: GenerationMode, examples: int
) -> None:
    @hypothesis.seed(7)
    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=HealthCheck
    )
    @hypothesis.given(case=CONTRACT[path][method].as_strategy(mode))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(stack.deployment.lookup_url, auth=Signed(stack), checks=CHECKS)

    ask()
