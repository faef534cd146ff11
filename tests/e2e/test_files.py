"""Files of a session over HTTP: uploaded, shown, attached, deleted, and refused."""

from __future__ import annotations

import struct
import uuid
import zlib

import pytest

from tests.support.client import Client
from tests.support.remains import standing_in


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0\xff\0\0"))
    + chunk(b"IEND", b"")
)
"""One red pixel."""

PDF = b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"


@pytest.fixture
def session(client):
    client.post("/api/sessions")
    return client


def upload(client, data, **query):
    return client.post("/api/files", params=query, content=data, headers={"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("data", "media_type", "extension"),
    [
        (PNG, "image/png", "png"),
        (b"\xff\xd8\xff\xe0 a photo", "image/jpeg", "jpg"),
        (b"GIF89a and so on", "image/gif", "gif"),
        (b"RIFF\x10\0\0\0WEBPVP8 and so on", "image/webp", "webp"),
        (PDF, "application/pdf", "pdf"),
        ("<script>Größe</script>".encode(), "text/plain", "txt"),
    ],
)
def test_a_files_type_is_what_its_bytes_are(session, data, media_type, extension):
    answer = upload(session, data)
    assert answer.status_code == 201, answer.text
    said = answer.json()
    expected = {"filename": f"file.{extension}", "media_type": media_type, "bytes": len(data)}
    assert said == {"file_id": said["file_id"]} | expected
    shown = session.get(f"/api/files/{said['file_id']}")
    assert (shown.status_code, shown.content) == (200, data)
    assert shown.headers["Content-Type"].split(";")[0] == media_type
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("data", "status", "word"),
    [
        (b"", 400, "empty"),
        (b"PK\x03\x04\0\0 an archive", 415, "PNG"),
        (b"\xfe\xff\0t\0e\0x\0t", 415, "UTF-8"),
        (b"a" * 300_000 + b"\xff", 415, "UTF-8"),
        (b"cut \xc3", 415, "UTF-8"),
        (b"a" * (5 * 1024 * 1024 + 1), 413, "5,242,880"),
    ],
)
@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_no_file_is_refused_and_leaves_nothing(session, redis, data, status, word, chunked):
    answer = upload(session, iter([data]) if chunked else data)
    assert (answer.status_code, word in answer.json()["error"]) == (status, True), answer.text
    assert list(redis.scan_iter(f"session:{{{session.session_id}}}:file*")) == []


def test_a_name_is_cleaned(session):
    names = {
        "../../etc/pass\x00wd.txt": "passwd.txt",
        "C:\\Users\\me\\a plan.txt": "a plan.txt",
        'x"; filename="evil.exe.txt': "x filename=evil.exe.txt",
        "invoice\u202efdp.txt": "invoicefdp.txt",
        "...": "file.txt",
        "n" * 500 + ".txt": "n" * 124 + ".txt",
    }
    assert {name: upload(session, b"text", filename=name).json()["filename"] for name in names} == names


def test_a_file_is_of_its_session_alone(session, webs, key):
    file_id = upload(session, PNG).json()["file_id"]
    other = Client(webs[1], key)
    other.post("/api/sessions")
    for method in ("GET", "DELETE"):
        assert other.request(method, f"/api/files/{file_id}").status_code == 404
    with pytest.raises(AssertionError, match="no such file"):
        other.ask("hello", attachments=[{"file_id": file_id}])
    assert upload(Client(webs[0], key), PNG).status_code == 404
    assert session.get(f"/api/files/{file_id}", url=webs[1]).content == PNG


def test_a_deleted_file_is_gone(session, redis):
    file_id = upload(session, PNG).json()["file_id"]
    assert session.request("DELETE", f"/api/files/{file_id}").json() == {"file_id": file_id, "deleted": True}
    assert session.get(f"/api/files/{file_id}").status_code == 404
    assert session.request("DELETE", f"/api/files/{file_id}").status_code == 404
    assert list(redis.scan_iter(f"session:{{{session.session_id}}}:file:*")) == []


def test_a_session_holds_fifty_mebibytes(session):
    part = b"a" * (5 * 1024 * 1024)
    ids = [upload(session, part).json()["file_id"] for _ in range(10)]
    refused = upload(session, b"one more")
    assert (refused.status_code, "50 MiB" in refused.json()["error"]) == (413, True)
    session.request("DELETE", f"/api/files/{ids[0]}")
    assert upload(session, b"one more").status_code == 201
    session.request("DELETE", f"/api/sessions/{session.session_id}")


def test_a_file_goes_with_its_session(session, redis):
    word = uuid.uuid4().hex
    upload(session, word.encode(), filename=f"{word}.txt")
    assert standing_in(redis, word)
    session.request("DELETE", f"/api/sessions/{session.session_id}")
    assert standing_in(redis, word) == []


@pytest.mark.parametrize(
    "attachments",
    [
        "a.png",
        [{"file_id": 1}],
        [{}],
        [{"file_id": "file_1", "url": "https://example.com"}],
        [{"url": "http://example.com/a.png"}],
        [{"url": "https://user:secret@example.com/a.png"}],
        [{"url": "file:///etc/passwd"}],
        [{"url": f"https://example.com/{'a' * 3000}"}],
        [{"url": "https://example.com/a.png"}] * 9,
    ],
)
def test_attachments_of_another_form_are_refused(session, attachments):
    answer = session.post("/api/chat", json={"text": "look", "attachments": attachments})
    assert (answer.status_code, "attachment" in answer.json()["error"]) == (400, True), answer.text
