"""Glue Spark runs that run with spark-submit. Without Docker, MiniStack reports success without running them."""

import contextvars
import functools
import json
import threading
import time
import uuid
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.services import eventbridge, glue

from localcloud.jobs.staged_job import PROCESSES, FinishedJob, run_in_background, run_staged, worker_python
from localcloud.policies.authorization import AccessDeniedError, authorize_job
from localcloud.wrapping import wrap
from tools.local_spark import local_spark_submit

CONSUMED_BY_GLUE = (
    "--scriptLocation",
    "--extra-py-files",
    "--enable-",
    "--job-",
    "--TempDir",
    "--continuous-log",
    "--custom-log",
    "--conf",
    "--datalake-formats",
)
"""Job arguments that configure Glue and do not reach the script."""

UNFINISHED_STATES = ("RUNNING", "STOPPING")
SECONDS_PER_MINUTE = 60


def install() -> None:
    """Run jobs and stop them, and keep the fields of a job that MiniStack drops."""
    glue._start_job_run = _start_job_run
    glue._batch_stop_job_run = _batch_stop_job_run
    wrap(glue, "_create_job", _create_job)
    wrap(glue, "_update_job", _update_job)


def _create_job(create_job: Any, data: dict[str, Any]) -> Any:
    response = create_job(data)
    if response[0] == 200:
        glue._jobs[data["Name"]].update(_kept_as_requested(data))
        glue._tags[f"arn:aws:glue:{get_region()}:{get_account_id()}:job/{data['Name']}"] = data.get("Tags", {})
    return response


def _update_job(update_job: Any, data: dict[str, Any]) -> Any:
    response = update_job(data)
    if response[0] == 200:
        glue._jobs[data["JobName"]].update(_kept_as_requested(data["JobUpdate"]))
    return response


def _kept_as_requested(job: dict[str, Any]) -> dict[str, Any]:
    return {name: job[name] for name in ("ExecutionClass", "ExecutionProperty") if name in job}


def _start_job_run(data: dict[str, Any]) -> Any:
    job = glue._jobs.get(data.get("JobName"))
    if job is None:
        return error_response_json("EntityNotFoundException", f"Job {data.get('JobName')} not found", 400)
    if job["Command"]["Name"] != "glueetl":
        return error_response_json("InvalidInputException", "the local cloud runs only glueetl jobs", 400)
    runs = glue._job_runs.setdefault(job["Name"], [])
    maximum = int(job.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1))
    if sum(run["JobRunState"] in UNFINISHED_STATES for run in runs) >= maximum:
        return error_response_json(
            "ConcurrentRunsExceededException", f"{job['Name']} already has {maximum} running", 400
        )
    run_id = f"jr_{uuid.uuid4().hex}"
    arguments = {**job.get("DefaultArguments", {}), **data.get("Arguments", {})}
    _attempt(job, runs, run_id, arguments, 0)
    return json_response({"JobRunId": run_id})


def _attempt(
    job: dict[str, Any], runs: list[dict[str, Any]], run_id: str, arguments: dict[str, str], attempt: int
) -> None:
    """Start an attempt. As in Glue, each attempt is a run, and `MaxRetries` more follow a failed one."""
    attempt_id = f"{run_id}_attempt_{attempt}" if attempt else run_id
    now = time.time()
    run: dict[str, Any] = {
        "Id": attempt_id, "JobName": job["Name"], "JobRunState": "RUNNING", "StartedOn": now, "LastModifiedOn": now,
        "Arguments": arguments, "Attempt": attempt, "GlueVersion": job.get("GlueVersion", ""), "ErrorMessage": "",
    }  # fmt: skip
    runs.append(run)
    command = local_spark_submit(
        worker_python(),
        [
            *(["--py-files", arguments["--extra-py-files"]] if "--extra-py-files" in arguments else []),
            arguments.get("--scriptLocation", job["Command"]["ScriptLocation"]),
            *("--JOB_NAME", job["Name"], "--JOB_RUN_ID", attempt_id),
            *(
                part
                for name, value in sorted(arguments.items())
                if not name.startswith(CONSUMED_BY_GLUE)
                for part in (name, value)
            ),
        ],
    )

    def execute() -> None:
        timer = threading.Timer(float(job["Timeout"]) * SECONDS_PER_MINUTE, _stop, [run, "TIMEOUT"])
        timer.daemon = True
        timer.start()
        finished = _run(job, attempt_id, command, arguments.get("--custom-logGroup-prefix", "/aws-glue/jobs"))
        timer.cancel()
        stopped_as = run.pop("StoppedAs", "FAILED")
        state = "SUCCEEDED" if finished.succeeded else stopped_as
        run.update(
            ErrorMessage=finished.error, CompletedOn=time.time(), LastModifiedOn=time.time(),
            ExecutionTime=int(time.time() - now), JobRunState=state,
        )  # fmt: skip
        _publish_end(run)
        # Glue does not retry a run that was stopped or has reached its time limit.
        if state == "FAILED" and attempt < int(job.get("MaxRetries", 0)):
            _attempt(job, runs, run_id, arguments, attempt + 1)

    run_in_background(functools.partial(contextvars.copy_context().run, execute), attempt_id)


def _publish_end(run: dict[str, Any]) -> None:
    """Publish the event of a run that has ended, see https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html."""
    detail = {
        "jobName": run["JobName"],
        "severity": "INFO" if run["JobRunState"] == "SUCCEEDED" else "ERROR",
        "state": run["JobRunState"],
        "jobRunId": run["Id"],
        "message": run["ErrorMessage"] or "Job run succeeded",
    }
    event = {"Source": "aws.glue", "DetailType": "Glue Job State Change", "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [event]}, allow_aws_source=True)


def _batch_stop_job_run(data: dict[str, Any]) -> Any:
    runs = {run["Id"]: run for run in glue._job_runs.get(data["JobName"], [])}
    running = [run_id for run_id in data["JobRunIds"] if runs.get(run_id, {}).get("JobRunState") == "RUNNING"]
    for run_id in running:
        runs[run_id]["JobRunState"] = "STOPPING"
        _stop(runs[run_id], "STOPPED")
    return json_response(
        {
            "SuccessfulSubmissions": [{"JobName": data["JobName"], "JobRunId": run_id} for run_id in running],
            "Errors": [
                {
                    "JobName": data["JobName"],
                    "JobRunId": run_id,
                    "ErrorDetail": {"ErrorCode": "InvalidInputException", "ErrorMessage": "The run is not running."},
                }
                for run_id in data["JobRunIds"]
                if run_id not in running
            ],
        }
    )


def _stop(run: dict[str, Any], state: str) -> None:
    """Stop the process of a run, which then ends in a state."""
    run["StoppedAs"] = state
    PROCESSES.stop(run["Id"])


def _run(job: dict[str, Any], run_id: str, command: list[str], log_groups: str) -> FinishedJob:
    """Run a command as the role of the job, with which Glue also writes the run's log and metrics."""
    arn = f"arn:aws:glue:{get_region()}:{get_account_id()}:job/{job['Name']}"
    facts = {"security_configuration": job.get("SecurityConfiguration"), "log_groups": log_groups}
    try:
        authorize_job(job["Role"], "glue:StartJobRun", arn, {}, **facts)
    except AccessDeniedError as error:
        return FinishedJob(succeeded=False, error=str(error))
    return run_staged(run_id, command, job["Role"])
