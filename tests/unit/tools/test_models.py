"""The registry's models, chosen by version or by what they are."""

from datetime import UTC, datetime

import pytest

from tools.models import Model, NoSuchModelError, choose


def model(number: int, status: str) -> Model:
    created = datetime(2026, 5, number, tzinfo=UTC)
    return Model(f"arn:{number}", number, status, "", created, {"model_version": f"automl-{number}"})


MODELS = [model(3, "PendingManualApproval"), model(2, "Approved"), model(1, "Approved")]


def test_newest_is_chosen_when_none_is_named() -> None:
    assert choose(MODELS, None).number == 3


def test_one_in_use_is_the_newest_approved() -> None:
    assert choose(MODELS, None, "Approved").number == 2


def test_named_one_is_chosen_whatever_its_status() -> None:
    assert choose(MODELS, "automl-1", "Approved").number == 1
    assert choose(MODELS, "automl-3", "Approved").number == 3


def test_unknown_one_is_an_error_that_names_the_known() -> None:
    with pytest.raises(NoSuchModelError, match=r"no model automl-9; the registry has: automl-3 \(Pend"):
        choose(MODELS, "automl-9")


def test_empty_registry_is_an_error() -> None:
    with pytest.raises(NoSuchModelError, match="no model Approved; the registry has: none"):
        choose([], None, "Approved")
