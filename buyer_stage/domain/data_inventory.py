"""What each prefix of the pipeline bucket holds, how long, and whether it says something about single members.

`docs/privacy.md` shows this table, and `make forget-members` works through it.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from buyer_stage.domain import s3_layout
from buyer_stage.domain.windows import Window

OLD_VERSION_DAYS = 30
"""How long S3 keeps a version of an object after it is replaced or deleted."""

FEATURE_DAYS = 90
"""How long S3 keeps the features of a snapshot, with their manifest."""

SERVED_STATE_DAYS = 30
"""How long S3 keeps the states of the table."""

POINT_IN_TIME_RECOVERY_DAYS = 35
"""How far back the serving table can be restored."""

CODE_BUCKET_KEYS = frozenset({"code_prefix", "EMR_CERTIFICATE_KEY"})
"""Names in `s3_layout` that belong to the code bucket, which holds nothing about members."""

_DAY, _ANY = date(1, 1, 1), "any"


class Members(StrEnum):
    """What a prefix says about single members."""

    NAMED = "yes"
    """Rows with member ids."""
    UNNAMED = "rows without ids"
    """Rows of members without their ids."""
    NONE = "no"
    """Nothing: counts, names of files and jobs, and settings."""


@dataclass(frozen=True)
class Entry:
    """A prefix, or a single key, of the pipeline bucket.

    Attributes:
        prefix: the prefix; the longest one that a key starts with describes the key.
        owner: who writes it.
        content: what it holds.
        days_kept: days until a lifecycle rule deletes it; None if none does.
        members: what it says about single members.
    """

    prefix: str
    owner: str
    content: str
    days_kept: int | None
    members: Members


def top_folder(key: str) -> str:
    """Return the first folder of a key or prefix, with its slash."""
    return key[: key.index("/") + 1]


def _labeled_set(split: str) -> tuple[Entry, Entry]:
    return (
        Entry(s3_layout.with_members_prefix(split), "ETL", f"{split} split", None, Members.NAMED),
        Entry(s3_layout.CHANNEL_PREFIXES[split], "ETL", f"channel of the {split} split", None, Members.UNNAMED),
    )


INVENTORY: tuple[Entry, ...] = (
    Entry(
        top_folder(s3_layout.features_prefix(_DAY)), "ETL", "features, manifest, profile, validation", FEATURE_DAYS,
        Members.NAMED,
    ),
    Entry(
        top_folder(s3_layout.raw_sample_prefix(_DAY, Window.T001)), "ETL", "sample of the behavior summaries", 30,
        Members.NAMED,
    ),
    *[entry for split in s3_layout.CHANNEL_PREFIXES for entry in _labeled_set(split)],
    Entry(s3_layout.TEST_NO_TARGET_PREFIX, "ETL", "holdout as a transform scores it", None, Members.UNNAMED),
    Entry(s3_layout.ASSIGNED_SPLITS_KEY, "ETL", "split of every member ever assigned", None, Members.NAMED),
    Entry(s3_layout.LABELED_SET_MANIFEST_KEY, "ETL", "manifest of the labeled set", None, Members.NONE),
    Entry(
        s3_layout.AUTOML_OUTPUT_PREFIX, "Autopilot", "models, and copies of the channels", None, Members.UNNAMED
    ),
    Entry(
        s3_layout.holdout_scores_prefix(_ANY).partition(_ANY)[0], "ML pipeline", "predictions for the holdout", None,
        Members.UNNAMED,
    ),
    Entry(
        top_folder(s3_layout.model_card_key(_ANY)), "ML pipeline", "model cards, drift baselines", None, Members.NONE
    ),
    Entry(
        top_folder(s3_layout.inference_results_prefix(_DAY, _ANY)), "ML pipeline", "scored lines", 30, Members.NAMED
    ),
    Entry(top_folder(s3_layout.quarantine_prefix(_DAY, _ANY)), "push", "rejected scored lines", 30, Members.NAMED),
    Entry(
        top_folder(s3_layout.served_items_prefix(_DAY)), "push", "states of the table", SERVED_STATE_DAYS, Members.NAMED
    ),
    Entry(
        top_folder(s3_layout.stage_changes_prefix(_DAY, 1, 1)), "push", "changes of served stages, sent as events", 30,
        Members.NAMED,
    ),
    Entry(
        top_folder(s3_layout.CURRENT_PUBLICATION_KEY), "push", "which state is live, or pending", None, Members.NONE
    ),
    Entry(top_folder(s3_layout.push_receipt_key(_DAY, _ANY)), "push", "receipts", 365, Members.NONE),
    Entry(top_folder(s3_layout.drift_reports_prefix(_ANY)), "ML pipeline", "drift reports", 365, Members.NONE),
    Entry(s3_layout.RUN_RECEIPTS_PREFIX, "both pipelines", "receipts of executions", 365, Members.NONE),
    Entry(s3_layout.ATHENA_RESULTS_PREFIX, "people", "results of queries", 30, Members.NAMED),
    Entry(s3_layout.EMR_LOGS_PREFIX, "ETL", "logs of the steps", 30, Members.NONE),
    Entry(
        s3_layout.SUPPRESSION_LIST_KEY, "make forget-members", "keyed hashes of forgotten members", None, Members.NONE
    ),
    Entry(
        s3_layout.ERASURE_RECEIPTS_PREFIX, "make forget-members", "receipts of forgetting", None, Members.NONE
    ),
)  # fmt: skip


def find_entry(key: str) -> Entry | None:
    """Return the entry of a key or prefix of the pipeline bucket, or None if the inventory lacks it."""
    matching = [entry for entry in INVENTORY if key.startswith(entry.prefix)]
    return max(matching, key=lambda entry: len(entry.prefix), default=None)


def render_table() -> str:
    """Return the inventory as a Markdown table."""
    lines = ["| prefix | written by | content | days kept | names members |", "|---|---|---|---|---|"]
    for entry in INVENTORY:
        days = "without limit" if entry.days_kept is None else str(entry.days_kept)
        lines.append(f"| `{entry.prefix}` | {entry.owner} | {entry.content} | {days} | {entry.members.value} |")
    return "\n".join(lines) + "\n"
