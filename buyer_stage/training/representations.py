"""The inputs of estimators: functions of the features alone, to which a model archive refers by name."""

from collections.abc import Callable, Sequence

import numpy as np

from buyer_stage.domain.features import DOMINANT_SEGMENT
from buyer_stage.domain.windows import Window
from buyer_stage.quality.predictions import Matrix

TOTALS = ("total_", "submitted_")
"""Prefixes of the features that add up over a window."""

COMPARED_WINDOWS = ((Window.T007, Window.T030), (Window.T030, Window.T090))
"""Pairs of a shorter and a longer window, which show whether a member has become more or less active."""


def levels(features: Sequence[str], values: Matrix) -> Matrix:
    """Return every feature on a logarithmic scale, and the windows in which the member was active.

    Args:
        features: names of the F features.
        values: the features, shape (N, F).

    Returns:
        Shape (N, F + W) for W windows. arcsinh is close to the logarithm for large values, and 0 at 0.
    """
    return np.hstack([np.arcsinh(values), _presence(features, values)])


def activity(features: Sequence[str], values: Matrix) -> Matrix:
    """Return totals per window, their change, dominant segments, and the windows in which the member was active.

    Averages and medians are omitted: with few rows to learn from, few columns are better. Features without a window
    stay as in `levels`.

    Args:
        features: names of the F features.
        values: the features, shape (N, F).

    Returns:
        Shape (N, columns); the columns depend on the features only.
    """
    scaled = dict(zip(features, np.arcsinh(values).T, strict=True))
    columns = [column for name, column in scaled.items() if _window_of(name) is None]
    columns += [column for name, column in scaled.items() if name.startswith(DOMINANT_SEGMENT.name)]
    for name, column in scaled.items():
        window = _window_of(name)
        if window is None or not name.startswith(TOTALS):
            continue
        if window is not Window.T001:  # nearly always zero
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
    """Return a 0/1 column for each window of the features: 0 where all of the window's features are 0."""
    windows = [_window_of(feature) for feature in features]
    columns = [
        (values[:, [position for position, other in enumerate(windows) if other is window]] != 0).any(axis=1)
        for window in Window
        if window in windows
    ]
    return np.column_stack(columns).astype(np.float64) if columns else np.zeros((len(values), 0))
