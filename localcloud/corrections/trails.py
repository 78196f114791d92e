"""A CloudTrail trail keeps the tags that it is created with; MiniStack drops them."""

import functools
import json
from collections.abc import Callable
from typing import Any

from ministack.services import cloudtrail


def install() -> None:
    """Keep the tags of new trails."""
    create = cloudtrail._DISPATCH["CreateTrail"]
    cloudtrail._DISPATCH["CreateTrail"] = functools.partial(_create_trail, create)


def _create_trail(create: Callable[[dict[str, Any]], Any], request: dict[str, Any]) -> Any:
    response = create(request)
    if response[0] == 200:
        trail = json.loads(response[2])["TrailARN"]
        cloudtrail._add_tags({"ResourceId": trail, "TagsList": request.get("TagsList", [])})
    return response
