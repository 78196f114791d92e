"""What the parts of SageMaker share: resources by name, and errors with the names that SageMaker uses."""

from typing import Any

from ministack.core.responses import get_account_id, get_region

Document = dict[str, Any]
"""A request, a response, or the description of a resource."""


NOT_FOUND = {
    "model": ("ValidationException", 'Could not find model "{name}".'),
    "transform job": ("ValidationException", "Could not find requested job with name: {name}"),
}
DEFAULT_NOT_FOUND = ("ResourceNotFound", 'Could not find {kind} "{name}".')
"""Error and message for a resource that does not exist. SageMaker does not use `ResourceNotFound` for every kind, see
https://github.com/aws-controllers-k8s/sagemaker-controller/blob/main/apis/v1alpha1/generator.yaml."""


class RequestError(Exception):
    """A request that SageMaker would refuse, with the name of SageMaker's error."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def arn(kind: str, name: str) -> str:
    """Return the ARN of a resource in the account and region of the request."""
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{kind}/{name}"


def find(resources: dict[str, Document], kind: str, name: str) -> Document:
    """Return a resource.

    Raises:
        RequestError: No resource has this name.
    """
    if name not in resources:
        raise RequestError(*(part.format(kind=kind, name=name) for part in NOT_FOUND.get(kind, DEFAULT_NOT_FOUND)))
    return resources[name]


def add(resources: dict[str, Document], kind: str, name: str, resource: Document) -> Document:
    """Add a new resource.

    Raises:
        RequestError: Another resource has this name.
    """
    if name in resources:
        error = "ValidationException" if kind == "model" else "ResourceInUse"
        raise RequestError(error, f"Cannot create already existing {kind} {name}.")
    resources[name] = resource
    return resource


def require_known(request: Document, known: frozenset[str]) -> None:
    """Refuse parameters that the local cloud does not implement.

    Raises:
        RequestError: The request has such parameters.
    """
    if unknown := sorted(request.keys() - known):
        raise RequestError("ValidationException", f"the local cloud does not implement {', '.join(unknown)} here")
