"""The card for people holds the verdict, the origin, the metrics with intervals, and the limits."""

from dataclasses import replace
from datetime import UTC, date, datetime

from buyer_stage.domain.documents import LabeledSetManifest, SplitCounts
from buyer_stage.quality.evaluation import compare, evaluate
from buyer_stage.quality.gate import Decision, Verdict
from buyer_stage.quality.model_card import LIMITS, ModelCard, to_markdown
from buyer_stage.quality.predictions import baseline_predictions
from tests.made_predictions import LABELS, PRIOR, make_predictions

MADE = make_predictions(1)
CARD = ModelCard(
    model_version="version-2",
    candidate_name="candidate-7",
    created_at=datetime(2020, 2, 1, 10, tzinfo=UTC),
    code_version="1.2.3",
    labeled_set=LabeledSetManifest(
        column_checksum="abc",
        snapshot_dates=(date(2020, 1, 30), date(2020, 1, 31)),
        split_by="stage",
        answers=9,
        rows_with_unknown_label=0,
        rows_with_conflicting_answers=0,
        rows_after_answer=0,
        duplicate_members=0,
        members_kept=0,
        splits={"train": SplitCounts(1234, 567, {"Dreamer": 1234})},
        with_members_sha256={"train": "abc"},
    ),
    class_shares=dict(zip(LABELS, PRIOR.tolist(), strict=True)),
    autopilot_metrics={},
    evaluation=evaluate(MADE, PRIOR, seed=0, resamples=50),
    against_prior=compare(MADE, baseline_predictions(MADE, PRIOR, 0)["prior"], seed=0, resamples=50),
    champion_version=None,
    against_champion=None,
    verdict=Verdict(Decision.APPROVED, "better than no model"),
)


def test_card_holds_verdict_origin_metrics_and_limits() -> None:
    text = to_markdown(CARD)
    assert text.startswith("# Model version-2\n\n**Approved**: better than no model.\n")
    for line in (
        "| candidate | `candidate-7` |",
        "| created | 2020-02-01T10:00:00+00:00 |",
        "| snapshots | 2020-01-30 to 2020-01-31, 2 days |",
        "| split by member | train 1,234 rows of 567 members |",
        "| shares in training | Dreamer 0.160, Casual Searcher 0.130, Active Searcher 0.540, Ready To Transact 0.170 |",
        f"## On 200 rows of {CARD.evaluation.members} unseen members",
        "Intervals contain 95% of 50 draws of whole members.",
        *(f"- {limit}" for limit in LIMITS),
    ):
        assert f"\n{line}\n" in text
    loss, baselines = CARD.evaluation.metrics["log_loss"], CARD.evaluation.baselines
    interval = f"{loss.value:.4f} ({loss.low:.4f} to {loss.high:.4f})"
    others = " | ".join(
        f"{baselines[name]['log_loss'].value:.4f}" for name in ("prior", "majority", "stratified_random")
    )
    assert f"| log_loss | {interval} | {others} |" in text
    assert "champion" not in text


def test_card_of_a_challenger_shows_the_differences_from_the_champion() -> None:
    text = to_markdown(replace(CARD, champion_version="version-1", against_champion=CARD.against_prior))
    difference = CARD.against_prior.differences["macro_f1"]
    assert "## Compared with the champion version-1" in text
    assert f"| macro_f1 | {difference.value:.4f} ({difference.low:.4f} to {difference.high:.4f}) |" in text
