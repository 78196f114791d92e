"""What the parts of SageMaker share: resources by name, and errors with the names that SageMaker uses."""

from typing import Any

from ministack.core.responses import get_account_id, get_region

Document = dict[str, Any]
"""A request, a response, or the description of a resource."""


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
        raise RequestError(
            "ValidationException" if kind == "model" else "ResourceNotFound", f'Could not find {kind} "{name}".'
        )
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
