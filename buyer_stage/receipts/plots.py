"""SVG plots for pages: without script, font or address; the style sheet of the page colors them by their classes.

All plots show shares from 0 to 1. Their units become smaller on a phone, so a plot is drawn for a phone and gets larger
on a desktop.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TypeVar

import svg
from markupsafe import Markup, escape

from buyer_stage.domain.audit import RuleResult
from buyer_stage.domain.features import window_feature_names
from buyer_stage.domain.shift import DriftLevel
from buyer_stage.domain.stages import Stage
from buyer_stage.domain.windows import Window
from buyer_stage.quality.drift import DriftReport
from buyer_stage.quality.evaluation import ReliabilityBin

T = TypeVar("T")

WIDTH = 360
"""Units of a plot: pixels of a small phone."""
LEFT, TOP, BOTTOM = 38, 8, 22
"""Units for the labels of the axes, and above them."""
GRID = (0.0, 0.5, 1.0)
LABELED_DAYS = 5
"""Days with a label, so that labels do not overlap."""
DAYS_HEIGHT = 150
"""Units of the highest bar in a plot of days."""
CELL_HEIGHT = 18

FEATURE_ORDER = {
    name.removesuffix(Window.T001.suffix): number for number, name in enumerate(window_feature_names(Window.T001))
}
"""Feature without its window -> its place in the specification."""


def stage_class(stage: str) -> str:
    """Return the class with the color of a stage."""
    return f"stage-{list(Stage).index(Stage(stage))}"


def bar(start: float, length: float, kind: str = "bar") -> Markup:
    """Return a bar in a track that goes from 0 to 1. It shows a number that stands next to it."""
    start = min(max(start, 0.0), 1.0)
    return _render(
        svg.SVG(
            xmlns=None,
            viewBox=svg.ViewBoxSpec(0, 0, 100, 10),
            preserveAspectRatio=svg.PreserveAspectRatio("none"),
            class_=["track"],
            extra={"aria-hidden": "true"},
            elements=[
                svg.Rect(x=0, y=0, width=100, height=10, class_=["rail"]),
                svg.Rect(
                    x=_round(100 * start),
                    y=0,
                    width=_round(100 * min(max(length, 0.006), 1 - start)) if length else 0,
                    height=10,
                    class_=[kind],
                ),
            ],
        )
    )


def audit_bar(rule: RuleResult) -> Markup:
    """Return a bar for the value of an audit rule, in a track that ends where the rule is broken."""
    value = rule.value or 0.0
    limit = rule.highest if value >= 0 or rule.lowest is None else rule.lowest
    used = 1.0 if rule.is_broken() else value / limit if limit else 0.0
    return bar(0, max(used, 0.0), "bar-wrong" if rule.is_broken() else "bar-ok")


def stage_mix(days: Mapping[date, Mapping[str, int] | None]) -> Markup:
    """Return one bar per day with the shares of the served stages.

    Args:
        days: day, in order -> served stage -> members; None where nothing was served. One day at least has members.
    """
    elements = _grid(WIDTH - LEFT, DAYS_HEIGHT)
    for day, counts, x, width in _place(days):
        elements += _gap(x, width, day) if counts is None else _stack(x, width, day, counts)
    elements += _day_labels(days)
    return _plot(WIDTH, TOP + DAYS_HEIGHT + BOTTOM, f"Share of the served stages on {len(days)} days", elements)


def daily_share(title: str, days: Mapping[date, float | None]) -> Markup:
    """Return one bar per day with a share, in a scale up to the largest one.

    Args:
        title: what the share is.
        days: day, in order -> share; None where it is not known.
    """
    largest = max((share for share in days.values() if share is not None), default=0.0)
    top = max(math.ceil(20 * largest) / 20, 0.05)
    elements = _grid(WIDTH - LEFT, DAYS_HEIGHT, top)
    for day, share, x, width in _place(days):
        if share is None:
            continue
        height = DAYS_HEIGHT * share / top
        each = svg.Rect(
            x=_round(x),
            y=_round(TOP + DAYS_HEIGHT - height),
            width=_round(width),
            height=_round(height),
            class_=["bar"],
        )
        elements.append(_titled(each, f"{_day_label(day)}: {share:.1%}"))
    elements += _day_labels(days)
    return _plot(WIDTH, TOP + DAYS_HEIGHT + BOTTOM, f"{title} on {len(days)} days", elements)


def reliability(stage: str, bins: Sequence[ReliabilityBin]) -> Markup:
    """Return the observed shares of a stage against the predicted probabilities, with intervals.

    Larger points have more rows. The points of a reliable model are on the dashed line.
    """
    size = 170
    side = size - LEFT - TOP
    most = max(each.rows for each in bins)
    elements = _grid(side, side)
    elements += [_label(LEFT + side / 2, size - 22, "50%"), _label(size - TOP, size - 22, "100%", "end")]
    elements.append(svg.Line(x1=LEFT, y1=TOP + side, x2=LEFT + side, y2=TOP, class_=["ideal"]))
    for each in bins:
        x = _round(LEFT + side * each.mean_probability)
        low, high = (_round(TOP + side * (1 - share)) for share in (each.observed.low, each.observed.high))
        elements.append(svg.Line(x1=x, y1=low, x2=x, y2=high, class_=["interval"]))
        radius = _round(2 + 4 * math.sqrt(each.rows / most))
        point = svg.Circle(cx=x, cy=_round(TOP + side * (1 - each.observed.value)), r=radius, class_=["point"])
        elements.append(
            _titled(
                point,
                f"predicted {each.mean_probability:.0%}, observed {each.observed.value:.0%} of {each.rows:,} rows",
            )
        )
    elements.append(_label(LEFT + side / 2, size - 6, "predicted"))
    return _plot(size, size, f"Reliability of the probabilities of {stage}", elements)


def drift_strip(drift: DriftReport) -> Markup:
    """Return one cell per feature and window: empty if it is stable, half full if moderate, full if significant."""
    # The order of the specification keeps related features together; a document has them by name.
    features = sorted(drift.features, key=lambda feature: (FEATURE_ORDER.get(feature, len(FEATURE_ORDER)), feature))
    step = (WIDTH - LEFT) / len(features)
    elements: list[svg.Element] = []
    for row, window in enumerate(Window):
        y = row * CELL_HEIGHT
        elements.append(_label(LEFT - 5, y + CELL_HEIGHT * 0.7, f"{window.days} d", "end"))
        for column, feature in enumerate(features):
            shift = drift.features[feature][window.value]
            filled = {DriftLevel.STABLE: 0.0, DriftLevel.MODERATE: 0.5, DriftLevel.SIGNIFICANT: 1.0}[shift.level]
            x, width, height = _round(LEFT + step * column), _round(step - 1.5), CELL_HEIGHT - 2.0
            cell: list[svg.Element] = [svg.Rect(x=x, y=y, width=width, height=height, class_=["stable"])]
            if filled:
                top = y + height * (1 - filled)
                cell.append(svg.Rect(x=x, y=top, width=width, height=height * filled, class_=[shift.level.value]))
            elements.append(_titled(svg.G(elements=cell), f"{feature}{window.suffix}: PSI {shift.psi:.3f}"))
    return _plot(WIDTH, CELL_HEIGHT * len(Window), "Drift of each feature in each window", elements)


def _grid(width: float, height: float, top: float = 1.0) -> list[svg.Element]:
    elements: list[svg.Element] = []
    for share in GRID:
        y = _round(TOP + height * (1 - share))
        elements.append(svg.Line(x1=LEFT, y1=y, x2=LEFT + width, y2=y, class_=["grid"]))
        elements.append(_label(LEFT - 5, y + 4, f"{_round(100 * share * top):g}%", "end"))
    return elements


def _place(days: Mapping[date, T]) -> Iterator[tuple[date, T, float, float]]:
    """Yield each day with its value, and the left edge and the width of its bar."""
    step = (WIDTH - LEFT) / len(days)
    for number, (day, value) in enumerate(days.items()):
        yield day, value, LEFT + step * (number + 0.1), min(step * 0.8, 40)


def _day_labels(days: Mapping[date, object]) -> list[svg.Element]:
    """Return labels for some days, always for the last one."""
    every = math.ceil(len(days) / LABELED_DAYS)
    placed = [(day, x + width / 2) for day, _, x, width in _place(days)]
    return [_label(min(x, WIDTH - 16), TOP + DAYS_HEIGHT + 16, _day_label(day)) for day, x in placed[::-every]]


def _day_label(day: date) -> str:
    return f"{day:%b} {day.day}"


def _gap(x: float, width: float, day: date) -> list[svg.Element]:
    gap = svg.Rect(x=_round(x), y=TOP, width=_round(width), height=DAYS_HEIGHT, class_=["gap"])
    return [_titled(gap, f"{_day_label(day)}: nothing served")]


def _stack(x: float, width: float, day: date, counts: Mapping[str, int]) -> list[svg.Element]:
    total = sum(counts.values())
    elements: list[svg.Element] = []
    bottom: float = TOP + DAYS_HEIGHT
    for stage in Stage:
        share = counts.get(stage, 0) / total
        height = share * DAYS_HEIGHT
        bottom -= height
        part = svg.Rect(
            x=_round(x), y=_round(bottom), width=_round(width), height=_round(height), class_=[stage_class(stage)]
        )
        elements.append(_titled(part, f"{_day_label(day)}: {stage} {share:.1%}"))
    return elements


def _label(x: float, y: float, text: str, anchor: str = "middle") -> svg.Text:
    return svg.Text(x=_round(x), y=_round(y), text=str(escape(text)), extra={"text-anchor": anchor})


def _titled(element: svg.Element, title: str) -> svg.Element:
    """Add a title, which browsers show when the pointer is on the element."""
    element.elements = [svg.Title(text=str(escape(title))), *(element.elements or [])]
    return element


def _plot(width: float, height: float, title: str, elements: list[svg.Element]) -> Markup:
    plot = svg.SVG(
        xmlns=None,
        viewBox=svg.ViewBoxSpec(0, 0, width, height),
        class_=["plot"],
        extra={"role": "img", "aria-label": str(escape(title))},
        elements=elements,
    )
    return _render(_titled(plot, title))


def _render(element: svg.Element) -> Markup:
    # All text in it is escaped above; svg.py does not do it.
    return Markup(element.as_str())  # noqa: S704


def _round(value: float) -> float:
    return round(value, 1)
