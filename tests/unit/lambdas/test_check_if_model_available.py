"""A model is available when its pointer can be read, fits this version and names a model that exists."""

import dataclasses
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber

from buyer_stage.documents import ModelPointer, to_json
from buyer_stage.errors import InvalidManifestError, ModelError
from buyer_stage.features import MODEL_FEATURES, column_checksum
from lambdas.check_if_model_available import handler as function

KEY = "best-model/model.json"
POINTER = ModelPointer(
    model_name="buyer-stage-model-1",
    model_version="buyer-stage-automl-1",
    candidate_name="candidate-7",
    validation_metrics={"F1macro": 0.3},
    column_checksum=column_checksum(MODEL_FEATURES),
    created_at=datetime(2020, 2, 1, 12, tzinfo=UTC),
)
Put = Callable[[str, str], None]


def create_model() -> None:
    """Create the model that the pointer names."""
    function.sagemaker.create_model(
        ModelName=POINTER.model_name, ExecutionRoleArn="arn:aws:iam::123456789012:role/sagemaker"
    )


def test_recorded_model_is_available(event: dict[str, Any], context: Any, put: Put) -> None:
    create_model()
    put(KEY, to_json(POINTER))
    assert function.handler(event, context) == {
        "available": True,
        "model_name": "buyer-stage-model-1",
        "model_version": "buyer-stage-automl-1",
    }


def test_no_pointer_is_not_available(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    assert function.handler(event, context) == {"available": False}
    assert emitted_metrics() == {"ModelAvailable": 0}


def test_pointer_to_a_deleted_model_is_an_error_that_says_what_to_do(
    event: dict[str, Any], context: Any, put: Put
) -> None:
    put(KEY, to_json(POINTER))
    with pytest.raises(ModelError, match=r"buyer-stage-model-1 is gone .* delete best-model/model\.json"):
        function.handler(event, context)


def test_model_of_other_columns_is_an_error_that_says_what_to_do(event: dict[str, Any], context: Any, put: Put) -> None:
    create_model()
    put(KEY, to_json(dataclasses.replace(POINTER, column_checksum=column_checksum(["snapshot_month"]))))
    with pytest.raises(ModelError, match=r"other columns; delete best-model/model\.json"):
        function.handler(event, context)


def test_damaged_pointer_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    put(KEY, "\x80\x04pickle")
    with pytest.raises(InvalidManifestError, match=r"best-model/model\.json is damaged"):
        function.handler(event, context)


def test_other_refusals_of_sagemaker_keep_their_name(event: dict[str, Any], context: Any, put: Put) -> None:
    put(KEY, to_json(POINTER))
    with Stubber(function.sagemaker) as stub:
        stub.add_client_error("describe_model", "AccessDeniedException", "not allowed", http_status_code=400)
        with pytest.raises(ClientError, match="AccessDeniedException"):
            function.handler(event, context)
