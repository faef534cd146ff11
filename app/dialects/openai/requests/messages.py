"""From a request of either API to a message: its app and model, its files, the form of its answer."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from typing import Any, NotRequired

from flask import request
from typing_extensions import TypedDict

from app.catalog import App
from app.dialects.openai.requests.contents import Contents
from app.errors import BadRequest
from app.openapi.schemas.requests import ResponseFormat
from app.web import parsing, uploads
from app.web.access.caller import current_caller
from app.web.bodies import validated
from app.web.current import services
from app.web.messages.answer_format import check_format
from app.web.messages.attachments import MOST
from app.web.messages.turn_start import idempotency_key


class _Formatted(TypedDict):
    response_format: NotRequired[ResponseFormat | None]


def checked_text(contents: Contents, name: str) -> str:
    """The text of the user's message. Raises `BadRequest`."""
    return parsing.text_of({name: contents.text}, name, parsing.TEXT_CHARACTERS)


def answer_format(app: App, model: str, wanted: Any) -> dict[str, Any] | None:
    """A `response_format` of chat completions; None for plain text. Raises `BadRequest`."""
    checked = validated(_Formatted, {"response_format": wanted}).get("response_format")
    if checked is None or checked["type"] == "text":
        return None
    check_format(app, model, checked)
    return dict(checked)


def stored_attachments(session_id: str, contents: Contents) -> list[Mapping[str, Any]]:
    """The attachments of a message, once the files in it are stored in its session, which exists.

    Raises `BadRequest`, `TooLarge`, `UnsupportedMediaType`, `Conflict`, `NotReady`.
    """
    if len(contents.attachments) + len(contents.files) > MOST:
        raise BadRequest(f"A message may have at most {MOST} images and files")
    attached: list[Mapping[str, Any]] = list(contents.attachments)
    for file in contents.files:
        made = uploads.stored(session_id, file.filename, [file.data], len(file.data))
        attached.append({"file_id": made.id})
    return attached


def new_session_id() -> str:
    """Of a session for this request: with an Idempotency-Key the same again, for the same caller, so that the session
    knows what was sent before. Nobody else gets it: it is made with a secret."""
    key = idempotency_key()
    if not key:
        return str(uuid.uuid4())
    caller = current_caller()
    who = f"{caller.api_key_id} {caller.client} {'' if caller.api_key else caller.address} {key}"
    return services().public_ids.session_for(hashlib.sha256(who.encode()).digest())


def body_digest(app: App) -> bytes:
    """Tells a request from another one: all of it with an Idempotency-Key, else something new each time."""
    return app.id.encode() + b" " + (request.get_data() if idempotency_key() else secrets.token_bytes(16))
