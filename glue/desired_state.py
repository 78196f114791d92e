"""Decides the state that the table should have, and which items must be written for that.

An item is written when its member is new, when its stage, model or a probability has changed, and early enough before
it expires. Every other item stays as it is, and so does its row in the state: a state always says what the table holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as sf

from buyer_stage.domain.features import MEMBER_ID
from buyer_stage.domain.serving_item import PROBABILITY_DECIMALS
from buyer_stage.spark.suppression import IS_SUPPRESSED, SuppressedMembers
from glue.served_states import ITEM_COLUMNS, STATE_COLUMNS

CORRECTED, DELETED = "corrected", "deleted"
"""Reasons to touch an item whose member has no scored line: a push that died had written it, or nothing should be
there."""

_DAY_SECONDS = 24 * 60 * 60
_SMALLEST_DIFFERENCE = Decimal(1).scaleb(-PROBABILITY_DECIMALS)


@dataclass(frozen=True)
class Lifetime:
    """How long items live, and when they are refreshed.

    Attributes:
        served_on: the day of the push in UTC. Items that have expired when it begins count as gone.
        ttl_days: full days after `served_on` until an item expires.
        refresh_margin_days: an item that expires within so many days is written again. Each member also has a refresh
            slot as often as an item that is never late must be written, every `ttl_days + 1 - refresh_margin_days`
            days. So the items that were written on one day are not all refreshed on one day.
    """

    served_on: date
    ttl_days: int
    refresh_margin_days: int

    @property
    def begins_at(self) -> int:
        """When `served_on` begins, in seconds since 1970."""
        return int(datetime.combine(self.served_on, time(), UTC).timestamp())

    @property
    def expires_at(self) -> int:
        """When items that are written now expire. All pushes of a day write the same."""
        return int(datetime.combine(self.served_on + timedelta(days=self.ttl_days + 1), time(), UTC).timestamp())

    def needs_refresh(self, ttl: Column) -> Column:
        """Check whether a member's item is due, from the time when it expires."""
        period = max(1, self.ttl_days + 1 - self.refresh_margin_days)
        is_slot = sf.pmod(sf.xxhash64(MEMBER_ID) + self.begins_at // _DAY_SECONDS, sf.lit(period)) == 0
        is_late = ttl <= self.begins_at + self.refresh_margin_days * _DAY_SECONDS
        return (ttl < self.expires_at) & (is_slot | is_late)


@dataclass(frozen=True)
class Comparison:
    """What counts as a difference between a live item and its source.

    Attributes:
        lifetime: of the items.
        probability_tolerance: smallest difference of a probability that is written; None if the item has to equal its
            source in everything but `ttl`.
        keeps_unscored_members: whether live members without a source stay.
    """

    lifetime: Lifetime
    probability_tolerance: Decimal | None
    keeps_unscored_members: bool


def unexpired(state: DataFrame, lifetime: Lifetime) -> DataFrame:
    """Return the rows of a state that have not expired."""
    return state.where(sf.col("ttl") > lifetime.begins_at)


def touched_members(live: DataFrame, pending: Sequence[DataFrame]) -> DataFrame:
    """Return the ids of members whose item may not be the one of the live state.

    Args:
        live: the live state, complete.
        pending: states that pushes had begun to write before they died.
    """
    known = live.select(MEMBER_ID, sf.struct(*ITEM_COLUMNS).alias("live"))
    touched = live.select(MEMBER_ID).limit(0)
    for state in pending:
        begun = state.select(MEMBER_ID, sf.struct(*ITEM_COLUMNS).alias("begun"))
        differing = known.join(begun, MEMBER_ID, "full").where(~sf.col("live").eqNullSafe(sf.col("begun")))
        touched = touched.union(differing.select(MEMBER_ID))
    return touched.distinct()


def join_scores(
    checked: DataFrame,
    live: DataFrame,
    before: DataFrame | None,
    *,
    snapshot_date: date,
    model_version: str,
    snapshots_before_change: int,
) -> DataFrame:
    """Join the checked lines with what is served, and decide each member's served stage.

    Args:
        checked: from `check_lines`.
        live: the live state, with the column `is_suppressed`.
        before: the state that the snapshot before left, if that is another one than the live state.
        snapshot_date: the day that the scores describe.
        model_version: the model that predicted them.
        snapshots_before_change: as for `stage_changes.next_served_stage`, whose Spark form this is.

    Returns:
        A row for each line and each live member, with the structures `source` (what to serve) and `live` (what is
        served), each null where there is none, and the columns of `CHECKED_COLUMNS`, and `previous` (the stage served
        for the snapshot before).
    """
    joined = checked.join(_as_structure(live, "live"), MEMBER_ID, "full")
    if before is None:
        joined = joined.withColumn("before", sf.col("live"))
    else:
        joined = joined.join(_as_structure(before, "before"), MEMBER_ID, "left")
    then, is_scored = sf.col("before"), sf.col("predicted").isNotNull()
    waits = sf.coalesce(
        (then.stage != sf.col("predicted")) & (then.disagreeing_snapshots + 1 < snapshots_before_change), sf.lit(False)
    )
    stage = sf.when(waits, then.stage).otherwise(sf.col("predicted"))
    source = sf.struct(
        stage.alias("stage"),
        sf.col("probabilities"),
        sf.lit(model_version).alias("model_version"),
        sf.when(then.stage == stage, then.since).otherwise(sf.lit(snapshot_date)).alias("since"),
        sf.lit(snapshot_date).alias("snapshot_date"),
        sf.when(waits, then.disagreeing_snapshots + 1).otherwise(0).alias("disagreeing_snapshots"),
    )
    return joined.select(
        MEMBER_ID,
        "live",
        sf.when(is_scored, source).alias("source"),
        "predicted",
        sf.when(is_scored, then.stage).alias("previous"),
        "line",
        "refusal",
        sf.coalesce(sf.col(IS_SUPPRESSED), sf.lit(False)).alias(IS_SUPPRESSED),
    )


def join_state(target: DataFrame, live: DataFrame, suppressed: SuppressedMembers) -> DataFrame:
    """Join a state to go back to, or to renew, with what is served.

    Args:
        target: the state.
        live: the live state, with the column `is_suppressed`.
        suppressed: members to leave out.

    Returns:
        The columns of `join_scores`. Rows of suppressed members keep nothing but `is_suppressed`.
    """
    kept = ~sf.col(IS_SUPPRESSED)
    wanted = suppressed.mark(target).select(
        sf.when(kept, sf.col(MEMBER_ID)).alias(MEMBER_ID),
        sf.when(kept, sf.struct(*STATE_COLUMNS[1:])).alias("source"),
        IS_SUPPRESSED,
    )
    joined = wanted.join(_as_structure(live, "live"), MEMBER_ID, "full")
    nothing = sf.lit(None).cast("string")
    return joined.select(
        MEMBER_ID,
        "live",
        "source",
        nothing.alias("predicted"),
        sf.when(sf.col("source").isNotNull(), sf.col("live.stage")).alias("previous"),
        nothing.alias("line"),
        nothing.alias("refusal"),
        sf.coalesce(sf.col(IS_SUPPRESSED), sf.lit(False)).alias(IS_SUPPRESSED),
    )


def _as_structure(state: DataFrame, name: str) -> DataFrame:
    return state.select(MEMBER_ID, sf.struct(*state.columns[1:]).alias(name))


def decide(joined: DataFrame, touched: DataFrame | None, comparison: Comparison) -> DataFrame:
    """Decide each member's row in the new state, and why its item is written or deleted.

    Args:
        joined: from `join_scores` or `join_state`.
        touched: from `touched_members`; None if no push has died.
        comparison: what counts as a difference.

    Returns:
        The rows of `joined`, with the structure `row` instead of `live` and `source` (the columns of a state without
        member id; null for a member who is not in the new state), `is_source` (whether there was a source), `served`
        (the live stage; null for a suppressed member) and `reason` (null if the table already has what it should).
    """
    if touched is None:
        joined = joined.withColumn("is_touched", sf.lit(False))
    else:
        marked = touched.withColumn("is_touched", sf.lit(True))
        joined = joined.join(marked, MEMBER_ID, "full").fillna(False, ["is_touched", IS_SUPPRESSED])
    live, source, is_source = sf.col("live"), sf.col("source"), sf.col("source").isNotNull()
    stays = live.isNotNull() & sf.lit(comparison.keeps_unscored_members) & ~live[IS_SUPPRESSED]
    corrected = sf.when(sf.col("is_touched"), CORRECTED)
    reason = (
        sf.when(is_source, sf.coalesce(_difference(live, source, comparison), corrected))
        .when(stays, corrected)
        .when(live.isNotNull() | sf.col("is_touched"), DELETED)
    )
    ttl = sf.lit(comparison.lifetime.expires_at).cast("long")
    is_same = sf.col("reason").isNull() | (sf.col("reason") == CORRECTED)
    row = sf.when(is_source & is_same, _row(live, live.ttl, source)).when(is_source, _row(source, ttl, source))
    return joined.withColumn("reason", reason).select(
        MEMBER_ID,
        row.when(stays, _row(live, live.ttl, live)).alias("row"),
        is_source.alias("is_source"),
        sf.when(~live[IS_SUPPRESSED], live.stage).alias("served"),
        "reason",
        "predicted",
        "previous",
        "line",
        "refusal",
        IS_SUPPRESSED,
    )


def has_changed() -> Column:
    """Check whether a row of `decide` changes the served stage. Not to be served counts as a stage, too."""
    return ~sf.col("served").eqNullSafe(sf.col("row.stage"))


def _difference(live: Column, source: Column, comparison: Comparison) -> Column:
    """Return why a source becomes a new item; null if the live item will do."""
    is_exact = comparison.probability_tolerance is None
    tolerance = _SMALLEST_DIFFERENCE if is_exact else comparison.probability_tolerance
    moved = sf.array_max(sf.zip_with(live.probabilities, source.probabilities, lambda then, now: sf.abs(then - now)))
    is_other_day = live.snapshot_date != source.snapshot_date if is_exact else sf.lit(False)
    return (
        sf.when(live.isNull(), "new")
        .when(live.stage != source.stage, "stage")
        .when(live.model_version != source.model_version, "model")
        .when(moved >= sf.lit(tolerance), "probability")
        .when((live.since != source.since) | is_other_day, "date")
        .when(comparison.lifetime.needs_refresh(live.ttl), "ttl")
    )


def _row(item: Column, ttl: Column, counted: Column) -> Column:
    columns = {"ttl": ttl, "disagreeing_snapshots": counted.disagreeing_snapshots}
    return sf.struct(*[columns.get(name, item[name]).alias(name) for name in STATE_COLUMNS[1:]])
