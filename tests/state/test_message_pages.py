"""Pages of a thread's messages, and the newest of them."""

from __future__ import annotations

import json

import pytest

from app.events import sse
from app.state import redis_keys
from app.state.conversation import histories as histories_module
from app.state.conversation import message_pages, transcript
from app.state.conversation.message_pages import WantedMessages
from app.state.sessions import Sessions


@pytest.fixture
def small_reads(monkeypatch):
    """Three messages at a time, so that a few are many."""
    monkeypatch.setattr(histories_module, "_SNAPSHOT_PAGE", 3)
    monkeypatch.setattr(message_pages, "READ_AT_ONCE", 3)


def store_messages(connection, thread_id: str, *messages: transcript.Message) -> None:
    key = redis_keys.messages("s", thread_id)
    for message in messages:
        connection.rpush(key, json.dumps(message))


def numbered(count: int) -> list[transcript.Message]:
    return [transcript.message(f"msg_{number}", "user", f"{number}", "") for number in range(count)]


def page_of(sessions: Sessions, limit: int, before: str = "", *, with_reasoning: bool = False):
    snapshot = sessions.histories.snapshot("s", None, whole=False)
    return sessions.histories.message_page("s", snapshot, WantedMessages(limit, before, with_reasoning))


def contents(page) -> list[str]:
    return [message["content"] for message in page.messages]


@pytest.fixture
def thread_id(sessions):
    sessions.create("s", {})
    return sessions.open_thread("s", "")["id"]


@pytest.mark.usefixtures("small_reads")
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 9, 10, 11])
def test_pages_put_together_are_the_history(sessions, connection, thread_id, limit):
    store_messages(connection, thread_id, *numbered(10))
    page = page_of(sessions, limit)
    found = contents(page)
    while page.has_more:
        assert len(page.messages) == limit
        page = page_of(sessions, limit, page.messages[0]["id"])
        found = contents(page) + found
    assert found == [f"{number}" for number in range(10)]


@pytest.mark.usefixtures("small_reads")
def test_the_newest_page_has_what_the_state_shows_of_turns_that_run_and_wait(
    sessions, runs, said, connection, thread_id
):
    store_messages(connection, thread_id, *numbered(5))
    run = runs.claim("s", runs.start("s", said("runs")).run_id, "worker")
    runs.append([("s", run.id, 1, [sse.text("so far")])])
    runs.start("s", said("waits"))
    state = transcript.for_clients(sessions.histories.snapshot("s", None).placed())
    assert page_of(sessions, 5).messages == state[-5:]
    assert contents(page_of(sessions, 5)) == ["3", "4", "runs", "so far", "waits"]
    assert contents(page_of(sessions, 2, f"{run.id}-0")) == ["4", "runs"]


@pytest.mark.usefixtures("small_reads")
def test_what_no_client_gets_counts_in_no_page(sessions, connection, thread_id):
    notes = [transcript.message(f"run_{number}-error", "error", "why", "") for number in range(8)]
    thought = transcript.message("run_x-0", "assistant", "", "") | {"thoughts": "hm"}
    store_messages(connection, thread_id, *numbered(1), thought, *notes, transcript.message("m", "user", "last", ""))
    assert (contents(page_of(sessions, 1)), page_of(sessions, 1).has_more) == (["last"], True)
    assert (contents(page_of(sessions, 2)), page_of(sessions, 2).has_more) == (["0", "last"], False)
    with_thoughts = page_of(sessions, 1, "m", with_reasoning=True)
    assert with_thoughts.messages[0]["reasoning"] == "hm"


@pytest.mark.usefixtures("small_reads")
def test_a_message_that_the_thread_does_not_have_leads_to_no_page(sessions, connection, thread_id):
    store_messages(connection, thread_id, *numbered(10))
    assert page_of(sessions, 5, "msg_10") is None
    assert page_of(sessions, 5, "msg_0").messages == []


def test_a_page_of_a_long_thread_is_read_in_parts(sessions, connection, thread_id, monkeypatch):
    """20,000 messages: no command returns more than 200 of them, and none is read that the page does not need."""
    key = redis_keys.messages("s", thread_id)
    messages = [json.dumps(message) for message in numbered(20_000)]
    for start in range(0, len(messages), 1000):
        connection.rpush(key, *messages[start : start + 1000])
    read, real = [], type(connection).lrange

    def counted(client, name, start, end):
        found = real(client, name, start, end)
        read.append(len(found))
        return found

    monkeypatch.setattr(type(connection), "lrange", counted)
    assert contents(page_of(sessions, 2, "msg_100")) == ["98", "99"]
    assert (max(read), sum(read)) == (200, 19_800)
    read.clear()
    page_of(sessions, 200)
    assert sum(read) <= 200
