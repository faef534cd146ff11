"""Messages that a client brings along, or adds."""

from __future__ import annotations

import pytest

from app.events import sse
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.responses.imports import Imports, SessionBusy
from tests.state.conftest import Repeated

HISTORY = [
    transcript.message(f"msg_{n}", role, f"text {n}", "2026-11-26T00:00:00Z")
    for n, role in enumerate(["user", "assistant"])
]
ADDED = [transcript.message("msg_added", "user", "more", "2026-11-26T00:00:01Z")]


@pytest.fixture
def imports(connection, settings):
    return Imports(Repeated(connection, settings))


def test_a_history_that_a_client_brings_is_a_thread(connection, sessions, imports):
    thread_id = imports.thread("s", HISTORY)
    snapshot = sessions.histories.snapshot("s", None)
    assert (snapshot.thread_id, snapshot.messages) == (thread_id, HISTORY)
    assert connection.ttl(redis_keys.messages("s", thread_id)) > 0


def test_messages_are_added_behind_the_last_one_and_begin_a_thread_where_there_is_none(sessions, imports):
    assert not imports.add("s", ADDED)
    assert sessions.get("s") is None
    sessions.create("s", {})
    assert imports.add("s", HISTORY)
    assert imports.add("s", ADDED)
    assert sessions.histories.snapshot("s", None).messages == HISTORY + ADDED


def test_none_are_added_while_a_turn_runs_or_waits(sessions, imports, runs, said):
    imports.thread("s", HISTORY)
    runs.start("s", said("hello"))
    with pytest.raises(SessionBusy):
        imports.add("s", ADDED)
    run = runs.claim("s", runs.current("s"), "worker")
    with pytest.raises(SessionBusy):
        imports.add("s", ADDED)
    runs.settle(runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    assert imports.add("s", ADDED)
    assert [one["content"] for one in sessions.histories.snapshot("s", None).messages][-2:] == ["hello", "more"]
