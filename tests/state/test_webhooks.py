"""Messages to receivers: one for each end, put by the step that ends, taken by one worker, kept until delivered."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from app.catalog import Webhook
from app.events import sse
from app.state import redis_keys
from app.state.open_calls.records import Asked
from app.state.responses.temporary_sessions import TemporarySessions
from app.state.scripts import Store
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from app.state.turns.run_status import UNFINISHED
from app.state.turns.runs import RunStore
from app.state.webhooks.deliveries import Deliveries, Place
from app.state.webhooks.messages import KEPT_SECONDS, MAX_MESSAGES_BYTES, message_id
from tests.state.conftest import WEBHOOK, Repeated

FAILED = sse.error("The provider failed", "provider_error", True)
ENDS = {
    "turn.completed": sse.complete(),
    "turn.failed": FAILED,
    "turn.interrupted": sse.complete(interrupted=True),
    "turn.awaiting": sse.complete(awaiting=["c1"]),
}
MINUTE = 60


def told(store, **fields) -> RunStore:
    """Turns whose ends are told."""
    webhook = WEBHOOK.model_copy(update=fields)
    return RunStore(store, lambda app: webhook)


@pytest.fixture
def webhooks(store) -> Deliveries:
    return Deliveries(store)


def ended(runs, said, terminal=None, text="hello", settle=True):
    """A turn in session `s` with an answer, and its end."""
    terminal = terminal or sse.complete()
    run = runs.claim("s", runs.start("s", said(text)).run_id, "worker")
    runs.append([("s", run.id, 1, [sse.text("an answer"), sse.tool_call("c1", "Pay", {})])])
    asks = [Asked("c1", "Pay", "approval")] if terminal.get("awaiting") else []
    sealed = runs.seal("s", run.id, sse.outcome(terminal), expect=UNFINISHED, asks=asks)
    if settle:
        runs.settle(sealed, terminal)
    return sealed


def place_of(run) -> Place:
    return Place("s", "default", message_id(run.id))


def due(webhooks) -> list[str]:
    return [place.message_id for place, _ in webhooks.due("default")]


def pause(webhooks, store) -> float:
    """Seconds until the only message is due. A new clock asks Redis: a used one is right to a round trip."""
    ((_, at),) = webhooks.due("default")
    return (at - Store(store.redis, store.settings).clock.now()).total_seconds()


@pytest.mark.parametrize("kind", ENDS)
@pytest.mark.parametrize("make_store", [Store, Repeated])
def test_each_end_puts_one_message(connection, settings, webhooks, said, kind, make_store):
    run = ended(told(make_store(connection, settings)), said, ENDS[kind])
    assert due(webhooks) == [message_id(run.id)]
    body = json.loads(webhooks.get(place_of(run)).body())
    outcome = {"turn.completed": "complete", "turn.failed": "error"}.get(kind, kind.partition(".")[2])
    more = {"turn.failed": {"code": "provider_error"}, "turn.awaiting": {"awaiting": ["c1"]}}.get(kind, {})
    messages = body["data"].pop("messages")
    ids = {"session_id": "s", "run_id": run.id, "thread_id": run.thread_id}
    told_of = {"app": "default", "model": "demo", "outcome": outcome, "usage": None}
    assert body == {"type": kind, "timestamp": body["timestamp"], "data": ids | told_of | more}
    assert [(one["role"], one["content"]) for one in messages] == [("user", "hello"), ("assistant", "an answer")]


def test_a_turn_that_two_processes_settle_puts_one_message_that_only_one_worker_has(store, webhooks, said):
    runs = told(store)
    sealed = ended(runs, said, settle=False)
    runs.settle(sealed, sse.complete())
    taken = webhooks.take_due("default", 10, MINUTE)
    runs.settle(sealed, sse.complete())
    assert (taken, webhooks.take_due("default", 10, MINUTE)) == ([place_of(sealed)], [])


def test_a_withdrawn_message_and_a_waiting_one_that_is_stopped_are_told_as_interrupted(store, webhooks, said):
    runs = told(store)
    first, second = (runs.start("s", said(text)).run_id for text in ("one", "two"))
    for sealed in (
        runs.seal("s", second, "interrupted", expect=UNFINISHED),
        runs.withdraw("s", first),
    ):
        runs.settle(sealed, sse.complete(interrupted=True))
    kinds = {webhooks.get(place).type for place, _ in webhooks.due("default")}
    assert (len(due(webhooks)), kinds) == (2, {"turn.interrupted"})


def scripts_of_an_end(store, runs, said, monkeypatch) -> list[str]:
    """The scripts, and the plain commands on names of webhooks, of the end of a turn."""
    sealed, sent = ended(runs, said, settle=False), []
    run, both = Store.run, Store._run_both
    monkeypatch.setattr(Store, "run", lambda self, call: sent.append(call.name) or run(self, call))
    monkeypatch.setattr(
        Store, "_run_both", lambda self, *calls: sent.append(" with ".join(c.name for c in calls)) or both(self, *calls)
    )
    runs.settle(sealed, sse.complete())
    monkeypatch.undo()
    return sent


@pytest.mark.parametrize("none", ["no webhook", "no such event"])
def test_an_end_that_nobody_is_told_of_sends_what_it_sent_without_webhooks(store, said, connection, monkeypatch, none):
    runs = RunStore(store) if none == "no webhook" else told(store, events=("tool.done",))
    assert scripts_of_an_end(store, runs, said, monkeypatch) == ["settle"]
    assert not [name for name in connection.scan_iter() if b"webhook" in name]


def test_a_message_is_in_the_index_before_its_turn_ends(store, webhooks, said, connection, monkeypatch):
    """A process that dies behind the step that ends the turn leaves the message where workers look."""
    runs = told(store)
    monkeypatch.setattr(runs._webhooks, "release", lambda message: None)
    run = ended(runs, said)
    assert 0 < pause(webhooks, store) <= MINUTE + 1
    connection.zadd(redis_keys.webhooks_due("default"), {place_of(run).member: 0})
    assert webhooks.take_due("default", 10, MINUTE) == [place_of(run)]
    assert webhooks.get(place_of(run))


def test_a_message_that_is_not_there_yet_stays_in_the_index_until_its_turn_has_ended(store, webhooks, said):
    runs = told(store)
    sealed = ended(runs, said, settle=False)
    store.run(runs._webhooks.expect(runs._webhooks.of_turn(sealed, sse.complete(), [], store.clock.now_iso())))
    webhooks.drop_unless_expected(place_of(sealed))
    assert due(webhooks) == [message_id(sealed.id)]
    RunStore(store).settle(sealed, sse.complete())
    webhooks.drop_unless_expected(place_of(sealed))
    assert due(webhooks) == []


def test_a_worker_that_dies_leaves_its_message_to_another_one(store, webhooks, said):
    run = ended(told(store), said)
    assert webhooks.take_due("default", 10, 0) == [place_of(run)]
    assert webhooks.take_due("default", 10, MINUTE) == [place_of(run)]
    assert webhooks.take_due("default", 10, MINUTE) == []


def test_a_delivered_message_is_gone(store, webhooks, said, connection):
    run = ended(told(store), said)
    webhooks.delivered(webhooks.get(place_of(run)))
    assert (due(webhooks), webhooks.get(place_of(run))) == ([], None)


def test_pauses_grow_to_an_hour_and_a_receiver_may_ask_for_more(store, webhooks, said):
    place = place_of(ended(told(store), said))
    for longest in (1, 5, 30, 120, 600, 1800, 3600, 3600):
        assert webhooks.failed(webhooks.get(place), "status 500")
        assert longest - MINUTE < pause(webhooks, store) <= longest + 1
    message = webhooks.get(place)
    assert (message.attempts, message.error) == (8, "status 500")
    webhooks.retry(place)
    assert webhooks.failed(webhooks.get(place), "status 429", pause=1000)
    assert 1000 - MINUTE < pause(webhooks, store) <= 1001


def test_after_a_day_a_message_is_given_up_and_an_operator_can_have_it_sent_again(store, webhooks, said, connection):
    place = place_of(ended(told(store), said))
    day_ago = (store.clock.now() - timedelta(days=1)).isoformat()
    connection.hset(redis_keys.webhook(*place), "since", day_ago)
    assert not webhooks.failed(webhooks.get(place), "status 500")
    assert (due(webhooks), [one for one, _ in webhooks.given_up("default")]) == ([], [place])
    assert webhooks.retry(place)
    assert (webhooks.counts("default"), webhooks.take_due("default", 10, MINUTE)) == ((1, 0), [place])
    assert webhooks.failed(webhooks.get(place), "status 500")


@pytest.mark.parametrize("attempts", [1, 3, 6])
def test_an_operator_brings_the_next_attempt_forward_however_near_it_is(store, webhooks, said, attempts):
    place = place_of(ended(told(store), said))
    for _ in range(attempts):
        assert webhooks.failed(webhooks.get(place), "status 500")
    assert webhooks.retry(place)
    assert pause(webhooks, store) <= 0
    assert webhooks.take_due("default", 10, MINUTE) == [place]


def test_a_dropped_message_stays_dropped_when_its_attempt_fails(store, webhooks, said, connection):
    place = place_of(ended(told(store), said))
    message = webhooks.get(place)
    webhooks.drop(place)
    webhooks.failed(message, "status 500")
    webhooks.give_up(message, "status 410")
    assert webhooks.counts("default") == (0, 0)
    assert not connection.exists(redis_keys.webhook(*place))


def test_what_is_due_for_a_session_goes_with_it(store, webhooks, said, sessions, connection):
    runs = told(store)
    ended(runs, said)
    given_up = place_of(ended(runs, said, FAILED))
    webhooks.give_up(webhooks.get(given_up), "status 410")
    sessions.delete("s")
    assert webhooks.counts("default") == (0, 0)
    assert not [name for name in connection.scan_iter() if b":webhook:" in name]


def test_the_messages_of_a_session_that_ends_by_itself_are_still_sent(store, webhooks, said, sessions, connection):
    place = place_of(ended(told(store), said))
    TemporarySessions(store).add("s")
    sessions.delete("s")
    assert webhooks.take_due("default", 10, MINUTE) == [place]
    assert webhooks.get(place)
    assert [name for name in connection.scan_iter() if b"{s}" in name] == [
        name for name in connection.scan_iter() if b":webhook:" in name or name.endswith(b":updates")
    ]


def test_a_record_has_an_end_to_its_life(store, said, connection):
    place = place_of(ended(told(store), said))
    for name in (redis_keys.webhook(*place), redis_keys.webhooks_due("default")):
        assert 0 < connection.ttl(name) <= KEPT_SECONDS + MINUTE


def test_messages_that_are_too_long_are_left_out(store, webhooks, said):
    place = place_of(ended(told(store), said, text="x" * MAX_MESSAGES_BYTES))
    data = webhooks.get(place).data
    assert data["messages_left_out"] is True
    assert "messages" not in json.loads(webhooks.get(place).body())["data"]


@pytest.mark.parametrize("make_store", [Store, Repeated])
def test_the_last_step_of_a_tool_is_told_once(connection, settings, store, webhooks, said, runs, make_store):
    calls = StepToolCalls(make_store(connection, settings), lambda app: Webhook(url="https://x", secret="os.environ/S"))
    run = runs.claim("s", runs.start("s", said()).run_id, "worker")
    call = StepToolCall("s", run.id, "call 1", run.thread_id, "default", "Watch", {})
    calls.record(call)
    calls.set_first_step(call, "first")
    assert calls.deliver(call, 2, "later", done=False)
    assert due(webhooks) == []
    assert calls.deliver(call, 3, {"error": "no more"}, done=True)
    assert calls.deliver(call, 3, {"error": "no more"}, done=True)
    ((place, _),) = webhooks.due("default")
    message = webhooks.get(place)
    assert place.message_id == message_id(run.id, "call 1")
    told_of = {"model": "demo", "outcome": "error", "call_id": "call 1", "name": "Watch"}
    assert (message.type, told_of.items() <= message.data.items()) == ("tool.done", True)
