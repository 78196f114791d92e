"""The one hierarchy of errors that the product raises on purpose.

The state machines branch on the class name: none of these is retried, because waiting does not mend a wrong
input. Transient faults of AWS keep the names that AWS gives them, and those are retried.
"""


class BuyerStageError(Exception):
    """Base of every error raised on purpose; its message says what is wrong and what to do."""


class InvalidInputError(BuyerStageError):
    """An argument, event or environment variable is missing or has an impossible value."""


class InvalidManifestError(BuyerStageError):
    """A manifest is there but damaged, incomplete or at odds with what it describes."""


class DataLakeError(BuyerStageError):
    """A data lake table, column or partition is missing, mistyped, empty, unreadable or holds duplicates."""


class FeatureMismatchError(BuyerStageError):
    """The features written differ from what the SQL definition gives on the same input."""


class LabeledSetError(BuyerStageError):
    """The labeled set cannot be built or used: no answers, a stage nobody chose, members across splits."""


class ModelError(BuyerStageError):
    """A model cannot be recorded or used: its job failed, or it was trained on other columns."""


class JobFailedError(BuyerStageError):
    """A job that the pipeline waits for ended without doing its work."""


class ScoredLinesLostError(BuyerStageError):
    """The records read, written, quarantined and failed do not add up, or some could not be written."""
