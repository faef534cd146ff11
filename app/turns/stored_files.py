"""Files in AOMI_FILES_URL whose session has expired, or whose deletion was cut off: their bytes are removed."""

from __future__ import annotations

from app.state.uploads.files import Files


class StoredFiles:
    """The reaper's duty for bytes outside Redis, which do not expire by themselves."""

    subject = "stored file"

    def __init__(self, files: Files) -> None:
        self._files = files

    def overdue(self) -> list[tuple[str, str]]:
        """Session and id of the files to look at."""
        return self._files.to_sweep()

    def handle(self, session_id: str, file_id: str) -> None:
        """Remove the bytes, unless the file still has its metadata."""
        self._files.sweep(session_id, file_id)

    def postpone(self, session_id: str, file_id: str) -> None:
        """Look again later: the storage was away."""
        self._files.sweep_later(session_id, file_id)
