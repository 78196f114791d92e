"""What the lookup accepts and answers. `contracts/lookup.openapi.json` is generated from these types.

Plain classes without a validation library, because its import would cost a third of what the function may take to
start (see benchmarks/README.md).
"""

import json
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from buyer_stage.domain.errors import BuyerStageError
from buyer_stage.domain.member_id import is_well_formed
from buyer_stage.domain.stages import Stage

MAXIMUM_IDS = 100
"""Member ids in one request, as many as one `BatchGetItem` reads.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""


class Freshness(StrEnum):
    """Whether the live snapshot is the one that should be live by now."""

    FRESH = "fresh"
    STALE = "stale"


@dataclass(frozen=True)
class MemberStage:
    """The stage of one member, as the table has it.

    Attributes:
        member_id: the member.
        value: the stage.
        confidence: probability of the stage, 0 to 1.
        probabilities: stage -> probability; they add up to 1.
        since: first snapshot in a row served with this stage.
        snapshot_date: snapshot for which the item was last written; the probabilities are about as of then.
        model_version: the model that predicted them.
        ttl: when the item expires, in seconds since 1970.
        schema_version: version of the item's fields.
    """

    member_id: str
    value: Stage
    confidence: float
    probabilities: dict[Stage, float]
    since: date
    snapshot_date: date
    model_version: str
    ttl: int
    schema_version: int


@dataclass(frozen=True)
class MemberAnswer(MemberStage):
    """Answer about one member.

    Attributes:
        as_of: the live snapshot, for which the stage holds.
        freshness: whether that is the snapshot that should be live by now.
    """

    as_of: date
    freshness: Freshness


@dataclass(frozen=True)
class BatchRequest:
    """Question about several members.

    Attributes:
        member_ids: the members, 1 to `MAXIMUM_IDS`; repeated ones count once in the answer.
    """

    member_ids: list[str]


@dataclass(frozen=True)
class BatchAnswer:
    """Answer about several members.

    Attributes:
        as_of: the live snapshot, for which the stages hold.
        freshness: whether that is the snapshot that should be live by now.
        members: the members who have a stage, in the order of the request.
        not_found: the others.
    """

    as_of: date
    freshness: Freshness
    members: list[MemberStage]
    not_found: list[str]


@dataclass(frozen=True)
class Problem:
    """Answer to a request that fails: https://www.rfc-editor.org/rfc/rfc9457.

    Attributes:
        title: what is wrong, the same text for every request that has this problem.
        status: the HTTP status.
        detail: what to do.
        type: kind of the problem; `about:blank` means what the status says.
    """

    title: str
    status: int
    detail: str
    type: str = "about:blank"


class RefusedRequestError(BuyerStageError):
    """A request that the lookup refuses.

    Attributes:
        problem: the answer, which names no member.
        retry_after_seconds: when the same request can succeed; None if never.
    """

    def __init__(self, title: str, status: int, detail: str, retry_after_seconds: int | None = None):
        super().__init__(title)
        self.problem = Problem(title, status, detail)
        self.retry_after_seconds = retry_after_seconds


MALFORMED_ID = "a member id has 1 to 2048 bytes in UTF-8 and no control characters or line breaks"


def check_member_id(member_id: str) -> str:
    """Return a member id that can be in the table.

    Raises:
        RefusedRequestError: it cannot (400).
    """
    if not is_well_formed(member_id):
        raise RefusedRequestError("Malformed member id", 400, MALFORMED_ID)
    return member_id


def parse_batch_request(body: str | bytes) -> BatchRequest:
    """Read the body of a question about several members, without repeated ids.

    Args:
        body: the JSON text.

    Raises:
        RefusedRequestError: the body is not such a question (400), or it names too few or too many members (422).
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        document = None
    ids = document.get("member_ids") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise RefusedRequestError("Malformed body", 400, 'send JSON: {"member_ids": ["...", "..."]}')
    if not 1 <= len(ids) <= MAXIMUM_IDS:
        raise RefusedRequestError("Wrong number of member ids", 422, f"send 1 to {MAXIMUM_IDS} ids in a request")
    return BatchRequest([check_member_id(each) for each in dict.fromkeys(ids)])
