"""Two receipts are compared fact by fact, and what is large comes first."""

from dataclasses import replace
from datetime import timedelta

import pytest

from buyer_stage.domain.audit import RuleResult
from buyer_stage.domain.shift import DriftLevel, Shift
from buyer_stage.receipts.difference import Difference, compare
from buyer_stage.receipts.document import RunReceipt
from tests import receipts

GOOD = receipts.good_day()
YESTERDAY = receipts.good_day(receipts.DAY - timedelta(days=1))


def found(first: RunReceipt, second: RunReceipt) -> dict[str, Difference]:
    return {difference.what: difference for difference in compare(first, second)}


@pytest.mark.parametrize("receipt", [GOOD, receipts.held_day(), receipts.rollback(), receipts.failed_etl()])
def test_receipt_does_not_differ_from_itself(receipt: RunReceipt) -> None:
    assert compare(receipt, receipt) == []


def test_name_and_time_of_an_execution_do_not_count() -> None:
    later = timedelta(hours=4)
    again = replace(
        GOOD,
        execution_arn=f"{GOOD.execution_arn}-2",
        started_at=GOOD.started_at + later,
        ended_at=GOOD.ended_at + later,
    )

    assert compare(GOOD, again) == []


def test_half_of_the_members_is_the_first_line() -> None:
    half = receipts.good_day(members=receipts.MEMBERS // 2)

    assert str(compare(GOOD, half)[0]) == "members: 20,012 -> 10,006 (-50.0%)"
    assert str(compare(GOOD, receipts.held_day())[0]) == "members: 20,012 -> 10,006 (-50.0%)"
    assert str(compare(GOOD, receipts.held_day())[1]) == "outcome: succeeded -> held"


def test_ordinary_days_have_no_large_difference() -> None:
    differences = compare(YESTERDAY, GOOD)

    assert not any(difference.is_large for difference in differences)
    assert "snapshot" in {difference.what for difference in differences}


def test_few_more_members_do_not_hide_a_failure() -> None:
    failed = replace(receipts.failed_transform(), features=receipts.features(receipts.DAY, 20_013))

    assert [difference.what for difference in compare(GOOD, failed)[:3]] == ["outcome", "failed state", "error"]
    assert not found(GOOD, failed)["members"].is_large


def test_large_differences_come_first_in_the_order_of_importance() -> None:
    differences = compare(YESTERDAY, receipts.held_day())
    large = [difference.is_large for difference in differences]
    names = [difference.what for difference in differences]

    assert large == sorted(large, reverse=True)
    assert names.index("outcome") < names.index("audit, change in scored members") < names.index("share of Dreamer")
    assert names.index("share of Dreamer") < names.index("input warnings")


def test_rule_that_breaks_is_large_and_a_value_that_moves_is_not() -> None:
    assert GOOD.push
    moved = tuple(
        RuleResult(rule.rule, 0.2, None, rule.highest) if "PSI" in rule.rule else rule for rule in GOOD.push.audit
    )
    broken = tuple(
        RuleResult(rule.rule, 0.3, None, rule.highest) if "PSI" in rule.rule else rule for rule in GOOD.push.audit
    )
    after_move = found(GOOD, replace(GOOD, push=replace(GOOD.push, audit=moved)))
    after_break = found(GOOD, replace(GOOD, push=replace(GOOD.push, audit=broken)))

    assert str(after_move["audit, stage mix PSI"]).endswith("0.0031, allowed at most 0.25 -> 0.2, allowed at most 0.25")
    assert not after_move["audit, stage mix PSI"].is_large
    assert after_break["audit, stage mix PSI"].is_large


def test_other_model_code_and_reasons_are_large() -> None:
    assert GOOD.push
    other = replace(
        GOOD,
        code_version="1f2e3d4c5b6a",
        model_card=receipts.model_card("buy-prod-77c1b0a2e4-1", 3),
        challenger_card=receipts.model_card("buy-prod-0000000000-1", 4),
        push=replace(GOOD.push, serve_anyway="right"),
    )
    differences = found(GOOD, other)

    assert all(differences[what].is_large for what in ("model", "code version", "served anyway"))
    assert differences["new model that did not score"].before == "nothing"


def test_features_that_begin_to_drift_are_named() -> None:
    assert GOOD.drift
    shifted = {**GOOD.drift.features["total_searches"], "t030": Shift(0.4, 0.005, DriftLevel.SIGNIFICANT)}
    drift = replace(GOOD.drift, features={**GOOD.drift.features, "total_searches": shifted}, is_drifted=True)
    differences = found(GOOD, replace(GOOD, drift=drift))

    assert str(differences["drift"]) == "drift: not drifted -> drifted"
    assert str(differences["features with a significant shift"]).endswith("nothing -> total_searches_030")


def test_duration_within_the_noise_does_not_count() -> None:
    def longer(seconds: float) -> RunReceipt:
        states = [
            replace(state, seconds=state.seconds + seconds) if state.name == "WaitForBatchTransformation" else state
            for state in GOOD.states
        ]
        return replace(GOOD, states=tuple(states), ended_at=GOOD.ended_at + timedelta(seconds=seconds))

    assert compare(GOOD, longer(50)) == []
    assert compare(GOOD, longer(200)) == []
    assert str(found(GOOD, longer(600))["duration of WaitForBatchTransformation"]).endswith("9 min 00 s -> 19 min 00 s")


def test_part_that_is_missing_is_one_line() -> None:
    differences = found(GOOD, receipts.failed_transform())

    assert str(differences["push"]) == "push: scores -> nothing"
    assert not any(what.startswith(("audit", "share of", "read")) for what in differences)


def test_losses_are_large_and_the_number_of_written_items_is_not() -> None:
    assert GOOD.push
    lost = replace(GOOD, push=replace(GOOD.push, quarantined=19, written=GOOD.push.written - 17))
    differences = found(GOOD, lost)

    assert differences["quarantined"].is_large
    assert not differences["written"].is_large
