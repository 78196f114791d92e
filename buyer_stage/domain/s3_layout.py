"""The layout of the pipeline bucket and of the code's bucket. Nothing else in the product spells a key or a prefix.

Prefixes end with a slash, keys do not; neither starts with one.
"""

from datetime import date

from buyer_stage.domain.windows import Window

PART_FILE_PREFIX = "part-"
"""Data files start with this, so that a transform can take a prefix and leave the manifest beside them out."""

MANIFEST_FILE = "manifest.json"
VALIDATION_FILE = "validation.json"
PROFILE_FILE = "profile.json"

TRAINING_PREFIX = "train/csv/"
"""Autopilot's channel: CSV with header, the model's features and the target of the training members."""
VALIDATION_PREFIX = "validation/csv/"
"""As `TRAINING_PREFIX`, of other members: what Autopilot ranks its candidates on."""
TEST_WITH_TARGET_PREFIX = "test/with-target/"
"""As `TRAINING_PREFIX`, of members in neither: what nobody looks at before the model is chosen."""
TEST_NO_TARGET_PREFIX = "test/no-target/"
"""The rows of `TEST_WITH_TARGET_PREFIX` without the target and without header: as the model is asked to score."""
CHANNEL_PREFIXES: dict[str, str] = {
    "train": TRAINING_PREFIX,
    "validation": VALIDATION_PREFIX,
    "test": TEST_WITH_TARGET_PREFIX,
}
"""Split -> folder of what models see of it."""
LABELED_SET_FILE = f"{PART_FILE_PREFIX}00000.csv"
"""The one file in each folder of the labeled set: a survey is small, and one file has an order."""
ASSIGNED_SPLITS_KEY = "train/members.json"
"""JSON of member -> split, of everyone who was ever placed: who leaves the survey and returns is placed as before."""
LABELED_SET_MANIFEST_KEY = f"train/{MANIFEST_FILE}"
"""Written last; describes all splits."""

AUTOML_OUTPUT_PREFIX = "sagemaker-automl/output/"
EMR_LOGS_PREFIX = "emr-logs/"
ATHENA_RESULTS_PREFIX = "athena-results/"


def _day(snapshot_date: date) -> str:
    return f"{snapshot_date:%Y/%m/%d}/"


def with_members_prefix(split: str) -> str:
    """Folder of a split's record: the channel's lines in its order, each after member and snapshot date."""
    return f"{split}/with-members/"


def holdout_scores_prefix(execution_name: str, model_name: str) -> str:
    """Folder of what a model said about the holdout when an execution judged it."""
    return f"best-model/holdout/{execution_name}/{model_name}/"


def model_card_key(model_version: str) -> str:
    """What a model is, what it was made from and how good it is, as JSON."""
    return f"best-model/{model_version}/card.json"


def model_card_text_key(model_version: str) -> str:
    """The same for people, as Markdown."""
    return f"best-model/{model_version}/card.md"


def drift_baseline_key(model_version: str) -> str:
    """How the features looked that a model learned from, and which stages it named of members it did not know."""
    return f"best-model/{model_version}/drift_baseline.json"


def features_prefix(snapshot_date: date) -> str:
    """Folder of a snapshot's feature part files, manifest and validation report."""
    return f"inputs/{_day(snapshot_date)}"


def feature_manifest_key(snapshot_date: date) -> str:
    """Written after a snapshot's last part file."""
    return features_prefix(snapshot_date) + MANIFEST_FILE


def feature_validation_key(snapshot_date: date) -> str:
    """Written when every value of a snapshot equals what the SQL definition gives."""
    return features_prefix(snapshot_date) + VALIDATION_FILE


def feature_profile_key(snapshot_date: date) -> str:
    """How the values of a snapshot's features are spread; written before the manifest."""
    return features_prefix(snapshot_date) + PROFILE_FILE


def raw_sample_prefix(snapshot_date: date, window: Window) -> str:
    """Folder of the raw data lake rows kept of a snapshot, so that a question about a member can be answered."""
    return f"etl_pipeline_test/{_day(snapshot_date)}{window.value}/"


def inference_results_prefix(snapshot_date: date, transform_job_name: str) -> str:
    """Folder of one transform job's output; one per job, so that a re-run never mixes with what was there."""
    return f"inference-results/{_day(snapshot_date)}{transform_job_name}/"


def quarantine_prefix(snapshot_date: date, run_name: str) -> str:
    """Folder of the records that one push to DynamoDB refused, each with the reason."""
    return f"quarantine/{_day(snapshot_date)}{run_name}/"


def push_receipt_key(snapshot_date: date, run_name: str) -> str:
    """What one push to DynamoDB read, wrote, quarantined and failed to write."""
    return f"push-receipts/{_day(snapshot_date)}{run_name}.json"


def served_stages_prefix(snapshot_date: date) -> str:
    """Folder of the stages that a snapshot's last successful push has served: what the next one is compared with."""
    return f"served-stages/{_day(snapshot_date)}"


def drift_reports_prefix(model_version: str) -> str:
    """Folder of the reports on a model's drift; the last key is of the latest snapshot."""
    return f"drift-reports/{model_version}/"


def drift_report_key(model_version: str, snapshot_date: date) -> str:
    """How a snapshot's features and stages differ from those of the model's training."""
    return f"{drift_reports_prefix(model_version)}{snapshot_date.isoformat()}.json"


def code_prefix(version: str) -> str:
    """Folder of one version's step scripts, job script, libraries and functions, in the bucket of the code."""
    return f"code/{version}/"


EMR_CERTIFICATE_KEY = "certificates/emr.zip"
"""In the bucket of the code: what the nodes of a cluster know each other by."""
