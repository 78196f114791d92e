"""Subnets have EMR's tag, and routes to the services that jobs call."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from tools.preflight.network import EMR_TAG, SAGEMAKER_SERVICES, check_emr_subnets, check_sagemaker_subnets
from tools.preflight.result import Status

TAG = [{"Key": EMR_TAG, "Value": "true"}]


@pytest.fixture
def ec2() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("ec2", region_name="us-west-2")


class Network:
    """A VPC with one subnet."""

    def __init__(self, ec2: Any) -> None:
        self.ec2 = ec2
        self.vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.subnet = ec2.create_subnet(VpcId=self.vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        self.table = ec2.create_route_table(VpcId=self.vpc)["RouteTable"]["RouteTableId"]
        ec2.associate_route_table(RouteTableId=self.table, SubnetId=self.subnet)

    def route_to_internet_gateway(self) -> None:
        gateway = self.ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
        self.ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=self.vpc)
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", GatewayId=gateway)

    def route_to_nat_gateway(self) -> None:
        address = self.ec2.allocate_address(Domain="vpc")["AllocationId"]
        gateway = self.ec2.create_nat_gateway(SubnetId=self.subnet, AllocationId=address)["NatGateway"]["NatGatewayId"]
        self.ec2.create_route(RouteTableId=self.table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=gateway)

    def add_endpoint(self, service: str, kind: str) -> None:
        place = {"RouteTableIds": [self.table]} if kind == "Gateway" else {"SubnetIds": [self.subnet]}
        self.ec2.create_vpc_endpoint(
            VpcId=self.vpc, ServiceName=f"com.amazonaws.us-west-2.{service}", VpcEndpointType=kind, **place
        )


@pytest.fixture
def network(ec2: Any) -> Network:
    return Network(ec2)


def statuses(ec2: Any, network: Network) -> dict[str, Status]:
    return {result.check: result.status for result in check_emr_subnets(ec2, [network.subnet])}


def test_tagged_subnet_behind_nat_passes(ec2: Any, network: Network) -> None:
    ec2.create_tags(Resources=[network.vpc, network.subnet], Tags=TAG)
    network.route_to_nat_gateway()
    assert statuses(ec2, network) == {"EMR subnets: tags": Status.PASSED, "EMR subnets: routes": Status.PASSED}


@pytest.mark.parametrize("untagged", ["vpc", "subnet"])
def test_missing_tag_fails_with_the_command_that_adds_it(ec2: Any, network: Network, untagged: str) -> None:
    tagged = network.subnet if untagged == "vpc" else network.vpc
    ec2.create_tags(Resources=[tagged], Tags=TAG)
    result, _ = check_emr_subnets(ec2, [network.subnet])
    assert result.status is Status.FAILED
    assert result.fix.endswith(f"--tags Key={EMR_TAG},Value=true --resources {getattr(network, untagged)}")


def test_emr_without_a_route_to_the_internet_fails(ec2: Any, network: Network) -> None:
    assert statuses(ec2, network)["EMR subnets: routes"] is Status.FAILED


def test_emr_behind_an_internet_gateway_needs_public_addresses(ec2: Any, network: Network) -> None:
    network.route_to_internet_gateway()
    assert statuses(ec2, network)["EMR subnets: routes"] is Status.FAILED
    ec2.modify_subnet_attribute(SubnetId=network.subnet, MapPublicIpOnLaunch={"Value": True})
    assert statuses(ec2, network)["EMR subnets: routes"] is Status.PASSED


def test_default_subnets_are_checked_when_none_is_set(ec2: Any) -> None:
    result, _ = check_emr_subnets(ec2, [])
    (vpc,) = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    assert vpc["VpcId"] in result.finding


def test_account_without_a_default_vpc_fails(ec2: Any) -> None:
    for subnet in ec2.describe_subnets()["Subnets"]:
        ec2.delete_subnet(SubnetId=subnet["SubnetId"])
    (result,) = check_emr_subnets(ec2, [])
    assert (result.status, result.fix) == (Status.FAILED, "set emr.subnet_ids in the environment's tfvars")


def test_sagemaker_behind_nat_passes(ec2: Any, network: Network) -> None:
    network.route_to_nat_gateway()
    (result,) = check_sagemaker_subnets(ec2, [network.subnet])
    assert result.status is Status.PASSED


def test_sagemaker_with_every_endpoint_passes(ec2: Any, network: Network) -> None:
    network.add_endpoint("s3", "Gateway")
    for service in SAGEMAKER_SERVICES:
        network.add_endpoint(service, "Interface")
    (result,) = check_sagemaker_subnets(ec2, [network.subnet])
    assert result.status is Status.PASSED


def test_sagemaker_does_not_reach_services_through_an_internet_gateway(ec2: Any, network: Network) -> None:
    network.route_to_internet_gateway()
    network.add_endpoint("kms", "Interface")
    (result,) = check_sagemaker_subnets(ec2, [network.subnet])
    assert result.finding == f"{network.subnet} does not reach s3, logs, ecr.api, ecr.dkr, sts, sagemaker.api"


def test_jobs_outside_your_vpc_need_no_check(ec2: Any) -> None:
    assert list(check_sagemaker_subnets(ec2, [])) == []
