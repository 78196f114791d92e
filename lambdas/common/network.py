"""Where SageMaker jobs and models run: in the subnets that the environment names, if it names any."""

from typing import TYPE_CHECKING, TypedDict

from pydantic import Json

from lambdas.common.environment import Environment

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import VpcConfigTypeDef


class VpcSetting(TypedDict, total=False):
    """The part of a request that names the VPC; empty without one."""

    VpcConfig: "VpcConfigTypeDef"


class NetworkVariables(Environment):
    """Environment of the functions that choose where a job or model runs; both variables are JSON lists."""

    subnet_ids: Json[list[str]]
    security_group_ids: Json[list[str]]

    @property
    def vpc_setting(self) -> VpcSetting:
        """The part of a request that names the VPC."""
        if not self.subnet_ids:
            return {}
        return {"VpcConfig": {"Subnets": self.subnet_ids, "SecurityGroupIds": self.security_group_ids}}
