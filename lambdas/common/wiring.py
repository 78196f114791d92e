"""Wraps each handler in logging, tracing, metrics, error names and event parsing."""

import dataclasses
import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from aws_lambda_powertools import Logger, Metrics, Tracer
from pydantic import BaseModel, ValidationError

from buyer_stage.domain.errors import InvalidInputError
from lambdas.common.errors import named_errors, problems

if TYPE_CHECKING:
    from _typeshed import DataclassInstance
    from aws_lambda_powertools.utilities.typing import LambdaContext

EventT = TypeVar("EventT", bound=BaseModel)

logger, tracer, metrics = Logger(), Tracer(), Metrics()


def lambda_handler(
    function: "Callable[[EventT], DataclassInstance]",
) -> "Callable[[dict[str, Any], LambdaContext], dict[str, Any]]":
    """Turn a function from a typed event to a typed result into a Lambda handler.

    The order of the layers matters:

    1. The logger is outermost: it takes the correlation id from the raw event, so that a rejected event has one, too.
    2. The tracer records an error under its final name, and a result that is already plain JSON.
    3. The metrics are flushed when the function raises, too.
    4. Errors get the names that the state machines decide on.

    The event model validates the event itself; `event_parser` of Powertools would import more for the same check.

    Args:
        function: takes one argument, `event`, annotated with the event model, and returns a dataclass of JSON values.

    Returns:
        A handler that raises `InvalidInputError` if the event does not match the model, and `TransientAwsError` if a
        later attempt can succeed.
    """
    model: type[EventT] = function.__annotations__["event"]

    @logger.inject_lambda_context(correlation_id_path="execution_name")
    @tracer.capture_lambda_handler
    @metrics.log_metrics
    @functools.wraps(function)
    def handler(event: dict[str, Any], _context: "LambdaContext") -> dict[str, Any]:
        with named_errors():
            return dataclasses.asdict(function(_parse(model, event)))

    return handler


def _parse(model: type[EventT], event: dict[str, Any]) -> EventT:
    try:
        return model.model_validate(event)
    except ValidationError as error:
        raise InvalidInputError(
            f"invalid event: {problems(error)}; correct the execution's input or the state's payload"
        ) from None
