"""The layout of the pipeline bucket and the code bucket. Nothing else in the product spells a key or a prefix.

Prefixes end with a slash, keys do not; neither starts with one.
"""

import re
from datetime import date, datetime

from buyer_stage.domain.windows import Window

PART_FILE_PREFIX = "part-"
"""Start of every data file's name, so that a transform can select the data files by prefix and skip the manifest."""

MANIFEST_FILE = "manifest.json"
VALIDATION_FILE = "validation.json"
PROFILE_FILE = "profile.json"

TRAINING_PREFIX = "train/csv/"
"""Autopilot's training channel: CSV with header, features and target of the training members."""
VALIDATION_PREFIX = "validation/csv/"
"""The same for the validation members, on whom Autopilot ranks its candidates."""
TEST_WITH_TARGET_PREFIX = "test/with-target/"
"""The same for the test members, whom no part of the pipeline reads before the model is chosen."""
TEST_NO_TARGET_PREFIX = "test/no-target/"
"""The rows of `TEST_WITH_TARGET_PREFIX` without target and header, as a transform scores them."""
CHANNEL_PREFIXES: dict[str, str] = {
    "train": TRAINING_PREFIX,
    "validation": VALIDATION_PREFIX,
    "test": TEST_WITH_TARGET_PREFIX,
}
"""Split -> folder of its channel."""
LABELED_SET_FILE = f"{PART_FILE_PREFIX}00000.csv"
"""The only file in each folder of the labeled set: a survey is small, and a single file has an order."""
ASSIGNED_SPLITS_KEY = "train/members.json"
"""JSON of member -> split for all members ever assigned: a member who leaves the survey and returns keeps the split."""
LABELED_SET_MANIFEST_KEY = f"train/{MANIFEST_FILE}"
"""Describes all splits; written last."""

SUPPRESSION_LIST_KEY = "suppression/list.json"
"""Keyed hashes of the members who must not return. Without this file, no member is suppressed."""

CURRENT_PUBLICATION_KEY = "serving/current.json"
"""Names the live state. Missing before the first publication."""
PENDING_PUSH_KEY = "serving/pending.json"
"""Names the states that the table may hold in part. Missing unless a push is writing or has died."""

ERASURE_RECEIPTS_PREFIX = "erasure-receipts/"

RUN_RECEIPTS_PREFIX = "run-receipts/"
RUN_RECEIPTS_INDEX_KEY = "run-receipts/index.html"
"""Page that lists the receipts of the last days."""

AUTOML_OUTPUT_PREFIX = "sagemaker-automl/output/"
EMR_LOGS_PREFIX = "emr-logs/"
ATHENA_RESULTS_PREFIX = "athena-results/"


def _day(snapshot_date: date) -> str:
    return f"{snapshot_date:%Y/%m/%d}/"


def with_members_prefix(split: str) -> str:
    """Return the folder of a split file: the channel's lines in order, each after member id and snapshot date."""
    return f"{split}/with-members/"


def holdout_scores_prefix(transform_job_name: str) -> str:
    """Return the folder of a transform's predictions for the holdout."""
    return f"best-model/holdout/{transform_job_name}/"


def model_card_key(model_version: str) -> str:
    """Return the key of a model card as JSON."""
    return f"best-model/{model_version}/card.json"


def model_card_text_key(model_version: str) -> str:
    """Return the key of a model card as Markdown."""
    return f"best-model/{model_version}/card.md"


def drift_baseline_key(model_version: str) -> str:
    """Return the key of a model's drift baseline."""
    return f"best-model/{model_version}/drift_baseline.json"


def features_prefix(snapshot_date: date) -> str:
    """Return the folder of a snapshot's feature part files, manifest, profile and validation."""
    return f"inputs/{_day(snapshot_date)}"


def feature_manifest_key(snapshot_date: date) -> str:
    """Return the key of a snapshot's manifest, written after the last part file."""
    return features_prefix(snapshot_date) + MANIFEST_FILE


def feature_validation_key(snapshot_date: date) -> str:
    """Return the key of a snapshot's validation, written when every value equals the SQL definition."""
    return features_prefix(snapshot_date) + VALIDATION_FILE


def feature_profile_key(snapshot_date: date) -> str:
    """Return the key of a snapshot's feature profile, written before the manifest."""
    return features_prefix(snapshot_date) + PROFILE_FILE


def raw_sample_prefix(snapshot_date: date, window: Window) -> str:
    """Return the folder of the raw data lake rows of a snapshot's window, kept for questions about single members."""
    return f"etl_pipeline_test/{_day(snapshot_date)}{window.value}/"


def inference_results_prefix(snapshot_date: date, transform_job_name: str) -> str:
    """Return the folder of a transform job's output: one per job, so that the outputs of two runs never mix."""
    return f"inference-results/{_day(snapshot_date)}{transform_job_name}/"


def quarantine_prefix(snapshot_date: date, run_name: str) -> str:
    """Return the folder of the scored lines that a push to DynamoDB refused, each with the reason."""
    return f"quarantine/{_day(snapshot_date)}{run_name}/"


def push_receipt_key(snapshot_date: date, run_name: str) -> str:
    """Return the key of the receipt of a push to DynamoDB."""
    return f"push-receipts/{_day(snapshot_date)}{run_name}.json"


def served_items_prefix(snapshot_date: date) -> str:
    """Return the folder of the states that pushes of a snapshot gave the table."""
    return f"served-items/{_day(snapshot_date)}"


def served_state_prefix(snapshot_date: date, sequence: int, attempt: int) -> str:
    """Return the folder of a state's rows.

    Args:
        snapshot_date: the snapshot that it serves.
        sequence: of the publication that it is meant for.
        attempt: 1, or more after pushes that died before the publication.
    """
    return f"{served_items_prefix(snapshot_date)}{sequence:06}-{attempt}/"


def served_state_key(prefix: str) -> str:
    """Return the key of a state's description, written when the table holds the state."""
    return f"{prefix.removesuffix('/')}.json"


def stage_changes_prefix(snapshot_date: date, sequence: int, attempt: int) -> str:
    """Return the folder of the changes of served stages that a publication makes.

    Args:
        snapshot_date: the snapshot that it serves.
        sequence: of the publication.
        attempt: as for `served_state_prefix`.
    """
    return f"stage-changes/{_day(snapshot_date)}{sequence:06}-{attempt}/"


def stage_changes_summary_key(prefix: str) -> str:
    """Return the key of the event that sums up a set of changes."""
    return f"{prefix.removesuffix('/')}.json"


def run_receipts_prefix(snapshot_date: date) -> str:
    """Return the folder of the receipts of a snapshot's executions."""
    return f"{RUN_RECEIPTS_PREFIX}{_day(snapshot_date)}"


def run_receipt_key(snapshot_date: date, execution_name: str) -> str:
    """Return the key of an execution's receipt as JSON."""
    return f"{run_receipts_prefix(snapshot_date)}{execution_name}.json"


def run_receipt_page_key(snapshot_date: date, execution_name: str) -> str:
    """Return the key of an execution's receipt as a page."""
    return f"{run_receipts_prefix(snapshot_date)}{execution_name}.html"


def day_of_run_receipt(key: str) -> date | None:
    """Return the snapshot date of a receipt, from its key as JSON; None for any other key."""
    found = re.fullmatch(rf"{RUN_RECEIPTS_PREFIX}(\d{{4}})/(\d\d)/(\d\d)/[^/]+\.json", key)
    return date(int(found[1]), int(found[2]), int(found[3])) if found else None


def erasure_receipt_key(ended_at: datetime) -> str:
    """Return the key of the receipt of a `make forget-members` that ended at a time in UTC."""
    return f"{ERASURE_RECEIPTS_PREFIX}{_day(ended_at)}{ended_at:%H%M%S}.json"


def drift_reports_prefix(model_version: str) -> str:
    """Return the folder of a model's drift reports; the last key belongs to the latest snapshot."""
    return f"drift-reports/{model_version}/"


def drift_report_key(model_version: str, snapshot_date: date) -> str:
    """Return the key of the report on a model's drift on a snapshot."""
    return f"{drift_reports_prefix(model_version)}{snapshot_date.isoformat()}.json"


def code_prefix(version: str) -> str:
    """Return the folder of a code version's step scripts, job script, libraries and functions, in the code bucket."""
    return f"code/{version}/"


EMR_CERTIFICATE_KEY = "certificates/emr.zip"
"""Key in the code bucket of the certificates by which the nodes of a cluster trust each other."""
