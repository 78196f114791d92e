"""Check the subnets of EMR's clusters and SageMaker's jobs: their tags, and the way to S3 and other services."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tools.preflight.result import Result, failed, judged

EMR_TAG = "for-use-with-amazon-emr-managed-policies"
"""Tag that `AmazonEMRServicePolicy_v2` requires of subnets and their VPC, with the value true.

EMR Management Guide, "Amazon EMR managed policies", section "Tagging resources to use managed policies"."""

SAGEMAKER_SERVICES = ("kms", "logs", "ecr.api", "ecr.dkr", "sts", "sagemaker.api")
"""Services that SageMaker's jobs call, besides S3.

SageMaker Developer Guide, "Give SageMaker AI training jobs access to resources in your Amazon VPC"."""

Described = Mapping[str, Any]
"""A resource as EC2 describes it."""


def check_emr_subnets(ec2: Any, subnet_ids: Sequence[str]) -> Iterator[Result]:
    """Check that EMR can use each subnet, and that instances in it reach S3 and PyPI.

    Args:
        ec2: client for EC2.
        subnet_ids: the subnets of the clusters; empty for those of the default VPC.
    """
    check = "EMR subnets"
    subnets = _subnets(ec2, subnet_ids)
    if not subnets:
        yield failed(check, "there is no default VPC with subnets", "set emr.subnet_ids in the environment's tfvars")
        return
    vpc_ids = sorted({subnet["VpcId"] for subnet in subnets})
    vpcs = ec2.describe_vpcs(VpcIds=vpc_ids)["Vpcs"]
    ids = [subnet["SubnetId"] for subnet in subnets]
    untagged = [name for name, tags in _tags(vpcs, "VpcId") + _tags(subnets, "SubnetId") if tags.get(EMR_TAG) != "true"]
    yield judged(
        f"{check}: tags",
        [f"the tag {EMR_TAG} = true is missing on {', '.join(untagged)}"] if untagged else [],
        ", ".join(ids),
        f"aws ec2 create-tags --tags Key={EMR_TAG},Value=true --resources {' '.join(untagged)}",
    )
    tables = _route_tables(ec2, vpc_ids)
    isolated = [subnet["SubnetId"] for subnet in subnets if not _reaches_internet(subnet, tables, with_address=True)]
    yield judged(
        f"{check}: routes",
        [f"no route to the internet from {', '.join(isolated)}; the bootstrap action installs from PyPI"]
        if isolated
        else [],
        "instances reach S3 and PyPI",
        "route 0.0.0.0/0 to a NAT gateway, or to an internet gateway with public addresses on launch",
    )


def check_sagemaker_subnets(ec2: Any, subnet_ids: Sequence[str]) -> Iterator[Result]:
    """Check that jobs in each subnet reach S3 and the other services that they call.

    Args:
        ec2: client for EC2.
        subnet_ids: the subnets of the jobs; empty when they run outside your VPC.
    """
    if not subnet_ids:
        return
    subnets = _subnets(ec2, subnet_ids)
    vpc_ids = sorted({subnet["VpcId"] for subnet in subnets})
    tables = _route_tables(ec2, vpc_ids)
    found = ec2.describe_vpc_endpoints(Filters=[{"Name": "vpc-id", "Values": vpc_ids}])["VpcEndpoints"]
    endpoints = {endpoint["ServiceName"].split(".", 3)[-1] for endpoint in found if endpoint["State"] == "available"}
    problems = []
    for subnet in subnets:
        # A network interface of a job has no public address, so an internet gateway does not help it.
        if _reaches_internet(subnet, tables, with_address=False):
            continue
        routes = _routes(subnet, tables)
        lacking = [] if any("DestinationPrefixListId" in route for route in routes) else ["s3"]
        lacking += [service for service in SAGEMAKER_SERVICES if service not in endpoints]
        if lacking:
            problems.append(f"{subnet['SubnetId']} does not reach {', '.join(lacking)}")
    yield judged(
        "SageMaker subnets",
        problems,
        f"{', '.join(subnet_ids)} reach S3 and the services of the jobs",
        "add a NAT gateway, or a gateway endpoint for S3 and interface endpoints for the others",
    )


def _subnets(ec2: Any, subnet_ids: Sequence[str]) -> list[Described]:
    if subnet_ids:
        return list(ec2.describe_subnets(SubnetIds=list(subnet_ids))["Subnets"])
    return list(ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"])


def _tags(resources: Sequence[Described], id_key: str) -> list[tuple[str, dict[str, str]]]:
    return [(each[id_key], {tag["Key"]: tag["Value"] for tag in each.get("Tags", [])}) for each in resources]


def _route_tables(ec2: Any, vpc_ids: Sequence[str]) -> list[Described]:
    return list(ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": list(vpc_ids)}])["RouteTables"])


def _routes(subnet: Described, tables: Sequence[Described]) -> list[Described]:
    """Return the active routes of a subnet: those of its own table, or else of the VPC's main table."""
    own = [table for table in tables if _is_associated(table, "SubnetId", subnet["SubnetId"])]
    main = [table for table in tables if table["VpcId"] == subnet["VpcId"] and _is_associated(table, "Main", True)]
    return [route for table in (own or main) for route in table["Routes"] if route.get("State") == "active"]


def _is_associated(table: Described, key: str, value: Any) -> bool:
    return any(association.get(key) == value for association in table["Associations"])


def _reaches_internet(subnet: Described, tables: Sequence[Described], *, with_address: bool) -> bool:
    """Check for a default route that works: a gateway of the internet needs a public address, others do not."""
    for route in _routes(subnet, tables):
        if route.get("DestinationCidrBlock") == "0.0.0.0/0":
            is_direct = route.get("GatewayId", "").startswith("igw-")
            return not is_direct or (with_address and bool(subnet["MapPublicIpOnLaunch"]))
    return False
