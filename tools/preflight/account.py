"""Check whose account this is, and the roles that AWS services need in it."""

from collections.abc import Iterator, Mapping
from typing import Any

from tools.environment import LOCAL, LOCAL_ACCOUNT
from tools.preflight.result import Result, failed, judged, passed

SERVICE_LINKED_ROLES = {
    "spot.amazonaws.com": "EMR requests spot instances",
    "ec2fleet.amazonaws.com": "EMR starts an instance fleet with an allocation strategy",
    "elasticmapreduce.amazonaws.com": "EMR deletes what a cluster leaves behind",
}
"""Service -> when it uses its service-linked role in the ETL.

EMR and EC2 create a missing role only for a caller with `iam:CreateServiceLinkedRole`, which neither the ETL's state
machine nor the policy `AmazonEMRServicePolicy_v2` has. EMR Management Guide, "Using service-linked roles for cleanup";
EC2 User Guide, "Service-linked role for Spot Instance requests" and "EC2 Fleet prerequisites". SageMaker's jobs, Glue,
DynamoDB and Step Functions need none.
"""


def check_identity(identity: Mapping[str, Any], environment: str) -> Iterator[Result]:
    """Check that the credentials are for an account of AWS, or, for the environment local, for the local cloud.

    Args:
        identity: the answer of STS.
        environment: name of the environment.
    """
    account = identity["Account"]
    if (account == LOCAL_ACCOUNT) == (environment == LOCAL):
        yield passed("account", f"{account}, as {identity['Arn'].rpartition(':')[2]}")
    elif environment == LOCAL:
        yield failed("account", f"{account} is not the local cloud", "start the local cloud with `make demo-up`")
    else:
        yield failed("account", "this is the local cloud", "unset AWS_ENDPOINT_URL, and set credentials for AWS")


def check_region(present: str | None, expected: str, state_region: str) -> Iterator[Result]:
    """Check that clients, variables and the backend of the state agree on the Region.

    Args:
        present: the Region of the environment variables or the profile.
        expected: the Region in the Terraform variables.
        state_region: the Region in the configuration of the backend.
    """
    problems = []
    if present != expected:
        problems.append(f"clients use {present or 'no Region'}, not {expected}")
    if state_region != expected:
        problems.append(f"the backend of the state uses {state_region}, not {expected}")
    yield judged("Region", problems, expected, f"export AWS_REGION={expected}; set region in the tfvars and tfbackend")


def check_service_linked_roles(iam: Any) -> Iterator[Result]:
    """Check that the service-linked roles exist that nothing creates during a run."""
    for service, use in SERVICE_LINKED_ROLES.items():
        roles = iam.list_roles(PathPrefix=f"/aws-service-role/{service}/")["Roles"]
        yield judged(
            f"role of {service.partition('.')[0]}",
            [] if roles else [f"there is no service-linked role for {service}: {use}"],
            ", ".join(role["RoleName"] for role in roles),
            f"aws iam create-service-linked-role --aws-service-name {service}",
        )
