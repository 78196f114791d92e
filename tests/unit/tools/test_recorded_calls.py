"""Recorded calls fit every environment and every run."""

import pytest

from localcloud.policies.calls import Call
from tools.recorded_calls import Calls, combine, read_document, write_document
from tools.security_docs import Placeholders

KEY = "arn:aws:kms:us-west-2:000000000000:key/32d217a6-92bc-4626-836e-dd8196978c3c"
SECRET = "arn:aws:secretsmanager:us-west-2:000000000000:secret:buyer-stage-suppression-key-local-a1b2c3"
PLACEHOLDERS = Placeholders("local", "000000000000", "us-west-2", KEY, "lake-local", SECRET)
BUCKET = "arn:aws:s3:::bucket-local"


def call(action: str, resource: str, **context: str) -> Call:
    return Call("buyer-stage-role-local", action, resource, context, is_allowed=True)


@pytest.mark.parametrize(
    ("recorded", "general"),
    [
        (f"{BUCKET}/inputs/2026/11/22/manifest.json", "arn:aws:s3:::bucket-{environment}/inputs/{any}/manifest.json"),
        (
            "arn:aws:s3:::lake-local/t/snapshot_date=20260520/a",
            "arn:aws:s3:::{datalake bucket}/t/snapshot_date={any}/a",
        ),
        (f"{BUCKET}/code/609511fb5326/sql/f.sql", "arn:aws:s3:::bucket-{environment}/code/{any}/sql/f.sql"),
        (
            "arn:aws:sagemaker:us-west-2:000000000000:model/buyer-stage-model-7efe3e0ad3",
            "arn:aws:sagemaker:{region}:{account}:model/buyer-stage-model-{any}",
        ),
        (
            "arn:aws:lambda:us-west-2:000000000000:function:buyer-stage-check-drift-local:12",
            "arn:aws:lambda:{region}:{account}:function:buyer-stage-check-drift-{environment}:{any}",
        ),
        (
            "arn:aws:elasticmapreduce:us-west-2:000000000000:cluster/j-PSYFIJ4RQCWL2",
            "arn:aws:elasticmapreduce:{region}:{account}:cluster/{any}",
        ),
        (KEY, "{key}"),
        (SECRET, "{suppression key}"),
        ("*", "*"),
    ],
)
def test_resource_has_no_name_of_one_environment_or_one_run(recorded: str, general: str) -> None:
    (calls,) = combine([call("service:Act", recorded)], PLACEHOLDERS)
    assert (calls.role, calls.resources) == ("buyer-stage-role-{environment}", (general,))


def test_calls_with_the_same_context_are_one_simulation() -> None:
    recorded = [
        *(call("s3:GetObject", f"{BUCKET}/{name}") for name in ("b", "a", "b")),
        *(call("s3:PutObject", f"{BUCKET}/{name}") for name in ("a", "b")),
        call("s3:GetObject", f"{BUCKET}/only-read"),
        call("kms:Decrypt", KEY, **{"kms:ViaService": "s3.us-west-2.amazonaws.com"}),
    ]
    role, bucket = "buyer-stage-role-{environment}", "arn:aws:s3:::bucket-{environment}"
    assert combine(recorded, PLACEHOLDERS) == [
        Calls(role, ("kms:Decrypt",), ("{key}",), (("kms:ViaService", "s3.{region}.amazonaws.com"),)),
        Calls(role, ("s3:GetObject",), (f"{bucket}/only-read",), ()),
        Calls(role, ("s3:GetObject", "s3:PutObject"), (f"{bucket}/a", f"{bucket}/b"), ()),
    ]


def test_document_keeps_the_calls() -> None:
    calls = combine([call("s3:GetObject", f"{BUCKET}/a", **{"s3:prefix": "x"})], PLACEHOLDERS)
    assert read_document(write_document(calls)) == calls


def test_placeholders_are_filled_for_another_environment() -> None:
    dev = Placeholders("dev", "123456789012", "eu-west-1", "arn:key", "the-lake", "arn:secret")
    text = "{key} {datalake bucket} arn:aws:sns:{region}:{account}:alerts-{environment}"
    assert dev.fill(text) == "arn:key the-lake arn:aws:sns:eu-west-1:123456789012:alerts-dev"
