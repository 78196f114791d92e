"""EMR steps that really run, and Step Functions' `.sync` integrations of EMR.

MiniStack keeps the clusters; a step it would report as completed at once is run here with spark-submit instead.
"""

import contextvars
import functools
import json
import time
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import emr, stepfunctions

from localcloud.staged_job import PROCESSES, run_in_background, run_staged, s3_client, worker_python
from tools.local_spark import local_spark_submit

POLL_SECONDS = 0.2


def install() -> None:
    """Replace MiniStack's step bookkeeping by execution and add the three integrations that the ETL uses."""
    emr._HANDLERS["RunJobFlow"] = functools.partial(_run_job_flow, emr._run_job_flow)
    emr._HANDLERS["TerminateJobFlows"] = functools.partial(_terminate_job_flows, emr._terminate_job_flows)
    emr._make_step = functools.partial(_start_step, emr._make_step)
    stepfunctions._SERVICE_DISPATCH.update(
        {
            "arn:aws:states:::elasticmapreduce:createCluster": _create_cluster_sync,
            "arn:aws:states:::elasticmapreduce:addStep": _add_step_sync,
            "arn:aws:states:::elasticmapreduce:terminateCluster": _terminate_cluster_sync,
        }
    )


def _run_job_flow(run_job_flow: Any, data: dict[str, Any]) -> Any:
    """A bootstrap script that is not there would fail a real cluster's start, so it fails this one."""
    for action in data.get("BootstrapActions", []):
        bucket, _, key = action["ScriptBootstrapAction"]["Path"].removeprefix("s3://").partition("/")
        if "Contents" not in s3_client().list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1):
            return error_response_json("ValidationException", f"no bootstrap script at s3://{bucket}/{key}", 400)
    return run_job_flow(data)


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
        status["State"] = "FAILED"
        status["FailureDetails"] = {
            "Reason": "Not supported here",
            "Message": f"the local cloud runs spark-submit by command-runner.jar only, not {arguments[:1]}",
        }
        return step
    status["State"] = "RUNNING"

    def run() -> None:
        job = run_staged(step["Id"], local_spark_submit(worker_python(), arguments[1:]))
        status["Timeline"]["EndDateTime"] = emr._now_iso()
        if not job.succeeded:
            status["FailureDetails"] = {"Reason": "Error in the step's log", "Message": job.error}
        status["State"] = "COMPLETED" if job.succeeded else "FAILED"

    run_in_background(functools.partial(contextvars.copy_context().run, run), step["Id"])
    return step


def _answer(response: tuple[int, dict[str, str], bytes]) -> dict[str, Any]:
    status, _, body = response
    answer: dict[str, Any] = json.loads(body) if body else {}
    if status >= 400:
        name = str(answer.get("__type", "AmazonElasticMapReduceException")).rsplit("#")[-1]
        raise stepfunctions._ExecutionError(f"ElasticMapReduce.{name}", str(answer.get("message", answer)))
    return answer


def _require_sync(resource: str) -> None:
    if not resource.endswith(".sync"):
        raise stepfunctions._ExecutionError(
            "States.Runtime", f"the local cloud knows only the .sync form of {resource}"
        )


def _create_cluster_sync(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    _require_sync(resource)
    answer = _answer(emr._HANDLERS["RunJobFlow"](arguments))
    return {"ClusterId": answer["JobFlowId"], "ClusterArn": answer["ClusterArn"]}


def _add_step_sync(resource: str, arguments: dict[str, Any]) -> dict[str, Any]:
    _require_sync(resource)
    cluster_id = arguments["ClusterId"]
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
    _require_sync(resource)
    _answer(emr._HANDLERS["TerminateJobFlows"]({"JobFlowIds": [arguments["ClusterId"]]}))
    return {"ClusterId": arguments["ClusterId"], "Cluster": _answer(emr._describe_cluster(arguments))["Cluster"]}
