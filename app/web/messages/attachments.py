"""The `attachments` of a chat body: files of the session, and images by their https address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from app.errors import BadRequest, NotFound
from app.services import Services
from app.state.model_abilities import IMAGE, IMAGE_URL, INPUT_OF_TYPE, PDF
from app.state.turns.turn_requests import TurnRequest
from app.state.uploads.files import Files

MOST = 8
URL_CHARACTERS = 2048

NO_FILE = "There is no such file in this session; POST /api/files adds one"

_FORM = """'attachments' must be a list of {"file_id": "file_..."} or {"url": "https://..."}"""
_WORDS = {IMAGE: "images", PDF: "PDF", IMAGE_URL: "images by their address"}
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>\"\\^`{|}]")

Attachment = dict[str, Any]


def attachments_of(value: Any) -> list[Attachment]:
    """The attachments of a body, checked in form. Raises `BadRequest`."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(map(_is_attachment, value)):
        raise BadRequest(_FORM)
    if len(value) > MOST:
        raise BadRequest(f"A message may have at most {MOST} attachments, it has {len(value)}")
    return [{"url": _checked_url(one["url"])} if "url" in one else {"file_id": one["file_id"]} for one in value]


def with_attachments(
    services: Services, session_id: str, message: TurnRequest, attachments: Sequence[Mapping[str, Any]]
) -> TurnRequest:
    """The message with its attachments as the history keeps them: files with name, type and size. A message that is
    answered again keeps those that it has.

    Raises `NotFound` for a file that is not of this session, `BadRequest` for one that its model does not take. A
    message that was accepted before is not checked again: its files may be gone.
    """
    branch = message.branch
    regenerated = branch if branch and branch.kind == "regenerate" else None
    if not (attachments or regenerated) or services.runs.was_sent(session_id, message):
        return message
    if regenerated:
        answered = services.sessions.histories.target(session_id, message.thread_id, regenerated) or {}
        _check_model(services, message, answered.get("attachments", []))
        return message
    found = tuple(_found(services.files, session_id, one) for one in attachments)
    _check_model(services, message, found)
    return replace(message, attachments=found)


def _is_attachment(value: Any) -> bool:
    if not isinstance(value, dict) or ("url" in value) == ("file_id" in value):
        return False
    return isinstance(value.get("url", value.get("file_id")), str)


def _checked_url(url: str) -> str:
    """Raises `BadRequest` for what is no address of a public web server."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and not _UNSAFE.search(url)
    except ValueError:
        is_good = False
    if not is_good or len(url) > URL_CHARACTERS:
        raise BadRequest(
            f"The 'url' of an attachment must be an https address of at most {URL_CHARACTERS:,} characters"
        )
    return url


def _found(files: Files, session_id: str, attachment: Mapping[str, Any]) -> Attachment:
    if "url" in attachment:
        return dict(attachment)
    file = files.get(session_id, attachment["file_id"])
    if file is None:
        raise NotFound(NO_FILE)
    return file.reference()


def _check_model(services: Services, message: TurnRequest, attachments: Sequence[Attachment]) -> None:
    """Raises `BadRequest`, which names the models of the app that take the attachments. A model that no worker has
    reported is not checked: the turn itself says what it cannot read."""
    needed = {IMAGE_URL if "url" in one else INPUT_OF_TYPE.get(one["media_type"]) for one in attachments} - {None}
    app = services.catalog.app(message.app)
    if not needed or app is None:
        return
    offered = [model.model_name for model in services.catalog.models_of(app)]
    taken = services.model_abilities.of(list(dict.fromkeys([message.model, *offered])))
    lacking = needed - taken.get(message.model, needed)
    if not lacking:
        return
    able = [name for name in offered if needed <= taken.get(name, frozenset())]
    what = " and ".join(_WORDS[kind] for kind in _WORDS if kind in lacking)
    if not able and lacking == {IMAGE_URL} and IMAGE in taken[message.model]:
        raise BadRequest(f"The model {message.model!r} does not take {what}; upload the image to /api/files")
    advice = f"choose one of this app that does: {', '.join(able)}" if able else "no model of this app does"
    raise BadRequest(f"The model {message.model!r} does not take {what}; {advice}")
