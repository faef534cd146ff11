"""Files in the state: complete or not there, within the room of a session, gone with it, in Redis and elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import fsspec
import pytest
from fsspec.asyn import AsyncFileSystem

from app.config import Settings
from app.state import redis_keys
from app.state.scripts import Store
from app.state.uploads.file_storage import CHUNK_BYTES, FileGone, StorageFailed, StoredBytes
from app.state.uploads.files import Files, NoRoom, SessionGone
from app.state.uploads.media_types import UnknownType
from app.turns.stored_files import StoredFiles
from tests.state.conftest import Repeated

BYTES = b"0123456789abcde\n" * 40_000
"""Of more than two chunks."""


@pytest.fixture
def files(store, sessions):
    sessions.create("s", {})
    return Files(store)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "files"


@pytest.fixture
def elsewhere(connection, settings, sessions, folder):
    """Files whose bytes are in a folder."""
    sessions.create("s", {})
    return Files(Store(connection, settings.model_copy(update={"files_url": folder.as_uri()})))


@pytest.fixture(params=["files", "elsewhere"])
def either(request, connection):
    return request.getfixturevalue(request.param)


def add(files, data=BYTES, name="a.txt", session="s"):
    return files.add(session, name, [data[:100], data[100:]], len(data))


def stored(folder):
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_is_read_as_it_was_written(either):
    file = add(either)
    assert either.get("s", file.id) == file
    assert (file.filename, file.media_type, file.bytes) == ("a.txt", "text/plain", len(BYTES))
    assert b"".join(either.read("s", file)) == BYTES
    assert either.all("s") == [file]


def test_no_command_moves_more_than_a_chunk(files, connection):
    file = add(files)
    chunks = connection.hgetall(redis_keys.file_data("s", file.id))
    assert sorted(map(len, chunks.values())) == [len(BYTES) % CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES]


def test_writes_may_be_sent_twice(connection, settings, sessions):
    sessions.create("s", {})
    twice = Files(Repeated(connection, settings))
    file = add(twice)
    assert b"".join(twice.read("s", file)) == BYTES
    twice.delete("s", file.id)
    assert twice.all("s") == []


def test_an_upload_that_fails_leaves_nothing(either, connection, folder):
    def broken():
        yield b"a" * CHUNK_BYTES
        raise ConnectionError

    with pytest.raises(ConnectionError):
        either.add("s", "a.txt", broken(), 10**6)
    with pytest.raises(UnknownType):
        add(either, BYTES + b"\0")
    assert list(connection.scan_iter("session:{s}:file*")) == []
    assert stored(folder) == []
    assert connection.zcard(redis_keys.STORED_FILES) == 0


def test_an_upload_that_died_gives_its_room_back_and_cannot_be_read(files, store, connection):
    held = iter([b"a" * CHUNK_BYTES])
    upload = iter(_dying(held))
    with pytest.raises(KeyboardInterrupt):
        _without_undo(files).add("s", "a.txt", upload, 50 * 2**20)
    assert files.all("s") == []
    with pytest.raises(NoRoom):
        add(files)
    (name,) = [key for key in connection.scan_iter("session:{s}:file:*") if not key.endswith(b":data")]
    assert 0 < connection.ttl(name) <= 600
    connection.delete(name)  # as its life does
    add(files)


def _dying(pieces):
    yield from pieces
    raise KeyboardInterrupt


def _without_undo(files):
    files._undo = lambda *_: None
    return files


def test_an_unknown_session_takes_no_file(either, connection):
    with pytest.raises(SessionGone):
        add(either, session="nobody")
    assert list(connection.scan_iter("*nobody*")) == []
    assert connection.zcard(redis_keys.STORED_FILES) == 0


def test_a_session_has_two_hundred_files(files, monkeypatch):
    monkeypatch.setattr("app.state.uploads.files.SESSION_FILES", 3)
    for _ in range(3):
        add(files, b"small")
    with pytest.raises(NoRoom):
        add(files, b"small")


def test_a_session_that_is_deleted_during_an_upload_gets_no_file(either, sessions, connection):
    def deleting():
        yield b"a" * CHUNK_BYTES
        sessions.delete("s")
        yield b"a" * CHUNK_BYTES

    with pytest.raises(FileGone):
        either.add("s", "a.txt", deleting(), 10**6)
    assert list(connection.scan_iter("session:{s}:file*")) == []


def test_a_turn_renews_the_life_of_finished_files(files, runs, said, connection):
    file = add(files)
    name = redis_keys.file("s", file.id)
    for key in (name, redis_keys.file_data("s", file.id), redis_keys.files("s")):
        connection.expire(key, 10)
    runs.start("s", said())
    for key in (name, redis_keys.file_data("s", file.id), redis_keys.files("s")):
        assert connection.ttl(key) > 1000, key


def test_deleting_a_session_deletes_its_files(either, sessions, connection, folder):
    add(either)
    remove = either.deleting_all("s")
    sessions.delete("s")
    remove()
    assert list(connection.scan_iter("session:{s}:file*")) == []
    assert stored(folder) == []
    assert connection.zcard(redis_keys.STORED_FILES) == 0


def test_bytes_elsewhere_are_named_by_no_session(elsewhere, folder, connection):
    file = add(elsewhere, session="s")
    (path,) = stored(folder)
    assert (path.name, path.parent.name == "s") == (file.id, False)
    assert not connection.exists(redis_keys.file_data("s", file.id))
    elsewhere.delete("s", file.id)
    assert stored(folder) == []


def test_bytes_elsewhere_go_when_their_session_has_expired(elsewhere, connection, folder):
    kept, lost = add(elsewhere), add(elsewhere)
    connection.delete(redis_keys.file("s", lost.id))
    duty = StoredFiles(elsewhere)
    assert duty.overdue() == []
    for file in (kept, lost):
        connection.zadd(redis_keys.STORED_FILES, {f"s {file.id}": 1})
    for item in duty.overdue():
        duty.handle(*item)
    assert [path.name for path in stored(folder)] == [kept.id]
    assert connection.zrange(redis_keys.STORED_FILES, 0, -1) == [f"s {kept.id}".encode()]
    assert duty.overdue() == []


def test_a_storage_that_is_away_is_asked_again(elsewhere, connection, folder, monkeypatch):
    file = add(elsewhere)
    monkeypatch.setattr(fsspec, "url_to_fs", lambda *_, **__: 1 / 0)
    elsewhere.delete("s", file.id)
    assert elsewhere.get("s", file.id) is None
    monkeypatch.undo()
    assert [path.name for path in stored(folder)] == [file.id]
    elsewhere.sweep("s", file.id)
    assert stored(folder) == []


def test_bytes_that_the_storage_has_lost_are_gone(elsewhere, folder):
    file = add(elsewhere)
    stored(folder)[0].unlink()
    with pytest.raises(FileGone):
        list(elsewhere.read("s", file))


class Bucket(AsyncFileSystem):
    """A file system with fsspec's asynchronous interface, as that of S3; it fails like it outside its own loop."""

    protocol = "bucket"
    objects: ClassVar[dict[str, bytes]] = {}

    async def set_session(self) -> Bucket:
        assert self.asynchronous
        return self

    async def close(self) -> None:
        self.objects["closed"] = b""

    async def _put_file(self, path: str, name: str) -> None:
        self.objects[name] = Path(path).read_bytes()

    async def _cat_file(self, name: str) -> bytes:
        if name not in self.objects:
            raise FileNotFoundError(name)
        return self.objects[name]

    async def _rm_file(self, name: str) -> None:
        self.objects.pop(name)


def test_an_asynchronous_file_system_has_a_loop_of_its_own():
    fsspec.register_implementation("bucket", Bucket, clobber=True)
    there = StoredBytes("bucket://files")
    there.write("s", "file_1", [b"ab", b"c"])
    assert (list(there.read("s", "file_1", 3)), Bucket.objects.pop("closed")) == ([b"abc"], b"")
    assert not any(name.startswith(("s/", "bucket")) for name in Bucket.objects)
    there.remove("s", "file_1")
    with pytest.raises(FileGone):
        list(there.read("s", "file_1", 3))
    with pytest.raises(StorageFailed, match="rm_file failed"):
        there.remove("s", "file_1")


@pytest.mark.parametrize("url", ["files", "/srv/files", "://x"])
def test_an_address_without_a_kind_is_refused(url):
    with pytest.raises(ValueError, match="must be an address"):
        Settings(files_url=url)
