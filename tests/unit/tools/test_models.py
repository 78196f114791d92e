"""A model of the registry is chosen by its version or by its status."""

from datetime import UTC, datetime

import pytest

from tools.models import Model, NoSuchModelError, choose


def model(number: int, status: str) -> Model:
    created = datetime(2026, 5, number, tzinfo=UTC)
    return Model(f"arn:{number}", number, status, "", created, {"model_version": f"automl-{number}"})


MODELS = [model(3, "PendingManualApproval"), model(2, "Approved"), model(1, "Approved")]


def test_newest_model_is_chosen_without_a_version() -> None:
    assert choose(MODELS, None).number == 3


def test_model_in_use_is_the_newest_approved_one() -> None:
    assert choose(MODELS, None, "Approved").number == 2


def test_model_with_the_version_is_chosen_whatever_its_status() -> None:
    assert choose(MODELS, "automl-1", "Approved").number == 1
    assert choose(MODELS, "automl-3", "Approved").number == 3


def test_unknown_version_is_an_error_that_lists_the_registered_models() -> None:
    with pytest.raises(NoSuchModelError, match=r"no model with version automl-9\. Registered models: automl-3 \(Pend"):
        choose(MODELS, "automl-9")


def test_empty_registry_is_an_error() -> None:
    with pytest.raises(NoSuchModelError, match=r"no model with status Approved\. Registered models: none"):
        choose([], None, "Approved")
