"""Check that the account's quotas cover what one run uses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tools.preflight.result import CannotLookError, Result, failed, passed

AUTOPILOT_INSTANCES = ("ml.m5.2xlarge", "ml.m5.4xlarge")
"""Instance types of Autopilot's jobs, one instance each.

AWS does not document them. These are the types in the notebooks that Autopilot generates (package `sagemaker_automl`).
"""

AUTOPILOT_JOBS = {"training": 2, "processing": 1, "transform": 2}
"""Kind of job -> how many Autopilot runs at the same time, at least; an estimate from the same notebooks."""

PARALLEL_TRANSFORMS = 2
"""The challenger and the champion score the holdout at the same time: `MaxConcurrency` of the state `ScoreHoldout`."""

DPUS_PER_WORKER = 1
"""A Glue worker of the type G.1X is one DPU. Glue Developer Guide, "Configuring job properties for Spark jobs"."""


@dataclass(frozen=True)
class Need:
    """What one run uses of a quota.

    Attributes:
        service: code of the service in Service Quotas.
        quota: name of the quota in Service Quotas.
        amount: what the quota must allow at least.
    """

    service: str
    quota: str
    amount: int


def instance_needs(emr: Mapping[str, Any], vcpus: Mapping[str, int]) -> list[Need]:
    """Return what a cluster of the ETL uses of EC2's quotas, which count vCPUs.

    Args:
        emr: the Terraform variable `emr`.
        vcpus: vCPUs of each of its instance types.
    """
    master, core = (max(vcpus[name] for name in emr[f"{fleet}_instance_types"]) for fleet in ("master", "core"))
    return [
        Need(
            "ec2", "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests", emr["core_instance_limit"] * core
        ),
        # Without spot capacity, EMR starts the core fleet on demand.
        Need(
            "ec2",
            "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
            master + emr["core_instance_count"] * core,
        ),
    ]


def sagemaker_needs(transform: Mapping[str, Any]) -> list[Need]:
    """Return what Autopilot and the transforms use of SageMaker's quotas: by instance type, and together.

    Args:
        transform: the Terraform variable `transform`.
    """
    own = PARALLEL_TRANSFORMS * transform["instance_count"]
    by_type = {(kind, instance): count for kind, count in AUTOPILOT_JOBS.items() for instance in AUTOPILOT_INSTANCES}
    key = ("transform", transform["instance_type"])
    by_type[key] = max(own, by_type.get(key, 0))
    together = {**AUTOPILOT_JOBS, "transform": max(own, AUTOPILOT_JOBS["transform"])}
    return [
        *(Need("sagemaker", f"{instance} for {kind} job usage", count) for (kind, instance), count in by_type.items()),
        *(Need("sagemaker", f"Number of instances across all {kind} jobs", count) for kind, count in together.items()),
    ]


def glue_needs(push: Mapping[str, Any]) -> list[Need]:
    """Return what a push uses of Glue's quotas.

    Args:
        push: the Terraform variable `push`.
    """
    return [
        Need("glue", "Max task DPUs per account", push["worker_count"] * DPUS_PER_WORKER),
        Need("glue", "Max concurrent job runs per account", 1),
    ]


def dynamodb_needs(push: Mapping[str, Any], other_tables: int) -> list[Need]:
    """Return what the table and a push use of DynamoDB's quotas.

    Args:
        push: the Terraform variable `push`.
        other_tables: how many tables the account has besides the environment's.
    """
    return [
        Need("dynamodb", "Maximum number of tables", other_tables + 1),
        # An item is smaller than 1 KB, so that it takes one write unit.
        Need("dynamodb", "Table-level write throughput limit", push["maximum_writes_per_second"]),
    ]


def count_other_tables(dynamodb: Any, environment: str) -> int:
    """Return how many tables the account has besides the environment's."""
    pages = dynamodb.get_paginator("list_tables").paginate()
    own = f"buyer-stage-ml-pipeline-results-{environment}"
    return sum(name != own for page in pages for name in page["TableNames"])


def vcpus_of(ec2: Any, emr: Mapping[str, Any]) -> dict[str, int]:
    """Return the vCPUs of the instance types in the Terraform variable `emr`."""
    types = sorted({*emr["master_instance_types"], *emr["core_instance_types"]})
    described = ec2.describe_instance_types(InstanceTypes=types)["InstanceTypes"]
    return {each["InstanceType"]: each["VCpuInfo"]["DefaultVCpus"] for each in described}


def check_quotas(service_quotas: Any, needs: Sequence[Need]) -> Iterator[Result]:
    """Check the quotas of one service: one result when all are enough, and one for each that is too low.

    Args:
        service_quotas: client for Service Quotas.
        needs: what one run uses.

    Raises:
        CannotLookError: Service Quotas does not list one of the quotas.
    """
    service = needs[0].service
    check = f"quotas of {service}"
    quotas = _quotas(service_quotas, service, {need.quota for need in needs})
    low = [need for need in needs if need.quota in quotas and quotas[need.quota]["Value"] < need.amount]
    for need in low:
        quota = quotas[need.quota]
        yield failed(
            check,
            f"{need.quota}: {quota['Value']:g}, and one run uses {need.amount}",
            f"aws service-quotas request-service-quota-increase --service-code {service} "
            f"--quota-code {quota['QuotaCode']} --desired-value {need.amount}",
        )
    if unlisted := [need.quota for need in needs if need.quota not in quotas]:
        raise CannotLookError(
            f"Service Quotas does not list {unlisted[0]}", f"look it up in the Service Quotas console, under {service}"
        )
    if not low:
        yield passed(check, f"enough for one run: {', '.join(f'{need.quota} {need.amount}' for need in needs)}")


def _quotas(client: Any, service: str, names: set[str]) -> dict[str, dict[str, Any]]:
    """Return quotas by name: the applied value, or the default one where a quota was never applied."""
    found: dict[str, dict[str, Any]] = {}
    for operation in ("list_service_quotas", "list_aws_default_service_quotas"):
        if found.keys() >= names:
            break
        for page in client.get_paginator(operation).paginate(ServiceCode=service):
            for quota in page["Quotas"]:
                if quota["QuotaName"] in names:
                    found.setdefault(quota["QuotaName"], quota)
    return found
