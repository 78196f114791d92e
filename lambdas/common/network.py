"""Where SageMaker's jobs and models run: in subnets of ours when the environment names some."""

from typing import TYPE_CHECKING, TypedDict

from pydantic import Json

from lambdas.common.environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import VpcConfigTypeDef


class VpcSetting(TypedDict, total=False):
    """What is merged into a request; empty without a VPC."""

    VpcConfig: "VpcConfigTypeDef"


class NetworkVariables(Environment):
    """Environment of the functions that say where something runs; both variables are JSON lists."""

    subnet_ids: Json[list[str]]
    security_group_ids: Json[list[str]]

    @property
    def vpc_setting(self) -> VpcSetting:
        """The part of a request that names the VPC."""
        if not self.subnet_ids:
            return {}
        return {"VpcConfig": {"Subnets": self.subnet_ids, "SecurityGroupIds": self.security_group_ids}}
