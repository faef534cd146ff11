"""Lists over HTTP: bounded, in pages, each with the address of the next one."""

from __future__ import annotations

import re
import uuid

import pytest
import redis as redis_py

from app import create_app, services
from app.config import Settings
from app.events import sse
from app.state.turns.turn_requests import TurnRequest
from app.web.pages import MAX_ITEMS
from tests.support.backend import DEMO_ALONE


@pytest.fixture
def parts(redis_url, tmp_path):
    """A backend without a worker, in which a session may have three threads."""
    config, url = tmp_path / "aomi.yaml", redis_url.replace("/0", "/12")
    config.write_text(DEMO_ALONE)
    with redis_py.Redis.from_url(url) as connection:
        connection.flushdb()
        settings = Settings(REDIS_URL=url, config=config, metrics=False, max_threads=3, cors_origins="*")
        yield services.build(settings)


@pytest.fixture
def http(parts):
    """A client of it."""
    return create_app(parts).test_client()


@pytest.fixture
def answered(parts):
    """Has turns of a session: messages `0`, `1` ... and an answer `to 0` ... to each. Returns the thread."""

    def run(session: str, *texts: str) -> str:
        session_id = session.rpartition("/")[2]
        for text in texts:
            run_id = parts.runs.start(session_id, TurnRequest(text=text, app="default", model="demo")).run_id
            started = parts.runs.claim(session_id, run_id, "worker")
            parts.runs.append([(session_id, run_id, 1, [sse.text(f"to {text}")])])
            parts.turns.end(session_id, run_id, sse.complete())
        return started.thread_id

    return run


@pytest.fixture
def session(http):
    session_id = str(uuid.uuid4())
    http.post("/api/sessions", headers={"X-Session-Id": session_id})
    return f"/api/sessions/{session_id}"


def next_page(answer) -> str:
    return re.fullmatch('<(.+)>; rel="next"', answer.headers["Link"])[1]


def test_the_sessions_of_a_public_key_come_in_pages_as_bare_arrays(http):
    made = [str(uuid.uuid4()) for _ in range(5)]
    for session_id in made:
        http.post("/api/sessions", headers={"X-Session-Id": session_id}, json={"public_key": "0xa&b"})
    whole = http.get("/api/sessions", query_string={"public_key": "0xa&b"})
    assert "Link" not in whole.headers
    headers = {"Origin": "https://a.example"}
    answer = http.get("/api/sessions", query_string={"public_key": "0xa&b", "limit": "2"}, headers=headers)
    assert "Link" in answer.headers["Access-Control-Expose-Headers"]
    found = []
    while "Link" in answer.headers:
        found += answer.json
        answer = http.get(next_page(answer))
    found += answer.json
    assert found == whole.json
    assert [one["session_id"] for one in found] == made[::-1]


def test_the_threads_of_a_session_come_in_pages_the_newest_first_each_oldest_first(http, session):
    opened = [http.post(f"{session}/threads", json={"title": f"{number}"}).json for number in range(3)]
    answer = http.get(session, query_string={"limit": "2"})
    assert answer.json["threads"] == opened[1:]
    older = http.get(next_page(answer))
    assert (older.json["threads"], "Link" in older.headers) == (opened[:1], False)
    assert http.get(session).json["threads"] == opened


def test_a_thread_too_many_is_refused_until_another_one_is_deleted(http, session):
    first, *_ = [http.post(f"{session}/threads").json["id"] for _ in range(3)]
    refused = http.post(f"{session}/threads")
    assert refused.status_code == 409
    assert refused.json == {"error": "The session has 3 threads, the most that it may have; delete some first"}
    http.delete(f"{session}/threads/{first}")
    assert http.post(f"{session}/threads").status_code == 200


@pytest.mark.parametrize("name", ["limit", "cursor"])
@pytest.mark.parametrize("value", ["", "-1", "x", "1.5", "²", "9" * 30])
def test_a_page_that_nobody_can_mean_is_refused(http, session, name, value):
    answer = http.get(session, query_string={name: value})
    assert (answer.status_code, f"'{name}' must be" in answer.json["error"]) == (400, True)


def test_a_page_above_the_maximum_is_one_of_the_maximum(http, session):
    assert http.get(session, query_string={"limit": str(MAX_ITEMS * 10)}).status_code == 200


def contents(answer) -> list[str]:
    return [message["content"] for message in answer.json["messages"]]


def test_the_messages_of_a_thread_come_in_pages_with_the_newest_last(http, session, answered):
    messages = f"{session}/threads/{answered(session, '0', '1', '2')}/messages"
    newest = http.get(messages, query_string={"limit": "4"})
    assert (contents(newest), newest.json["has_more"]) == (["1", "to 1", "2", "to 2"], True)
    older = http.get(messages, query_string={"limit": "4", "before": newest.json["messages"][0]["id"]})
    assert (contents(older), older.json["has_more"]) == (["0", "to 0"], False)
    state = http.get("/api/state", query_string={"session_id": session.rpartition("/")[2]})
    assert older.json["messages"] + newest.json["messages"] == http.get(messages).json["messages"]
    assert http.get(messages).json["messages"] == state.json["messages"]


def test_the_state_has_the_newest_messages_alone_if_asked(http, session, answered):
    answered(session, "0", "1")
    query = {"session_id": session.rpartition("/")[2]}
    whole, some = (http.get("/api/state", query_string=query | more).json for more in ({}, {"limit": "3"}))
    assert "has_more" not in whole
    assert some == whole | {"messages": whole["messages"][1:], "has_more": True}


@pytest.mark.parametrize("limit", ["", "0", "-1", "201", "1.5", "²", "9" * 30])
def test_a_page_of_messages_has_1_to_200(http, session, answered, limit):
    messages = f"{session}/threads/{answered(session, '0')}/messages"
    session_id = session.rpartition("/")[2]
    for address in (messages, "/api/state"):
        answer = http.get(address, query_string={"limit": limit, "session_id": session_id})
        assert (answer.status_code, answer.json) == (400, {"error": "'limit' must be a whole number from 1 to 200"})


@pytest.mark.parametrize("query", [{"limit": "1"}, {"reasoning": "1"}])
def test_a_parameter_that_no_gen1_client_sends_makes_a_request_the_reference_apis(http, session, answered, query):
    """Although the session is in the header alone."""
    answered(session, "0")
    state = http.get("/api/state", query_string=query, headers={"X-Session-Id": session.rpartition("/")[2]})
    assert "role" in state.json["messages"][0]


def test_messages_of_what_does_not_exist_are_404_in_words(http, session, answered):
    thread = f"{session}/threads/{answered(session, '0')}/messages"
    unknown = http.get(thread, query_string={"before": "msg_x"})
    assert (unknown.status_code, "no message with the id of 'before'" in unknown.json["error"]) == (404, True)
    assert "no such thread" in http.get(f"{session}/threads/thread_x/messages").json["error"]
    assert "no such session" in http.get(f"/api/sessions/{uuid.uuid4()}/threads/t/messages").json["error"]


def test_a_list_says_what_runs_and_what_is_unread_until_it_is_seen(http, session, answered, parts):
    session_id = session.rpartition("/")[2]
    parts.sessions.set_public_key(session_id, "0xabc")

    def listed():
        return http.get("/api/sessions?public_key=0xabc").json[0]

    answered(session, "0")
    assert (listed()["status"], listed()["unread"]) == ("idle", True)
    changed = http.patch(session, json={"seen": listed()["last_event_id"]})
    assert (changed.json["unread"], listed()["unread"]) == (False, False)
    parts.runs.start(session_id, TurnRequest(text="1", app="default", model="demo"))
    assert (listed()["status"], listed()["unread"]) == ("processing", False)
    parts.turns.interrupt(session_id)
    assert (listed()["status"], listed()["unread"]) == ("interrupted", True)


def test_threads_say_which_of_them_runs_and_is_unread(http, session, answered, parts):
    session_id = session.rpartition("/")[2]
    first = answered(session, "0")
    second = http.post(f"{session}/threads").json
    assert (second["status"], second["unread"]) == ("idle", False)
    parts.runs.start(session_id, TurnRequest(text="1", app="default", model="demo"))
    shown = http.get(session).json
    threads = {thread["id"]: (thread["status"], thread["unread"]) for thread in shown["threads"]}
    assert threads == {first: ("idle", True), second["id"]: ("processing", False)}
    seen = http.patch(f"{session}/threads/{first}", json={"seen": shown["last_event_id"], "title": "Read"}).json
    assert (seen["title"], seen["unread"]) == ("Read", False)
    assert http.get(session).json["unread"] is True


@pytest.mark.parametrize(
    "body", [{}, {"seen": None}, {"seen": 7}, {"seen": "-1"}, {"seen": "run_x:3"}, {"seen": "9" * 16}]
)
def test_a_change_of_nothing_and_a_wrong_event_are_refused(http, session, answered, body):
    thread = f"{session}/threads/{answered(session, '0')}"
    for address in (session, thread):
        answer = http.patch(address, json=body)
        name = "seen" if body else "title"
        assert (answer.status_code, f"'{name}' must be" in answer.json["error"]) == (400, True)
