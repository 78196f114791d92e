import pytest

from buyer_stage.domain.errors import InvalidInputError
from emr_steps import build_training_data, process_features, validate_features

COMMON = ["--datalake", "lake", "--pipeline-bucket", "bucket"]
SNAPSHOT = ["--snapshot-date", "20200203"]


def test_skipped_step_says_so_and_starts_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    process_features.main([*COMMON, *SNAPSHOT, "--steps-to-run", "validate_features,build_training_data"])
    validate_features.main([*COMMON, *SNAPSHOT, "--feature-query", "q", "--steps-to-run", "process_features"])
    queries = ["--feature-query", "q", "--labeled-set-query", "q"]
    build_training_data.main([*COMMON, *queries, "--survey", "s", "--steps-to-run", "process_features"])

    assert capsys.readouterr().out.splitlines() == [
        "process_features is skipped: --steps-to-run is validate_features,build_training_data",
        "validate_features is skipped: --steps-to-run is process_features",
        "build_training_data is skipped: --steps-to-run is process_features",
    ]


def test_unknown_step_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(InvalidInputError, match="'proces_features'; use process_features"):
        process_features.main([*COMMON, *SNAPSHOT, "--steps-to-run", "proces_features"])


def test_impossible_snapshot_date_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="20200231"):
        process_features.main([*COMMON, "--snapshot-date", "20200231"])


def test_reason_that_a_shell_could_change_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="accept_input"):
        process_features.main([*COMMON, *SNAPSHOT, "--accept-input=$(id)"])
