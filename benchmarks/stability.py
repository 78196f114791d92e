r"""Measures how often members change stage from day to day, and how often unchanged members seem to drift.

    python -m benchmarks.stability [--sample CSV] [--seed 7]

Both need members on several days, so the sample is required. Stages are predicted for unseen members: each fifth of the
members is held out in turn. Decisions 6 and 7 cite the figures.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.model_quality import SAMPLE
from buyer_stage.domain.feature_bins import profile_rows
from buyer_stage.domain.features import MODEL_FEATURES
from buyer_stage.domain.shift import DriftLevel, measure_shift
from buyer_stage.domain.stage_changes import ServedStage, next_served_stage
from buyer_stage.domain.stages import Stage
from buyer_stage.training.fitting import FOLDS, member_folds, train
from buyer_stage.training.training_rows import TrainingRows, read_csv, read_training_rows

DAY_COLUMN = "snapshot_date_mst_yyyymmdd"

WAITS = (1, 2, 3)
"""Values of `snapshots_before_stage_change`."""

BASELINE_MEMBERS = (50, 100, 200)
DRAWS = 12


def predicted_stages(rows: TrainingRows, seed: int, console: Console) -> list[Stage]:
    """Return the stage of each row, predicted by a model that was trained on other members."""
    stages = tuple(Stage)
    predicted = np.zeros(len(rows.members), dtype=np.int64)
    for number, (fitted, held_out) in enumerate(member_folds(rows, FOLDS, seed), start=1):
        with console.status(f"members held out, fold {number} of {FOLDS}"):
            model = train(rows.take(fitted), seed, lambda _: None).model
            predicted[held_out] = model.predict(rows.take(held_out)).predicted
    return [stages[index] for index in predicted]


def flip_rate(stages_of_members: Iterable[Sequence[Stage]], snapshots_before_change: int) -> float:
    """Return the flip rate: the share of members with a previous stage whose served stage changes.

    Args:
        stages_of_members: the predicted stages of each member, day by day.
        snapshots_before_change: as for `next_served_stage`.
    """
    pairs = flips = 0
    for stages in stages_of_members:
        served: ServedStage | None = None
        for stage in stages:
            following = next_served_stage(stage, served, snapshots_before_change)
            if served is not None:
                pairs += 1
                flips += following.stage is not served.stage
            served = following
    return flips / pairs


def shifts_by_chance(rows: TrainingRows, members: int, seed: int, *, all_days: bool) -> float:
    """Compare random members with all others, and return the share of features that seem to shift.

    Args:
        rows: rows sorted by member and day.
        members: number of random members: the drift baseline. The others are the current day.
        seed: seed of the draws.
        all_days: whether all days of the random members count, or only the last. Of the others, only the last counts.
    """
    ids = np.array(rows.members, dtype=object)
    last = np.append(ids[1:] != ids[:-1], True)
    draw, shifted = np.random.default_rng(seed), 0
    for _ in range(DRAWS):
        chosen = np.isin(ids, draw.choice(np.unique(ids), members, replace=False))
        then = profile_rows(rows.values[chosen & (last | all_days)].tolist()).counts
        now = profile_rows(rows.values[~chosen & last].tolist()).counts
        shifted += sum(measure_shift(then[name], now[name]).level is not DriftLevel.STABLE for name in now)
    return shifted / (DRAWS * len(MODEL_FEATURES))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=Path, default=SAMPLE, help="CSV of labeled rows on several days")
    parser.add_argument("--seed", type=int, default=7, help="seed of folds, models and draws, default 7")
    parsed = parser.parse_args(arguments)
    if not parsed.sample.is_file():
        sys.exit(f"{parsed.sample} does not exist; pass labeled rows on several days with --sample")
    console = Console(highlight=False, width=120)
    rows = read_training_rows(parsed.sample, MODEL_FEATURES)
    days = read_csv(parsed.sample)[DAY_COLUMN].astype(str)
    order = np.lexsort((days.to_numpy(), np.array(rows.members)))
    rows = rows.take(order)

    members_and_stages = zip(rows.members, predicted_stages(rows, parsed.seed, console), strict=True)
    by_member = [[stage for _, stage in each] for _, each in groupby(members_and_stages, key=lambda pair: pair[0])]
    table = Table("snapshots before a stage changes", "members who change stage", title_justify="left")
    for wait in WAITS:
        table.add_row(str(wait), f"{flip_rate(by_member, wait):.1%}")
    console.print(table)

    table = Table("members compared with the others", "features that shift: all days count", "last day counts")
    for members in BASELINE_MEMBERS:
        shares = [shifts_by_chance(rows, members, parsed.seed, all_days=all_days) for all_days in (True, False)]
        table.add_row(str(members), *(f"{share:.2%}" for share in shares))
    console.print(table)


if __name__ == "__main__":
    main()
