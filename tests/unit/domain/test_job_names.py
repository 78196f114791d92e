"""Job names derive from the work and the attempt; tests/contract checks them against SageMaker's limits."""

import pytest

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.job_names import job_name


def test_name_holds_environment_purpose_and_attempt() -> None:
    name = job_name("dev", "transform", "2020-01-30", "checksum", attempt=2)
    assert name.startswith("buyer-stage-dev-transform-")
    assert name.endswith("-2")


@pytest.mark.parametrize(
    ("environment", "work"), [("qa", ("a", "b")), ("dev", ("a", "c")), ("dev", ("a",)), ("dev", ("ab",))]
)
def test_the_same_work_has_the_same_name_and_any_other_another_one(environment: str, work: tuple[str, ...]) -> None:
    name = job_name("dev", "", "a", "b", attempt=1)
    assert name == job_name("dev", "", "a", "b", attempt=1)
    assert name != job_name(environment, "", *work, attempt=1)


def test_name_that_is_too_long_for_autopilot_is_an_error_unless_it_names_another_job() -> None:
    assert len(job_name("local", "", "work", attempt=999)) == 32
    with pytest.raises(
        InvalidInputError, match=r"has 33 characters, .* can have 32; shorten the name of the environment"
    ):
        job_name("stage2", "", "work", attempt=999)
    assert len(job_name("stage2", "transform", "work", attempt=999)) > 32
