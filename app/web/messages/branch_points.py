"""Where the turn of a chat body opens a branch: `edit` and `regenerate`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.errors import BadRequest
from app.state.turns.turn_requests import BranchPoint
from app.web.parsing import OUR_MESSAGE_ID

_OF_A_MESSAGE = ("text", "attachments", "message_id", "edit")
"""Fields of a body that make no sense where nothing new is said."""


def check_regeneration(sent: Mapping[str, Any]) -> None:
    """Raises `BadRequest` if the body also says something."""
    wrong = [name for name in _OF_A_MESSAGE if sent.get(name) not in (None, [])]
    if wrong:
        raise BadRequest(
            f"'regenerate' answers a message that is there: leave {wrong[0]!r} out, or use 'edit' with 'text' instead"
        )


def regeneration(sent: Mapping[str, Any]) -> BranchPoint:
    """The branch point of a regeneration."""
    target = sent["regenerate"]
    return BranchPoint("regenerate", "" if target is True else target)


def edited_message(sent: Mapping[str, Any]) -> BranchPoint | None:
    """The branch point of an edit, None for a message that follows the last one. Raises `BadRequest` for a `message_id`
    that looks like one of ours, unless it is that of the edited message."""
    edited, own = sent.get("edit") or "", sent.get("message_id") or ""
    if OUR_MESSAGE_ID.match(own) and own != edited:
        raise BadRequest("'message_id' must not begin with msg_ or run_: such ids are the server's")
    return BranchPoint("edit", edited) if edited else None
