"""Job names derive from the execution and stay within Autopilot's limit; tests/contract checks all purposes in use."""

import pytest

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.job_names import job_name


@pytest.mark.parametrize("execution_name", ["daily-2020-02-01", "x" * 80, "with space & ünicode"])
def test_job_name_is_stable_and_accepted_by_autopilot(execution_name: str) -> None:
    name = job_name("buyer-stage-automl", execution_name)
    assert name == job_name("buyer-stage-automl", execution_name)
    assert name != job_name("buyer-stage-automl", execution_name + "'")
    assert len(name) <= 32
    assert name.replace("-", "").isalnum()
    assert name.isascii()


def test_longest_purpose_uses_all_32_characters_and_a_longer_one_is_an_error() -> None:
    assert len(job_name("x" * 21, "daily-2020-02-01")) == 32
    with pytest.raises(InvalidInputError, match=r"has 33 characters; shorten the purpose 'x+' to 21 characters"):
        job_name("x" * 22, "daily-2020-02-01")
