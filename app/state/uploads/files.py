"""The files of sessions: uploaded by a client or made by a tool, read by clients and for prompts.

A file is reserved, its bytes are written, then it is finished. Only a finished file can be read.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from app.state import redis_keys
from app.state.ids import new_id
from app.state.pairs import to_pairs
from app.state.scripts import Store
from app.state.turns import due
from app.state.turns.due import Due
from app.state.uploads.file_names import clean
from app.state.uploads.file_storage import CHUNK_BYTES, UPLOAD_TTL, FileGone, StorageFailed, open_bytes
from app.state.uploads.media_types import Detector

log = logging.getLogger(__name__)

_ID = re.compile("file_[0-9a-f]{32}")

SESSION_BYTES = 50 * 1024 * 1024
"""Bytes of all files of a session."""

SESSION_FILES = 200

SWEEP_BATCH = 100
"""Files in AOMI_FILES_URL that one process looks at in one round of its reaper."""

SWEEP_PAUSE = 60
"""Seconds after the expected end of a file's metadata until its bytes are looked for."""

RETRY_SECONDS = 300


class NoRoom(Exception):
    """The session has too many files, or too many bytes of them."""


class SessionGone(Exception):
    """There is no such session."""


@dataclass(frozen=True)
class StoredFile:
    """A file that can be read; `bytes` is its size."""

    id: str
    filename: str
    media_type: str
    bytes: int

    def reference(self) -> dict[str, Any]:
        """As messages, tool results and responses name it."""
        return {"file_id": self.id, "filename": self.filename, "media_type": self.media_type, "bytes": self.bytes}


class Files:
    """The files of all sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._bytes = open_bytes(store)

    def add(self, session_id: str, filename: str, pieces: Iterable[bytes], most: int) -> StoredFile:
        """Store a file of at most `most` bytes, whose `pieces` are of any size; the type is that of the bytes.

        Raises `SessionGone`, `NoRoom`, `FileGone` (it was deleted before), `UnknownType`, `StorageFailed`, and
        what `pieces` raise; then nothing of it is left.
        """
        file_id = new_id("file")
        self._reserve(session_id, file_id, most)
        written = _Written()
        try:
            self._bytes.write(session_id, file_id, written.watch(_chunks(pieces)))
            media_type = written.detector.finish()
            file = StoredFile(file_id, clean(filename, media_type), media_type, written.size)
            self._finish(session_id, file)
        except BaseException:
            self._undo(session_id, file_id)
            raise
        return file

    def get(self, session_id: str, file_id: str) -> StoredFile | None:
        """A finished file of the session, or None."""
        if not _ID.fullmatch(file_id):  # it would name another key
            return None
        fields = self._store.fields(redis_keys.file(session_id, file_id))
        if "bytes" not in fields:
            return None
        return StoredFile(file_id, fields["filename"], fields["media_type"], int(fields["bytes"]))

    def all(self, session_id: str) -> list[StoredFile]:
        """The finished files of the session."""
        ids = sorted(raw.decode() for raw in self._redis.hkeys(redis_keys.files(session_id)))
        return [file for file in (self.get(session_id, file_id) for file_id in ids) if file]

    def read(self, session_id: str, file: StoredFile) -> Iterator[bytes]:
        """The bytes of a file, in pieces. Raises `FileGone`, `StorageFailed`."""
        return self._bytes.read(session_id, file.id, file.bytes)

    def delete(self, session_id: str, file_id: str) -> None:
        """Delete a file. One that does not exist is no error."""
        self._store.call("delete_file", [redis_keys.session(session_id)], {"file": file_id})
        self._remove_soon(session_id, file_id)

    def deleting_all(self, session_id: str) -> Callable[[], None]:
        """Look which files the session has. The result removes their bytes from the storage, after the session itself
        was deleted. The reaper finds the files that an upload adds in between."""
        ids = [raw.decode() for raw in self._redis.hkeys(redis_keys.files(session_id))] if self._bytes.is_remote else []

        def remove() -> None:
            for file_id in ids:
                self._remove_soon(session_id, file_id)

        return remove

    # the sweep of AOMI_FILES_URL

    def to_sweep(self) -> list[tuple[str, str]]:
        """Session and id of files in the storage whose metadata may be gone: deleted, or expired with the session."""
        if not self._bytes.is_remote:
            return []
        found = due.overdue(self._store, redis_keys.STORED_FILES, SWEEP_BATCH)
        return [(session_id, file_id) for session_id, file_id in (member.split(" ", 1) for member in found)]

    def sweep(self, session_id: str, file_id: str) -> None:
        """Remove the bytes of a file that has no metadata; look again later at one that has. Raises `StorageFailed`."""
        left = self._redis.pttl(redis_keys.file(session_id, file_id))
        if left > 0:
            self.sweep_later(session_id, file_id, left / 1000 + SWEEP_PAUSE)
        else:
            self._remove_stored(session_id, file_id)

    def sweep_later(self, session_id: str, file_id: str, seconds: float = RETRY_SECONDS) -> None:
        """Look at a file in so many seconds."""
        due.postpone(self._store, [Due(redis_keys.STORED_FILES, f"{session_id} {file_id}", seconds)])

    def _reserve(self, session_id: str, file_id: str, most: int) -> None:
        if self._bytes.is_remote:  # before the bytes, so that none are without an entry
            member = f"{session_id} {file_id}"
            due.set_due(self._store, Due(redis_keys.STORED_FILES, member, UPLOAD_TTL + SWEEP_PAUSE))
        args = {
            "file": file_id,
            "bytes": most,
            "created_at": self._store.clock.now_iso(),
            "max_bytes": SESSION_BYTES,
            "max_files": SESSION_FILES,
            "ttl": UPLOAD_TTL,
        }
        outcome = self._store.call("reserve_file", [redis_keys.session(session_id)], args)
        if outcome != b"reserved":
            self._forget(session_id, file_id)
            raise SessionGone if outcome == b"no_session" else NoRoom

    def _finish(self, session_id: str, file: StoredFile) -> None:
        fields = to_pairs({"filename": file.filename, "media_type": file.media_type})
        args = {"file": file.id, "bytes": file.bytes, "fields": fields}
        if not self._store.call("finish_file", [redis_keys.session(session_id)], args):
            raise FileGone

    def _undo(self, session_id: str, file_id: str) -> None:
        """Nothing of a failed upload is left."""
        self.delete(session_id, file_id)

    def _remove_soon(self, session_id: str, file_id: str) -> None:
        """Remove the bytes of a file that has no metadata any more. If the storage is away the reaper does it later."""
        try:
            self._remove_stored(session_id, file_id)
        except StorageFailed as failed:
            log.warning("%s: the reaper removes the file later", failed)
            self.sweep_later(session_id, file_id)

    def _remove_stored(self, session_id: str, file_id: str) -> None:
        self._bytes.remove(session_id, file_id)
        self._forget(session_id, file_id)

    def _forget(self, session_id: str, file_id: str) -> None:
        if self._bytes.is_remote:
            self._redis.zrem(redis_keys.STORED_FILES, f"{session_id} {file_id}")


class _Written:
    """The size and the type of the chunks that passed."""

    def __init__(self) -> None:
        self.size = 0
        self.detector = Detector()

    def watch(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """Let the chunks pass. Raises `UnknownType`."""
        for chunk in chunks:
            self.size += len(chunk)
            self.detector.feed(chunk)
            yield chunk


def _chunks(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes in chunks of `CHUNK_BYTES`, the last one smaller. No bytes are one empty chunk."""
    kept = bytearray()
    for piece in pieces:
        kept += piece
        while len(kept) >= CHUNK_BYTES:
            yield bytes(kept[:CHUNK_BYTES])
            del kept[:CHUNK_BYTES]
    if kept:
        yield bytes(kept)
