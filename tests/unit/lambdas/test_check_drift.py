"""A snapshot that was served is compared with the model's training; the report is kept and counted."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from buyer_stage.domain.documents import FeatureProfile, to_json
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.serving_documents import PushKind, PushReceipt, StageChanges
from buyer_stage.domain.stages import Stage
from buyer_stage.quality.drift import DriftBaseline
from lambdas.check_drift import handler as function

Put = Callable[[str, str], None]
REPORT = "drift-reports/buy-test-6db49f34ea-1/2020-01-30.json"
BASELINE = "best-model/buy-test-6db49f34ea-1/drift_baseline.json"
PROFILE = "inputs/2020/01/30/profile.json"
RECEIPT = "push-receipts/2020/01/30/buy-test-push-6db49f34ea-1.json"


def profile(rows: int, searches: float) -> FeatureProfile:
    """Return the profile of members who did nothing but search, in one window."""
    return profile_rows([[searches if name == "total_searches_007" else 0.0 for name in MODEL_FEATURES]] * rows)


def documents(*, searches: float, unchanged: int) -> dict[str, str]:
    """Return what earlier states leave: 100 scored members, some of them in the same stage as before."""
    stages = {stage.value: 25 for stage in Stage}
    none = dict.fromkeys(stages, 0)
    transitions = dict.fromkeys(stages, none) | {
        "Dreamer": {**none, "Dreamer": unchanged, "Active Searcher": 100 - unchanged}
    }
    changes = StageChanges(date(2020, 1, 29), 100, transitions, 3)
    return {
        BASELINE: to_json(DriftBaseline(profile(200, 1), stages)),
        PROFILE: to_json(profile(100, searches)),
        RECEIPT: to_json(
            PushReceipt(
                date(2020, 1, 30),
                PushKind.SCORES,
                2,
                expected=100,
                read=100,
                written=60,
                unchanged=40,
                stages=stages,
                predicted_stages=stages,
                changes=changes,
            )
        ),
    }


def report() -> dict[str, Any]:
    body = function.s3.get_object(Bucket="buyer-stage-pipeline", Key=REPORT)["Body"].read()
    content: dict[str, Any] = json.loads(body)
    return content


def test_day_like_the_training_is_not_drifted(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    for key, text in documents(searches=1, unchanged=96).items():
        put(key, text)
    assert function.handler(event, context) == {
        "is_drifted": False, "drifted_features": 0, "stage_mix_psi": 0.0, "flip_rate": 0.04, "report": REPORT,
    }  # fmt: skip
    assert emitted_metrics() == {
        "ModelDrifted": 0, "FeaturesDrifted": 0, "FeaturesShifted": 0, "StageMixPsi": 0.0, "MembersWaiting": 3,
        "StageFlipRate": 0.04,
    }  # fmt: skip
    written = report()
    assert (written["snapshot_date"], written["run_name"]) == ("2020-01-30", event["run_name"])
    assert written["members"] == 100, "members whose item has not changed are served, too"
    assert written["changes"]["transitions"]["Dreamer"]["Active Searcher"] == 4


def test_feature_that_has_shifted_is_drift(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    for key, text in documents(searches=60, unchanged=100).items():
        put(key, text)
    result = function.handler(event, context)
    assert (result["is_drifted"], result["drifted_features"]) == (True, 1)
    assert emitted_metrics() == {
        "ModelDrifted": 1, "FeaturesDrifted": 1, "FeaturesShifted": 0, "StageMixPsi": 0.0, "MembersWaiting": 3,
        "StageFlipRate": 0.0,
    }  # fmt: skip
    assert report()["features"]["total_searches"]["t007"]["level"] == "significant"


def test_moderate_shift_is_counted_but_is_not_drift(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    sometimes = [
        [float(name == "total_searches_007" and row % 5 == 0) for name in MODEL_FEATURES] for row in range(500)
    ]
    often = [[float(name == "total_searches_007" and row % 5 < 2) for name in MODEL_FEATURES] for row in range(500)]
    receipt = json.loads(documents(searches=1, unchanged=100)[RECEIPT])
    put(BASELINE, to_json(DriftBaseline(profile_rows(sometimes), dict.fromkeys(receipt["stages"], 25))))
    put(PROFILE, to_json(profile_rows(often)))
    put(RECEIPT, json.dumps({**receipt, "read": 500, "written": 500}))
    assert function.handler(event, context)["is_drifted"] is False
    metrics = emitted_metrics()
    assert (metrics["ModelDrifted"], metrics["FeaturesDrifted"], metrics["FeaturesShifted"]) == (0, 0, 1)


def test_first_day_has_no_flip_rate(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    first = documents(searches=1, unchanged=0)
    receipt = json.loads(first[RECEIPT])
    none = dict.fromkeys(receipt["stages"], 0)
    receipt["changes"] |= {"previous_snapshot_date": None, "transitions": dict.fromkeys(none, none)}
    for key, text in {**first, RECEIPT: json.dumps(receipt)}.items():
        put(key, text)
    assert function.handler(event, context)["flip_rate"] is None
    assert emitted_metrics() == {
        "ModelDrifted": 0, "FeaturesDrifted": 0, "FeaturesShifted": 0, "StageMixPsi": 0.0, "MembersWaiting": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        (BASELINE, "the model was registered without it; delete it with `make delete-model`"),
        (PROFILE, "run the ETL for this snapshot again"),
        (RECEIPT, "push the snapshot again"),
    ],
)
def test_missing_document_is_an_error_that_names_it_and_says_what_to_do(
    event: dict[str, Any], context: Any, put: Put, missing: str, remedy: str
) -> None:
    for key, text in documents(searches=1, unchanged=96).items():
        if key != missing:
            put(key, text)
    with pytest.raises(InvalidManifestError, match=f"{missing} does not exist; {remedy}"):
        function.handler(event, context)
