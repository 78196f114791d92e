"""EMR steps that run with spark-submit, security configurations, and the Step Functions integrations of EMR.

MiniStack keeps the clusters, but it reports a step as completed without running it.
"""

import contextvars
import functools
import json
import time
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import emr

from localcloud.jobs.integrations import POLL_SECONDS, TaskFailedError, add_integration, authorize_task
from localcloud.jobs.staged_job import PROCESSES, run_in_background, run_staged, s3_client, worker_python
from localcloud.policies.authorization import (
    AccessDeniedError,
    authorize,
    caller,
    role_of_instance_profile,
)
from localcloud.wrapping import wrap
from tools.local_spark import local_spark_submit

HANDLERS = emr._HANDLERS
"""Operation -> the function that handles it."""

S3A = "Hadoop 3.4.1"
"""How Hadoop's S3 client names itself. EMR reads and writes `s3://` locations with it since release 7.10:
https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-s3a-migrate.html."""

_security_configurations: dict[str, dict[str, Any]] = {}
_instance_profile: contextvars.ContextVar[str] = contextvars.ContextVar("instance_profile")
"""The instance profile of the cluster whose steps are being started."""


def install() -> None:
    """Run steps instead of only recording them, and add the three integrations that the ETL uses."""
    for name, wrapper in {
        "RunJobFlow": _run_job_flow,
        "AddJobFlowSteps": _add_job_flow_steps,
        "TerminateJobFlows": _terminate_job_flows,
    }.items():
        HANDLERS[name] = functools.partial(wrapper, HANDLERS[name])
    HANDLERS.update(
        CreateSecurityConfiguration=_create_security_configuration,
        DescribeSecurityConfiguration=_describe_security_configuration,
        DeleteSecurityConfiguration=_delete_security_configuration,
        ListSecurityConfigurations=_list_security_configurations,
    )
    wrap(emr, "_make_step", _start_step)
    add_integration("elasticmapreduce:createCluster", _create_cluster_sync)
    add_integration("elasticmapreduce:addStep", _add_step_sync)
    add_integration("elasticmapreduce:terminateCluster", _terminate_cluster_sync)


def _create_security_configuration(data: dict[str, Any]) -> Any:
    name = data["Name"]
    if name in _security_configurations:
        return _refusal(f"Security configuration with name '{name}' already exists.")
    try:
        json.loads(data["SecurityConfiguration"])
    except ValueError as error:
        return _refusal(f"Security configuration '{name}' is not JSON: {error}")
    _security_configurations[name] = {**data, "CreationDateTime": time.time()}
    return json_response({"Name": name, "CreationDateTime": _security_configurations[name]["CreationDateTime"]})


def _describe_security_configuration(data: dict[str, Any]) -> Any:
    if data["Name"] not in _security_configurations:
        return _no_security_configuration(data["Name"])
    return json_response(_security_configurations[data["Name"]])


def _delete_security_configuration(data: dict[str, Any]) -> Any:
    if _security_configurations.pop(data["Name"], None) is None:
        return _no_security_configuration(data["Name"])
    return json_response({})


def _list_security_configurations(_data: dict[str, Any]) -> Any:
    names = ("Name", "CreationDateTime")
    listed = [{name: kept[name] for name in names} for kept in _security_configurations.values()]
    return json_response({"SecurityConfigurations": listed})


def _no_security_configuration(name: str) -> Any:
    return _refusal(f"Security configuration with name '{name}' does not exist.")


def _refusal(message: str) -> Any:
    return error_response_json("InvalidRequestException", message, 400)


def _run_job_flow(run_job_flow: Any, data: dict[str, Any]) -> Any:
    """Start a cluster, and refuse what EMR refuses: missing resources and scaling limits of the wrong unit."""
    security_configuration = data.get("SecurityConfiguration")
    if security_configuration is not None and security_configuration not in _security_configurations:
        return _no_security_configuration(security_configuration)
    limits = data.get("ManagedScalingPolicy", {}).get("ComputeLimits")
    if limits is not None and (limits["UnitType"] == "InstanceFleetUnits") != ("InstanceFleets" in data["Instances"]):
        return _refusal(f"UnitType {limits['UnitType']} does not match the instances of the cluster.")
    if "Steps" in data:
        return _refusal("the local cloud accepts steps through AddJobFlowSteps only")
    try:
        for action in data.get("BootstrapActions", []):
            bucket, _, key = action["ScriptBootstrapAction"]["Path"].removeprefix("s3://").partition("/")
            s3_client(role_of_instance_profile(data["JobFlowRole"])).head_object(Bucket=bucket, Key=key)
    except AccessDeniedError as error:
        return error_response_json("AccessDeniedException", str(error), 400)
    except ClientError as error:
        return error_response_json("ValidationException", f"no bootstrap script at s3://{bucket}/{key}: {error}", 400)
    response = run_job_flow(data)
    if response[0] == 200:
        requested = {name: data[name] for name in ("SecurityConfiguration", "AutoTerminationPolicy") if name in data}
        emr._clusters[json.loads(response[2])["JobFlowId"]].update(requested)
    return response


def _add_job_flow_steps(add_job_flow_steps: Any, data: dict[str, Any]) -> Any:
    """Add steps that act as the role of the cluster's instances."""
    cluster = emr._clusters.get(data["JobFlowId"])
    if cluster is None:
        return add_job_flow_steps(data)
    token = _instance_profile.set(cluster["Ec2InstanceAttributes"]["IamInstanceProfile"])
    try:
        return add_job_flow_steps(data)
    finally:
        _instance_profile.reset(token)


def _terminate_job_flows(terminate_job_flows: Any, data: dict[str, Any]) -> Any:
    for cluster_id in data.get("JobFlowIds", []):
        for step in emr._steps.get(cluster_id, []):
            PROCESSES.stop(step["Id"])
    return terminate_job_flows(data)


def _start_step(make_step: Any, step_config: dict[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = make_step(step_config)
    arguments = step["Config"]["Args"]
    status = step["Status"]
    status["Timeline"].pop("EndDateTime")
    if step["Config"]["Jar"] != "command-runner.jar" or arguments[:1] != ["spark-submit"]:
        return _failed(
            step, f"the local cloud runs only spark-submit through command-runner.jar, not {' '.join(arguments[:1])}"
        )
    try:
        role = role_of_instance_profile(_instance_profile.get())
    except AccessDeniedError as error:
        return _failed(step, str(error))
    status["State"] = "RUNNING"

    def run() -> None:
        job = run_staged(step["Id"], local_spark_submit(worker_python(), arguments[1:]), role, user_agent=S3A)
        status["Timeline"]["EndDateTime"] = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
        if not job.succeeded:
            status["FailureDetails"] = {"Reason": "Error in the log of the step", "Message": job.error}
        status["State"] = "COMPLETED" if job.succeeded else "FAILED"

    run_in_background(functools.partial(contextvars.copy_context().run, run), step["Id"])
    return step


def _failed(step: dict[str, Any], message: str) -> dict[str, Any]:
    step["Status"].update(State="FAILED", FailureDetails={"Reason": "Not supported", "Message": message})
    return step


def _call(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Call an EMR operation for a task, which fails when the operation does."""
    status, _, body = HANDLERS[operation](request)
    response: dict[str, Any] = json.loads(body) if body else {}
    if status >= 400:
        name = str(response.get("__type", "AmazonElasticMapReduceException")).rsplit("#")[-1]
        raise TaskFailedError(f"ElasticMapReduce.{name}", str(response.get("message", response)))
    return response


def _cluster(cluster_id: str) -> tuple[str, dict[str, Any]]:
    """Return the ARN of a cluster and the condition keys of its tags."""
    arn = f"arn:aws:elasticmapreduce:{get_region()}:{get_account_id()}:cluster/{cluster_id}"
    return arn, _tags("ResourceTag", emr._clusters.get(cluster_id, {}))


def _tags(key: str, tagged: dict[str, Any]) -> dict[str, Any]:
    return {f"aws:{key}/{tag['Key']}": tag["Value"] for tag in tagged.get("Tags", [])}


def _create_cluster_sync(arguments: dict[str, Any]) -> dict[str, Any]:
    authorize_task("elasticmapreduce:RunJobFlow", "*", arguments, **_tags("RequestTag", arguments))
    cluster = _call("RunJobFlow", arguments)
    arn, tags = _cluster(cluster["JobFlowId"])
    authorize(caller(), "elasticmapreduce:DescribeCluster", arn, **tags)
    return {"ClusterId": cluster["JobFlowId"], "ClusterArn": cluster["ClusterArn"]}


def _add_step_sync(arguments: dict[str, Any]) -> dict[str, Any]:
    cluster_id = arguments["ClusterId"]
    arn, tags = _cluster(cluster_id)
    authorize_task("elasticmapreduce:AddJobFlowSteps", arn, arguments, **tags)
    if emr._clusters.get(cluster_id, {}).get("Status", {}).get("State") != "WAITING":
        raise TaskFailedError(
            "ElasticMapReduce.InvalidRequestException",
            f"cluster {cluster_id} is not waiting for steps",
        )
    (step_id,) = _call("AddJobFlowSteps", {"JobFlowId": cluster_id, "Steps": [arguments["Step"]]})["StepIds"]
    while True:
        step = _call("DescribeStep", {"ClusterId": cluster_id, "StepId": step_id})["Step"]
        if step["Status"]["State"] == "COMPLETED":
            return {"StepId": step_id, "Step": step}
        if step["Status"]["State"] in ("FAILED", "CANCELLED"):
            raise TaskFailedError("States.TaskFailed", json.dumps({"Step": step}))
        time.sleep(POLL_SECONDS)


def _terminate_cluster_sync(arguments: dict[str, Any]) -> dict[str, Any]:
    arn, tags = _cluster(arguments["ClusterId"])
    authorize_task("elasticmapreduce:TerminateJobFlows", arn, arguments, **tags)
    _call("TerminateJobFlows", {"JobFlowIds": [arguments["ClusterId"]]})
    return {"ClusterId": arguments["ClusterId"], "Cluster": _call("DescribeCluster", arguments)["Cluster"]}
