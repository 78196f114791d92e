"""The live snapshot is compared every hour with the one that is due; only a published state has a metric."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from typing import Any, Self

import pytest

from buyer_stage.domain.documents import to_json
from buyer_stage.domain.errors import InvalidManifestError
from buyer_stage.domain.s3_layout import CURRENT_PUBLICATION_KEY
from buyer_stage.domain.serving_documents import Publication, PushKind, ServedState
from lambdas.report_freshness import handler as function

Put = Callable[[str, str], None]
Metrics = Callable[[], dict[str, float]]

LIVE = Publication(
    sequence=12,
    kind=PushKind.SCORES,
    published_at=datetime(2020, 2, 1, 10, 40, tzinfo=UTC),
    run_name="buy-test-push-6db49f34ea-1",
    execution_name="daily-2020-02-01",
    state=ServedState(
        folder="served-items/2020/01/30/000012-1/",
        snapshot_date=date(2020, 1, 30),
        model_version="buy-test-6db49f34ea-1",
        members=100,
        scored_members=98,
        stages={"Dreamer": 98},
        first_expiry=1580860799,
        last_expiry=1581033599,
        previous="served-items/2020/01/29/000011-1/",
    ),
)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Set the time that the function reads. The runs start at 10:00 UTC and have 6 hours."""

    def set_time(now: str) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> Self:
                return cls.fromisoformat(now).astimezone(tz)

        monkeypatch.setattr(function, "datetime", Clock)

    return set_time


@pytest.mark.parametrize(
    ("now", "due", "behind"),
    [
        ("2020-02-01T16:00:00+00:00", "20200130", 0),
        ("2020-02-02T15:59:59+00:00", "20200130", 0),
        ("2020-02-02T16:00:00+00:00", "20200131", 1),
        ("2020-02-05T12:00:00+00:00", "20200202", 3),
        ("2020-01-30T12:00:00+00:00", "20200127", 0),  # a later day was run by hand
    ],
)
def test_days_behind_the_due_snapshot_are_the_metric(
    event: dict[str, Any],
    context: Any,
    put: Put,
    at: Callable[[str], None],
    emitted_metrics: Metrics,
    now: str,
    due: str,
    behind: int,
) -> None:
    put(CURRENT_PUBLICATION_KEY, to_json(LIVE))
    at(now)
    assert function.handler(event, context) == {
        "due_snapshot_date": due, "live_snapshot_date": "20200130", "snapshots_behind": behind,
    }  # fmt: skip
    assert emitted_metrics() == {"SnapshotsBehind": behind}


@pytest.mark.parametrize("kind", [PushKind.ROLLBACK, PushKind.TTL_EXTENSION])
def test_rollback_or_extension_of_today_does_not_make_an_old_snapshot_fresh(
    event: dict[str, Any],
    context: Any,
    put: Put,
    at: Callable[[str], None],
    emitted_metrics: Metrics,
    kind: PushKind,
) -> None:
    published_at = datetime(2020, 2, 4, 15, tzinfo=UTC)
    put(CURRENT_PUBLICATION_KEY, to_json(replace(LIVE, sequence=13, kind=kind, published_at=published_at)))
    at("2020-02-04T16:00:00+00:00")
    function.handler(event, context)
    assert emitted_metrics() == {"SnapshotsBehind": 3}


def test_before_the_first_publication_there_is_no_metric_but_a_line_that_says_what_to_do(
    event: dict[str, Any],
    context: Any,
    at: Callable[[str], None],
    emitted_metrics: Metrics,
    caplog: pytest.LogCaptureFixture,
) -> None:
    at("2020-02-01T16:00:00+00:00")
    assert function.handler(event, context) == {
        "due_snapshot_date": "20200130", "live_snapshot_date": None, "snapshots_behind": None,
    }  # fmt: skip
    assert emitted_metrics() == {}
    assert "start the ML pipeline with `make start-ml`" in caplog.text


def test_damaged_document_is_an_error_that_names_it(event: dict[str, Any], context: Any, put: Put) -> None:
    put(CURRENT_PUBLICATION_KEY, "{}")
    with pytest.raises(InvalidManifestError, match=f"{CURRENT_PUBLICATION_KEY} is damaged"):
        function.handler(event, context)
