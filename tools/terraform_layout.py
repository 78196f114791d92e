"""Write the S3 layout for Terraform, so that policies and lifecycle rules follow `buyer_stage.domain.s3_layout`.

`make package` writes it to `build/packages/s3_layout.json`. Modules declare which of the entries they use.
"""

import json
from datetime import date

from buyer_stage.domain import s3_layout
from buyer_stage.domain.data_inventory import top_folder
from buyer_stage.domain.datalake import SURVEY_KEY, TABLES_PREFIX
from buyer_stage.domain.windows import Window

LAYOUT_FILE = "s3_layout.json"

ANY = "*"
"""Stands for any job, model or version. In an IAM policy it also matches slashes."""
ANY_DAY = date(1, 1, 1)


def layout() -> dict[str, str]:
    """Return the prefixes and keys that Terraform configures, by name. Prefixes end with a slash.

    If a path contains a day, a model or a job, its entry is the folder above. The entry of a file has `*`
    instead.
    """
    features = top_folder(s3_layout.features_prefix(ANY_DAY))
    return {
        "features": features,
        "feature_manifests": f"{features}{ANY}/{s3_layout.MANIFEST_FILE}",
        "feature_profiles": f"{features}{ANY}/{s3_layout.PROFILE_FILE}",
        "raw_samples": top_folder(s3_layout.raw_sample_prefix(ANY_DAY, Window.T001)),
        **{split: top_folder(prefix) for split, prefix in s3_layout.CHANNEL_PREFIXES.items()},
        **{f"{split}_with_members": s3_layout.with_members_prefix(split) for split in s3_layout.CHANNEL_PREFIXES},
        "training_channel": s3_layout.TRAINING_PREFIX,
        "validation_channel": s3_layout.VALIDATION_PREFIX,
        "holdout": s3_layout.TEST_NO_TARGET_PREFIX,
        "labeled_set_manifest": s3_layout.LABELED_SET_MANIFEST_KEY,
        "automl_output": s3_layout.AUTOML_OUTPUT_PREFIX,
        "models": top_folder(s3_layout.model_card_key(ANY)),
        "model_cards": s3_layout.model_card_key(ANY),
        "drift_baselines": s3_layout.drift_baseline_key(ANY),
        "holdout_scores": s3_layout.holdout_scores_prefix(ANY).partition(ANY)[0],
        "inference_results": top_folder(s3_layout.inference_results_prefix(ANY_DAY, ANY)),
        "quarantine": top_folder(s3_layout.quarantine_prefix(ANY_DAY, ANY)),
        "push_receipts": top_folder(s3_layout.push_receipt_key(ANY_DAY, ANY)),
        "served_items": top_folder(s3_layout.served_items_prefix(ANY_DAY)),
        "current_publication": s3_layout.CURRENT_PUBLICATION_KEY,
        "stage_changes": top_folder(s3_layout.stage_changes_prefix(ANY_DAY, 1, 1)),
        "serving": top_folder(s3_layout.CURRENT_PUBLICATION_KEY),
        "drift_reports": top_folder(s3_layout.drift_reports_prefix(ANY)),
        "run_receipts": s3_layout.RUN_RECEIPTS_PREFIX,
        "suppression": s3_layout.SUPPRESSION_LIST_KEY,
        "erasure_receipts": s3_layout.ERASURE_RECEIPTS_PREFIX,
        "emr_logs": s3_layout.EMR_LOGS_PREFIX,
        "athena_results": s3_layout.ATHENA_RESULTS_PREFIX,
        "code": top_folder(s3_layout.code_prefix(ANY)),
        "certificates": top_folder(s3_layout.EMR_CERTIFICATE_KEY),
        "emr_certificate": s3_layout.EMR_CERTIFICATE_KEY,
        "datalake_tables": f"{TABLES_PREFIX}/",
        "survey": SURVEY_KEY,
    }


def layout_json() -> str:
    """Return the content of the file that Terraform reads."""
    return json.dumps(layout(), indent=2) + "\n"
