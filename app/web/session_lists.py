"""Lists of sessions: those of a public key, and with owners those of the caller."""

from __future__ import annotations

from dataclasses import replace

from flask import request

from app.errors import BadRequest
from app.state.pages import Page
from app.web.access.users import current_user
from app.web.current import services
from app.web.pages import wanted_page
from app.web.parsing import PUBLIC_KEY_CHARACTERS


def listed_sessions() -> Page:
    """A page of the sessions of the query's public key, newest first. With owners, of the caller's sessions, or of
    those of them that have this public key. Raises `BadRequest`."""
    user, public_key = current_user(), request.args.get("public_key", "")
    is_named = "public_key" in request.args
    if (is_named or user is None) and not 0 < len(public_key) <= PUBLIC_KEY_CHARACTERS:
        raise BadRequest(f"The query needs public_key, of 1 to {PUBLIC_KEY_CHARACTERS} characters")
    if user is None:
        return services().sessions.owned_by(public_key, wanted_page())
    # Not a page of the public key's list: its cursors would tell of strangers' sessions.
    page = services().owners.page(user.id, wanted_page())
    return replace(page, items=[one for one in page.items if one["public_key"] == public_key]) if is_named else page
