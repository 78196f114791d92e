"""Keys and prefixes are those of the design, and prefixes that readers list do not overlap."""

from datetime import date

import pytest

from buyer_stage.domain import s3_layout
from buyer_stage.domain.windows import Window

DAY = date(2020, 1, 3)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (s3_layout.feature_manifest_key(DAY), "inputs/2020/01/03/manifest.json"),
        (s3_layout.feature_validation_key(DAY), "inputs/2020/01/03/validation.json"),
        (s3_layout.feature_profile_key(DAY), "inputs/2020/01/03/profile.json"),
        (s3_layout.raw_sample_prefix(DAY, Window.T007), "etl_pipeline_test/2020/01/03/t007/"),
        (s3_layout.with_members_prefix("train"), "train/with-members/"),
        (s3_layout.holdout_scores_prefix("job-1"), "best-model/holdout/job-1/"),
        (s3_layout.model_card_key("version"), "best-model/version/card.json"),
        (s3_layout.model_card_text_key("version"), "best-model/version/card.md"),
        (s3_layout.drift_baseline_key("version"), "best-model/version/drift_baseline.json"),
        (s3_layout.drift_report_key("version", DAY), "drift-reports/version/2020-01-03.json"),
        (s3_layout.inference_results_prefix(DAY, "job"), "inference-results/2020/01/03/job/"),
        (s3_layout.quarantine_prefix(DAY, "run"), "quarantine/2020/01/03/run/"),
        (s3_layout.push_receipt_key(DAY, "run"), "push-receipts/2020/01/03/run.json"),
        (s3_layout.served_state_prefix(DAY, 12, 1), "served-items/2020/01/03/000012-1/"),
        (s3_layout.code_prefix("1.2.3"), "code/1.2.3/"),
    ],
)
def test_keys_are_where_the_design_puts_them(key: str, expected: str) -> None:
    assert key == expected


def test_the_transforms_prefix_excludes_manifest_profile_and_validation() -> None:
    part_files = s3_layout.features_prefix(DAY) + s3_layout.PART_FILE_PREFIX
    documents = (s3_layout.feature_manifest_key, s3_layout.feature_profile_key, s3_layout.feature_validation_key)
    assert not any(key(DAY).startswith(part_files) for key in documents)


def test_channels_exclude_the_manifest_and_member_ids() -> None:
    others = [s3_layout.LABELED_SET_MANIFEST_KEY, s3_layout.ASSIGNED_SPLITS_KEY]
    others += [s3_layout.with_members_prefix(split) for split in s3_layout.CHANNEL_PREFIXES]
    assert not any(key.startswith(channel) for key in others for channel in s3_layout.CHANNEL_PREFIXES.values())
