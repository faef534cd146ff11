"""Lists in OpenAI's form: pages behind a cursor, which is the id of an item."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import jsonify, request
from flask.typing import ResponseReturnValue

from app.dialects.openai.frames.items import Item
from app.errors import BadRequest, NotFound
from app.openapi.declare import Parameter, RouteSpec

MOST, DEFAULT = 100, 20

PAGE = RouteSpec(
    (
        Parameter("limit", "query", f"Items of a page, at most {MOST}; {DEFAULT} without it.", of="items"),
        Parameter("order", "query", "`desc` (the newest first, without it) or `asc`."),
        Parameter("after", "query", "The id of an item: those behind it."),
    ),
    (400, 404),
)


def page_of(items: Sequence[Item]) -> ResponseReturnValue:
    """The page of items, the oldest first, that the query asks for. Raises `BadRequest`, `NotFound`."""
    limit, order = request.args.get("limit", str(DEFAULT)), request.args.get("order", "desc")
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit) <= MOST):
        raise BadRequest(f"'limit' must be a whole number from 1 to {MOST}")
    if order not in ("asc", "desc"):
        raise BadRequest("'order' must be asc or desc")
    ordered = list(items) if order == "asc" else list(reversed(items))
    rest = _behind(ordered, request.args.get("after"))
    return jsonify(listed(rest[: int(limit)], has_more=len(rest) > int(limit)))


def listed(items: Sequence[Item], *, has_more: bool = False) -> dict[str, Any]:
    """A list in OpenAI's form."""
    first, last = (items[0]["id"], items[-1]["id"]) if items else (None, None)
    return {"object": "list", "data": list(items), "first_id": first, "last_id": last, "has_more": has_more}


def _behind(items: Sequence[Item], after: str | None) -> Sequence[Item]:
    if after is None:
        return items
    places = [place for place, item in enumerate(items) if item["id"] == after]
    if not places:
        raise NotFound("'after' must be the id of an item of this list")
    return items[places[0] + 1 :]
