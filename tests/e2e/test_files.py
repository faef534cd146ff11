"""Files of a session over HTTP: uploaded, shown, attached, deleted, and refused."""

from __future__ import annotations

import base64
import signal
import uuid

import pytest

from tests.support.client import Client
from tests.support.images import PDF, PNG
from tests.support.remains import standing_in
from tests.support.servers import Calls, Text


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


@pytest.mark.parametrize("end", [":data", "%00", "\u00e9", "%2F..", "x" * 300])
def test_an_id_of_another_form_is_unknown(session, end):
    file_id = upload(session, b"\xff\xd8\xff a photo").json()["file_id"]
    assert session.get(f"/api/files/{file_id}{end}").status_code == 404
    answer = session.post("/api/chat", json={"text": "look", "attachments": [{"file_id": file_id + end}]})
    assert answer.status_code == 404


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


def seen_parts(provider, text):
    """The content of the user's last message, as the provider got it."""
    (request,) = provider.requests(text)
    return [message["content"] for message in request.messages if message["role"] == "user"][-1]


def test_a_model_sees_what_it_takes_and_the_state_names_it(session, provider):
    image, document = upload(session, PNG).json(), upload(session, PDF, filename="a.pdf").json()
    note = upload(session, "Grüße".encode(), filename="note.txt").json()
    link = {"url": "https://example.com/a.png"}
    text = "what is on these"
    attachments = [{"file_id": file["file_id"]} for file in (image, document, note)] + [link]
    events = session.ask(text, "seeing", attachments=attachments)
    assert events[-1] == {"type": "complete"}
    asked, shown, read, said, linked = seen_parts(provider, text)
    assert asked == {"type": "text", "text": text}
    assert shown["image_url"]["url"] == f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert read["file"]["filename"] == "a.pdf"
    assert read["file"]["file_data"] == f"data:application/pdf;base64,{base64.b64encode(PDF).decode()}"
    assert (said["text"], linked["image_url"]["url"]) == ("The file 'note.txt':\n\nGrüße", link["url"])
    assert session.state()["messages"][0]["attachments"] == [image, document, note, link]


def test_a_model_that_cannot_see_is_refused_and_those_that_can_are_named(session):
    image = {"file_id": upload(session, PNG).json()["file_id"]}
    sent = {"text": "look", "model": "scripted", "attachments": [image]}
    answer = session.post("/api/chat", params={"app": "seeing"}, json=sent)
    said = "The model 'scripted' does not take images; choose one of this app that does: seeing"
    assert (answer.status_code, answer.json()["error"]) == (400, said)
    refused = session.post("/api/chat", json={"text": "look", "attachments": [{"url": "https://example.com/a.png"}]})
    assert (refused.status_code, "no model of this app does" in refused.json()["error"]) == (400, True)


def test_a_text_file_is_text_for_every_model(session):
    note = upload(session, b"remember 7", filename="note.txt").json()
    events = session.ask("hello", attachments=[{"file_id": note["file_id"]}])
    assert events[-1] == {"type": "complete"}


def test_a_file_that_is_gone_is_an_error_of_that_turn_and_a_note_in_later_ones(session, provider, redis):
    file_id = upload(session, PNG).json()["file_id"]
    session.ask("the first look", "seeing", attachments=[{"file_id": file_id}])
    redis.delete(f"session:{{{session.session_id}}}:file:{file_id}:data")
    lost = session.ask("a second look", "seeing", attachments=[{"file_id": file_id}])
    assert (lost[-1]["type"], lost[-1]["code"], "attach it again" in lost[-1]["message"]) == ("error", "lost", True)
    text = "and go on"
    assert session.ask(text, "seeing")[-1] == {"type": "complete"}
    (request,) = provider.requests(text)
    assert "It is no longer available" in str(request.messages)


def test_a_message_sent_again_is_the_same_turn_though_its_file_is_gone(session, provider):
    file_id = upload(session, PNG).json()["file_id"]
    sent = {"text": "look at it once", "attachments": [{"file_id": file_id}]}
    for _ in range(2):
        headers = {"Idempotency-Key": "once"}
        answer = session.post("/api/chat", params={"app": "seeing"}, json=sent, headers=headers)
        assert (answer.status_code, '"complete"' in answer.text) == (200, True)
        session.request("DELETE", f"/api/files/{file_id}")
    assert len(provider.requests("look at it once")) == 1


def test_the_image_of_a_tool_is_a_file_that_the_model_sees(session, provider):
    text = provider.script("draw me a dot", [Calls([("Draw", {"kind": "png"})])], [Text(["There."])])
    events = session.ask(text, "seeing")
    result = next(event["result"] for event in events if event["type"] == "tool_result")
    expected = {"filename": "dot.png", "media_type": "image/png", "bytes": len(PNG)}
    assert result == {"file_id": result["file_id"]} | expected
    assert session.get(f"/api/files/{result['file_id']}").content == PNG
    messages = next(seen.messages for seen in reversed(provider.seen) if seen.asked.startswith("The image 'dot.png'"))
    assert messages[-1]["content"][1]["image_url"]["url"].endswith(base64.b64encode(PNG).decode())


def test_an_image_that_is_none_is_an_error_of_the_tool(session, provider):
    text = provider.script("draw me nothing", [Calls([("Draw", {"kind": "broken"})])], [Text(["Sorry."])])
    events = session.ask(text, "seeing")
    (result,) = [event["result"] for event in events if event["type"] == "tool_result"]
    assert result.keys() == {"error"}


def test_files_may_be_in_a_folder(backend, worker, key, redis, tmp_path):
    folder = tmp_path / "files"
    process, url = backend.web(AOMI_FILES_URL=folder.as_uri())
    client = Client(url, key)
    client.post("/api/sessions")
    ids = [upload(client, PNG).json()["file_id"] for _ in range(2)]
    assert client.get(f"/api/files/{ids[0]}").content == PNG
    assert upload(client, b"\0").status_code == 415
    assert sorted(path.name for path in folder.rglob("file_*")) == sorted(ids)
    assert list(redis.scan_iter(f"session:{{{client.session_id}}}:file:*:data")) == []
    client.request("DELETE", f"/api/files/{ids[0]}")
    assert [path.name for path in folder.rglob("file_*")] == [ids[1]]
    client.request("DELETE", f"/api/sessions/{client.session_id}")
    assert list(folder.rglob("file_*")) == []
    assert standing_in(redis, client.session_id) == []
    process.send(signal.SIGTERM)


def test_an_upload_needs_the_key_of_the_sessions_app_where_sessions_need_one(backend, worker, key):
    process, url = backend.web(AOMI_REQUIRE_KEY_FOR_SESSIONS="1", AOMI_REQUESTS_PER_MINUTE_SESSION="4")
    client = Client(url, key)
    client.ask("hello", "scripted")
    stranger = Client(url, session_id=client.session_id)
    assert upload(client, PNG).status_code == 201
    assert upload(stranger, PNG).status_code == 401
    assert [upload(client, PNG).status_code for _ in range(2)] == [201, 429]
    process.send(signal.SIGTERM)
