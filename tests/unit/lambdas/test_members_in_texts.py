"""What a failing function logs, traces and raises names no member."""

import io
import json
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import aws_xray_sdk
import pytest
from aws_xray_sdk.core import xray_recorder
from aws_xray_sdk.core.context import Context as TraceContext

from buyer_stage.domain.errors import InvalidManifestError, LabeledSetError
from buyer_stage.domain.failures import UnexpectedError
from lambdas.check_if_training_data_available.handler import handler, s3
from lambdas.common.wiring import logger
from tests.function_environment import FUNCTION_ENVIRONMENT
from tests.unit.lambdas import test_check_if_training_data_available as labeled_set

MEMBER = "m4711-marked"
SPLIT_FILES, CHANNELS, ASSIGNED = (
    json.loads(json.dumps(each).replace("m1", MEMBER))
    for each in (labeled_set.SPLIT_FILES, labeled_set.CHANNELS, labeled_set.ASSIGNED)
)
SPLIT_FILE, MEMBERS_KEY = "train/with-members/part-00000.csv", "train/members.json"
LINES = labeled_set.text(SPLIT_FILES["train"])


@pytest.fixture
def texts(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """Return what the function has logged and printed, and its trace."""
    log, segments = io.StringIO(), []

    class Emitter:
        def send_entity(self, entity: Any) -> None:
            segments.append(entity.serialize())

    original = logger.registered_handler.setStream(log)  # type: ignore[attr-defined]
    kept = (xray_recorder.emitter, xray_recorder.context, xray_recorder.sampling)
    aws_xray_sdk.global_sdk_config.set_sdk_enabled(True)
    xray_recorder.emitter, xray_recorder.context, xray_recorder.sampling = Emitter(), TraceContext(), False
    xray_recorder.begin_segment("test")

    def read() -> str:
        xray_recorder.end_segment()
        assert segments
        return "\n".join([log.getvalue(), *capsys.readouterr(), *segments])

    yield read
    xray_recorder.emitter, xray_recorder.context, xray_recorder.sampling = kept
    aws_xray_sdk.global_sdk_config.set_sdk_enabled(False)
    logger.registered_handler.setStream(original)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("key", "body_text", "expected", "said"),
    [
        (MEMBERS_KEY, json.dumps({MEMBER: 1, f"{MEMBER}-2": 2}), InvalidManifestError, r"\*: .* string \(2 times\)"),
        (MEMBERS_KEY, f'{{"{MEMBER}": "train",', InvalidManifestError, "document: Invalid JSON"),
        (MEMBERS_KEY, json.dumps({**ASSIGNED, MEMBER: "test"}), LabeledSetError, r"outside their assigned split: 1"),
        (SPLIT_FILE, f"{LINES}{MEMBER},x\n", LabeledSetError, "line 6 of the split file of train is damaged"),
        (SPLIT_FILE, f"{LINES}{MEMBER}\udc80\n", UnexpectedError, "UnicodeDecodeError in lambdas.check_if_training_"),
        (SPLIT_FILE, LINES.replace(MEMBER, MEMBER + "x" * 131_073), UnexpectedError, "Error in buyer_stage.domain."),
        ("validation/csv/part-00001.csv", f"{MEMBER}\n", LabeledSetError, "channel of validation is not its"),
    ],
)  # fmt: skip
def test_function_that_reads_damaged_members_does_not_name_them(
    key: str, body_text: str, expected: type[Exception], said: str, texts: Callable[[], str], context: Any
) -> None:
    files = {
        "train/manifest.json": labeled_set.to_json(labeled_set.MANIFEST),
        MEMBERS_KEY: json.dumps(ASSIGNED),
        **{f"{split}/with-members/part-00000.csv": labeled_set.text(lines) for split, lines in SPLIT_FILES.items()},
        **{f"{labeled_set.FILES[split]}part-00000.csv": labeled_set.text(lines) for split, lines in CHANNELS.items()},
        key: body_text,
    }
    for name, text in files.items():
        body = text.encode(errors="surrogateescape")
        s3.put_object(Bucket=FUNCTION_ENVIRONMENT["PIPELINE_BUCKET"], Key=name, Body=body)
    with pytest.raises(expected, match=said) as raised:
        handler({"execution_name": "daily"}, context)
    kept = texts() + "".join(traceback.format_exception(raised.value))
    assert '"exceptions": [' in kept, "the trace records the error"
    assert expected.__name__ in kept
    assert "check_if_training_data_available" in kept
    assert MEMBER not in kept
