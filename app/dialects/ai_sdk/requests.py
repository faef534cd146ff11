"""The body that `useChat` sends, as a message of ours. It holds the whole history: only the last message counts."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from app import exact_json
from app.dialects.ai_sdk.schemas import SentChat, SentMessage, SentPart
from app.errors import BadRequest
from app.state.turns.turn_requests import BranchPoint
from app.web import parsing
from app.web.bodies import validated
from app.web.messages.message_files import NewFile

_OWN_FILE = re.compile(r"(?:https?://[^/?#]+)?/api/files/(file_\w+)(?:\?[^#]*)?")
_RUN = re.compile(r"run_\w+")
_DATA_URL = re.compile(r"data:[^,]*?(;base64)?,", re.IGNORECASE)

NO_MESSAGE = "The body needs 'messages' that end with the user's message, or a single 'message' of the user"


@dataclass(frozen=True)
class Wanted:
    """A user's message, and where it goes: behind the last one, in the place of another, or (without a text) the answer
    to a message that is there is made again. `attachments` are in the form of /api/chat, or files to store. `digest`
    tells a message that is sent again from another one with its id."""

    text: str = ""
    message_id: str = ""
    branch: BranchPoint | None = None
    attachments: tuple[dict[str, str] | NewFile, ...] = ()
    digest: bytes = b""


def wanted_of(sent: SentChat) -> Wanted:
    """The message or regeneration that a body asks for. Raises `BadRequest`."""
    last = _last_message(sent)
    if sent.get("trigger") == "regenerate-message":
        return _regeneration(sent, last)
    if last is None or last["role"] != "user":
        raise BadRequest(NO_MESSAGE)
    return _message(last, sent.get("messageId") or "")


def answers_of(sent: SentChat) -> list[dict[str, Any]]:
    """The answers to calls, in the form of /api/chat, in the assistant's message that a client goes on with: those that
    the server has already are among them. None in a message of the user. Raises `BadRequest`."""
    last = _last_message(sent)
    named = [one for one in sent.get("messages") or () if sent.get("messageId") and one.get("id") == sent["messageId"]]
    message = validated(SentMessage, named[-1]) if named else last
    if sent.get("trigger") == "regenerate-message" or message is None or message["role"] != "assistant":
        return []
    return [answer for answer in map(_answer, message["parts"]) if answer]


def _answer(part: SentPart) -> dict[str, Any] | None:
    call_id, approval = part.get("toolCallId"), part.get("approval") or {}
    if call_id and part.get("state") == "approval-responded":
        approved, reason = approval.get("approved"), approval.get("reason")
        if not isinstance(approved, bool):
            raise BadRequest("'approved' of an approval must be true or false")
        said = {"message": reason} if isinstance(reason, str) else {}
        return {"call_id": call_id, "approve": approved} | said
    if call_id and part.get("state") == "output-available":
        return {"call_id": call_id, "result": part.get("output")}
    if call_id and part.get("state") == "output-error":
        return {"call_id": call_id, "result": {"error": part.get("errorText") or "The client's tool failed"}}
    return None


def as_new(sent: SentChat) -> Wanted | None:
    """The user's message of a body as a new one: the one that the body names is not here, because it never arrived.
    None if the body has none."""
    last = _last_message(sent)
    return _message(last, "") if last and last["role"] == "user" else None


def _last_message(sent: SentChat) -> SentMessage | None:
    single, history = sent.get("message"), sent.get("messages") or ()
    if single is not None:
        return single
    return validated(SentMessage, history[-1]) if history else None


def _regeneration(sent: SentChat, last: SentMessage | None) -> Wanted:
    """The client has cut its history behind the message to answer; a body without it names the answer."""
    target = (last.get("id") if last and last["role"] == "user" else sent.get("messageId")) or ""
    if _RUN.fullmatch(target):  # the message that a client has of a whole turn
        target += "-0"
    return Wanted(branch=BranchPoint("regenerate", target), digest=f"regenerate {target}".encode())


def _message(message: SentMessage, edited: str) -> Wanted:
    parts, own = message["parts"], message.get("id") or ""
    if own and parsing.OUR_MESSAGE_ID.match(own) and own != edited:
        raise BadRequest("The id of a message must not begin with msg_ or run_: such ids are the server's")
    text = "\n\n".join(filter(None, (part.get("text") for part in parts if part["type"] == "text")))
    return Wanted(
        text=parsing.text_of({"text": text}, "text", parsing.TEXT_CHARACTERS),
        message_id=own,
        branch=BranchPoint("edit", edited) if edited else None,
        attachments=tuple(_attachment(part) for part in parts if part["type"] == "file"),
        digest=f"{edited} {exact_json.dumps(_said(parts))}".encode(),
    )


def _said(parts: Sequence[SentPart]) -> list[Any]:
    """The content of a message, without what a client changes by itself, such as the state of a part."""
    return [[part["type"], part.get("text"), part.get("url")] for part in parts if part["type"] in ("text", "file")]


def _attachment(part: SentPart) -> dict[str, str] | NewFile:
    url, filename = part.get("url") or "", part.get("filename") or ""
    if match := _OWN_FILE.fullmatch(url):
        return {"file_id": match[1]}
    match = _DATA_URL.match(url)
    return NewFile(filename, _decoded(url[match.end() :], bool(match[1]))) if match else {"url": url}


def _decoded(data: str, is_base64: bool) -> bytes:
    raw = unquote_to_bytes(data)
    try:
        return base64.b64decode(raw, validate=True) if is_base64 else raw
    except binascii.Error:
        raise BadRequest("The 'url' of a file has broken base64") from None
