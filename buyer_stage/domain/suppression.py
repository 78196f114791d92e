"""The suppression list: members who asked to be forgotten, whom no run may bring back.

The list must not name the members that it keeps out, so it holds a keyed hash of each member id. Without the key, which
is a secret, it cannot be compared with lists of known ids.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable

from buyer_stage.domain.errors import SuppressionError

FORMAT_VERSION = 1


def hash_member(member_id: str, key: str) -> str:
    """Return the HMAC-SHA-256 (hex) of a member id, as the list holds it."""
    return hmac.new(key.encode(), member_id.encode(), hashlib.sha256).hexdigest()


def parse_suppression_list(text: str, key: str) -> frozenset[str]:
    """Return the hashes of the suppressed members.

    Args:
        text: the list, from `render_suppression_list`.
        key: the key of the hashes.

    Raises:
        SuppressionError: the list is damaged, of another format version, or belongs to another key. Each of them would
            look like a list without the members that it holds.
    """
    try:
        document = json.loads(text)
        version, checksum, hashes = document["format_version"], document["key_sha256"], document["member_hashes"]
        intact = isinstance(hashes, list) and len(hashes) == document["members"] == len(frozenset(hashes))
    except (ValueError, LookupError, TypeError) as error:
        raise SuppressionError(f"the suppression list is damaged ({type(error).__name__}); {_RESTORE}") from error
    if version != FORMAT_VERSION:
        raise SuppressionError(
            f"the suppression list has the format version {version!r}, and this code reads {FORMAT_VERSION}; deploy "
            "the code version that wrote it"
        )
    if not intact:
        raise SuppressionError(f"the suppression list does not hold the number of members that it states; {_RESTORE}")
    if checksum != _checksum(key):
        raise SuppressionError(
            "the suppression list belongs to another key than the secret holds; restore the earlier version of the "
            "secret"
        )
    return frozenset(hashes)


def render_suppression_list(member_hashes: Iterable[str], key: str) -> str:
    """Return a list as JSON. Equal lists have equal text.

    Args:
        member_hashes: results of `hash_member`, in any order. To add members, pass them with the hashes parsed before.
        key: the key of all hashes.
    """
    hashes = sorted(set(member_hashes))
    document = {
        "format_version": FORMAT_VERSION,
        "key_sha256": _checksum(key),
        "members": len(hashes),
        "member_hashes": hashes,
    }
    return json.dumps(document, indent=0) + "\n"


_RESTORE = "restore an earlier version of it, and forget the members since then again"


def _checksum(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
