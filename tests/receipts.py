"""Receipts of realistic executions, for tests of the pages, the comparison and the commands."""

import random
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from buyer_stage.domain.audit import RuleResult
from buyer_stage.domain.documents import FeatureManifest, FeatureValidation, InputWarning, SplitCounts
from buyer_stage.domain.features import OUTPUT_COLUMNS, column_checksum, window_feature_names
from buyer_stage.domain.s3_layout import (
    LABELED_SET_MANIFEST_KEY,
    drift_report_key,
    feature_manifest_key,
    feature_validation_key,
    model_card_key,
    push_receipt_key,
)
from buyer_stage.domain.serving_documents import Publication, PushKind, PushReceipt, ServedState, StageChanges
from buyer_stage.domain.shift import MODERATE_PSI, SIGNIFICANT_PSI, DriftLevel, Shift
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.quality.drift import DriftReport
from buyer_stage.quality.evaluation import compare, evaluate
from buyer_stage.quality.gate import judge
from buyer_stage.quality.model_card import ModelCard
from buyer_stage.quality.predictions import baseline_predictions
from buyer_stage.receipts.document import Failure, Job, Outcome, Pipeline, RunReceipt, StateVisits
from tests.labeled_set_manifest import MANIFEST
from tests.made_predictions import PRIOR, make_predictions

DAY = date(2026, 11, 28)
MEMBERS = 20_012
MODEL = "buy-prod-1a8f03dc6d-1"
STAGES = [stage.value for stage in Stage]
SHARES = (0.16, 0.11, 0.59, 0.14)
LABELED_SET = replace(
    MANIFEST,
    snapshot_dates=(date(2026, 10, 29),),
    answers=13_298,
    splits={
        "train": SplitCounts(6879, 6879, dict(zip(STAGES, (1104, 879, 3735, 1161), strict=True))),
        "validation": SplitCounts(1476, 1476, dict(zip(STAGES, (237, 189, 801, 249), strict=True))),
        "test": SplitCounts(1473, 1473, dict(zip(STAGES, (236, 188, 800, 249), strict=True))),
    },
)

ML_STATES = (
    ("CheckDailyDataAvailability", 1.4, 1),
    ("CheckModelAvailability", 2.1, 1),
    ("StartBatchTransformation", 3.0, 1),
    ("WaitForBatchTransformation", 540.0, 9),
    ("CheckBatchTransformationStatus", 9.2, 9),
    ("StartUploadingToDynamoDB", 2.6, 1),
    ("WaitForUploadingToDynamoDB", 300.0, 5),
    ("CheckUploadingToDynamoDBStatus", 5.5, 5),
    ("CheckDrift", 4.8, 1),
)
TRAINING_STATES = (("StartAutoML", 2.2, 1), ("WaitForAutoML", 1800.0, 6), ("CheckAutoMLStatus", 6.0, 6))
ETL_STATES = (
    ("CreateCluster", 341.0, 1),
    ("ProcessFeatures", 402.0, 1),
    ("ValidateFeatures", 288.0, 1),
    ("TerminateCluster", 61.0, 1),
)


@cache
def model_card(version: str = MODEL, seed: int = 7) -> ModelCard:
    """Return the card of a model that is better than no model."""
    predictions = make_predictions(seed, rows=1473, members=1473, skill=1.3)
    evaluation = evaluate(predictions, PRIOR, seed=seed, resamples=100)
    prior = baseline_predictions(predictions, PRIOR, seed)["prior"]
    against_prior = compare(predictions, prior, seed=seed, resamples=100)
    return ModelCard(
        model_version=version,
        candidate_name=f"{version}-c17",
        created_at=datetime(2026, 11, 2, 10, 41, tzinfo=UTC),
        code_version="bd939f6d68eb",
        labeled_set=LABELED_SET,
        class_shares=dict(zip(STAGES, map(float, PRIOR), strict=True)),
        autopilot_metrics={"F1macro": 0.451, "LogLoss": 1.036},
        evaluation=evaluation,
        against_prior=against_prior,
        champion_version=None,
        against_champion=None,
        verdict=judge(evaluation, against_prior, None),
    )


def count_stages(total: int, shares: tuple[float, ...] = SHARES) -> dict[str, int]:
    """Return stage -> members, which add up to the total."""
    counts = [int(total * share) for share in shares]
    counts[2] += total - sum(counts)
    return dict(zip(STAGES, counts, strict=True))


def change_stages(total: int, flips: float, previous: date | None) -> StageChanges:
    """Return how members moved between stages: most flips are to a neighbor."""
    transitions = {then: dict.fromkeys(STAGES, 0) for then in STAGES}
    if previous is None:
        return StageChanges(None, 0, transitions, 0)
    for index, (then, count) in enumerate(count_stages(total).items()):
        moved = int(count * flips)
        neighbors = [STAGES[other] for other in (index - 1, index + 1) if 0 <= other < len(STAGES)]
        for neighbor in neighbors:
            transitions[then][neighbor] = moved // len(neighbors)
        transitions[then][then] = count - sum(transitions[then].values())
    return StageChanges(previous, total, transitions, int(total * flips / 10))


def features(day: date, members: int) -> FeatureManifest:
    """Return the manifest of a snapshot."""
    shares = (0.08, 0.32, 0.71, 0.89, 0.99)
    return FeatureManifest(
        schema_version=1,
        snapshot_date=day,
        row_count=members,
        window_row_counts={window.value: int(members * share) for window, share in zip(Window, shares, strict=True)},
        column_checksum=column_checksum(OUTPUT_COLUMNS),
        rows_checksum=f"-{day:%Y%m%d}{members:06}38530535",
        part_files=("part-00000-c6872c86.txt", "part-00001-c6872c86.txt"),
    )


def audit_rules(
    member_change: float | None, psi: float | None, flips: float | None, age: float
) -> tuple[RuleResult, ...]:
    """Return all rules of the audit with their limits in production."""
    return (
        RuleResult("days older than the live snapshot", age, None, 0),
        RuleResult("change in scored members", member_change, -0.1, 0.25),
        RuleResult("stage mix PSI", psi, None, 0.25),
        RuleResult("flip rate", flips, None, 0.45),
        RuleResult("quarantined lines", 2, None, 20),
    )


def drift_report(day: date, members: int, changes: StageChanges, seed: int, scale: float) -> DriftReport:
    """Return a drift report with a shift for each feature; a greater scale shifts more of them."""
    drawn = random.Random(seed)
    by_feature: dict[str, dict[str, Shift]] = {}
    for window in Window:
        for name in window_feature_names(window):
            psi = round(drawn.lognormvariate(-4.5, 1.1) * scale, 6)
            level = DriftLevel.STABLE if psi <= MODERATE_PSI else DriftLevel.MODERATE
            level = DriftLevel.SIGNIFICANT if psi > SIGNIFICANT_PSI else level
            by_feature.setdefault(name.removesuffix(window.suffix), {})[window.value] = Shift(psi, 0.005482, level)
    shifts = [shift for by_window in by_feature.values() for shift in by_window.values()]
    return DriftReport(
        snapshot_date=day,
        model_version=MODEL,
        run_name=f"buy-prod-push-{day:%m%d}a7f862-1",
        members=members,
        features=by_feature,
        stage_mix=Shift(0.012, 0.012064, DriftLevel.STABLE),
        stages=count_stages(members),
        baseline_stages=count_stages(1473),
        changes=changes,
        flip_rate=changes.flip_rate(),
        is_drifted=any(shift.level is DriftLevel.SIGNIFICANT for shift in shifts),
    )


def visits(states: tuple[tuple[str, float, int], ...], until: str | None = None) -> tuple[StateVisits, ...]:
    """Return visits of states, one after the other, up to a state."""
    entered, found = 1.2, []
    for name, seconds, count in states:
        found.append(StateVisits(name, round(entered, 1), seconds, count))
        entered += seconds
        if name == until:
            break
    return tuple(found)


def execution_arn(pipeline: Pipeline, day: date, number: int) -> str:
    """Return the ARN of the execution with a number on a day."""
    name = f"{day:%Y%m%d}-{number:04}-{'4ebb' if pipeline is Pipeline.ML else '4a1e'}-b9a0-6f0c3a{number:06}"
    return f"arn:aws:states:us-west-2:123456789012:execution:buyer-stage-{pipeline.value}-pipeline-prod:{name}"


def base(pipeline: Pipeline, day: date, number: int, states: tuple[StateVisits, ...]) -> dict[str, Any]:
    """Return what every receipt has. An execution starts two days after its snapshot."""
    hour = 10 if pipeline is Pipeline.ML else 4
    started = datetime(day.year, day.month, day.day, hour, 0, 7, tzinfo=UTC) + timedelta(days=2, hours=number)
    last = states[-1] if states else StateVisits("", 0.0, 1.0, 1)
    return {
        "pipeline": pipeline,
        "execution_arn": execution_arn(pipeline, day, number),
        "snapshot_date": day,
        "started_at": started,
        "ended_at": started + timedelta(seconds=last.entered + last.seconds + 2.1),
        "code_version": "bd939f6d68eb",
        "input": {"snapshot_date": f"{day:%Y%m%d}"},
        "failure": None,
        "ttl_extension": None,
        "states": states,
    }


def sources(*keys: str) -> dict[str, str]:
    """Return a checksum for each key."""
    return {key: f"{random.Random(key).getrandbits(256):064x}" for key in keys}


def good_day(day: date = DAY, members: int = MEMBERS, flips: float = 0.041, is_first: bool = False) -> RunReceipt:
    """Return the receipt of an ordinary execution of the ML pipeline."""
    previous = None if is_first else day - timedelta(days=1)
    changes = change_stages(members - 30, flips, previous)
    sequence = 1 if is_first else (day - date(2026, 10, 1)).days
    run_name = f"buy-prod-push-{day:%m%d}a7f862-1"
    wobble = random.Random(day.toordinal()).uniform(-0.012, 0.012)
    stages = count_stages(members - 2, (0.16 + wobble, 0.11, 0.59 - wobble, 0.14))
    written = members - 2 if is_first else members // 6
    reasons = (
        {"new": written}
        if is_first
        else {"new": 30, "stage": int(members * flips), "probability": written - 30 - int(members * flips)}
    )
    push = PushReceipt(
        snapshot_date=day,
        kind=PushKind.SCORES,
        sequence=sequence,
        expected=members,
        read=members,
        changes=changes,
        written=written,
        unchanged=members - 2 - written,
        quarantined=2,
        carried=0 if is_first else 118,
        reasons=reasons,
        stages=stages,
        predicted_stages=stages,
        audit=audit_rules(None, None, None, 0) if is_first else audit_rules(0.0004, 0.0031, changes.flip_rate(), -1),
        events_sent=written + 1 if is_first else int(members * flips) + 31,
    )
    state = ServedState(
        f"served-items/{day:%Y/%m/%d}/{sequence:06}-1/", day, MODEL, members - 2 + push.carried, members - 2, stages,
        1796515200, 1796947200, None,
    )  # fmt: skip
    states = visits(ML_STATES)
    ended = base(Pipeline.ML, day, 0, states)["ended_at"]
    execution_name = execution_arn(Pipeline.ML, day, 0).rpartition(":")[2]
    return RunReceipt(
        **base(Pipeline.ML, day, 0, states),
        outcome=Outcome.SUCCEEDED,
        jobs=(
            Job("batch transform", f"buy-prod-transform-{day:%m%d}989281-1", False),
            Job("push", run_name, False),
        ),
        sources=sources(
            feature_manifest_key(day),
            feature_validation_key(day),
            push_receipt_key(day, run_name),
            drift_report_key(MODEL, day),
            model_card_key(MODEL),
        ),
        features=features(day, members),
        validation=FeatureValidation(day, members, "ab" * 32),
        push=push,
        publication=Publication(sequence, PushKind.SCORES, ended, run_name, execution_name, state),
        drift=drift_report(day, members - 2, changes, day.toordinal(), 1.0),
        model_card=model_card(),
    )


def first_day() -> RunReceipt:
    """Return the receipt of the first execution, which also trained the model."""
    return replace(
        good_day(is_first=True),
        jobs=(
            Job("training", MODEL, False),
            Job("batch transform of the holdout", "buy-prod-holdout-fb877a77b7-1", False),
            *good_day().jobs,
        ),
    )


def held_day(day: date = DAY) -> RunReceipt:
    """Return the receipt of a day with half of the members, which the audit has held."""
    members = MEMBERS // 2
    good = good_day(day, members)
    assert good.push is not None
    assert good.features is not None
    held = {"written": 0, "unchanged": 0, "carried": 0, "reasons": {}, "sequence": None, "events_sent": 1}
    cause = (
        f"the scores of snapshot {day:%Y%m%d} are held, and nothing was written. Broken rules:\n"
        "change in scored members: -0.5, allowed -0.1 to 0.25\n"
        "stage mix PSI: 0.3124, allowed at most 0.25\n"
        f"Look at the day: make receipt ENV=prod DAY={day:%Y%m%d}\n"
        f'Serve it anyway: make start-ml ENV=prod SNAPSHOT_DATE={day:%Y%m%d} SERVE_ANYWAY="<reason>"'
    )
    stages = count_stages(members - 2, (0.31, 0.14, 0.43, 0.12))
    return replace(
        good,
        outcome=Outcome.HELD,
        failure=Failure("CheckUploadingToDynamoDBStatus", "ScoresHeldError", cause),
        states=visits(ML_STATES, "CheckUploadingToDynamoDBStatus"),
        features=replace(
            good.features,
            input_warnings=tuple(
                InputWarning("rows", f"consumer_analytical_profile_member_id_summary_{window}", "", rows, limit)
                for window, rows, limit in (("t060", 8905.0, 16027.2), ("t090", 9906.0, 17829.9))
            ),
        ),
        push=replace(
            good.push, **held, held=True, stages=stages, predicted_stages=stages,
            audit=audit_rules(-0.5, 0.3124, good.push.changes.flip_rate(), -1),
        ),
        publication=None,
        drift=None,
    )  # fmt: skip


def failed_training(day: date = DAY) -> RunReceipt:
    """Return the receipt of an execution whose training failed, and which served with the model in use."""
    good = good_day(day)
    cause = "Autopilot job buy-prod-77c1b0a2e4-2 failed: the training channel has a class with 1 example"
    return replace(
        good,
        ended_at=good.ended_at + timedelta(seconds=sum(seconds for _, seconds, _ in TRAINING_STATES)),
        outcome=Outcome.SERVED_WITHOUT_TRAINING,
        failure=Failure("CheckAutoMLStatus", "JobFailedError", cause),
        states=visits((*ML_STATES[:2], *TRAINING_STATES, *ML_STATES[2:])),
        jobs=(Job("training", "buy-prod-77c1b0a2e4-2", True), *good.jobs),
        drift=drift_report(day, MEMBERS - 2, good.push.changes, 3, 14.0) if good.push else None,
    )


def failed_transform(day: date = DAY) -> RunReceipt:
    """Return the receipt of an execution that failed before the push."""
    good = good_day(day)
    cause = "transform buy-prod-transform-1128989281-3 failed: AlgorithmError; see its log group"
    return replace(
        good,
        outcome=Outcome.FAILED,
        failure=Failure("CheckBatchTransformationStatus", "JobFailedError", cause),
        ttl_extension="The items of the live state got 7 more days: product teams read the stages of November 21.",
        states=visits(ML_STATES, "CheckBatchTransformationStatus"),
        push=None,
        publication=None,
        drift=None,
        model_card=None,
    )


def rollback(to: date = DAY - timedelta(days=3)) -> RunReceipt:
    """Return the receipt of a rollback of scores."""
    good = good_day(to)
    assert good.push is not None
    assert good.publication is not None
    return replace(
        good,
        execution_arn=execution_arn(Pipeline.ML, to, 9),
        input={"rollback_to": f"{to:%Y%m%d}"},
        outcome=Outcome.ROLLED_BACK,
        started_at=good.started_at + timedelta(days=3),
        ended_at=good.started_at + timedelta(days=3, minutes=7),
        states=visits((("StartRollback", 2.4, 1), *ML_STATES[6:8])),
        jobs=good.jobs[1:],
        features=None,
        validation=None,
        push=replace(
            good.push, kind=PushKind.ROLLBACK, audit=(), quarantined=0, unchanged=good.push.unchanged + 2, deleted=31
        ),
        publication=replace(good.publication, kind=PushKind.ROLLBACK),
        drift=None,
    )  # fmt: skip


def etl_run(day: date = DAY, number: int = 0, is_labeled_set_built: bool = False) -> RunReceipt:
    """Return the receipt of an execution of the ETL."""
    return RunReceipt(
        **base(Pipeline.ETL, day, number, visits(ETL_STATES)),
        outcome=Outcome.SUCCEEDED,
        jobs=(Job("EMR cluster", "j-2AXXXXXXGAPLF", False),),
        sources=sources(
            feature_manifest_key(day),
            feature_validation_key(day),
            *([LABELED_SET_MANIFEST_KEY] if is_labeled_set_built else []),
        ),
        features=features(day, MEMBERS),
        validation=FeatureValidation(day, MEMBERS, "ab" * 32),
        labeled_set=LABELED_SET if is_labeled_set_built else None,
    )


def failed_etl(day: date = DAY) -> RunReceipt:
    """Return the receipt of an ETL that refused the day's data lake."""
    cause = (
        f"snapshot {day:%Y%m%d} is refused, because it differs too much from the snapshots before: table "
        "consumer_analytical_profile_member_id_summary_t030, column total_searches: null_share is 0.93, beyond the "
        "limit 0.35 (usually 0.1). Ask the owners of the data lake to fix it, or run the ETL with accept_input if the "
        "data is right"
    )
    return RunReceipt(
        **base(Pipeline.ETL, day, 1, visits(ETL_STATES, "ProcessFeatures")) | {
            "failure": Failure("ProcessFeatures", "DataLakeError", cause)
        },
        outcome=Outcome.FAILED,
        jobs=(Job("EMR cluster", "j-2AXXXXXXGAPLF", False),),
        sources={},
    )  # fmt: skip


def month(until: date = DAY) -> list[RunReceipt]:
    """Return the receipts of the 29 days before a day: ordinary ones, a held day, a failure, and a rollback."""
    receipts = []
    for back in range(29, 0, -1):
        day = until - timedelta(days=back)
        receipts += [etl_run(day, 0), etl_run(day, 1)]
        if back == 9:
            receipts.append(held_day(day))
        elif back == 16:
            receipts.append(failed_transform(day))
        else:
            good = good_day(day, MEMBERS - 4 * back, 0.03 + 0.001 * (back * 7 % 13))
            is_old = back > 22
            receipts.append(replace(good, model_card=model_card("buy-prod-c9e245b05d-1", 5)) if is_old else good)
    return [*receipts, etl_run(until, 0)]
