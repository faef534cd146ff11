"""Where the bytes of files are: in Redis, in chunks, or at AOMI_FILES_URL, anywhere that fsspec reaches.

Redis has the metadata in both cases. A file in storage is named by digests: the id of a session is a secret.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

from app.state import redis_keys
from app.state.ids import sha256_hex
from app.state.scripts import Call, Store

CHUNK_BYTES = 256 * 1024
"""Bytes that one command moves, so that none keeps Redis busy for long."""

UPLOAD_TTL = 600
"""Seconds until an upload that does not go on is forgotten."""

Result = TypeVar("Result")


class FileGone(Exception):
    """The file was deleted, has expired, or Redis or the storage has lost it."""


class StorageFailed(Exception):
    """AOMI_FILES_URL cannot be reached, or refuses the request."""


class FileBytes(Protocol):
    """The bytes of files. All methods raise `StorageFailed`."""

    is_remote: bool

    def write(self, session_id: str, file_id: str, chunks: Iterable[bytes]) -> None:
        """Store the bytes of a file that is reserved. Raises `FileGone` when it was deleted, and what `chunks` do."""

    def read(self, session_id: str, file_id: str, size: int) -> Iterator[bytes]:
        """The bytes, in pieces. Raises `FileGone`."""

    def remove(self, session_id: str, file_id: str) -> None:
        """Remove the bytes, if they are there."""


def open_bytes(store: Store) -> FileBytes:
    """The place that the settings name. Nothing is connected."""
    url = store.settings.files_url
    return StoredBytes(url) if url else RedisBytes(store)


class RedisBytes:
    """Bytes in Redis. They are removed with the metadata, by its scripts."""

    is_remote = False

    def __init__(self, store: Store) -> None:
        self._store = store

    def write(self, session_id: str, file_id: str, chunks: Iterable[bytes]) -> None:
        """See `FileBytes`."""
        for number, chunk in enumerate(chunks):
            args = (1, redis_keys.session(session_id), file_id, number, UPLOAD_TTL, chunk)
            if not self._store.run(Call("put_file_chunk", args)):
                raise FileGone

    def read(self, session_id: str, file_id: str, size: int) -> Iterator[bytes]:
        """See `FileBytes`."""
        for number in range(-(-size // CHUNK_BYTES)):
            chunk = self._store.redis.hget(redis_keys.file_data(session_id, file_id), str(number))
            if chunk is None:
                raise FileGone
            yield chunk

    def remove(self, session_id: str, file_id: str) -> None:
        """Nothing to do."""


class StoredBytes:
    """Bytes at an address of fsspec, each file as `<digest of the session>/<file>`."""

    is_remote = True

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def write(self, session_id: str, file_id: str, chunks: Iterable[bytes]) -> None:
        """See `FileBytes`. The bytes pass through a temporary file: no memory holds all of them."""
        with tempfile.NamedTemporaryFile() as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            self._do("put_file", session_id, file_id, before=(file.name,))

    def read(self, session_id: str, file_id: str, size: int) -> Iterator[bytes]:
        """See `FileBytes`. They are read as a whole: a file is small."""
        data = self._do("cat_file", session_id, file_id)
        if len(data) != size:
            raise FileGone
        yield data

    def remove(self, session_id: str, file_id: str) -> None:
        """See `FileBytes`."""
        try:
            self._do("rm_file", session_id, file_id)
        except FileGone:
            return

    def _do(self, method: str, session_id: str, file_id: str, before: tuple[str, ...] = ()) -> Any:
        """Call a method of fsspec's for a file's address, behind the arguments `before`."""
        address = f"{self._url}/{sha256_hex(session_id.encode())[:32]}/{file_id}"
        outcome = _outside_gevent(lambda: _attempt(address, method, before))
        if isinstance(outcome, FileGone | StorageFailed):
            raise outcome
        return outcome


def _attempt(address: str, method: str, before: tuple[str, ...]) -> Any:
    """The result, or the error: gevent writes a traceback for one that a thread raises."""
    try:
        return _call(address, method, before)
    except FileNotFoundError:
        return FileGone()
    except Exception as error:  # each file system has errors of its own
        failed = StorageFailed(f"AOMI_FILES_URL: {method} failed ({type(error).__name__})")
        failed.__cause__ = error
        return failed


def _call(address: str, method: str, before: tuple[str, ...]) -> Any:
    import fsspec  # not at the top: most sites have their files in Redis

    protocol = fsspec.utils.get_protocol(address)
    kind = fsspec.get_filesystem_class(protocol)
    if getattr(kind, "async_impl", False):
        return asyncio.run(_call_async(address, method, before))
    options = {"auto_mkdir": True} if protocol in ("file", "local") else {}
    system, path = fsspec.url_to_fs(address, **options)
    return getattr(system, method)(*before, path)


async def _call_async(address: str, method: str, before: tuple[str, ...]) -> Any:
    """fsspec's own loop is in a thread of Python's `threading`, which gevent replaces."""
    import fsspec

    system, path = fsspec.url_to_fs(address, asynchronous=True, skip_instance_cache=True)
    session = await system.set_session()
    try:
        return await getattr(system, f"_{method}")(*before, path)
    finally:
        await session.close()


def _outside_gevent(work: Callable[[], Result]) -> Result:
    """Do blocking work; under gevent in a thread of the system, so that all other requests go on."""
    if "gevent.monkey" not in sys.modules:
        return work()
    from gevent import get_hub, monkey

    return get_hub().threadpool.apply(work) if monkey.is_module_patched("socket") else work()
