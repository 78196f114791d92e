"""Configures an Autopilot candidate's inference containers to output probabilities."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.transform_output import INFERENCE_RESPONSE_KEYS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import AutoMLContainerDefinitionTypeDef, ContainerDefinitionUnionTypeDef


def predicting_containers(
    containers: "Sequence[AutoMLContainerDefinitionTypeDef]",
) -> "list[ContainerDefinitionUnionTypeDef]":
    """Make a candidate's containers output `INFERENCE_RESPONSE_KEYS`; by default they output the stage only.

    Autopilot chains up to three containers. The environment of each lists the keys that it supports, and tells it which
    keys to output and which come from the container before it. A container that lists none, such as feature
    engineering, passes rows on.

    Raises:
        ModelError: the last container does not support all keys.
    """
    result: list[ContainerDefinitionUnionTypeDef] = []
    keys_in, keys_out = "", ""
    for container in containers:
        environment = dict(container.get("Environment", {}))
        supported = {key.strip() for key in environment.get("SAGEMAKER_INFERENCE_SUPPORTED", "").split(",")}
        keys_in, keys_out = keys_out, ",".join(key for key in INFERENCE_RESPONSE_KEYS if key in supported)
        if keys_out and keys_in:
            environment["SAGEMAKER_INFERENCE_INPUT"] = keys_in
        if keys_out:
            environment["SAGEMAKER_INFERENCE_OUTPUT"] = keys_out
        result.append(
            {"Image": container["Image"], "ModelDataUrl": container["ModelDataUrl"], "Environment": environment}
        )
    if keys_out != ",".join(INFERENCE_RESPONSE_KEYS):
        raise ModelError(
            f"the best candidate outputs {keys_out!r}, but the pipeline needs {', '.join(INFERENCE_RESPONSE_KEYS)}; "
            "train another model, in a training mode whose candidates output probabilities"
        )
    return result
