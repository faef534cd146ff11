"""Messages of dialects whose clients send files inside of them: the files are stored, then the turn starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.errors import ApiError
from app.state.turns.turn_requests import Accepted, TurnRequest
from app.web import uploads
from app.web.current import services
from app.web.messages.attachments import attachments_of
from app.web.messages.turn_start import start_turn


@dataclass(frozen=True)
class NewFile:
    """A file that came inside the message."""

    filename: str
    data: bytes


def start_turn_with_files(
    session_id: str, message: TurnRequest, attachments: Sequence[Mapping[str, str] | NewFile]
) -> Accepted:
    """As `start_turn`, of a message whose `attachments` are in the form of /api/chat, or files to store first. They do
    not stay if the message is refused. A message that was accepted before stores nothing.

    Raises as `start_turn` and `uploads.stored`.
    """
    if services().runs.was_sent(session_id, message):
        return start_turn(session_id, message)
    if any(isinstance(one, NewFile) for one in attachments):
        services().sessions.create(session_id, {})
    stored: list[str] = []
    try:
        checked = attachments_of([_stored(session_id, one, stored) for one in attachments])
        return start_turn(session_id, message, checked)
    except ApiError:
        for file_id in stored:
            services().files.delete(session_id, file_id)
        raise


def _stored(session_id: str, attachment: Mapping[str, str] | NewFile, stored: list[str]) -> dict[str, Any]:
    """The attachment in the form of /api/chat. The id of a file that is stored here joins `stored`."""
    if not isinstance(attachment, NewFile):
        return dict(attachment)
    file = uploads.stored(session_id, attachment.filename, [attachment.data], len(attachment.data))
    stored.append(file.id)
    return {"file_id": file.id}
