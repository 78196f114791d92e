"""The manifest of a snapshot's features, for Spark programs, which have no pydantic."""

import json
from datetime import date

from buyer_stage.domain.documents import FeatureManifest, InputCounts, InputWarning
from buyer_stage.domain.errors import InvalidManifestError


def parse_manifest(text: str) -> FeatureManifest:
    """Parse the manifest of a snapshot's features.

    Raises:
        InvalidManifestError: the text is not JSON, or a field is missing, unknown or malformed.
    """
    try:
        fields = json.loads(text)
        fields["snapshot_date"] = date.fromisoformat(fields["snapshot_date"])
        fields["part_files"] = tuple(fields["part_files"])
        counts = fields.get("input_counts", {})
        fields["input_counts"] = {window: InputCounts(**counted) for window, counted in counts.items()}
        fields["input_warnings"] = tuple(InputWarning(**warning) for warning in fields.get("input_warnings", ()))
        return FeatureManifest(**fields)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        name = type(error).__name__
        raise InvalidManifestError(f"the feature manifest is damaged ({name}); run process_features again") from None
