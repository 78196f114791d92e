"""The numbers that synthetic behavior is drawn from.

They are calibrated on the original's 3,873 labeled rows (994 members, 12 snapshots in January and February 2020): on
shares, means and zero rates per window. No row is copied. Three things differ on purpose. The effect of the stage is
stronger (`SIGNAL`), because the real one would hardly show in a demo. `t030` has searches, which the original extract
had lost. And a few members are missing from long windows only.

Tuples over windows or bands go from the shortest window to the longest. Tuples over stages follow the order of `Stage`.
"""

from buyer_stage.domain.stages import Stage

STAGE_SHARES: dict[Stage, float] = {
    Stage.DREAMER: 0.161,
    Stage.CASUAL_SEARCHER: 0.127,
    Stage.ACTIVE_SEARCHER: 0.541,
    Stage.READY_TO_TRANSACT: 0.171,
}
"""Stage -> share of the members who answered the survey."""

PRESENCE: tuple[float, ...] = (0.082, 0.322, 0.713, 0.894, 1.0)
"""Share of a snapshot's members that each window holds, from the shortest to the longest."""

STAGE_EFFECTS: dict[str, tuple[float, ...]] = {
    "listings": (0.61, 0.86, 1.0, 1.42),
    "searches": (0.65, 0.77, 1.0, 1.50),
    "saved_listings": (1.03, 0.80, 1.0, 1.17),
    "shared_listings": (0.37, 0.19, 1.0, 2.20),
    "saved_searches": (0.50, 0.75, 1.0, 0.75),
    "leads": (0.53, 0.95, 1.0, 0.85),
    "not_for_sale": (1.65, 1.53, 1.0, 1.06),
    "recency": (0.78, 0.58, 1.0, 1.15),
}
"""Activity -> its mean in each stage divided by the mean of Active Searchers. `recency` is presence in `t007`."""

SIGNAL = 2.2
"""Power to which the stage effects are raised. With 1, stages are as hard to predict as in reality (macro F1 0.30)."""

BAND_MEANS: dict[str, tuple[float, ...]] = {
    "listings": (0.55, 1.3, 3.2, 1.6, 0.8),
    "searches": (1.1, 5.5, 16.0, 15.0, 9.0),
    "saved_listings": (0.17, 0.27, 0.55, 0.55, 0.4),
    "shared_listings": (0.10, 0.15, 0.25, 0.15, 0.12),
    "saved_searches": (0.01, 0.04, 0.07, 0.10, 0.06),
    "leads": (0.07, 0.20, 0.50, 0.45, 0.35),
}
"""Activity -> mean per band of a member who was active in the band. `listings` leaves out the first listing."""

GAMMA_SHAPES: dict[str, float] = {
    "listings": 0.55, "searches": 0.22, "saved_listings": 0.5, "shared_listings": 0.15, "saved_searches": 0.15,
    "leads": 0.18,
}  # fmt: skip
"""Activity -> shape of the distribution of rates. A smaller shape means more idle members and a longer tail."""

ACTIVE_SHARE = 0.6
"""Chance that a member who was active in a band was also active in an older one."""

PAGE_VIEWS_PER_LISTING = 2.7
"""Mean page views of each listing that a member viewed."""

PAGE_ACTIVITIES: dict[str, str] = {"ldp": "listings", "srp": "searches", "lead": "leads"}
"""Kind of page, abbreviated as in the columns -> the activity on it."""

LOG_SECONDS: dict[str, tuple[float, float]] = {"ldp": (3.2, 1.3), "srp": (4.1, 0.8), "lead": (2.1, 1.6)}
"""Page -> mean and standard deviation of the logarithm of the seconds per visit."""

SEGMENT_NOT_FOR_SALE: tuple[float, ...] = (0.006, 0.019, 0.079, 0.137, 0.202)
SEGMENT_NONE: tuple[float, ...] = (0.006, 0.012, 0.061, 0.113, 0.140)
"""Shares of the dominant segments per window. Homes viewed long ago are more often sold by now."""

RENTER_SHARE = 0.01
"""Share of the members whose dominant segment is `for rent`."""

DIRT_SHARE = 0.01
"""Share of values that are null, NaN, padded or unknown, and of members who are missing from windows."""
