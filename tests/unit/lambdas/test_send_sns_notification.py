"""A failure reaches the subscribers as one message that a person can act on."""

import json
import os
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.sns.models import sns_backends

from buyer_stage.domain.errors import InvalidInputError
from lambdas.send_sns_notification.handler import handler, logger, sns_subject


@pytest.fixture(autouse=True)
def topic(aws: None) -> None:
    """The topic that the environment names."""
    boto3.client("sns").create_topic(Name=os.environ["TOPIC_ARN"].rpartition(":")[2])


def sent() -> tuple[str | None, str]:
    """Return the subject and text of the only message that was published."""
    backend = sns_backends[DEFAULT_ACCOUNT_ID]["us-west-2"]
    ((_, message, subject, _, _),) = backend.topics[os.environ["TOPIC_ARN"]].sent_notifications
    return subject, message


def with_cause(event: dict[str, Any], cause: str) -> dict[str, Any]:
    return {**event, "failure": {**event["failure"], "Cause": cause}}


def test_message_says_what_failed_where_and_links_to_the_execution(event: dict[str, Any], context: Any) -> None:
    response = handler(event, context)
    subject, message = sent()
    assert set(response) == {"message_id"}
    assert subject == "buyer-stage-ml-pipeline: CheckDailyDataAvailability failed with InvalidManifestError"
    assert message.splitlines() == [
        "Execution daily-2020-02-01 of buyer-stage-ml-pipeline failed.",
        "",
        "State:    CheckDailyDataAvailability",
        "Snapshot: 20200130",
        "Error:    InvalidManifestError",
        "Cause:    inputs/2020/01/30/manifest.json is damaged",
        "",
        "Receipt:  s3://buyer-stage-pipeline/run-receipts/2020/01/30/daily-2020-02-01.html",
        "To open it:",
        "  make receipt ENV=test DAY=20200130",
        "",
        "https://us-west-2.console.aws.amazon.com/states/home?region=us-west-2#/v2/executions/details/"
        "arn:aws:states:us-west-2:123456789012:execution:buyer-stage-ml-pipeline:daily-2020-02-01",
    ]


HELD = """the scores of 2020-01-30 are held, and the table keeps its stages. Broken rules of the audit:
- change in scored members: -0.5, allowed -0.1 to 0.25
- flip rate: 0.7, allowed at most 0.45

Look at the day (docs/operations.md, "A day is held"):
  aws s3 cp "s3://buyer-stage-pipeline/push-receipts/2020/01/30/buy-test-push-0123456789-1.json" -"""


def test_message_about_a_held_day_has_a_line_for_each_rule_and_command(event: dict[str, Any], context: Any) -> None:
    cause = json.dumps({"errorMessage": HELD, "errorType": "ScoresHeldError", "stackTrace": ["line"]})
    failure = {"State": "CheckUploadingToDynamoDBStatus", "Error": "ScoresHeldError", "Cause": cause}
    handler({**event, "failure": failure, "ttl_extension": "The items get more time."}, context)
    subject, message = sent()
    assert subject == "buyer-stage-ml-pipeline: CheckUploadingToDynamoDBStatus failed with ScoresHeldError"
    assert message.splitlines()[2:-5] == [
        "State:    CheckUploadingToDynamoDBStatus",
        "Snapshot: 20200130",
        "Error:    ScoresHeldError",
        "",
        *HELD.splitlines(),
        "",
        "The items get more time.",
        "",
    ]


def test_event_of_the_etl_says_nothing_about_the_table(event: dict[str, Any], context: Any) -> None:
    del event["ttl_extension"]
    handler(event, context)
    assert sent()[1].splitlines()[5:7] == ["Cause:    inputs/2020/01/30/manifest.json is damaged", ""]


def test_failure_is_counted(
    event: dict[str, Any], context: Any, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    handler(event, context)
    assert emitted_metrics() == {"ExecutionsFailed": 1}


def test_execution_name_is_the_correlation_id_of_the_log(event: dict[str, Any], context: Any) -> None:
    handler(event, context)
    assert logger.get_correlation_id() == "daily-2020-02-01"


@pytest.mark.parametrize("cause", ["no table t030", '{"Status": "FAILED"}', "[1]", ""])
def test_cause_that_is_not_a_lambda_error_is_unchanged(event: dict[str, Any], context: Any, cause: str) -> None:
    handler(with_cause(event, cause), context)
    assert f"Cause:    {cause}\n" in sent()[1]


STEP = {
    "Id": "s-1", "Name": "process_features",
    "Status": {"State": "FAILED", "FailureDetails": {"Reason": "Unknown Error.", "Message": "no table t030"}},
}  # fmt: skip
LOG = "s3://buyer-stage-pipeline/emr-logs/j-1/steps/s-1/stderr.gz"


@pytest.mark.parametrize(("more", "where"), [({}, "the log of the step"), ({"LogFile": LOG}, LOG)])
def test_cause_of_a_failed_step_is_its_message_and_where_its_log_is(
    event: dict[str, Any], context: Any, more: dict[str, str], where: str
) -> None:
    step = json.loads(json.dumps(STEP))
    step["Status"]["FailureDetails"] |= more
    handler(with_cause(event, json.dumps({"Step": step})), context)
    assert f"Cause:    no table t030; see {where}\n" in sent()[1]


def test_longest_cause_fits_into_a_message(event: dict[str, Any], context: Any) -> None:
    """Step Functions cuts a cause at 32,768 characters, and SNS accepts 262,144 bytes."""
    handler(with_cause(event, "\N{FACE WITH TEARS OF JOY}" * 32_768), context)
    assert len(sent()[1].encode()) < 262_144


def test_failure_about_an_invalid_snapshot_date_is_still_sent(event: dict[str, Any], context: Any) -> None:
    handler({**event, "snapshot_date": "30 January"}, context)
    assert "Snapshot: 30 January" in sent()[1]


@pytest.mark.parametrize(
    ("text", "subject"), [("a" * 120, "a" * 99), ("two\nlines", "two lines"), ("Zoë failed", "Zo? failed")]
)
def test_subject_is_what_sns_accepts(text: str, subject: str) -> None:
    assert sns_subject(text) == subject


@pytest.mark.parametrize(
    "execution_id",
    ["daily-2020-02-01", "arn:aws:states:us-west-2:123456789012:stateMachine:buyer-stage-ml-pipeline"],
)
def test_id_that_is_not_an_executions_is_refused(event: dict[str, Any], context: Any, execution_id: str) -> None:
    with pytest.raises(InvalidInputError, match="execution_id"):
        handler({**event, "execution_id": execution_id}, context)
