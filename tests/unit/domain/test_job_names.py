"""Job names derive from the work and the attempt; tests/contract checks them against SageMaker's limits."""

import pytest

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.job_names import KEPT_BY_AUTOPILOT, job_name, job_prefix


def test_name_holds_environment_purpose_and_attempt() -> None:
    name = job_name("dev", "transform", "2020-01-30", "checksum", attempt=2)
    assert name.startswith("buy-dev-transform-")
    assert name.endswith("-2")


@pytest.mark.parametrize(
    ("environment", "work"), [("qa", ("a", "b")), ("dev", ("a", "c")), ("dev", ("a",)), ("dev", ("ab",))]
)
def test_the_same_work_has_the_same_name_and_any_other_another_one(environment: str, work: tuple[str, ...]) -> None:
    name = job_name("dev", "", "a", "b", attempt=1)
    assert name == job_name("dev", "", "a", "b", attempt=1)
    assert name != job_name(environment, "", *work, attempt=1)


def test_environment_whose_prefix_autopilot_would_cut_is_refused() -> None:
    assert len(job_prefix("local")) == KEPT_BY_AUTOPILOT
    with pytest.raises(InvalidInputError, match=r"'buy-stage2-' .* has 11 characters, .* keeps 10; shorten the name"):
        job_name("stage2", "transform", "work", attempt=1)
