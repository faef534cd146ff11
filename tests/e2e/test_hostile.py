"""Bytes that nobody means well: each gets a documented refusal (or is rightly taken), and the server works on."""

from __future__ import annotations

import json
import uuid

import httpx
import pytest

from tests.support.client import Client, fetch
from tests.support.patience import setting
from tests.support.raw import Answer, exchange

GOOD = b'{"text":"remember 1"}'
DEEP = 100_000


@pytest.fixture(scope="module")
def process(backend, worker):
    """A web process of its own, with little patience."""
    process, url = backend.web(AOMI_SEND_TIMEOUT=setting(0.5))
    yield process, url
    process.stop()


@pytest.fixture(autouse=True)
def works_on(process):
    """After each test the server answers, and nothing was an error of its own."""
    yield
    web, url = process
    assert fetch(f"{url}/healthz").status_code == 200
    assert "Traceback" not in web.log()


@pytest.fixture
def url(process) -> str:
    return process[1]


@pytest.fixture
def session(url, key) -> Client:
    return Client(url, key)


def request(
    line: str = "POST /api/chat HTTP/1.1", headers: bytes = b"", body: bytes = GOOD, length: object = None
) -> bytes:
    """A request that is fine but for what is given. A `length` of '' leaves the Content-Length out."""
    counted = "" if length == "" else f"Content-Length: {len(body) if length is None else length}\r\n"
    head = f"{line}\r\nHost: x\r\nConnection: close\r\nX-Session-Id: {uuid.uuid4()}\r\n{counted}"
    return head.encode() + headers + b"\r\n" + body


def chunked(body: bytes, headers: bytes = b"") -> bytes:
    return request(headers=b"Transfer-Encoding: chunked\r\n" + headers, body=body, length="")


def alone(answers: list[Answer]) -> Answer:
    (answer,) = answers
    return answer


# What is no request


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (b"nonsense\r\n\r\n", 400, "not an HTTP/1.1 request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, "not an HTTP/1.1 request"),
        (b"GET /healthz\r\n\r\n", 400, "not an HTTP/1.1 request"),
        (b"GET /healthz HTTP/9.9\r\n\r\n", 400, "not an HTTP/1.1 request"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "not an HTTP/1.1 request"),
        (b"get /healthz HTTP/1.1\r\n\r\n", 400, "not an HTTP/1.1 request"),
        (b"GET /heal\x00thz HTTP/1.1\r\n\r\n", 400, "not an HTTP/1.1 request"),
        (b"GET /heal\xffthz HTTP/1.1\r\n\r\n", 400, "not an HTTP/1.1 request"),
        (b"GET /" + b"a" * 80_000 + b" HTTP/1.1\r\n\r\n", 414, "at most 69632 bytes"),
        (b"GET /healthz HTTP/1.1\r\nX-A: " + b"a" * 9000 + b"\r\n\r\n", 431, "at most 100 of 8190 bytes"),
        (b"GET /healthz HTTP/1.1\r\n" + b"X-A: 1\r\n" * 200 + b"\r\n", 431, "at most 100 of 8190 bytes"),
        (b"GET /healthz HTTP/1.1\r\nX-A: a\x00b\r\n\r\n", 400, "header is malformed"),
        (b"GET /healthz HTTP/1.1\r\nX-A: a\rb\r\n\r\n", 400, "header is malformed"),
        (b"GET /healthz HTTP/1.1\r\nnonsense\r\n\r\n", 400, "header is malformed"),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "contradicts another"),
        (b"GET /healthz HTTP/1.1\r\nHost : a\r\n\r\n", 400, "name of a header"),
        (b"GET /healthz HTTP/1.1\r\nX-A: a\r\n b\r\n\r\n", 400, "one line"),
        (b"GET /healthz HTTP/1.1\r\nExpect: miracles\r\n\r\n", 417, "100-continue"),
    ],
)
def test_what_is_no_request_is_refused_in_json(url, sent, status, words):
    answer = alone(exchange(url, sent))
    assert answer.status == status
    assert words in answer.error


def test_a_refused_header_is_not_logged(url, process):
    exchange(url, b"GET /healthz HTTP/1.1\r\nX-API-Key sk-very-secret\r\n\r\n")
    exchange(url, b"GET /api/state?session_id=sk-very-secret HTTP/9.9\r\n\r\n")
    assert "very-secret" not in process[0].log()


@pytest.mark.parametrize("method", ["BREW", "TRACE", "PUT", "A!#"])
def test_a_method_that_is_not_there_is_refused(url, method):
    answer = alone(exchange(url, request(f"{method} /api/chat HTTP/1.1")))
    assert answer.status in (400, 405)
    assert answer.error


def test_http_1_0_is_answered(url):
    answer = alone(exchange(url, b"GET /healthz HTTP/1.0\r\n\r\n"))
    assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})


# Where a body ends


@pytest.mark.parametrize(
    ("sent", "status", "words"),
    [
        (request(headers=b"Content-Length: 1\r\n"), 400, "contradicts another"),
        (chunked(b"0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n", b"Content-Length: 5\r\n"), 400, "contradicts another"),
        (request(length=-1), 400, "malformed"),
        (request(length="+21"), 400, "malformed"),
        (request(length="0x15"), 400, "malformed"),
        (request(length=10**30), 413, "1 MiB"),
        (request(body=b"a" * 1_100_000), 413, "1 MiB"),
        (chunked((b"10000\r\n" + b" " * 65536 + b"\r\n") * 20 + b"0\r\n\r\n"), 413, "1 MiB"),
        (chunked(b"zz\r\nabc\r\n0\r\n\r\n"), 400, "chunks of the body are malformed"),
        (chunked(b"-3\r\nabc\r\n0\r\n\r\n"), 400, "chunks of the body are malformed"),
        (chunked(b"3\r\nabcdef\r\n0\r\n\r\n"), 400, "chunks of the body are malformed"),
        (chunked(b"ffffffffffffffffff\r\nabc"), 400, "broke off, or did not go on in time"),
        (request(headers=b"Transfer-Encoding: smuggled\r\n", length=""), 501, "chunked"),
        (request("POST /api/chat HTTP/1.0", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", ""), 400, "malformed"),
    ],
)
def test_a_body_of_unclear_length_is_refused_and_nothing_after_it_is_answered(url, sent, status, words):
    answer = alone(exchange(url, sent))
    assert answer.status == status
    assert words in answer.error


def test_a_body_in_chunks_is_taken(session):
    parts = iter([GOOD[:5], GOOD[5:]])
    with session.streaming("POST", "/api/chat", content=parts) as stream:
        assert list(stream.events())[-1] == {"type": "complete"}


def test_a_chunked_body_of_a_whole_number_of_mebibytes_is_not_taken_for_its_beginning(url):
    body = GOOD + b" " * (1024 * 1024 - len(GOOD))
    sent = chunked(b"%x\r\n%s\r\n1\r\n}\r\n0\r\n\r\n" % (len(body), body))
    assert alone(exchange(url, sent)).status == 413


def test_a_body_cut_short_is_refused_although_it_is_json(url):
    answer = alone(exchange(url, request(length=100), half_closed=True))
    assert (answer.status, answer.error) == (400, "The body is shorter than its Content-Length says; send all of it")


@pytest.mark.parametrize("sent", [request(length=100), chunked(b"5\r\nab")])
def test_a_body_that_does_not_go_on_is_given_up(url, sent):
    answer = alone(exchange(url, sent))
    assert (answer.status, answer.error) == (
        400,
        "The body broke off, or did not go on in time; send the request again",
    )


# Bodies that are no JSON, or too much of it


@pytest.mark.parametrize("field", ["text", "thread_id", "model", "on_busy", "unknown"])
def test_half_a_character_is_refused_in_every_field_of_a_message(session, field):
    body = b'{"text":"x","%s":"\\ud800"}' % field.encode()
    refused(session.post("/api/chat", content=body), "must be JSON")


@pytest.mark.parametrize(
    "user_state", [b'{"a":"\\ud800"}', b'{"\\udfff":1}', b'{"a":"\\ud800","b":12345678901234567890123}']
)
@pytest.mark.parametrize("wrapped", [b'{"text":"x","user_state":%s}', b'{"user_state":%s}'])
def test_half_a_character_is_refused_in_a_user_state(session, user_state, wrapped):
    path = "/api/chat" if b"text" in wrapped else "/api/sessions"
    refused(session.post(path, content=wrapped % user_state), "must be JSON")


@pytest.mark.parametrize("field", ["title", "public_key", "app"])
def test_half_a_character_is_refused_in_every_field_of_a_session(session, field):
    refused(session.post("/api/sessions", content=b'{"%s":"\\udc00"}' % field.encode()), "must be JSON")


@pytest.mark.parametrize(
    "value",
    [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e999",
        "NaN,12345678901234567890123",
        "9" * 5000,
        "9" * 1_000_000,
        "[" * DEEP,
        "[" * DEEP + "]" * DEEP,
        '{"a":' * DEEP + "1" + "}" * DEEP,
        "[" * DEEP + "12345678901234567890123" + "]" * DEEP,
    ],
    ids=lambda value: f"{value[:9]} of {len(value)}",
)
def test_a_value_that_is_no_json_or_too_much_is_refused(session, value):
    for body in (value, f'{{"text":"x","a":[{value}]}}', f'{{"text":"x","user_state":{{"a":[{value}]}}}}'):
        refused(session.post("/api/chat", content=body.encode()), "must be JSON")


@pytest.mark.parametrize("depth", [300, 900, 990, 1000])
def test_a_deep_user_state_is_refused_with_long_numbers_too(session, depth):
    for number in ("1", "12345678901234567890123"):
        value = "[" * depth + number + "]" * depth
        answer = session.post("/api/chat", content=f'{{"text":"x","user_state":{{"a":{value}}}}}'.encode())
        refused(answer, "nested too deeply" if depth < 990 or number == "1" else "must be JSON")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "cp037"])
def test_a_body_in_another_encoding_than_utf_8_is_refused(session, encoding):
    refused(session.post("/api/chat", content='{"text":"ä"}'.encode(encoding)), "must be JSON")


@pytest.mark.parametrize(
    "body", [b"\xff", b'{"text":"\xc0\xaf"}', b'{"text":"\xed\xa0\x80"}', b'{"text":"x"}{}', b"text=x"]
)
def test_a_body_of_other_bytes_is_refused(session, body):
    refused(session.post("/api/chat", content=body), "must be JSON")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_json_is_taken_whatever_it_is_called(session, kind):
    with session.streaming("POST", "/api/chat", content=GOOD, headers={"Content-Type": kind}) as stream:
        assert list(stream.events())[-1] == {"type": "complete"}


def test_of_two_fields_of_one_name_the_last_one_counts(session):
    session.post("/api/chat", content=b'{"text":"remember 1","text":"remember 2"}')
    assert session.state()["messages"][0]["content"] == "remember 2"


def test_a_null_character_goes_through_unharmed(session):
    session.post("/api/sessions", content=b'{"title":"a\\u0000b","public_key":"a\\u0000b"}')
    session.post("/api/chat", json={"text": "remember \0 1"})
    state = session.state()
    assert (state["title"], state["messages"][0]["content"]) == ("a\0b", "remember \0 1")


def test_integers_of_a_user_state_stay_exact(session):
    wei = 123456789012345678901234567890
    session.post("/api/chat", content=b'{"text":"remember 1","user_state":{"wei":%d}}' % wei)
    assert session.state()["user_state"] == {"wei": wei}
    session.post("/api/control/user_state", content=b'{"wei":-%d}' % wei)
    assert session.state()["user_state"] == {"wei": -wei}


def refused(answer: httpx.Response, words: str) -> None:
    assert answer.status_code == 400, answer.text
    assert list(answer.json()) == ["error"]
    assert words in answer.json()["error"]


# Ids, paths and queries


@pytest.mark.parametrize(
    "wrong", ["-1", "1e9", "0x1", "9" * 16, "9" * 7000, "run_x:", "run_x:-1", "5, 6", "*", "a\tb", "\xff\xfe", "\u0663"]
)
def test_an_event_id_of_another_form_is_refused(session, wrong):
    session.post("/api/sessions")
    refused(session.get("/api/chat", params={"starting_after": wrong}), "id of an event")
    for path in ("/api/chat", "/api/updates"):
        refused(session.get(path, headers={"Last-Event-ID": wrong.encode()}), "id of an event")


@pytest.mark.parametrize("other", ["run_x:1", "*:1", "session:{x}:1", "run_\r\nX-Evil: 1:1", "a" * 5000 + ":1"])
def test_the_id_of_no_turn_is_204(session, other):
    session.ask("remember 1")
    response = session.get("/api/chat", params={"starting_after": other})
    assert (response.status_code, response.content) == (204, b"")
    assert "x-evil" not in response.headers


def test_a_number_far_ahead_brings_the_turn_from_its_beginning(session):
    told = session.ask("remember 1")
    with session.resume(starting_after="9" * 15) as stream:
        assert list(stream.events()) == told


def test_a_number_far_ahead_on_the_update_stream_is_a_gap(session):
    session.post("/api/sessions")
    with session.updates(last_id="9" * 15) as stream:
        assert [stream.next()["type"], stream.next()["type"]] == ["gap", "state"]


def test_repeated_session_ids_must_agree(session):
    twice = [("X-Session-Id", session.session_id), ("X-Session-Id", str(uuid.uuid4()))]
    refused(fetch(f"{session.url}/api/state", headers=twice), "UUID")
    query = f"session_id={session.session_id}&session_id={uuid.uuid4()}"
    refused(fetch(f"{session.url}/api/state?{query}"), "different sessions")


@pytest.mark.parametrize("strange", [b"\xff\xfe", b"a" * 8000, "ключ".encode(), b"a, b", b"%00", b"*"])
def test_a_strange_api_key_is_unknown(url, strange):
    answer = fetch(f"{url}/api/session/apps", headers={"X-API-Key": strange})
    assert (answer.status_code, list(answer.json())) == (401, ["error"])


@pytest.mark.parametrize("strange", [b"\xff\xfe", b"%0d%0aX-Evil: 1", b"{}*:", b"a\tb", b"a" * 255, "ключ".encode()])
def test_a_strange_idempotency_key_is_a_key_like_any_other(session, strange):
    headers = {"Idempotency-Key": strange}
    first = session.post("/api/chat", content=GOOD, headers=headers)
    again = session.post("/api/chat", content=GOOD, headers=headers)
    assert first.status_code == again.status_code == 200
    assert first.headers["location"] == again.headers["location"]
    assert session.session_id in first.headers["location"]
    assert "x-evil" not in first.headers


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /api/sessions/%00 HTTP/1.1", 400),
        ("GET /api/sessions/%ff%fe HTTP/1.1", 400),
        ("GET /api/sessions/%ed%a0%80 HTTP/1.1", 400),
        ("GET /api/sessions/%zz HTTP/1.1", 400),
        ("GET /api/sessions/ID%0d%0aX:1 HTTP/1.1", 400),
        ("GET /api/sessions/" + "a" * 8000 + " HTTP/1.1", 400),
        ("GET /api/sessions/..%2f..%2fetc HTTP/1.1", 404),
        ("GET /api/../healthz HTTP/1.1", 404),
        ("GET /% HTTP/1.1", 404),
        ("GET /%00 HTTP/1.1", 404),
        ("GET http://elsewhere/nothing HTTP/1.1", 404),
        ("OPTIONS * HTTP/1.1", 404),
        ("PATCH /api/sessions/ID/threads/%00 HTTP/1.1", 404),
        ("DELETE /api/sessions/ID/threads/" + "t" * 5000 + " HTTP/1.1", 404),
        ("GET /api/state?session_id=%00 HTTP/1.1", 400),
        ("GET /api/state?session_id=ID%00 HTTP/1.1", 400),
        ("GET /api/state?session_id=" + "a" * 8000 + " HTTP/1.1", 400),
        ("GET /api/state?session_id=ID&thread_id=%ff HTTP/1.1", 404),
        ("GET /api/state?session_id=ID&thread_id=* HTTP/1.1", 404),
        ("GET /api/state?session_id=ID&thread_id=" + "t" * 5000 + " HTTP/1.1", 404),
        ("GET /api/sessions?public_key=" + "a" * 257 + " HTTP/1.1", 400),
        ("POST /api/control/%00?session_id=ID HTTP/1.1", 404),
        ("POST /api/control/__class__?session_id=ID HTTP/1.1", 404),
        ("POST /api/control/" + "a" * 8000 + "?session_id=ID HTTP/1.1", 404),
        ("POST /api/chat?session_id=ID&app=%00 HTTP/1.1", 401),
        ("POST /api/chat?session_id=ID&app=" + "a" * 8000 + " HTTP/1.1", 401),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_strange_path_or_query_is_refused(session, line, status):
    session.post("/api/sessions")
    head = f"{line.replace('ID', session.session_id)}\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    answer = alone(exchange(session.url, head.encode()))
    assert answer.status == status
    assert answer.error
