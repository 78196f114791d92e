"""What the parts of SageMaker share: records by name, and refusals by SageMaker's own names."""

from typing import Any

from ministack.core.responses import get_account_id, get_region

Record = dict[str, Any]


class RequestError(Exception):
    """A request that SageMaker would refuse, by SageMaker's name for it."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name


def arn(kind: str, name: str) -> str:
    """Give the ARN of a resource in the account and region of the request."""
    return f"arn:aws:sagemaker:{get_region()}:{get_account_id()}:{kind}/{name}"


def find(records: dict[str, Record], kind: str, name: str) -> Record:
    """Give a record.

    Raises:
        RequestError: there is none of this name.
    """
    if name not in records:
        raise RequestError(
            "ValidationException" if kind == "model" else "ResourceNotFound", f'Could not find {kind} "{name}".'
        )
    return records[name]


def add(records: dict[str, Record], kind: str, name: str, record: Record) -> Record:
    """Keep a new record.

    Raises:
        RequestError: there is one of this name.
    """
    if name in records:
        error = "ValidationException" if kind == "model" else "ResourceInUse"
        raise RequestError(error, f"Cannot create already existing {kind} {name}.")
    records[name] = record
    return record


def require_known(request: Record, known: frozenset[str]) -> None:
    """Refuse parameters whose effect the local cloud does not know.

    Raises:
        RequestError: there are some.
    """
    if unknown := sorted(request.keys() - known):
        raise RequestError("ValidationException", f"the local cloud does not know {', '.join(unknown)} here")
