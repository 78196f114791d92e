"""Draws members, and what they did in the five windows before a snapshot.

Behavior is drawn per band, the days that a window adds to the next shorter one. A window's total is the sum of its
bands, so the total of a short window never exceeds the total of a longer one.
"""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from buyer_stage.domain.datalake import REQUIRED_COLUMNS
from buyer_stage.domain.features import DOMINANT_SEGMENT, MEMBER_ID, HiveType
from buyer_stage.domain.snapshot_date import format_partition_value
from buyer_stage.domain.windows import Window
from sample_data.calibration import (
    ACTIVE_SHARE,
    BAND_MEANS,
    DIRT_SHARE,
    GAMMA_SHAPES,
    LOG_SECONDS,
    PAGE_ACTIVITIES,
    PAGE_VIEWS_PER_LISTING,
    PRESENCE,
    RENTER_SHARE,
    SEGMENT_NONE,
    SEGMENT_NOT_FOR_SALE,
    SIGNAL,
    STAGE_EFFECTS,
    STAGE_SHARES,
)
from sample_data.schema import table_schema

Array = NDArray[Any]
NullableArray = np.ma.MaskedArray[Any, Any]

APPS = np.array(["ios_core_apps", "android_core_apps", "others", "ios_rentals_apps"])
APP_SHARES = (0.30, 0.24, 0.45, 0.01)
EXPERIENCES = np.array(["mobile_app", "web", "mobile_web"])
EXPERIENCE_SHARES = (0.55, 0.24, 0.21)
PROPERTY_TYPES = np.array(["single_family", "condo", "townhome", "multi_family", "land"])
CITIES = np.array(["Denver", "Phoenix", "Austin", "Tampa", "Columbus", "Boise"])
STATES = np.array(["CO", "AZ", "TX", "FL", "OH", "ID"])
ZIP_CODES = np.array(["80202", "85004", "78701", "33602", "43215", "83702"])

STATISTIC_FACTORS: dict[str, float] = {
    "minimum": 0.8, "median": 1.0, "average": 1.02, "maximum": 1.25, "standard": 0.15, "min": 0.7, "max": 1.4,
}  # fmt: skip
"""Word in a column's name -> factor on the member's level. The factors keep minimum <= median <= maximum."""


@dataclass(frozen=True)
class Members:
    """Members, one per position of each array.

    Attributes:
        ids: their distinct member ids.
        stages: positions in `Stage`.
        rates: activity -> how much they do compared with the average of their stage, mean 1.
        renters: whether they look for a home to rent.
        cities: positions in `CITIES`.
        prices: prices of the homes they look at, in dollars.
    """

    ids: Array
    stages: Array
    rates: dict[str, Array]
    renters: Array
    cities: Array
    prices: Array

    def part(self, positions: slice) -> "Members":
        """Return the members at a range of positions."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        rates = {activity: rate[positions] for activity, rate in values.pop("rates").items()}
        return Members(rates=rates, **{name: value[positions] for name, value in values.items()})


def draw_members(rng: np.random.Generator, count: int, first_number: int = 0) -> Members:
    """Draw members whose stages have the calibrated shares, as exactly as the count allows.

    Args:
        rng: source of the random numbers.
        count: number of members.
        first_number: number of the first one. Members with different numbers have different ids.
    """
    bounds = np.cumsum(list(STAGE_SHARES.values()))
    return Members(
        ids=np.array([f"m{tail:016x}{i:08x}" for i, tail in enumerate(rng.integers(2**63, size=count), first_number)]),
        stages=np.searchsorted(bounds[:-1], (rng.permutation(count) + 0.5) / count),
        rates={activity: rng.gamma(shape, 1 / shape, count) for activity, shape in GAMMA_SHAPES.items()},
        renters=rng.random(count) < RENTER_SHARE,
        cities=rng.integers(len(CITIES), size=count),
        prices=np.round(rng.lognormal(12.6, 0.5, count), -3),
    )


@dataclass(frozen=True)
class Behavior:
    """What members did before a snapshot. Arrays have a row per member and a column per window.

    Attributes:
        present: whether the window's table has a row for the member.
        columns: data lake column -> values, masked where null.
    """

    present: Array
    columns: dict[str, NullableArray]


def draw_behavior(rng: np.random.Generator, members: Members, snapshot_date: date) -> Behavior:
    """Draw what members did in the windows that end on a snapshot date. Every member is in at least one window."""
    active = _draw_active_bands(rng, members)
    counts = {activity: _draw_counts(rng, members, activity, active) for activity in BAND_MEANS}
    counts["listings"] += active
    totals = {activity: by_band.cumsum(axis=1) for activity, by_band in counts.items()}
    columns: dict[str, Array] = {
        MEMBER_ID: _in_each_window(members.ids),
        "run_date_mst_yyyymmdd": _in_each_window(np.full(len(members.ids), format_partition_value(snapshot_date))),
        DOMINANT_SEGMENT.name: _draw_segments(rng, members),
        **_view_columns(rng, counts["listings"]),
        **_observed_once("searches", totals["searches"]),
        **{f"total_{kind}": totals[kind] for kind in ("saved_listings", "shared_listings", "saved_searches")},
        "total_shared_searches": np.zeros_like(totals["searches"]),  # there are none in the real sample
        **_lead_columns(rng, members, counts["leads"]),
        **_visit_columns(rng, counts, snapshot_date),
        **_city_columns(rng, members),
        **_home_columns(members),
    }
    for page, activity in PAGE_ACTIVITIES.items():
        columns |= _dwell_columns(page, _draw_seconds(rng, page, counts[activity]), totals[activity])
    present = np.logical_or.accumulate(active, axis=1)
    _break_nesting(rng, present)
    nullable = {name: np.ma.array(values, mask=_null_without(name, totals)) for name, values in columns.items()}
    _lose_values(rng, nullable)
    return Behavior(present, nullable)


def _in_each_window(values: Array) -> Array:
    return np.repeat(values[:, None], len(Window), axis=1)


def _stage_factors(activity: str, stages: Array) -> Array:
    """Return the effect of each member's stage on an activity. The mean over all stages is 1."""
    effects = np.array(STAGE_EFFECTS[activity]) ** SIGNAL
    factors: Array = effects / (effects @ np.array(list(STAGE_SHARES.values())))
    return factors[stages]


def _draw_active_bands(rng: np.random.Generator, members: Members) -> Array:
    """Draw the bands in which members looked at homes. Each window holds exactly its `PRESENCE` of the members."""
    count = len(members.ids)
    recency = rng.random(count) ** (1 / _stage_factors("recency", members.stages))
    rank = np.empty(count, dtype=np.int64)
    rank[np.argsort(-recency)] = np.arange(count)
    last_band = np.searchsorted(np.ceil(np.array(PRESENCE) * count), rank, side="right")[:, None]
    bands = np.arange(len(Window))
    again = rng.random((count, len(Window))) < ACTIVE_SHARE
    active: Array = (bands == last_band) | ((bands > last_band) & again)
    return active


def _draw_counts(rng: np.random.Generator, members: Members, activity: str, active: Array) -> Array:
    rate = members.rates[activity] * _stage_factors(activity, members.stages)
    return np.where(active, rng.poisson(np.outer(rate, BAND_MEANS[activity])), 0)


def _draw_segments(rng: np.random.Generator, members: Members) -> Array:
    """Draw dominant segments. A segment that is not for sale in a window is not for sale in the longer ones."""
    luck = rng.random(len(members.ids))[:, None]
    not_for_sale = np.outer(_stage_factors("not_for_sale", members.stages), SEGMENT_NOT_FOR_SALE)
    no_segment = 1 - np.array(SEGMENT_NONE)
    segments = np.select(
        [members.renters[:, None], luck < not_for_sale, luck >= no_segment],
        ["for rent", "not for sale", "no_segment"],
        "for sale",
    ).astype(object)
    dirt = rng.random(segments.shape)
    segments = np.where(dirt < DIRT_SHARE, "  " + segments + " ", segments)
    return np.where(dirt > 1 - DIRT_SHARE, "coming soon", segments)


def _view_columns(rng: np.random.Generator, listings_by_band: Array) -> dict[str, Array]:
    again = rng.poisson(listings_by_band * (PAGE_VIEWS_PER_LISTING - 1))
    listings = listings_by_band.cumsum(axis=1)
    repeated = rng.binomial(np.maximum(listings_by_band - 1, 0), 0.02)
    distinct = listings - repeated.cumsum(axis=1)
    views = listings + again.cumsum(axis=1)
    average_views = _share(views, listings)
    return {
        "total_ldp_page_views": views,
        "average_ldp_page_views": average_views,
        "median_ldp_page_views": np.floor(average_views),
        **_observed_once("listings_viewed", listings),
        **_observed_once("distinct_listings_viewed", distinct),
    }


def _observed_once(what: str, totals: Array) -> dict[str, Array]:
    """Return equal totals, averages and medians: the data lake has one observation per window of these."""
    return {f"{statistic}_{what}": totals for statistic in ("total", "average", "median")}


def _lead_columns(rng: np.random.Generator, members: Members, leads_by_band: Array) -> dict[str, Array]:
    for_rent = np.where(members.renters[:, None], leads_by_band, 0)
    not_for_sale = rng.binomial(leads_by_band - for_rent, 0.002)
    advpro = rng.binomial(leads_by_band, 0.3)
    connection = rng.binomial(leads_by_band - advpro, 0.4)
    by_band = {
        "total_leads_submitted": leads_by_band,
        "submitted_leads_for_rent": for_rent,
        "submitted_leads_not_for_sale": not_for_sale,
        "submitted_leads_for_sale": leads_by_band - for_rent - not_for_sale,
        "submitted_leads_advpro": advpro,
        "submitted_leads_connection_for_buyers": connection,
        "submitted_leads_basic": leads_by_band - advpro - connection,
    }
    return {name: values.cumsum(axis=1) for name, values in by_band.items()}


def _dwell_columns(page: str, total: Array, count: Array) -> dict[str, Array]:
    average = _share(total, count)
    several = count > 1
    columns = {
        "total": total,
        "average": average,
        "median": np.floor(np.where(several, 0.6 * average, total)),
        "minimum": np.floor(np.where(several, 0.3 * average, total)),
        "maximum": np.floor(np.where(several, np.minimum(total, 2 * average), total)),
    }
    return {f"{statistic}_{page}_dwell_time_seconds": values for statistic, values in columns.items()}


def _draw_seconds(rng: np.random.Generator, page: str, visits_by_band: Array) -> Array:
    seconds = visits_by_band * rng.lognormal(*LOG_SECONDS[page], visits_by_band.shape)
    return np.round(seconds).astype(np.int64).cumsum(axis=1)


def _visit_columns(rng: np.random.Generator, counts: dict[str, Array], snapshot_date: date) -> dict[str, Array]:
    """Draw first and latest visits, in the oldest and the youngest band of the window that has such a visit."""
    ends = np.array([window.days for window in Window])
    starts = np.array([0, *ends[:-1]])
    days_ago = starts + rng.random(counts["listings"].shape) * (ends - starts)
    end_of_day = np.datetime64(snapshot_date, "ms") + np.timedelta64(1, "D")

    def visit(activity: str, accumulate: np.ufunc) -> Array:
        days: Array = accumulate.accumulate(np.where(counts[activity] > 0, days_ago, np.nan), axis=1)
        moments: Array = end_of_day - np.nan_to_num(days * 86_400_000).astype("timedelta64[ms]")
        return moments

    return {
        "most_recent_ldp_visit_date": visit("listings", np.fmin),
        "first_ldp_visit_date": visit("listings", np.fmax),
        "most_recent_srp_visit_date": visit("searches", np.fmin),
        "first_srp_visit_date": visit("searches", np.fmax),
        "most_recent_lead_submitted": visit("leads", np.fmin),
    }


def _city_columns(rng: np.random.Generator, members: Members) -> dict[str, Array]:
    """Draw where members look for homes, and with which app. The product reads none of these columns."""
    count = len(members.ids)
    columns: dict[str, Array] = {
        "ldp_dominant_zip": ZIP_CODES[members.cities],
        "ldp_dominant_property_type": rng.choice(PROPERTY_TYPES, count),
        "leads_dominant_site_section": np.full(count, "ldp"),
        "leads_dominant_lead_category_group": np.where(members.renters, "for_rent", "for_sale"),
    }
    for choice in ("dominant", "recent"):
        columns[f"srp_{choice}_city"] = CITIES[members.cities]
        columns[f"srp_{choice}_state"] = STATES[members.cities]
        columns[f"srp_{choice}_zip"] = ZIP_CODES[members.cities]
    for page in ("ldp", "srp", "leads"):
        columns[f"{page}_dominant_experience_type"] = rng.choice(EXPERIENCES, count, p=EXPERIENCE_SHARES)
        columns[f"{page}_dominant_apps_type"] = rng.choice(APPS, count, p=APP_SHARES)
    return {name: _in_each_window(values) for name, values in columns.items()}


def _home_columns(members: Members) -> dict[str, Array]:
    """Return prices, rooms and stories of the homes that members looked at or searched for. The product reads none."""
    levels = {"price": members.prices, "stories": np.full(len(members.ids), 1.5)}
    levels["bed_rooms"] = levels["bedrooms"] = 2.0 + members.cities % 3
    levels["bath_rooms"] = levels["bathrooms"] = 1.5 + members.cities % 2
    columns: dict[str, Array] = {}
    for name in table_schema().names:
        for ending, level in levels.items():
            if name.endswith(ending):
                factor = np.prod([STATISTIC_FACTORS.get(word, 1.0) for word in name.split("_")])
                columns[name] = _in_each_window(level * factor)
    return columns


def _share(totals: Array, counts: Array) -> Array:
    quotients: Array = totals / np.maximum(counts, 1)
    return quotients


def _break_nesting(rng: np.random.Generator, present: Array) -> None:
    """Remove a few members from long windows, as late data does. Every member stays in at least one window."""
    shortest, middle, longest = Window.T001, Window.T030, Window.T090
    for removed in ([w for w in Window if w is not shortest], [middle], [longest]):
        lost = np.isin([w.value for w in Window], removed)
        candidates = np.flatnonzero(present[:, lost].any(axis=1) & present[:, ~lost].any(axis=1))
        chosen = rng.choice(candidates, max(1, round(DIRT_SHARE * len(candidates))), replace=False)
        present[chosen] &= ~lost


def _null_without(name: str, totals: dict[str, Array]) -> Array | bool:
    """Return where a column is null: nothing happened that it summarizes. Every present member viewed a listing."""
    if "lead" in name:
        return np.equal(totals["leads"], 0)
    if "srp" in name or ("search" in name and "saved" not in name and "shared" not in name):
        return np.equal(totals["searches"], 0)
    return False


def _lose_values(rng: np.random.Generator, columns: dict[str, NullableArray]) -> None:
    """Drop values of the columns that the product reads. Half of the missing doubles are NaN instead of null."""
    for name, hive_type in REQUIRED_COLUMNS.items():
        if name == MEMBER_ID:
            continue
        values = np.ma.getdata(columns[name])
        null = np.ma.getmaskarray(columns[name]) | (rng.random(values.shape) < DIRT_SHARE)
        if hive_type is HiveType.DOUBLE:
            not_a_number = null & (rng.random(values.shape) < 0.5)
            values = np.where(not_a_number, np.nan, values)
            null &= ~not_a_number
        columns[name] = np.ma.array(values, mask=null)
