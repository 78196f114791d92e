"""The rules that a day must keep before its stages reach the table. They look at counts only.

A day is compared with the snapshot served before, not with an earlier push of the same day, so that a day that was
served by mistake can be replaced by a better one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date

from buyer_stage.domain.errors import InvalidInputError
from buyer_stage.domain.shift import measure_shift
from buyer_stage.domain.stages import Stage

SNAPSHOT_DATE_RULE = "days older than the live snapshot"
"""No reason overrides this rule: an earlier day comes back by a rollback, which knows what the table held then."""


@dataclass(frozen=True)
class AuditLimits:
    """The limits of all rules. A day on which another model scores gets more room.

    Attributes:
        lowest_member_change: of the number of scored members, such as -0.1 for 10% fewer.
        highest_member_change: of the number of scored members.
        stage_mix_psi: shift of the served stages.
        stage_mix_psi_of_new_model: the same on another model's first day.
        flip_rate: share of members whose served stage changes.
        flip_rate_of_new_model: the same on another model's first day.
        quarantined_share: of the scored lines.
        quarantined_lines: lines that can always be quarantined, however few there are.
    """

    lowest_member_change: float
    highest_member_change: float
    stage_mix_psi: float
    stage_mix_psi_of_new_model: float
    flip_rate: float
    flip_rate_of_new_model: float
    quarantined_share: float
    quarantined_lines: float


@dataclass(frozen=True)
class RuleResult:
    """A rule, with what was found and what is allowed.

    Attributes:
        rule: name of the rule.
        value: what was found; None when there is nothing to compare with.
        lowest: the smallest value that is allowed; None for any.
        highest: the largest value that is allowed.
    """

    rule: str
    value: float | None
    lowest: float | None
    highest: float

    def is_broken(self) -> bool:
        """Check whether the value is outside the limits."""
        if self.value is None:
            return False
        return self.value > self.highest or (self.lowest is not None and self.value < self.lowest)

    def describe(self) -> str:
        """Return the rule with its value and limits, for people."""
        found = "nothing to compare" if self.value is None else f"{self.value:g}"
        allowed = f"at most {self.highest:g}" if self.lowest is None else f"{self.lowest:g} to {self.highest:g}"
        return f"{self.rule}: {found}, allowed {allowed}"


@dataclass(frozen=True)
class ScoredDay:
    """The counts of a snapshot that the audit compares.

    Attributes:
        snapshot_date: the snapshot.
        model_version: the model that scored it.
        stages: stage to serve, or served -> scored members.
    """

    snapshot_date: date
    model_version: str
    stages: Mapping[str, int]


def parse_limits(text: str) -> AuditLimits:
    """Read limits from a JSON object with a number for each attribute of `AuditLimits`.

    Raises:
        InvalidInputError: an attribute is missing, unknown or not a number.
    """
    names = {field.name for field in fields(AuditLimits)}
    try:
        limits = json.loads(text)
        return AuditLimits(**{name: float(limits[name]) for name in names | set(limits)})
    except (LookupError, TypeError, ValueError):
        raise InvalidInputError(
            f"the audit's limits must be a JSON object with a number for each of {', '.join(sorted(names))}; correct "
            "them in terraform/modules/glue_job"
        ) from None


def audit(
    day: ScoredDay,
    before: ScoredDay | None,
    live_date: date | None,
    limits: AuditLimits,
    *,
    flip_rate: float | None,
    read: int,
    quarantined: int,
) -> tuple[RuleResult, ...]:
    """Judge a day before it is served.

    Args:
        day: the day.
        before: the snapshot served before it; None if no item of one is left.
        live_date: the live snapshot; None before the first publication.
        limits: the limits.
        flip_rate: share of the members of both snapshots whose served stage would change; None without any.
        read: scored lines.
        quarantined: scored lines that were refused.

    Returns:
        All rules with their values, always in the same order.
    """
    is_new_model = before is not None and before.model_version != day.model_version
    member_change, shift = None, None
    if before is not None and any(before.stages.values()):
        member_change = sum(day.stages.values()) / sum(before.stages.values()) - 1
        if any(day.stages.values()):
            shift = measure_shift([before.stages[stage] for stage in Stage], [day.stages[stage] for stage in Stage])
    psi_limit = limits.stage_mix_psi_of_new_model if is_new_model else limits.stage_mix_psi
    return (
        RuleResult(
            SNAPSHOT_DATE_RULE, None if live_date is None else float((live_date - day.snapshot_date).days), None, 0
        ),
        RuleResult(
            "change in scored members", member_change, limits.lowest_member_change, limits.highest_member_change
        ),
        RuleResult(
            "stage mix PSI",
            None if shift is None else shift.psi,
            None,
            # Samples as small as these can differ that much by chance.
            psi_limit if shift is None else max(psi_limit, shift.by_chance),
        ),
        RuleResult("flip rate", flip_rate, None, limits.flip_rate_of_new_model if is_new_model else limits.flip_rate),
        RuleResult(
            "quarantined lines",
            float(quarantined),
            None,
            max(limits.quarantined_lines, limits.quarantined_share * read),
        ),
    )


def is_held(results: tuple[RuleResult, ...], serve_anyway: str | None) -> bool:
    """Check whether a day must not be served.

    Args:
        results: from `audit`.
        serve_anyway: why a person wants it to be served although it breaks rules; None without a reason.
    """
    broken = [result.rule for result in results if result.is_broken()]
    return SNAPSHOT_DATE_RULE in broken or (bool(broken) and serve_anyway is None)
