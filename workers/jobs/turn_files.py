"""The files that the prompts of one turn show, read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.state.conversation.transcript import Message
from app.state.turns.run_records import Run
from app.state.uploads.file_storage import FileGone, StorageFailed
from app.state.uploads.files import Files, StoredFile
from workers.models.prompt.attachments import references
from workers.turn import FileLost, StorageAway

MAX_BYTES = 20 * 1024 * 1024
"""Bytes of files in a prompt: providers refuse requests of more than 20 to 32 MB. The newest files are shown."""


class TurnFiles:
    """Reads the files of a turn's messages. `read` is for the prompt."""

    def __init__(self, files: Files, run: Run) -> None:
        self._files = files
        self._run = run
        self._data: dict[str, bytes | None] = {}

    def load(self, messages: Sequence[Message]) -> None:
        """Read the newest files of the messages that are not read yet. Raises `FileLost` for one of the turn's own
        message that is gone, `StorageAway`; an older file that is gone is a note in the prompt."""
        left = MAX_BYTES - sum(len(data) for data in self._data.values() if data)
        for message in reversed(messages):
            for reference in _references(message):
                if reference["file_id"] in self._data:
                    continue
                left -= reference["bytes"]
                is_own = message["id"] == self._run.message["id"]
                self._data[reference["file_id"]] = self._read(reference, is_own) if left >= 0 else None

    def read(self, file_id: str) -> bytes | None:
        """The bytes of a file, None if it is gone or too far back."""
        return self._data.get(file_id)

    def _read(self, reference: dict[str, Any], is_own: bool) -> bytes | None:
        file = StoredFile(reference["file_id"], reference["filename"], reference["media_type"], reference["bytes"])
        try:
            return b"".join(self._files.read(self._run.session_id, file))
        except FileGone:
            if is_own:
                raise FileLost(f"The file {file.filename!r} is gone; attach it again") from None
            return None
        except StorageFailed as failed:
            raise StorageAway("The storage of files is not available; try again shortly") from failed


def _references(message: Message) -> Iterator[dict[str, Any]]:
    yield from (one for one in message.get("attachments", ()) if "file_id" in one)
    results = (result["result"] for result in message.get("tool_results", ()))
    yield from (file for result in results for file in references(result))
