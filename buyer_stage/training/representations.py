"""What estimators see of a row: functions of the features alone, known to the model archive by name."""

from collections.abc import Callable, Sequence

import numpy as np

from buyer_stage.domain.features import DOMINANT_SEGMENT
from buyer_stage.domain.windows import Window
from buyer_stage.quality.evaluation import Matrix

TOTALS = ("total_", "submitted_")
"""Beginnings of the names of features that add up over a window."""

COMPARED_WINDOWS = ((Window.T007, Window.T030), (Window.T030, Window.T090))
"""A shorter window against a longer one: is the member doing more of it lately, or less?"""


def levels(features: Sequence[str], values: Matrix) -> Matrix:
    """Give every feature on a scale where doubling is a step, and which windows the member is in.

    Args:
        features: names of the F features.
        values: shape (N, F).

    Returns:
        Shape (N, F and a column per window). arcsinh is close to the logarithm for large values, and 0 at 0.
    """
    return np.hstack([np.arcsinh(values), _presence(features, values)])


def activity(features: Sequence[str], values: Matrix) -> Matrix:
    """Give how much was done per window, how that changed, the dominant segments, and the windows the member is in.

    Averages and medians are left out: few columns are better when there is little to learn from. Features that belong
    to no window are kept as in `levels`.
    """
    scaled = dict(zip(features, np.arcsinh(values).T, strict=True))
    columns = [column for name, column in scaled.items() if _window_of(name) is None]
    columns += [column for name, column in scaled.items() if name.startswith(DOMINANT_SEGMENT.name)]
    for name, column in scaled.items():
        window = _window_of(name)
        if window is None or not name.startswith(TOTALS):
            continue
        if window is not Window.T001:  # nearly always empty
            columns.append(column)
        for shorter, longer in COMPARED_WINDOWS:
            other = name.removesuffix(window.suffix) + longer.suffix
            if window is shorter and other in scaled:
                columns.append(column - scaled[other])
    return np.column_stack([*columns, _presence(features, values)])


REPRESENTATIONS: dict[str, Callable[[Sequence[str], Matrix], Matrix]] = {"levels": levels, "activity": activity}
"""Name in a model archive -> function of feature names and values."""


def _window_of(feature: str) -> Window | None:
    return next((window for window in Window if feature.endswith(window.suffix)), None)


def _presence(features: Sequence[str], values: Matrix) -> Matrix:
    """Give a 0/1 column per window that there are features of: a member who is absent from a window is all zeros."""
    windows = [_window_of(feature) for feature in features]
    columns = [
        (values[:, [position for position, other in enumerate(windows) if other is window]] != 0).any(axis=1)
        for window in Window
        if window in windows
    ]
    return np.column_stack(columns).astype(np.float64) if columns else np.zeros((len(values), 0))
