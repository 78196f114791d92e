"""The part of SageMaker that the product uses, doing the work on this machine; MiniStack has none of it.

Autopilot jobs search for a model with `localcloud.autopilot`, transform jobs score with `localcloud.batch_transform`.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core.responses import error_response_json, get_account_id, get_region, json_response
from ministack.core.router import SERVICE_PATTERNS

from localcloud.staged_job import run_in_background, run_staged, s3_client, worker_python

INFERENCE_IMAGE = "autopilot-inference-container"
SEED = 0
JobRecord = dict[str, Any]

_automl_jobs: dict[str, JobRecord] = {}
_models: dict[str, JobRecord] = {}
_transform_jobs: dict[str, JobRecord] = {}


class RequestError(Exception):
    """A request that SageMaker would refuse, by SageMaker's name for it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def install() -> None:
    """Add the service to MiniStack's router."""
    SERVICE_PATTERNS["sagemaker"] = {"target_prefixes": ["SageMaker"], "host_patterns": [r"api\.sagemaker\."]}
    app.SERVICE_HANDLERS["sagemaker"] = handle_request


async def handle_request(_method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]) -> Any:
    """Answer one request; an operation that is not known here is an error."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    handler = OPERATIONS.get(operation)
    if handler is None:
        return error_response_json("InvalidAction", f"the local cloud has no SageMaker operation {operation}", 400)
    try:
        return json_response(handler(json.loads(body)))
    except RequestError as error:
        return error_response_json(error.name, str(error), 400)


def _arn(kind: str, name: str) -> str:
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{kind}/{name}"


def _find(records: dict[str, JobRecord], kind: str, name: str) -> JobRecord:
    if name not in records:
        raise RequestError(
            "ValidationException" if kind == "model" else "ResourceNotFound", f'Could not find {kind} "{name}".'
        )
    return records[name]


def _add(records: dict[str, JobRecord], kind: str, name: str, record: JobRecord) -> JobRecord:
    if name in records:
        error = "ValidationException" if kind == "model" else "ResourceInUse"
        raise RequestError(error, f"Cannot create already existing {kind} {name}.")
    records[name] = record
    return record


def _start(record: JobRecord, status: str, name: str, command: list[str], finish: Callable[[], None]) -> None:
    """Run a job's command in the background and keep its status in `record[status]`."""

    def run() -> None:
        finished = run_staged(name, command)
        if finished.succeeded:
            finish()
        else:
            record["FailureReason"] = finished.error
        record["EndTime"] = record["LastModifiedTime"] = time.time()
        record[status] = "Completed" if finished.succeeded else "Failed"

    record[status] = "InProgress"
    record["CreationTime"] = record["LastModifiedTime"] = time.time()
    run_in_background(run, name)


def _create_auto_ml_job_v2(request: JobRecord) -> JobRecord:
    name = request["AutoMLJobName"]
    tabular = request["AutoMLProblemTypeConfig"].get("TabularJobConfig")
    if tabular is None or tabular.get("ProblemType") != "MulticlassClassification":
        raise RequestError("ValidationException", "the local cloud trains tabular MulticlassClassification only")
    channels = {c["ChannelType"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in request["AutoMLJobInputDataConfig"]}
    if channels.keys() != {"training", "validation"}:
        raise RequestError(
            "ValidationException", f"the local cloud needs a training and a validation channel, not {sorted(channels)}"
        )
    criteria = tabular.get("CompletionCriteria", {})
    output = f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{name}/"
    record = _add(_automl_jobs, "AutoML job", name, {**request, "AutoMLJobArn": _arn("automl-job", name)})
    record["AutoMLJobSecondaryStatus"] = "ModelTuning"
    command = [
        str(worker_python()), "-m", "localcloud.autopilot", "--training", channels["training"],
        "--validation", channels["validation"], "--target", tabular["TargetAttributeName"],
        "--objective", request["AutoMLJobObjective"]["MetricName"],
        "--max-candidates", str(criteria["MaxCandidates"]),
        "--max-runtime-seconds", str(criteria["MaxAutoMLJobRuntimeInSeconds"]), "--seed", str(SEED), "--output", output,
    ]  # fmt: skip

    def finish() -> None:
        record["BestCandidate"] = _best_candidate(name, output, request["AutoMLJobObjective"]["MetricName"])
        record["AutoMLJobSecondaryStatus"] = "Completed"

    _start(record, "AutoMLJobStatus", name, command, finish)
    return {"AutoMLJobArn": record["AutoMLJobArn"]}


def _best_candidate(job_name: str, output: str, objective: str) -> JobRecord:
    bucket, _, prefix = output.removeprefix("s3://").partition("/")
    best = json.loads(s3_client().get_object(Bucket=bucket, Key=f"{prefix}candidates.json")["Body"].read())[0]
    return {
        "CandidateName": f"{job_name}-{best['name']}",
        "FinalAutoMLJobObjectiveMetric": {
            "MetricName": objective,
            "Type": "Maximize",
            "Value": best["metrics"][objective],
        },
        "ObjectiveStatus": "Succeeded",
        "CandidateStatus": "Completed",
        "CandidateSteps": [],
        "CreationTime": time.time(),
        "LastModifiedTime": time.time(),
        "InferenceContainers": [
            {
                "Image": INFERENCE_IMAGE,
                "ModelDataUrl": f"{output}model.tar.gz",
                "Environment": {"SAGEMAKER_INFERENCE_SUPPORTED": "predicted_label,probability,probabilities,labels"},
            }
        ],
        "CandidateProperties": {
            "CandidateMetrics": [
                {"MetricName": metric, "StandardMetricName": metric, "Value": value, "Set": "Validation"}
                for metric, value in best["metrics"].items()
            ]
        },
    }


def _create_model(request: JobRecord) -> JobRecord:
    name = request["ModelName"]
    containers = request.get("Containers") or [request["PrimaryContainer"]]
    if [container["Image"] for container in containers] != [INFERENCE_IMAGE]:
        raise RequestError("ValidationException", "the local cloud serves the models of its own Autopilot only")
    _add(
        _models,
        "model",
        name,
        {**request, "ModelArn": _arn("model", name), "CreationTime": time.time(), "Containers": containers},
    )
    return {"ModelArn": _arn("model", name)}


def _create_transform_job(request: JobRecord) -> JobRecord:
    name = request["TransformJobName"]
    container = _find(_models, "model", request["ModelName"])["Containers"][0]
    source, processing, output = request["TransformInput"], request["DataProcessing"], request["TransformOutput"]
    formats = (source["ContentType"], source["SplitType"], output["Accept"], output["AssembleWith"])
    if formats != ("text/csv", "Line", "text/csv", "Line"):
        raise RequestError(
            "ValidationException", f"the local cloud transforms CSV by line to CSV by line, not {formats}"
        )
    record = _add(_transform_jobs, "transform job", name, {**request, "TransformJobArn": _arn("transform-job", name)})
    command = [
        str(worker_python()), "-m", "localcloud.batch_transform", "--model", container["ModelDataUrl"],
        "--response-keys", container["Environment"]["SAGEMAKER_INFERENCE_OUTPUT"],
        "--input", source["DataSource"]["S3DataSource"]["S3Uri"],
        "--output", output["S3OutputPath"].rstrip("/") + "/",
        "--input-filter", processing["InputFilter"], "--join-source", processing["JoinSource"],
        "--output-filter", processing["OutputFilter"], "--strategy", request["BatchStrategy"],
        "--max-payload-mb", str(request["MaxPayloadInMB"]),
    ]  # fmt: skip
    _start(record, "TransformJobStatus", name, command, lambda: None)
    return {"TransformJobArn": record["TransformJobArn"]}


def _delete_model(request: JobRecord) -> JobRecord:
    del _models[_find(_models, "model", request["ModelName"])["ModelName"]]
    return {}


OPERATIONS: dict[str, Callable[[JobRecord], JobRecord]] = {
    "CreateAutoMLJobV2": _create_auto_ml_job_v2,
    "DescribeAutoMLJobV2": lambda request: _find(_automl_jobs, "AutoML job", request["AutoMLJobName"]),
    "CreateModel": _create_model,
    "DescribeModel": lambda request: _find(_models, "model", request["ModelName"]),
    "DeleteModel": _delete_model,
    "CreateTransformJob": _create_transform_job,
    "DescribeTransformJob": lambda request: _find(_transform_jobs, "transform job", request["TransformJobName"]),
}
