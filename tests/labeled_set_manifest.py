"""The manifest of a labeled set, for tests of the functions that read it."""

from datetime import date

from buyer_stage.domain.documents import LabeledSetManifest, SplitCounts
from buyer_stage.domain.features import MODEL_FEATURES, column_checksum
from buyer_stage.domain.stages import Stage

STAGES = [stage.value for stage in Stage]
MANIFEST = LabeledSetManifest(
    column_checksum=column_checksum(MODEL_FEATURES),
    snapshot_dates=(date(2020, 1, 30),),
    split_by="stage",
    answers=300,
    rows_with_unknown_label=0,
    rows_with_conflicting_answers=0,
    rows_after_answer=0,
    duplicate_members=0,
    members_kept=0,
    splits={split: SplitCounts(100, 100, dict.fromkeys(STAGES, 25)) for split in ("train", "validation", "test")},
    with_members_sha256={split: f"sha256-of-{split}" for split in ("train", "validation", "test")},
)
