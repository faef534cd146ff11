"""The form of session ids, and where a request names one. Whose session it is, app/web/access/users.py says."""

from __future__ import annotations

import re

from flask import request

from app.errors import BadRequest
from app.web.current import services

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
TOKEN = re.compile(r"[A-Za-z0-9:_.-]{8,128}")
SHARED_IDS = frozenset(["default-session", "default_session", "undefined", "anonymous", "session-id", "session_id"])
"""Ids that client libraries send for every user: all of them would share one session. (The first one is sent by Aomi's
React runtime, 0.3.14, after its last thread was deleted.)"""


def named_session_id() -> str | None:
    """As `optional_session_id`, whosever session it is. Raises `BadRequest`."""
    sent = (request.headers.get("X-Session-Id"), *request.args.getlist("session_id"))
    ids = {formed_session_id(value) for value in sent if value is not None}
    if len(ids) > 1:
        raise BadRequest("X-Session-Id and session_id name different sessions; send one, or the same in both")
    return ids.pop() if ids else None


def is_session_id(value: str) -> bool:
    """Whether it is well-formed."""
    try:
        return bool(formed_session_id(value))
    except BadRequest:
        return False


def formed_session_id(value: str) -> str:
    """The id in lower case, whosever session it is. Raises `BadRequest` when it is malformed."""
    if UUID.fullmatch(value):
        return value.lower()
    if value.lower() in SHARED_IDS:
        raise BadRequest(f"{value!r} is nobody's own session; create one with an id of its own, a UUID made at random")
    if services().settings.session_id_format == "token":
        if TOKEN.fullmatch(value):
            return value.lower()
        raise BadRequest("The session id must be a UUID, or 8 to 128 characters out of A-Z a-z 0-9 : _ . -")
    raise BadRequest("The session id must be a UUID, such as 550e8400-e29b-41d4-a716-446655440000")
