"""What belongs to a branch and what is made of one: later steps, client replies, forks, exports, lives, old data."""

from __future__ import annotations

import json

import pytest

from app.events import sse
from app.state import redis_keys
from app.state.conversation import histories as histories_module
from app.state.conversation import transcript
from app.state.conversation.branches import NoMessage, UnfinishedMessage
from app.state.conversation.export import Export
from app.state.sessions import TooManyThreads
from app.state.tools.client_requests import ClientRequests
from app.state.tools.request_expiry import RequestExpiry
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from app.state.turns.turn_requests import BranchPoint
from tests.support.remains import standing_in, without_life


def call_in(talk, store, text="watch", **more):
    """A turn that calls a multi-step tool, whose first step is its result. Returns the call."""
    talk.send(text, **more)
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    calls = StepToolCalls(store)
    recorded = StepToolCall("s", run.id, "c1", run.thread_id, "default", "Watch", {})
    calls.record(recorded)
    call = calls.claim("s", run.id, "c1")
    calls.set_first_step(call, "first")
    events = [sse.tool_call("c1", "Watch", {}), sse.tool_result("c1", "Watch", "first"), sse.text("watching")]
    talk.runs.append([("s", run.id, 1, events)])
    talk.runs.settle(talk.runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    return call


def steps(messages):
    return [result["result"] for one in messages if one["role"] == "tool" for result in one["tool_results"]]


def deliver(store, call, step, result="later"):
    assert StepToolCalls(store).deliver(call, step, result, False)


def test_a_later_step_joins_the_branch_that_has_its_call_and_no_other(talk, store, sessions):
    call = call_in(talk, store)
    watch = talk.id_of("watch")
    deliver(store, call, 2, "on the branch")
    talk.edit(watch, "never mind", "ok")
    deliver(store, call, 3, "beside it")
    assert steps(talk.shown) == []
    assert steps(sessions.histories.messages("s", talk.thread)) == []
    talk.choose(watch)
    assert steps(talk.shown) == ["on the branch", "beside it"]
    assert [one["parent_id"] for one in talk.shown][1:] == [one["id"] for one in talk.shown][:-1]


def test_a_later_step_is_no_event_of_a_turn_on_another_branch(talk, store):
    call = call_in(talk, store)
    talk.send("never mind", BranchPoint("edit", talk.id_of("watch")))
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    deliver(store, call, 2)
    assert talk.runs.entries("s", run.id, 0) == []
    talk.runs.settle(talk.runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    deliver(store, call, 3)
    assert steps(talk.shown) == []


def test_a_step_of_a_call_that_two_branches_share_joins_the_active_one(talk, store):
    call = call_in(talk, store)
    talk.say("more", "of it")
    talk.edit(talk.id_of("more"), "less", "of it")
    deliver(store, call, 2)
    assert steps(talk.shown) == ["later"]


def prompt_steps(sessions, thread):
    """What a prompt has of the later steps, by message."""
    return [(one["id"], *steps([one])) for one in sessions.histories.messages("s", thread) if one["role"] == "tool"]


def test_a_branch_has_the_steps_of_the_calls_that_it_shares(talk, store, sessions):
    """A step is behind the message that was the last one when it came. Whatever branch is opened, chosen or copied, its
    prompt has each step of its calls once."""
    call = call_in(talk, store)
    watch = talk.id_of("watching")
    talk.say("more", "of it")
    deliver(store, call, 2, "s2")
    more = talk.id_of("more")
    talk.edit(more, "less", "of that")
    assert [message["content"] for message in talk.shown][-4:] == ["watching", "", "less", "of that"]
    assert talk.siblings_of("less") == [more, talk.id_of("less")]
    deliver(store, call, 3, "s3")
    talk.regenerate("", "of those")
    assert steps(talk.shown) == ["s2", "s3"]
    assert len(talk.siblings_of("of those")) == 2
    for chosen in (more, talk.siblings_of("less")[1], more):
        talk.choose(chosen)
        assert steps(talk.shown) == ["s2", "s3"]
    ids = [message["id"] for message in talk.shown]
    assert len(set(ids)) == len(ids)
    for message_id in (watch, ids[-1], more):
        copied = talk.branches.fork("s", "", message_id, "")
        assert [one for _, one in prompt_steps(sessions, copied["id"])] == ["s2", "s3"]
    talk.edit(more, "in the copy", "ok")
    talk.choose(talk.siblings_of("in the copy")[0])
    assert steps(talk.shown) == ["s2", "s3"]
    (thread, *_) = Export(store).session("s")["threads"]
    own = [m for part in (thread, *thread["branches"]) for m in part["messages"] if m["role"] == "tool"]
    assert sorted(step for one in own if "copy_of" not in one for step in steps([one])) == ["s2", "s3"]
    talk.edit(talk.id_of("watch"), "never mind", "ok")
    assert steps(talk.shown) == []


def test_a_withdrawn_edit_and_a_failed_regeneration_lose_no_step_and_leave_no_sibling(talk, talk_turns, store):
    call = call_in(talk, store)
    talk.say("more", "of it")
    deliver(store, call, 2, "s2")
    before = talk.shown
    for _ in range(2):
        talk_turns.withdraw("s", talk.send("never mind", BranchPoint("edit", talk.id_of("more"))).run_id)
        assert talk.shown == before
    talk.send("", BranchPoint("regenerate"))
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    deliver(store, call, 3, "s3")
    talk_turns.end("s", run.id, sse.error("away", "provider_error", True))
    assert talk.shown[: len(before)] == before
    assert steps(talk.shown) == ["s2", "s3"]


def test_siblings_behind_a_step_that_an_earlier_version_parted_are_still_found(talk, store, connection, sessions):
    call = call_in(talk, store)
    deliver(store, call, 2)
    talk.say("more", "of it")
    more, step = talk.id_of("more"), talk.shown[-3]["id"]
    talk.edit(more, "less", "of that")
    key = redis_keys.branches("s", talk.thread)
    fields = store.fields(key)
    (fork,) = [name for name in fields if name.startswith("fork:")]
    answer = fork.split('"')[1]
    old = {name.replace(answer, step): value.replace(answer, step) for name, value in fields.items()}
    connection.hset(key, mapping=old)
    connection.hdel(key, fork)
    assert talk.siblings_of("less") == [more, talk.id_of("less")]
    talk.edit(more, "nothing", "of it all")
    assert len(talk.siblings_of("nothing")) == 3
    assert talk.choose(more) == "chosen"
    assert talk.contents[-2:] == ["more", "of it"]


@pytest.fixture
def asked(talk, store):
    """A request of a turn that an edit has put aside since."""
    talk.send("pay")
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    events = [sse.tool_call("c1", "Send", {}), sse.tool_result("c1", "Send", {"status": "requested"}), sse.text("sign")]
    talk.runs.append([("s", run.id, 1, events)])
    ClientRequests(store).ask(run, "c1", "Send", "wallet_tx_request", {})
    talk.runs.settle(talk.runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
    talk.edit(talk.id_of("pay"), "do not pay", "ok")


def test_a_clients_reply_is_answered_on_the_branch_that_asked(talk, asked):
    talk.send("signed", answers=(1,))
    talk.answer("paid")
    assert talk.contents[-5:] == ["pay", "", "sign", "signed", "paid"]


def test_an_expired_request_is_told_on_the_branch_that_asked(talk, asked, store):
    RequestExpiry(store).handle("s", 1)
    assert steps(talk.shown) == []
    talk.choose(talk.siblings_of("do not pay")[0])
    assert steps(talk.shown) == [{"status": "expired", "id": 1}]


def test_a_branch_is_copied_into_a_new_thread(talk, sessions):
    talk.say("three", "3", message_id="mine", body=b"three")
    two, three = talk.id_of("2"), "mine"
    talk.edit(talk.id_of("one"), "uno", "eins")
    before = talk.shown
    source = talk.thread
    copied = talk.branches.fork("s", "", three, "")
    assert copied["title"] == sessions.thread("s", source)["title"]
    assert talk.thread == copied["id"]
    assert talk.contents == ["one", "1", "two", "2", "three"]
    assert transcript.client_id(talk.shown[-1]) == "mine"
    assert all("siblings" not in message for message in talk.shown)
    talk.regenerate("mine", "3 again")
    assert talk.contents[-1] == "3 again"
    assert sessions.histories.snapshot("s", source).placed() == before
    assert talk.branches.fork("s", source, two, "A title")["title"] == "A title"


def test_a_copy_of_what_there_is_not_is_refused(talk, settings, sessions):
    with pytest.raises(NoMessage):
        talk.branches.fork("s", "", "nobody", "")
    with pytest.raises(NoMessage):
        talk.branches.fork("s", "thread_x", talk.id_of("one"), "")
    talk.branches._settings = settings.model_copy(update={"max_threads": 1})
    with pytest.raises(TooManyThreads):
        talk.branches.fork("s", "", talk.id_of("one"), "")


def test_a_message_that_waits_and_an_answer_that_is_being_made_are_not_copied(talk):
    talk.send("running")
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk.runs.append([("s", run.id, 1, [sse.text("so far")])])
    talk.send("behind", message_id="mine", body=b"behind")
    for unfinished in (f"{run.id}-0", talk.id_of("behind"), "mine"):
        with pytest.raises(UnfinishedMessage):
            talk.branches.fork("s", "", unfinished, "")
    assert talk.branches.fork("s", "", talk.id_of("running"), "")


def test_a_copied_message_that_was_refused_stays_refused(talk, talk_turns, sessions):
    talk.send("bad words")
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk.runs.append([("s", run.id, 1, [sse.text("well")])])
    talk_turns.end("s", run.id, sse.error("refused", "refused", False))
    for copied in (talk.id_of("bad words"), talk.id_of("well")):
        talk.branches.fork("s", "", copied, "")
        talk.say("better words", "fine")
        models = [one["content"] for one in sessions.histories.messages("s", talk.thread)]
        assert models == ["one", "1", "two", "2", "better words", "fine"]


def test_an_export_has_what_is_not_on_the_active_branch(talk, store):
    talk.edit(talk.id_of("two"), "zwei", "II", message_id="mine", body=b"zwei")
    (thread,) = Export(store).session("s")["threads"]
    assert [message["content"] for message in thread["messages"]] == ["one", "1", "zwei", "II"]
    (branch,) = thread["branches"]
    assert [message["content"] for message in branch["messages"]] == ["two", "2"]
    assert branch["parent_id"] == thread["messages"][1]["id"]
    assert "mine" in str(thread["message_ids"])


def test_a_deleted_thread_leaves_nothing_of_its_branches(talk, sessions, connection):
    talk.edit(talk.id_of("one"), "uno words", "eins words", message_id="mine")
    talk.regenerate("mine", "more words")
    thread = talk.thread
    sessions.delete_thread("s", thread)
    assert list(connection.scan_iter(f"{redis_keys.thread('s', thread)}*")) == []


def test_every_key_of_a_branched_thread_has_an_end_to_its_life(talk, connection):
    talk.edit(talk.id_of("one"), "uno", "eins", message_id="mine")
    talk.choose(talk.siblings_of("uno")[0])
    talk.branches.fork("s", "", talk.id_of("2"), "")
    assert without_life(connection) == []


def test_a_list_that_an_earlier_version_wrote_is_one_branch(talk, connection, sessions, said):
    """It has no ids of clients, and nothing beside the list."""
    talk.runs.start("old", said("made by"))
    thread = sessions.histories.snapshot("old", None).thread_id
    key = redis_keys.messages("old", thread)
    run = talk.runs.claim("old", talk.runs.current("old"), "worker")
    talk.runs.settle(talk.runs.seal("old", run.id, "complete", expect={"running"}), sse.complete())
    connection.delete(key)
    old = [
        {"id": "msg_1", "role": "user", "content": "hello", "created_at": "2025-01-01T00:00:00.000Z"},
        {"id": "run_1-0", "role": "assistant", "content": "hi", "created_at": "2025-01-01T00:00:01.000Z"},
    ]
    connection.rpush(key, *[json.dumps(one, separators=(",", ":")) for one in old])
    placed = sessions.histories.snapshot("old", None).placed()
    assert [(one["id"], one["parent_id"], one.get("siblings")) for one in placed] == [
        ("msg_1", None, None),
        ("run_1-0", "msg_1", None),
    ]
    accepted = talk.runs.start("old", said("", branch=BranchPoint("regenerate", "run_1-0")))
    assert accepted.outcome == "started"
    assert [one["id"] for one in sessions.histories.snapshot("old", None).messages] == ["msg_1"]


def test_a_snapshot_is_of_one_branch_though_another_one_becomes_active_meanwhile(talk, sessions, monkeypatch):
    monkeypatch.setattr(histories_module, "_SNAPSHOT_PAGE", 1)
    one = talk.id_of("one")
    read, todo = sessions.histories._oldest, [lambda: talk.edit(one, "uno", "eins")]

    def late(*args):
        if todo:
            todo.pop()()
        return read(*args)

    monkeypatch.setattr(sessions.histories, "_oldest", late)
    assert [message["content"] for message in sessions.histories.snapshot("s", None).messages] == ["uno", "eins"]


def test_a_refused_message_is_refused_on_its_branch_alone(talk, talk_turns, sessions):
    talk.send("bad words")
    run = talk.runs.claim("s", talk.runs.current("s"), "worker")
    talk_turns.end("s", run.id, sse.error("refused", "refused", False))
    bad = talk.id_of("bad words")
    talk.edit(bad, "good words", "fine")
    assert [one["content"] for one in sessions.histories.messages("s", talk.thread)][-2:] == ["good words", "fine"]
    talk.choose(bad)
    assert [one["content"] for one in sessions.histories.messages("s", talk.thread)][-1] == "2"


def test_nothing_of_a_branch_stays_in_redis_when_its_session_is_deleted(talk, sessions, connection):
    talk.edit(talk.id_of("one"), "some secret words", "eins", message_id="mine")
    talk.choose(talk.siblings_of("some secret words")[0])
    sessions.delete("s")
    assert standing_in(connection, "secret words", "{s}") == []
