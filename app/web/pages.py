"""Pages of lists: `limit` and `cursor` in the query, the address of the next page in the header `Link`. Those of
messages have `limit` and `before`."""

from __future__ import annotations

import re
from typing import Any

from flask import Response, jsonify, request, url_for

from app.errors import BadRequest
from app.state.conversation.message_pages import WantedMessages
from app.state.pages import Page, WantedPage

MAX_ITEMS = 500
"""Items of one page, and of a request that names no limit."""

MAX_MESSAGES, DEFAULT_MESSAGES = 200, 50
"""Messages of one page, and of a request for a page that names no limit."""

MESSAGES_LIMIT = re.compile(r"[1-9][0-9]?|1[0-9]{2}|200")
LIMIT = re.compile(r"[1-9][0-9]{0,8}")
CURSOR = re.compile(r"[0-9]{1,18}")


def wanted_page() -> WantedPage:
    """The page that the query asks for. Raises `BadRequest`."""
    limit, cursor = request.args.get("limit", str(MAX_ITEMS)), request.args.get("cursor", "")
    if not LIMIT.fullmatch(limit):
        raise BadRequest(f"'limit' must be a whole number from 1 on; a page has at most {MAX_ITEMS}")
    if "cursor" in request.args and not CURSOR.fullmatch(cursor):
        raise BadRequest("'cursor' must be that of the header Link of the page before; leave it out for the first page")
    return WantedPage(min(int(limit), MAX_ITEMS), cursor)


def messages_limit() -> int | None:
    """How many messages the query asks for, None if it does not say. Raises `BadRequest`."""
    limit = request.args.get("limit")
    if limit is None:
        return None
    if not MESSAGES_LIMIT.fullmatch(limit):
        raise BadRequest(f"'limit' must be a whole number from 1 to {MAX_MESSAGES}")
    return int(limit)


def wanted_messages(*, with_reasoning: bool, with_facts: bool) -> WantedMessages:
    """The page of messages that the query asks for. Raises `BadRequest`."""
    limit, before = messages_limit() or DEFAULT_MESSAGES, request.args.get("before", "")
    return WantedMessages(limit, before, with_reasoning, with_facts)


def paged_json(value: Any, page: Page) -> Response:
    """A response with the address of the next page, if there is one, in `Link`, as RFC 8288 has it."""
    response = jsonify(value)
    if page.next:
        values: dict[str, Any] = {**request.args, **(request.view_args or {}), "cursor": page.next}
        address = url_for(request.endpoint or "", **values)
        response.headers["Link"] = f'<{address}>; rel="next"'
    return response
