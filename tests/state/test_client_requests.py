"""Client requests: asked by a running turn, over once, and told of once."""

from __future__ import annotations

import time

import pytest

from app import services
from app.config import Settings
from app.dialects.gen1.requests import request_numbers
from app.errors import Conflict, NotFound
from app.events import sse
from app.state import redis_keys
from app.state.tools.client_requests import MAX_MAILBOX_EVENTS, MAX_OPEN_REQUESTS, TooManyOpen, TurnOver
from app.state.tools.open_requests import open_requests, pending
from app.state.tools.request_expiry import RequestExpiry
from tests.support.backend import DEMO_ALONE
from tests.support.moments import now_ms
from tests.support.patience import patient

BODY = {"to": "0x1", "value": "9" * 60}


@pytest.fixture
def parts(connection, queue, tmp_path):
    config = tmp_path / "aomi.yaml"
    config.write_text(DEMO_ALONE)
    settings = Settings(config=config, lease=60, max_waiting=0, client_request_ttl=60)
    return services.build(settings, connection, connection, queue)


@pytest.fixture
def running(parts, said):
    """A running turn of session s."""
    run_id = parts.turns.send("s", said("ask")).run_id
    return parts.runs.claim("s", run_id, "worker")


def ask(parts, run, kind="wallet_tx_request", call_id="call_1"):
    return parts.client_requests.ask(run, call_id, "Send", kind, BODY)


def session(parts):
    return parts.sessions.get("s")


def updates(parts):
    return [sse.parse(entry.frame) for entry in parts.sessions.read_updates("s", 0)]


def test_requests_are_numbered_in_their_session_and_numbers_never_come_again(parts, running):
    assert [ask(parts, running).id, ask(parts, running, "wallet_eip712_request").id] == [1, 2]
    assert pending(session(parts)) == {"pending_txs": {"1": BODY}, "pending_eip712s": {"2": BODY}, "next_id": 3}
    parts.client_replies.accept(session(parts), [2], {})
    assert ask(parts, running).id == 3


def test_a_number_that_was_taken_meanwhile_is_not_given_twice(parts, running, monkeypatch):
    """Two tools of one reply ask at the same moment."""
    stale, fields = [session(parts)], parts.client_requests._store.fields
    ask(parts, running)
    monkeypatch.setattr(parts.client_requests._store, "fields", lambda key: stale.pop() if stale else fields(key))
    assert ask(parts, running, call_id="call_2").id == 2
    assert not stale


def test_a_turn_that_is_over_asks_nobody(parts, running):
    parts.turns.interrupt("s")
    with pytest.raises(TurnOver):
        ask(parts, running)
    assert (open_requests(session(parts)), parts.client_requests.fetch_events("s")) == ([], [])


def test_a_turn_whose_session_is_gone_asks_nobody(parts, running, connection):
    connection.delete(redis_keys.session("s"))
    with pytest.raises(TurnOver):
        ask(parts, running)
    assert session(parts) is None


def test_sixteen_are_open_at_most(parts, running):
    for _ in range(16):
        ask(parts, running)
    with pytest.raises(TooManyOpen):
        ask(parts, running)


def test_large_requests_may_not_be_open_together_as_clients_echo_them_in_the_query_of_each_poll(parts, running):
    large = {"typed_data": {"words": ["\u00e4" * 10] * 500}}
    parts.client_requests.ask(running, "call_1", "Sign", "wallet_eip712_request", large)
    with pytest.raises(TooManyOpen):
        parts.client_requests.ask(running, "call_2", "Sign", "wallet_eip712_request", large)
    ask(parts, running)
    assert len(open_requests(session(parts))) == 2


def test_an_answer_is_accepted_once_and_becomes_a_waiting_turn_also_where_none_may_wait(parts, running):
    ask(parts, running)
    (closed,) = parts.client_replies.accept(session(parts), [1], {"status": "success"})
    assert (closed.id, closed.body) == (1, BODY)
    waiting = parts.sessions.histories.snapshot("s", None).messages[-1]
    assert (waiting["role"], waiting["content"]) == (
        "system",
        '[The client\'s answer to Send, request 1] {"status":"success"}',
    )
    with pytest.raises(Conflict):
        parts.client_replies.accept(session(parts), [1], {"status": "success"})
    with pytest.raises(NotFound):
        parts.client_replies.accept(session(parts), [2], {"status": "success"})
    assert len(parts.sessions.histories.snapshot("s", None).messages) == 2


def test_of_two_answers_at_the_same_moment_one_is_refused(parts, running):
    ask(parts, running)
    before = session(parts)
    parts.client_replies.accept(before, [1], {})
    with pytest.raises(Conflict):
        parts.client_replies.accept(before, [1], {})


def test_an_answer_to_several_counts_for_those_that_nobody_else_has_answered_meanwhile(parts, running):
    ask(parts, running)
    ask(parts, running, call_id="call_2")
    before = session(parts)
    parts.client_replies.accept(before, [1], {})
    assert [closed.id for closed in parts.client_replies.accept(before, [1, 2], {})] == [2]
    assert open_requests(session(parts)) == []


def test_an_answer_that_names_thousands_is_read_as_fast_as_one_that_names_one(parts, running):
    """Web processes serve all their clients in one thread."""
    for _ in range(MAX_OPEN_REQUESTS):
        parts.client_requests.ask(running, "call_1", "Send", "wallet_tx_request", {"data": "0" * 2000})
    fields, began = session(parts), time.process_time()
    assert len(request_numbers(fields, "wallet_tx_request", list(range(8000)))) == 7999
    assert time.process_time() - began < patient(0.5)


def test_an_answer_whose_process_died_before_its_job_was_enqueued_is_not_lost(parts, running, connection, monkeypatch):
    ask(parts, running)
    parts.turns.end("s", running.id, sse.complete())
    monkeypatch.setattr(parts.turns._jobs, "beside_state", lambda *_: None)
    monkeypatch.setattr(parts.turns._jobs, "turn", lambda *_: None)
    parts.client_replies.accept(session(parts), [1], {})
    monkeypatch.undo()
    run_id = session(parts)["run"]
    assert not parts.jobs.has_turn("s", run_id)
    connection.zadd(redis_keys.LEASES, {f"s {run_id}": 1})
    parts.reaper().run_once()
    assert parts.jobs.has_turn("s", run_id)


def test_a_request_that_nobody_answered_is_removed_announced_and_told_to_the_model(parts, running, connection):
    ask(parts, running)
    parts.turns.end("s", running.id, sse.complete())
    parts.client_requests.fetch_events("s")
    assert parts.duties[0].overdue() == []
    connection.zadd(redis_keys.CLIENT_REQUESTS, {"s 1": now_ms() - 1})
    parts.reaper().run_once()
    parts.reaper().run_once()
    assert (open_requests(session(parts)), connection.zcard(redis_keys.CLIENT_REQUESTS)) == ([], 0)
    told = parts.sessions.histories.messages("s", running.thread_id)[-1]["tool_results"][0]
    assert told == {"call_id": "call_1", "name": "Send", "result": {"status": "expired", "id": 1}, "done": True}
    assert [event["outcome"] for event in updates(parts) if event["type"] == "client_request_closed"] == ["expired"]
    assert [event["type"] for event in parts.client_requests.fetch_events("s")] == ["system_notice"]


def test_a_request_that_was_answered_does_not_expire(parts, running, connection):
    ask(parts, running)
    parts.client_replies.accept(session(parts), [1], {})
    connection.zadd(redis_keys.CLIENT_REQUESTS, {"s 1": 1})
    parts.reaper().run_once()
    assert connection.zcard(redis_keys.CLIENT_REQUESTS) == 0
    assert [event["outcome"] for event in updates(parts) if event["type"] == "client_request_closed"] == ["answered"]


def test_an_event_is_fetched_once_oldest_first_and_as_many_as_asked(parts, running):
    for _ in range(3):
        ask(parts, running)
    requests = parts.client_requests
    assert [event["id"] for event in requests.fetch_events("s", 2)] == [1, 2]
    assert [event["id"] for event in requests.fetch_events("s")] == [3]
    assert requests.fetch_events("s") == []


def test_a_mailbox_nobody_fetches_is_bounded_and_has_a_life(parts, running, connection):
    for _ in range(MAX_MAILBOX_EVENTS + 5):
        number = ask(parts, running).id
        parts.client_replies.accept(session(parts), [number], {})
    events = parts.client_requests.fetch_events("s", 1000)
    assert (len(events), events[-1]["id"]) == (MAX_MAILBOX_EVENTS, MAX_MAILBOX_EVENTS + 5)
    ask(parts, running)
    assert 0 < connection.ttl(redis_keys.mailbox("s")) <= 3600


def test_a_script_that_is_sent_again_changes_nothing_more(parts, running, store, monkeypatch):
    """Its answer was lost, so redis-py sends it a second time."""
    call = type(store).call

    def twice(self, *args, **more):
        call(self, *args, **more)
        return call(self, *args, **more)

    monkeypatch.setattr(type(store), "call", twice)
    assert ask(parts, running).id == 1
    assert [event["id"] for event in parts.client_requests.fetch_events("s")] == [1]
    parts.duties[0].handle("s", 1)
    assert [event["type"] for event in parts.client_requests.fetch_events("s")] == ["system_notice"]
    ask(parts, running)
    assert len(parts.client_replies.accept(session(parts), [2], {})) == 1
    closed = [event["outcome"] for event in updates(parts) if event["type"] == "client_request_closed"]
    assert closed == ["expired", "answered"]


def test_a_request_that_was_answered_before_its_asking_came_through_again_is_not_made_twice(
    parts, running, monkeypatch
):
    """The answer to the script was lost, and the client faster than redis-py's second try."""
    store = parts.client_requests._store
    call = store.call

    def answered_in_between(*args):
        monkeypatch.undo()
        call(*args)
        parts.client_replies.accept(session(parts), [1], {})
        return call(*args)

    monkeypatch.setattr(store, "call", answered_in_between)
    assert ask(parts, running).id == 1
    assert (open_requests(session(parts)), session(parts)["requests"]) == ([], "1")


def test_a_deleted_session_expires_quietly(parts, running, connection):
    ask(parts, running)
    parts.turns.interrupt_all("s")
    parts.sessions.delete("s")
    connection.zadd(redis_keys.CLIENT_REQUESTS, {"s 1": 1})
    parts.reaper().run_once()
    assert not list(connection.scan_iter("session:*"))
    assert connection.zcard(redis_keys.CLIENT_REQUESTS) == 0


def test_the_index_has_a_request_before_it_is_open(store):
    """A process that dies in between leaves an entry that goes by itself, never a request without an end."""
    expiry = RequestExpiry(store)
    store.redis.zadd(redis_keys.CLIENT_REQUESTS, {"s 9": 1})
    expiry.handle("s", 9)
    assert expiry.overdue() == []
