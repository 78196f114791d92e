"""Alarms with all their fields, also for clients of CloudWatch's query protocol, such as Terraform.

In the query protocol, MiniStack reads and returns only some fields of an alarm. This module reads such a request by the
service model of botocore, passes it to MiniStack as JSON, and writes the response as XML.
"""

import json
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import botocore.session
from botocore.model import ListShape, Shape, StructureShape
from ministack.services import cloudwatch

from localcloud.wrapping import wrap

Response = tuple[int, dict[str, str], bytes]

OPERATIONS = ("PutMetricAlarm", "PutCompositeAlarm", "DescribeAlarms")
TARGET_PREFIX = "GraniteServiceVersion20100801."
NAMESPACE = "http://monitoring.amazonaws.com/doc/2010-08-01/"

DROPPED = ("Metrics", "ThresholdMetricId", "EvaluateLowSampleCountPercentile")
"""Fields of an alarm that MiniStack drops."""

OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "Period", "Dimensions")
"""Fields that MiniStack returns for every alarm, and AWS only for alarms without an expression."""

_dropped_fields: dict[str, dict[str, Any]] = {}
"""Alarm -> the fields of its request that MiniStack drops."""


def install() -> None:
    """Handle the operations of alarms before MiniStack does."""
    wrap(cloudwatch, "handle_request", _handle_request)


async def _handle_request(
    handle_request: Any, method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]
) -> Response:
    is_json = "x-amz-target" in headers
    parameters = {} if is_json else dict(parse_qsl(body.decode(), keep_blank_values=True))
    operation = headers["x-amz-target"].rpartition(".")[2] if is_json else parameters.get("Action")
    if operation not in OPERATIONS:
        response: Response = await handle_request(method, path, headers, body, query)
        return response
    request = json.loads(body) if is_json else _read_query(operation, parameters)
    json_headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": TARGET_PREFIX + operation}
    status, response_headers, content = await handle_request(
        "POST", "/", json_headers, json.dumps(request).encode(), {}
    )
    result = json.loads(content) if content else {}
    if status == 200 and operation == "PutMetricAlarm":
        _dropped_fields[request["AlarmName"]] = {name: request[name] for name in DROPPED if name in request}
    if status == 200 and operation == "DescribeAlarms":
        result["MetricAlarms"] = [_as_described(alarm) for alarm in result["MetricAlarms"]]
    if is_json:
        return status, response_headers, json.dumps(result).encode()
    return status, {"Content-Type": "application/xml"}, _query_response(operation, status, result).encode()


def _read_query(operation: str, parameters: dict[str, str]) -> Any:
    service: Any = botocore.session.get_session().get_service_model("cloudwatch")
    return _read(service.operation_model(operation).input_shape, {f".{key}": parameters[key] for key in parameters})


def _read(shape: Shape, parameters: dict[str, str], path: str = "") -> Any:
    """Read parameters such as `.AlarmActions.member.1` and `.Dimensions.member.1.Name` by the shapes of the model."""
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
    described = {**alarm, **_dropped_fields.get(alarm["AlarmName"], {})}
    left_out = OF_ONE_METRIC if "Metrics" in described else ()
    if "ThresholdMetricId" in described:
        left_out = (*left_out, "Threshold")
    return {name: value for name, value in described.items() if value not in (None, "") and name not in left_out}


def _query_response(operation: str, status: int, result: dict[str, Any]) -> str:
    request_id = f"<RequestId>{uuid.uuid4()}</RequestId>"
    if status != 200:
        error = _write({"Type": "Sender", "Code": result["__type"], "Message": result["message"]})
        return f'<ErrorResponse xmlns="{NAMESPACE}"><Error>{error}</Error>{request_id}</ErrorResponse>'
    content = f"<{operation}Result>{_write(result)}</{operation}Result>" if result else ""
    metadata = f"<ResponseMetadata>{request_id}</ResponseMetadata>"
    return f'<{operation}Response xmlns="{NAMESPACE}">{content}{metadata}</{operation}Response>'


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
