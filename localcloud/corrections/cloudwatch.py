"""Alarms with all their fields, also for clients of CloudWatch's query protocol, as Terraform is one.

MiniStack reads and answers a few fields in that protocol. Here a request is read by the service's own model, so that
MiniStack's complete path takes it, and its complete answer is written as XML.
"""

import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ListShape, Shape, StructureShape
from ministack.services import cloudwatch

Answer = tuple[int, dict[str, str], bytes]

OPERATIONS = {
    "PutMetricAlarm": "_put_metric_alarm",
    "PutCompositeAlarm": "_put_composite_alarm",
    "DescribeAlarms": "_describe_alarms",
}

KEPT_AS_ASKED = ("Metrics", "ThresholdMetricId", "EvaluateLowSampleCountPercentile")
"""Fields of an alarm that MiniStack does not keep."""

OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "Period", "Dimensions")
"""Fields that MiniStack gives every alarm, and AWS none that watches an expression."""


def install() -> None:
    """Wrap the three operations."""
    for operation, name in OPERATIONS.items():
        setattr(cloudwatch, name, functools.partial(_answer, operation, getattr(cloudwatch, name)))


def _answer(
    operation: str,
    handler: Callable[..., Answer],
    parameters: dict[str, Any],
    data: dict[str, Any],
    is_cbor: bool,
    is_json: bool = False,
) -> Answer:
    is_query = not (is_cbor or is_json)
    if is_query:
        shape = _service().operation_model(operation).input_shape
        data = _read(shape, {f".{key}": cloudwatch._p(parameters, key) for key in parameters})
    status, headers, body = handler({}, data, is_cbor, is_query or is_json)
    if operation == "PutMetricAlarm" and status == 200:
        cloudwatch._alarms[data["AlarmName"]].update({name: data[name] for name in KEPT_AS_ASKED if name in data})
    if is_cbor:
        return status, headers, body
    answered = json.loads(body)
    if status != 200:
        return cloudwatch._error(answered["__type"], answered["message"], status, use_json=is_json)  # type: ignore[no-any-return]
    if operation == "DescribeAlarms":
        answered["MetricAlarms"] = [_as_described(alarm) for alarm in answered["MetricAlarms"]]
    if is_json:
        return status, headers, json.dumps(answered).encode()
    written = f"<{operation}Result>{_write(answered)}</{operation}Result>" if answered else ""
    return cloudwatch._xml(200, f"{operation}Response", written)  # type: ignore[no-any-return]


@functools.cache
def _service() -> Any:
    return botocore.session.get_session().get_service_model("cloudwatch")


def _read(shape: Shape, parameters: dict[str, str], path: str = "") -> Any:
    """Read `.AlarmActions.member.1`, `.Dimensions.member.1.Name` and their like by the model's shapes."""
    if isinstance(shape, StructureShape):
        return {
            name: _read(member, parameters, f"{path}.{name}")
            for name, member in shape.members.items()
            if any(f"{key}.".startswith(f"{path}.{name}.") for key in parameters)
        }
    if isinstance(shape, ListShape):
        start = f"{path}.member."
        numbers = {int(key.removeprefix(start).partition(".")[0]) for key in parameters if key.startswith(start)}
        return [_read(shape.member, parameters, f"{start}{number}") for number in sorted(numbers)]
    text = parameters[path]
    match shape.type_name:
        case "boolean":
            return text == "true"
        case "integer":
            return int(text)
        case "double":
            return float(text)
    return text


def _as_described(alarm: dict[str, Any]) -> dict[str, Any]:
    left_out = OF_ONE_METRIC if "Metrics" in alarm else ()
    if "ThresholdMetricId" in alarm:
        left_out = (*left_out, "Threshold")
    return {name: value for name, value in alarm.items() if value not in (None, "") and name not in left_out}


def _write(value: Any, name: str = "") -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_write(item, key)}</{key}>" for key, item in value.items() if item is not None)
    if isinstance(value, list):
        return "".join(f"<member>{_write(item)}</member>" for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    if name.endswith("Timestamp"):
        return datetime.fromtimestamp(float(value), UTC).isoformat()
    return escape(str(value))
