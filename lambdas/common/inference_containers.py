"""What an Autopilot candidate's inference containers are asked to answer."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from buyer_stage.domain.errors import ModelError
from buyer_stage.domain.transform_output import INFERENCE_RESPONSE_KEYS

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import AutoMLContainerDefinitionTypeDef, ContainerDefinitionUnionTypeDef


def answering_containers(
    containers: "Sequence[AutoMLContainerDefinitionTypeDef]",
) -> "list[ContainerDefinitionUnionTypeDef]":
    """Make a candidate's inference containers answer `INFERENCE_RESPONSE_KEYS`; left alone they answer the label only.

    Autopilot chains up to three containers. Each names in its environment the keys that it supports; it is told which
    to put out, and the next one which come in. A container that names none, such as feature engineering, passes rows.

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
        raise ModelError(f"the best candidate answers {keys_out!r}; {', '.join(INFERENCE_RESPONSE_KEYS)} are needed")
    return result
