"""The part of SageMaker that the product uses, with jobs that run on this machine. MiniStack has no SageMaker.

`autopilot` does the work of Autopilot jobs, `batch_transform` that of transform jobs, and `model_registry` keeps model
packages.
"""

import json
import time
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import iam_actions
from ministack.core.responses import error_response_json, get_region, json_response
from ministack.core.router import SERVICE_PATTERNS

from localcloud.jobs.staged_job import run_in_background, run_staged, s3_client, worker_python
from localcloud.policies.authorization import AccessDeniedError, authorize, authorize_passing, caller
from localcloud.sagemaker import model_registry
from localcloud.sagemaker.constraints import violations
from localcloud.sagemaker.resources import Document, RequestError, add, arn, find, require_known
from localcloud.wrapping import wrap

INFERENCE_IMAGE = "autopilot-inference-container"
SEED = 0
RESOURCES = {
    "AutoMLJobName": "automl-job",
    "TransformJobName": "transform-job",
    "ModelName": "model",
    "ModelPackageGroupName": "model-package-group",
    "ModelPackageName": None,
    "ModelPackageArn": None,
    "ResourceArn": None,
}
"""Request parameter -> kind of the resource that the policies decide on. None means the parameter is the ARN."""

_automl_jobs: dict[str, Document] = {}
_models: dict[str, Document] = {}
_served_containers: dict[str, Document] = {}
"""Model -> the container that serves it, taken from the model package if the model names one."""
_transform_jobs: dict[str, Document] = {}

MAXIMUM_PAYLOAD_MB = 100
"""Also of all concurrent requests to an instance, see `MaxPayloadInMB` in
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html."""


def install() -> None:
    """Add SageMaker to MiniStack's router."""
    SERVICE_PATTERNS["sagemaker"] = {"target_prefixes": ["SageMaker"], "host_patterns": [r"api\.sagemaker\."]}
    app.SERVICE_HANDLERS["sagemaker"] = handle_request
    iam_actions.SERVICE_TO_IAM_NAMESPACE["sagemaker"] = "sagemaker"
    wrap(iam_actions, "extract_resource_arn", _resource_arn)


async def handle_request(_method: str, _path: str, headers: dict[str, str], body: bytes, _query: dict[str, Any]) -> Any:
    """Handle a request. An operation that the local cloud does not implement is an error."""
    operation = headers.get("x-amz-target", "").rpartition(".")[2]
    handler = OPERATIONS.get(operation)
    if handler is None:
        return error_response_json("InvalidAction", f"the local cloud has no SageMaker operation {operation}", 400)
    request = json.loads(body)
    if found := violations(operation, request):
        message = f"{len(found)} validation errors detected: {'; '.join(found)}"
        return error_response_json("ValidationException", message, 400)
    tags = request.pop("Tags", []) if operation.startswith("Create") else None
    try:
        if tags and operation == "CreateModelPackage":
            model_registry.refuse_tags(request)
        if tags:
            authorize(caller(), "sagemaker:AddTags", _arn_in(request))
        response = handler(request)
        if tags is not None:
            (created,) = response.values()
            model_registry.keep_tags(created, tags)
        return json_response(response)
    except RequestError as error:
        return error_response_json(error.name, str(error), 400)
    except AccessDeniedError as error:
        return error_response_json("AccessDeniedException", str(error), 400)


def _resource_arn(extract: Callable[..., str], service: str, *request: Any) -> str:
    """Return the ARN of the resource that a request names, because MiniStack knows only those of its own services."""
    if service != "sagemaker":
        return extract(service, *request)
    return _arn_in(json.loads(request[3]))


def _arn_in(request: Document) -> str:
    for parameter, kind in RESOURCES.items():
        if parameter in request:
            return str(request[parameter]) if kind is None else arn(kind, request[parameter])
    return "*"


def _authorize_key(key: str | None) -> None:
    """Check the rights that creating a grant for a job's volume key requires."""
    if key:
        context = {"kms:GrantIsForAWSResource": "true", "kms:ViaService": f"sagemaker.{get_region()}.amazonaws.com"}
        for action in ("kms:DescribeKey", "kms:CreateGrant"):
            authorize(caller(), action, key, **context)


def _start(job: Document, status: str, name: str, command: list[str], role: str, finish: Callable[[], str]) -> None:
    """Run the command of a job in the background as a role, and keep its status in `job[status]`.

    `finish` runs after a success and returns the final status.
    """

    def run() -> None:
        finished = run_staged(name, command, role)
        ended = finish() if finished.succeeded else "Failed"
        if not finished.succeeded:
            job["FailureReason"] = finished.error
        if "AutoMLJobSecondaryStatus" in job and ended != "Stopped":
            job["AutoMLJobSecondaryStatus"] = ended
        job["EndTime"] = job["LastModifiedTime"] = time.time()
        job[status] = ended

    job[status] = "InProgress"
    job["CreationTime"] = job["LastModifiedTime"] = time.time()
    run_in_background(run, name)


def _create_auto_ml_job_v2(request: Document) -> Document:
    name = request["AutoMLJobName"]
    tabular = request["AutoMLProblemTypeConfig"].get("TabularJobConfig")
    if tabular is None or tabular.get("ProblemType") != "MulticlassClassification":
        raise RequestError("ValidationException", "the local cloud trains tabular MulticlassClassification only")
    channels = {c["ChannelType"]: c["DataSource"]["S3DataSource"]["S3Uri"] for c in request["AutoMLJobInputDataConfig"]}
    if channels.keys() != {"training", "validation"}:
        raise RequestError(
            "ValidationException",
            f"the local cloud needs a training and a validation channel, not {', '.join(sorted(channels))}",
        )
    authorize_passing(request["RoleArn"], "sagemaker.amazonaws.com")
    _authorize_key(request.get("SecurityConfig", {}).get("VolumeKmsKeyId"))
    criteria = tabular.get("CompletionCriteria", {})
    output = f"{request['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{name}/"
    job = add(_automl_jobs, "AutoML job", name, {**request, "AutoMLJobArn": arn("automl-job", name)})
    job["AutoMLJobSecondaryStatus"] = "ModelTuning"
    command = [
        str(worker_python()), "-m", "localcloud.sagemaker.autopilot", "--training", channels["training"],
        "--validation", channels["validation"], "--target", tabular["TargetAttributeName"],
        "--objective", request["AutoMLJobObjective"]["MetricName"],
        "--max-candidates", str(criteria["MaxCandidates"]),
        "--max-runtime-seconds", str(criteria["MaxAutoMLJobRuntimeInSeconds"]), "--seed", str(SEED), "--output", output,
    ]  # fmt: skip

    def finish() -> str:
        bucket, _, prefix = output.removeprefix("s3://").partition("/")
        search = json.loads(s3_client().get_object(Bucket=bucket, Key=f"{prefix}candidates.json")["Body"].read())
        objective = request["AutoMLJobObjective"]["MetricName"]
        job["BestCandidate"] = _best_candidate(name, output, objective, search["candidates"][0])
        if not search["time_limit_reached"]:
            return "Completed"
        job["AutoMLJobSecondaryStatus"] = "MaxAutoMLJobRuntimeReached"
        return "Stopped"

    _start(job, "AutoMLJobStatus", name, command, request["RoleArn"], finish)
    return {"AutoMLJobArn": job["AutoMLJobArn"]}


def _best_candidate(job_name: str, output: str, objective: str, best: Document) -> Document:
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


def _create_model(request: Document) -> Document:
    name = request["ModelName"]
    containers = [_served(container) for container in request.get("Containers") or [request["PrimaryContainer"]]]
    if [container.get("Image") for container in containers] != [INFERENCE_IMAGE]:
        raise RequestError("ValidationException", "the local cloud serves only models of its own Autopilot")
    authorize_passing(request["ExecutionRoleArn"], "sagemaker.amazonaws.com")
    model_arn = arn("model", name)
    add(_models, "model", name, {**request, "ModelArn": model_arn, "CreationTime": time.time()})
    _served_containers[name] = containers[0]
    return {"ModelArn": model_arn}


def _served(container: Document) -> Document:
    if "ModelPackageName" not in container:
        return container
    packaged = model_registry.deployable_container(container["ModelPackageName"])
    return {**packaged, "Environment": {**packaged.get("Environment", {}), **container.get("Environment", {})}}


def _create_transform_job(request: Document) -> Document:
    name = request["TransformJobName"]
    _authorize_key(request["TransformResources"].get("VolumeKmsKeyId"))
    model = find(_models, "model", request["ModelName"])
    container = _served_containers[request["ModelName"]]
    source, processing, output = request["TransformInput"], request["DataProcessing"], request["TransformOutput"]
    formats = (source["ContentType"], source["SplitType"], output["Accept"], output["AssembleWith"])
    if formats != ("text/csv", "Line", "text/csv", "Line"):
        raise RequestError(
            "ValidationException", f"the local cloud transforms CSV by line to CSV by line, not {formats}"
        )
    _refuse_large_payload(request)
    job = add(_transform_jobs, "transform job", name, {**request, "TransformJobArn": arn("transform-job", name)})
    command = [
        str(worker_python()), "-m", "localcloud.sagemaker.batch_transform", "--model", container["ModelDataUrl"],
        "--response-keys", container["Environment"]["SAGEMAKER_INFERENCE_OUTPUT"],
        "--input", source["DataSource"]["S3DataSource"]["S3Uri"],
        "--output", output["S3OutputPath"].rstrip("/") + "/",
        "--input-filter", processing["InputFilter"], "--join-source", processing["JoinSource"],
        "--output-filter", processing["OutputFilter"], "--strategy", request["BatchStrategy"],
        *(["--max-payload-mb", str(request["MaxPayloadInMB"])] if "MaxPayloadInMB" in request else []),
    ]  # fmt: skip
    _start(job, "TransformJobStatus", name, command, model["ExecutionRoleArn"], lambda: "Completed")
    return {"TransformJobArn": job["TransformJobArn"]}


def _refuse_large_payload(request: Document) -> None:
    payload, concurrent = request.get("MaxPayloadInMB", 0), request.get("MaxConcurrentTransforms", 0)
    if max(payload, payload * concurrent) > MAXIMUM_PAYLOAD_MB:
        raise RequestError(
            "ValidationException",
            f"MaxPayloadInMB ({payload}) and its product with MaxConcurrentTransforms ({concurrent}) cannot exceed "
            f"{MAXIMUM_PAYLOAD_MB} MB.",
        )


def _delete_model(request: Document) -> Document:
    del _models[find(_models, "model", request["ModelName"])["ModelName"]]
    del _served_containers[request["ModelName"]]
    return {}


def _list_models(request: Document) -> Document:
    require_known(request, frozenset({"NameContains", "MaxResults", "NextToken"}))
    found = [
        {key: model[key] for key in ("ModelName", "ModelArn", "CreationTime")}
        for model in sorted(_models.values(), key=lambda model: float(model["CreationTime"]), reverse=True)
        if request.get("NameContains", "") in model["ModelName"]
    ]
    return model_registry.page("Models", found, request)


OPERATIONS: dict[str, Callable[[Document], Document]] = {
    "CreateAutoMLJobV2": _create_auto_ml_job_v2,
    "DescribeAutoMLJobV2": lambda request: find(_automl_jobs, "AutoML job", request["AutoMLJobName"]),
    "CreateModel": _create_model,
    "DescribeModel": lambda request: find(_models, "model", request["ModelName"]),
    "DeleteModel": _delete_model,
    "ListModels": _list_models,
    "CreateTransformJob": _create_transform_job,
    "DescribeTransformJob": lambda request: find(_transform_jobs, "transform job", request["TransformJobName"]),
    **model_registry.OPERATIONS,
}
