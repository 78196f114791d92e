"""Finds values that SageMaker's own API model rules out: lengths, patterns, ranges and enumerations.

botocore ships the model and checks only types and required parameters, so a name that is too long reaches the service.
"""

import functools
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
from botocore.model import ServiceModel, Shape


def violations(operation: str, request: dict[str, Any]) -> list[str]:
    """Return what is wrong with the values of a request, in SageMaker's words; an empty list if nothing is.

    Args:
        operation: name of the operation.
        request: its parameters.
    """
    shape = _service_model().operation_model(operation).input_shape
    return [] if shape is None else list(_violations(shape, request, ""))


@functools.cache
def _service_model() -> ServiceModel:
    return botocore.session.get_session().get_service_model("sagemaker")


def _violations(shape: Any, value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with a value and its parts, in SageMaker's words."""
    broken = _broken_constraint(shape, value)
    if broken:
        yield f"Value '{value}' at '{path}' failed to satisfy constraint: Member must {broken}"
    match shape.type_name:
        case "structure":
            parts = [(shape.members[name], part, name) for name, part in value.items() if name in shape.members]
        case "list":
            parts = [(shape.member, part, str(number)) for number, part in enumerate(value, 1)]
        case "map":
            parts = [each for key in value for each in ((shape.key, key, "key"), (shape.value, value[key], "value"))]
        case _:
            parts = []
    for part_shape, part, name in parts:
        yield from _violations(part_shape, part, f"{path}.{name}" if path else name)


def _broken_constraint(shape: Shape, value: Any) -> str:
    """Return the constraint that a value breaks by itself, or an empty string."""
    constraints = shape.metadata
    least, most = constraints.get("min"), constraints.get("max")
    is_sized = shape.type_name in ("string", "list", "map")
    size = len(value) if is_sized else value
    if least is not None and size < least:
        return f"have {'length' if is_sized else 'value'} greater than or equal to {least}"
    if most is not None and size > most:
        return f"have {'length' if is_sized else 'value'} less than or equal to {most}"
    if "enum" in constraints and value not in constraints["enum"]:
        return f"satisfy enum value set: [{', '.join(constraints['enum'])}]"
    pattern = _compiled(constraints["pattern"]) if "pattern" in constraints else None
    if pattern and not pattern.fullmatch(value):
        return f"satisfy regular expression pattern: {pattern.pattern}"
    return ""


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    r"""Compile a pattern; return None if it uses syntax that Python does not have, such as `\p{L}` in tags."""
    try:
        return re.compile(pattern)
    except re.error:
        return None
