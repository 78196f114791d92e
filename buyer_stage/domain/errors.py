"""The hierarchy of errors that the product raises on purpose.

The state machines branch on the class name and retry none of these errors, because waiting does not fix a wrong input.
Transient faults of AWS keep the names that AWS gives them, and the state machines retry those.
"""


class BuyerStageError(Exception):
    """Base of every error raised on purpose; its message says what is wrong and what to do."""


class InvalidInputError(BuyerStageError):
    """An argument, event or environment variable is missing or has an impossible value."""


class InvalidManifestError(BuyerStageError):
    """A manifest exists but is damaged, incomplete or does not match what it describes."""


class DataLakeError(BuyerStageError):
    """A data lake table, column or partition is missing, mistyped, empty, unreadable or holds duplicates."""


class FeatureMismatchError(BuyerStageError):
    """The written features differ from what the SQL definition computes from the same input."""


class LabeledSetError(BuyerStageError):
    """The labeled set cannot be built or used: no answers, a stage without members, or members in several splits."""


class ModelError(BuyerStageError):
    """A model cannot be recorded or used: its job failed, or it was trained on other columns."""


class JobFailedError(BuyerStageError):
    """A job that the pipeline waits for ended without doing its work."""


class JobStoppedError(BuyerStageError):
    """A person stopped a job that the pipeline waits for, so it must not start the next attempt by itself."""


class ScoredLinesLostError(BuyerStageError):
    """The scored lines read, written, quarantined and failed do not add up, or some could not be written."""


class ScoresHeldError(BuyerStageError):
    """A day breaks rules of the audit, so that its stages were kept from the table."""


class SuppressionError(BuyerStageError):
    """The suppression list is damaged, or its key is missing or another one, so that forgotten members could return."""
