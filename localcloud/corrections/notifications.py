"""SNS refuses a subject that is too long or has line breaks or control characters; MiniStack accepts any."""

from typing import Any

from ministack.services import sns

from localcloud.wrapping import wrap

MAXIMUM_SUBJECT_LENGTH = 99
"""See https://docs.aws.amazon.com/sns/latest/api/API_Publish.html: "less than 100 characters long"."""


def install() -> None:
    """Check the subject before MiniStack publishes."""
    wrap(sns, "publish_internal", _publish)


def _publish(publish: Any, topic_arn: str, message: Any, subject: str = "", **more: Any) -> Any:
    if subject and (len(subject) > MAXIMUM_SUBJECT_LENGTH or not subject.isprintable()):
        raise sns.SnsPublishError("InvalidParameter", "Invalid parameter: Subject")
    return publish(topic_arn, message, subject, **more)
