"""Lambda: the credentials and layers of functions, the error names of failed ones, rights to write logs, and ARNs."""

import contextlib
import functools
import io
import os
import threading
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from localcloud.jobs.error_lines import exception_name
from localcloud.jobs.staged_job import work_folder
from localcloud.policies.authorization import AccessDeniedError, authorize_job, credentials
from localcloud.wrapping import wrap

_layers_lock = threading.Lock()


def install() -> None:
    """Correct the functions of MiniStack that differ from AWS."""
    lambda_runtime.Worker._spawn = functools.partialmethod(_share_layers, lambda_runtime.Worker._spawn)
    for module in (lambda_runtime, lambda_svc):
        module.execution_credentials = _given_variables
    wrap(lambda_svc, "_execute_function_warm", _execute_named)
    wrap(lambda_svc, "_create_function", _name_versions)
    wrap(lambda_svc, "_update_code", _name_versions)


def _share_layers(worker: Any, spawn: Callable[[Any], None]) -> None:
    """Start the process of a function with layers that all functions share: MiniStack extracts 100 MB for each one."""
    configuration = worker.config
    folders = [_extract(layer["Arn"]) for layer in configuration.get("Layers", [])]
    worker.config = {**configuration, "Layers": [], "LayerFolders": folders}
    try:
        spawn(worker)
    finally:
        worker.config = configuration


def _extract(layer_arn: str) -> Path:
    """Return the folder of a layer's version, which never changes."""
    folder = work_folder() / "layers" / layer_arn.replace(":", "-")  # Colons separate folders.
    with _layers_lock:
        if not folder.exists():
            with zipfile.ZipFile(io.BytesIO(lambda_svc._resolve_layer_zip(layer_arn))) as layer:
                layer.extractall(folder)
    return folder


def _given_variables(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment variables of a function that nobody else sets.

    MiniStack derives the credentials from the names of the function and its role.
    """
    folders = os.pathsep.join(map(str, configuration.get("LayerFolders", [])))
    return {**credentials(configuration["Role"]), "_LAMBDA_LAYERS_DIRS": folders}


def _execute_named(execute: Any, function: dict[str, Any], *arguments: Any) -> dict[str, Any]:
    """Run a function, and name its error after the class of the exception, as retries expect.

    MiniStack names every error `Runtime.HandlerError`. It also writes the log without asking for the function's rights.
    """
    configuration = function["config"]
    group = configuration.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{configuration['FunctionName']}"
    is_traced = configuration.get("TracingConfig", {}).get("Mode") == "Active"
    with contextlib.suppress(AccessDeniedError):  # The function runs without a log and traces.
        authorize_job(
            configuration["Role"], "lambda:InvokeFunction", configuration["FunctionArn"], {},
            log_group=group, is_traced=is_traced,
        )  # fmt: skip
    result: dict[str, Any] = execute(function, *arguments)
    if result.get("error") and result["body"].get("errorType") == "Runtime.HandlerError":
        result["body"]["errorType"] = exception_name(result.get("log", "")) or "Runtime.HandlerError"
    return result


def _name_versions(handler: Callable[..., Any], *arguments: Any) -> Any:
    """Set the ARN of a version that is published together with its code; MiniStack sets that of the function."""
    response = handler(*arguments)
    for function in lambda_svc._functions.values():
        for number, version in function["versions"].items():
            version["config"]["FunctionArn"] = f"{function['config']['FunctionArn']}:{number}"
    return response
