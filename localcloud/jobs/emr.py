"""EMR steps that really run, security configurations, and Step Functions' `.sync` integrations of EMR.

MiniStack keeps the clusters; a step it would report as completed at once is run here with spark-submit instead.
"""

import contextvars
import functools
import json
import time
from typing import Any

from botocore.exceptions import ClientError
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import emr, stepfunctions

from localcloud.corrections.step_functions import authorize_hearing, require_sync
from localcloud.jobs.staged_job import PROCESSES, run_in_background, run_staged, s3_client, worker_python
from localcloud.policies.authorization import (
    AccessDeniedError,
    authorize,
    authorize_passing,
    caller,
    role_of_instance_profile,
)
from tools.local_spark import local_spark_submit

POLL_SECONDS = 0.2

_security_configurations: dict[str, dict[str, Any]] = {}
_instance_profile: contextvars.ContextVar[str] = contextvars.ContextVar("instance_profile")
"""Of the cluster whose steps are being started."""


def install() -> None:
    """Replace MiniStack's step bookkeeping by execution and add the three integrations that the ETL uses."""
    emr._HANDLERS["RunJobFlow"] = functools.partial(_run_job_flow, emr._run_job_flow)
    emr._HANDLERS["AddJobFlowSteps"] = functools.partial(_add_job_flow_steps, emr._add_job_flow_steps)
    emr._HANDLERS["TerminateJobFlows"] = functools.partial(_terminate_job_flows, emr._terminate_job_flows)
    emr._HANDLERS.update(
        CreateSecurityConfiguration=_create_security_configuration,
        DescribeSecurityConfiguration=_describe_security_configuration,
        DeleteSecurityConfiguration=_delete_security_configuration,
        ListSecurityConfigurations=_list_security_configurations,
    )
    emr._make_step = functools.partial(_start_step, emr._make_step)
    stepfunctions._SERVICE_DISPATCH.update(
        {
            "arn:aws:states:::elasticmapreduce:createCluster": _create_cluster_sync,
            "arn:aws:states:::elasticmapreduce:addStep": _add_step_sync,
            "arn:aws:states:::elasticmapreduce:terminateCluster": _terminate_cluster_sync,
        }
    )


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
    """What would fail a real cluster's start fails this one: parts that are not there, limits of the other kind."""
    security_configuration = data.get("SecurityConfiguration")
    if security_configuration is not None and security_configuration not in _security_configurations:
        return _no_security_configuration(security_configuration)
    limits = data.get("ManagedScalingPolicy", {}).get("ComputeLimits")
    if limits is not None and (limits["UnitType"] == "InstanceFleetUnits") != ("InstanceFleets" in data["Instances"]):
        return _refusal(f"UnitType {limits['UnitType']} does not fit the instances of the cluster.")
    if "Steps" in data:
        return _refusal("the local cloud takes a cluster's steps by AddJobFlowSteps only")
    try:
        if "ServiceRole" in data:
            authorize_passing(data["ServiceRole"], "elasticmapreduce.amazonaws.com")
        if "JobFlowRole" in data:
            authorize_passing(role_of_instance_profile(data["JobFlowRole"]), "ec2.amazonaws.com")
        for action in data.get("BootstrapActions", []):
            bucket, _, key = action["ScriptBootstrapAction"]["Path"].removeprefix("s3://").partition("/")
            s3_client(role_of_instance_profile(data["JobFlowRole"])).head_object(Bucket=bucket, Key=key)
    except AccessDeniedError as error:
        return error_response_json("AccessDeniedException", str(error), 400)
    except ClientError as error:
        return error_response_json("ValidationException", f"no bootstrap script at s3://{bucket}/{key}: {error}", 400)
    answer = run_job_flow(data)
    if answer[0] == 200:
        asked = {name: data[name] for name in ("SecurityConfiguration", "AutoTerminationPolicy") if name in data}
        emr._clusters[json.loads(answer[2])["JobFlowId"]].update(asked)
    return answer


def _add_job_flow_steps(add_job_flow_steps: Any, data: dict[str, Any]) -> Any:
    """A step acts as the role of its cluster's instances."""
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
        return _failed(step, f"the local cloud runs spark-submit by command-runner.jar only, not {arguments[:1]}")
    try:
        role = role_of_instance_profile(_instance_profile.get())
    except AccessDeniedError as error:
        return _failed(step, str(error))
    status["State"] = "RUNNING"

    def run() -> None:
        job = run_staged(step["Id"], local_spark_submit(worker_python(), arguments[1:]), role)
        status["Timeline"]["EndDateTime"] = emr._now_iso()
        if not job.succeeded:
            status["FailureDetails"] = {"Reason": "Error in the step's log", "Message": job.error}
        status["State"] = "COMPLETED" if job.succeeded else "FAILED"

    run_in_background(functools.partial(contextvars.copy_context().run, run), step["Id"])
    return step


def _failed(step: dict[str, Any], message: str) -> dict[str, Any]:
    step["Status"].update(State="FAILED", FailureDetails={"Reason": "Cannot be run here", "Message": message})
    return step


def _answer(response: tuple[int, dict[str, str], bytes]) -> dict[str, Any]:
    status, _, body = response
    answer: dict[str, Any] = json.loads(body) if body else {}
    if status >= 400:
        name = str(answer.get("__type", "AmazonElasticMapReduceException")).rsplit("#")[-1]
        raise stepfunctions._ExecutionError(f"ElasticMapReduce.{name}", str(answer.get("message", answer)))
    return answer


def _authorize(action: str, resource: str, tags: list[dict[str, str]], key: str) -> None:
    authorize(
        caller(), f"elasticmapreduce:{action}", resource, **{f"aws:{key}/{tag['Key']}": tag["Value"] for tag in tags}
    )


def _authorize_on(cluster_id: str, *actions: str) -> None:
    cluster = emr._clusters.get(cluster_id, {})
    for action in actions:
        _authorize(action, _cluster_arn(cluster_id), cluster.get("Tags", []), "ResourceTag")


def _cluster_arn(cluster_id: str) -> str:
    return f"arn:aws:elasticmapreduce:{get_region()}:{get_account_id()}:cluster/{cluster_id}"


def _create_cluster_sync(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    require_sync(resource)
    tags = arguments.get("Tags", [])
    _authorize("RunJobFlow", "*", tags, "RequestTag")
    if tags:
        _authorize("AddTags", _cluster_arn("*"), tags, "RequestTag")
    authorize_hearing("StepFunctionsGetEventForEMRRunJobFlowRule")
    answer = _answer(emr._HANDLERS["RunJobFlow"](arguments))
    _authorize_on(answer["JobFlowId"], "DescribeCluster")
    return {"ClusterId": answer["JobFlowId"], "ClusterArn": answer["ClusterArn"]}


def _add_step_sync(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    require_sync(resource)
    cluster_id = arguments["ClusterId"]
    _authorize_on(cluster_id, "AddJobFlowSteps", "DescribeStep")
    authorize_hearing("StepFunctionsGetEventForEMRAddJobFlowStepsRule")
    if emr._clusters.get(cluster_id, {}).get("Status", {}).get("State") != "WAITING":
        raise stepfunctions._ExecutionError(
            "ElasticMapReduce.InvalidRequestException", f"cluster {cluster_id} takes no steps"
        )
    answer = _answer(emr._HANDLERS["AddJobFlowSteps"]({"JobFlowId": cluster_id, "Steps": [arguments["Step"]]}))
    step_id = answer["StepIds"][0]
    while True:
        step = _answer(emr._HANDLERS["DescribeStep"]({"ClusterId": cluster_id, "StepId": step_id}))["Step"]
        if step["Status"]["State"] == "COMPLETED":
            return {"StepId": step_id, "Step": step}
        if step["Status"]["State"] in ("FAILED", "CANCELLED"):
            raise stepfunctions._ExecutionError("States.TaskFailed", json.dumps({"Step": step}))
        time.sleep(POLL_SECONDS)


def _terminate_cluster_sync(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    require_sync(resource)
    _authorize_on(arguments["ClusterId"], "TerminateJobFlows", "DescribeCluster")
    authorize_hearing("StepFunctionsGetEventForEMRTerminateJobFlowsRule")
    _answer(emr._HANDLERS["TerminateJobFlows"]({"JobFlowIds": [arguments["ClusterId"]]}))
    return {"ClusterId": arguments["ClusterId"], "Cluster": _answer(emr._describe_cluster(arguments))["Cluster"]}
