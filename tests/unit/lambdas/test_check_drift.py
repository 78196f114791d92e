"""A snapshot that was served is compared with the model's training, and the result is kept and measured."""

import json
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from buyer_stage.domain.documents import FeatureProfile, PushReceipt, StageChanges, to_json
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.stages import Stage
from buyer_stage.quality.drift import DriftBaseline
from lambdas.check_drift import handler as function

Put = Callable[[str, str], None]
REPORT = "drift-reports/buyer-stage-automl-6db49f34ea80/2020-01-30.json"
BASELINE = "best-model/buyer-stage-automl-6db49f34ea80/drift_baseline.json"
PROFILE = "inputs/2020/01/30/profile.json"
RECEIPT = "push-receipts/2020/01/30/buyer-stage-push-6db49f34ea80.json"


def profile(rows: int, searches: float) -> FeatureProfile:
    """Everybody has done nothing but search, in one window."""
    return profile_rows([[searches if name == "total_searches_007" else 0.0 for name in MODEL_FEATURES]] * rows)


def documents(*, searches: float, unchanged: int) -> dict[str, str]:
    """What the states before leave, of 100 members of whom some are in the stage that they were in."""
    stages = {stage.value: 25 for stage in Stage}
    nobody = dict.fromkeys(stages, 0)
    transitions = dict.fromkeys(stages, nobody) | {
        "Dreamer": {**nobody, "Dreamer": unchanged, "Active Searcher": 100 - unchanged}
    }
    changes = StageChanges(date(2020, 1, 29), 100, transitions, 3)
    return {
        BASELINE: to_json(DriftBaseline(profile(200, 1), stages)),
        PROFILE: to_json(profile(100, searches)),
        RECEIPT: to_json(PushReceipt(date(2020, 1, 30), 100, 100, 0, 0, stages, stages, changes)),
    }


def report() -> dict[str, Any]:
    body = function.s3.get_object(Bucket="buyer-stage-pipeline", Key=REPORT)["Body"].read()
    content: dict[str, Any] = json.loads(body)
    return content


def test_day_like_the_training(
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
    assert written["changes"]["transitions"]["Dreamer"]["Active Searcher"] == 4


def test_day_that_differs(
    event: dict[str, Any], context: Any, put: Put, emitted_metrics: Callable[[], dict[str, float]]
) -> None:
    for key, text in documents(searches=60, unchanged=100).items():
        put(key, text)
    answer = function.handler(event, context)
    assert (answer["is_drifted"], answer["drifted_features"]) == (True, 1)
    assert emitted_metrics()["ModelDrifted"] == 1
    assert report()["features"]["total_searches"]["t007"]["level"] == "significant"


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        (BASELINE, "the model was registered without; `make delete-model`"),
        (PROFILE, "run the ETL for this snapshot again"),
        (RECEIPT, "push the snapshot again"),
    ],
)
def test_what_is_missing_is_an_error_that_names_it_and_says_what_to_do(
    event: dict[str, Any], context: Any, put: Put, missing: str, remedy: str
) -> None:
    for key, text in documents(searches=1, unchanged=96).items():
        if key != missing:
            put(key, text)
    with pytest.raises(InvalidManifestError, match=f"{missing} is not there; {remedy}"):
        function.handler(event, context)
