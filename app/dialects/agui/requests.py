"""Translation of a `RunAgentInput`. Clients send their whole history: the user's last message counts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from app import exact_json
from app.dialects.agui.schemas import ForwardedProps, InputMessage, InputPart, RunAgentInput
from app.errors import BadRequest
from app.web import parsing
from app.web.bodies import validated
from app.web.messages.message_files import NewFile

CONTEXT = "context"
"""The field of the user state that holds what a page says of itself."""

ANSWERED = frozenset({"assistant", "tool"})

_OWN_FILE = re.compile(r"(?:https?://[^/?#]+)?/api/files/(file_\w+)(?:\?[^#]*)?")
_DATA_URL = re.compile(r"data:[^,]*?(;base64)?,", re.IGNORECASE)

NOTHING_NEW = "'messages' must end with a message of the user, or with results of the client's tools"


@dataclass(frozen=True)
class Said:
    """The user's last message. `attachments` are in the form of /api/chat, or files to store. `digest` tells a message
    that is sent again from another one with its id."""

    text: str
    message_id: str
    attachments: tuple[dict[str, str] | NewFile, ...]
    digest: bytes


def said_of(sent: RunAgentInput) -> Said:
    """The user's message that a body is about. Raises `BadRequest`."""
    last = _last_of_user(sent["messages"])
    content = last.get("content")
    parts = [InputPart(type="text", text=content)] if isinstance(content, str) else content
    if not isinstance(parts, list):
        raise BadRequest("The 'content' of the user's message must be text, or a list of parts")
    text = "\n\n".join(part.get("text") or "" for part in parts if part["type"] == "text")
    return Said(
        text=parsing.text_of({"text": text}, "text", parsing.TEXT_CHARACTERS),
        message_id=_own_id(last),
        attachments=tuple(_attachment(part) for part in parts if part["type"] != "text"),
        digest=exact_json.dump_bytes([_content_of(part) for part in parts]),
    )


def props_of(sent: RunAgentInput) -> ForwardedProps:
    """The forwarded properties that are read. Raises `BadRequest`."""
    props = sent.get("forwardedProps")
    return validated(ForwardedProps, props if isinstance(props, dict) else {})


def user_state_of(sent: RunAgentInput, stored: Mapping[str, Any]) -> dict[str, Any] | None:
    """The user state that a body sets, None if it leaves the `stored` one as it is. An empty state, which clients send
    until they know better, leaves it. Raises `BadRequest`."""
    state = sent.get("state")
    if not isinstance(state, dict | None):
        raise BadRequest("'state' must be a JSON object: it is the user state of the session")
    new = {name: value for name, value in (state or stored).items() if name != CONTEXT}
    if context := sent.get("context"):
        new[CONTEXT] = [{"description": one["description"], "value": one["value"]} for one in context]
    new = parsing.user_state_of(new)
    return None if new == stored else new


def _last_of_user(messages: Sequence[Mapping[str, Any]]) -> InputMessage:
    """Raises `BadRequest` if there is none, or if the client has its answer."""
    for message in reversed(messages):
        if message.get("role") == "user":
            return validated(InputMessage, dict(message))
        if message.get("role") in ANSWERED:
            raise BadRequest(NOTHING_NEW)
    raise BadRequest("'messages' must end with a message of the user")


def _own_id(message: InputMessage) -> str:
    own = message.get("id") or ""
    if len(own) > parsing.MESSAGE_ID_CHARACTERS or not (own.isprintable() or not own):
        raise BadRequest(f"The id of a message must be 1 to {parsing.MESSAGE_ID_CHARACTERS} printable characters")
    return own


def _content_of(part: InputPart) -> list[Any]:
    source = part.get("source")
    value = source["value"] if source else None
    return [part["type"], part.get("text"), value, part.get("url"), part.get("data")]


def _attachment(part: InputPart) -> dict[str, str] | NewFile:
    """A file of a message. Raises `BadRequest`."""
    kind, value, filename = _source(part)
    if kind == "file":
        return {"file_id": value}
    if kind == "data":
        return NewFile(filename, _decoded(value.encode(), is_base64=True))
    if kind != "url":
        raise BadRequest(f"A part of the type {part['type'][:32]!r} needs a 'source' of the type data, url or file")
    if match := _OWN_FILE.fullmatch(value):
        return {"file_id": match[1]}
    match = _DATA_URL.match(value)
    if match is None:
        return {"url": value}
    return NewFile(filename, _decoded(unquote_to_bytes(value[match.end() :]), bool(match[1])))


def _source(part: InputPart) -> tuple[str, str, str]:
    """Kind, value and file name of a part's content. A `binary` part has it in fields of its own."""
    filename = part.get("filename") or ""
    if source := part.get("source"):
        return source["type"], source["value"], filename
    for kind, name in (("data", "data"), ("url", "url"), ("file", "id")):
        if part["type"] == "binary" and (value := part.get(name)):
            return kind, str(value), filename
    return "", "", filename


def _decoded(raw: bytes, is_base64: bool) -> bytes:
    try:
        return base64.b64decode(raw, validate=True) if is_base64 else raw
    except binascii.Error:
        raise BadRequest("The content of a file in the message is no valid base64") from None
