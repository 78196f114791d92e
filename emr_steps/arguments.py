"""The command line arguments that the steps share."""

import argparse
from collections.abc import Sequence

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.snapshot_date import parse_snapshot_date

STEPS: tuple[str, ...] = ("process_features", "validate_features", "build_training_data")
"""Names that `--steps-to-run` accepts."""


def step_parser(description: str | None) -> argparse.ArgumentParser:
    """Return a parser for the arguments of every step: where it reads and writes, and whether it runs.

    Args:
        description: text of the help.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--datalake", required=True, help="root of the data lake: s3://bucket or a folder")
    parser.add_argument("--pipeline-bucket", required=True, help="root of the pipeline bucket: s3://bucket or a folder")
    parser.add_argument("--suppression-secret", help="ARN of the secret with the key of the suppression list")
    parser.add_argument(
        "--steps-to-run",
        type=_step_names,
        default=STEPS,
        help=f"step names, separated by commas, default {','.join(STEPS)}",
    )
    return parser


def add_snapshot_date(parser: argparse.ArgumentParser) -> None:
    """Add the argument that names the snapshot, for steps that work on one."""
    parser.add_argument("--snapshot-date", required=True, type=parse_snapshot_date, help="YYYYMMDD")


def is_skipped(step: str, steps_to_run: Sequence[str]) -> bool:
    """Check whether `--steps-to-run` leaves a step out, and print that it does.

    The state machine always submits all steps.
    """
    if step in steps_to_run:
        return False
    print(f"{step} is skipped: --steps-to-run is {','.join(steps_to_run)}")
    return True


def _step_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    unknown = [name for name in names if name not in STEPS]
    if unknown:
        raise InvalidInputError(
            f"--steps-to-run has unknown steps {', '.join(map(repr, unknown))}; use {', '.join(STEPS)}"
        )
    return names
