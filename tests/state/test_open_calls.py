"""Calls that wait for a person: open when their turn ends, closed once, and told of once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from app import services
from app.commands.inspect import turns
from app.config import Settings
from app.errors import BadRequest, Conflict, NotFound
from app.events import sse
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.inspection import Inspection
from app.state.open_calls import results
from app.state.open_calls.pending import pending_calls
from app.state.open_calls.records import Asked, CallAnswer, Question
from app.state.scripts import Store
from app.state.turns.runs import RunStore
from app.state.turns.turn_requests import BranchPoint
from app.turns.erasing import erase, erase_thread
from tests.state.conftest import Repeated
from tests.support.backend import DEMO_ALONE
from tests.support.moments import now_ms

ARGS = {"amount": 10**30, "to": '\u00e9/"x'}
PAY, SHOW = Asked("call/1", "Pay", "approval"), Asked("call_2", "Show", "client_tool")


class Desk:
    """Session `s`, whose turns ask a person."""

    def __init__(self, parts, said):
        self.parts, self.said = parts, said

    def send(self, text="pay", **more):
        return self.parts.turns.send("s", self.said(text, **more))

    def claim(self):
        return self.parts.runs.claim("s", self.parts.runs.current("s"), "worker")

    def ask(self, *asks, text="pay", **more):
        """A turn that ends with these open calls, beside one that has its result."""
        self.send(text, **more)
        return self.go_on(sse.text("I pay."), *asks)

    def go_on(self, *parts):
        """The current turn runs, with these events and open calls, to its end."""
        run = self.claim()
        asks = [part for part in parts if isinstance(part, Asked)]
        calls = [sse.tool_call(call.call_id, call.name, ARGS) for call in asks]
        others = [sse.tool_call("call_0", "Get", {}), sse.tool_result("call_0", "Get", 1)] if asks else []
        events = [part for part in parts if not isinstance(part, Asked)]
        self.parts.runs.append([("s", run.id, 1, [*events, *calls, *others])])
        terminal = sse.complete(awaiting=[call.call_id for call in asks])
        assert self.parts.turns.end_claimed(run, terminal, asks)
        return run

    def answer(self, *answers, thread_id=None, **more):
        turn = self.parts.call_answers.turn_of("s", thread_id, [one.call_id for one in answers])
        return self.parts.turns.send("s", replace(self.parts.call_answers.request(turn, answers), **more))

    @property
    def state(self):
        return self.parts.sessions.histories.snapshot("s", None)

    @property
    def pending(self):
        return [call["call_id"] for call in pending_calls(self.state.messages, self.state.open_calls)]

    @property
    def results(self):
        """The results of all calls, by call."""
        found = [result for message in self.state.messages for result in message.get("tool_results", ())]
        return {result["call_id"]: result["result"] for result in found}

    @property
    def updates(self):
        events = [sse.parse(entry.frame) for entry in self.parts.sessions.read_updates("s", 0)]
        told = [event for event in events if event["type"] in ("tool_pending", "tool_answered")]
        return [(event["type"], event["call_id"], event.get("outcome", event.get("kind"))) for event in told]


@pytest.fixture
def parts(connection, queue, tmp_path, settings):
    config = tmp_path / "aomi.yaml"
    config.write_text(DEMO_ALONE)
    wanted = settings.model_copy(update={"config": config, "max_waiting": 3, "updates_kept": 100})
    return services.build(wanted, connection, connection, queue)


@pytest.fixture
def desk(parts, said):
    return Desk(parts, said)


def test_calls_wait_with_nothing_held_and_an_answer_goes_on_with_the_true_result_first(desk, parts, connection):
    asked = desk.ask(PAY, SHOW)
    assert desk.pending == ["call/1", "call_2"]
    assert parts.sessions.get("s").get("run") is None
    assert asked.id not in parts.runs.open_in("s")
    assert desk.answer(CallAnswer("call_2", result={"n": 10**30})).awaiting == ("call/1",)
    assert desk.pending == ["call/1"]

    accepted = desk.answer(CallAnswer("call/1", approve=True, args={"amount": 1}))
    run = parts.runs.get("s", accepted.run_id)
    assert (accepted.outcome, run.message["content"], run.status) == ("started", "pay", "queued")
    assert run.goes_on.answers["call/1"].args == {"amount": 1}
    assert desk.pending == []
    desk.claim()
    known = sse.tool_result("call_2", "Show", {"n": 10**30})
    parts.runs.append([("s", run.id, 1, [known])])
    assert desk.results == {"call_0": 1, "call_2": {"n": 10**30}}  # while it runs
    parts.runs.append([("s", run.id, 2, [sse.tool_result("call/1", "Pay", "paid"), sse.text("Done.")])])
    parts.turns.end("s", run.id, sse.complete())
    assert desk.results == {"call_0": 1, "call_2": {"n": 10**30}, "call/1": "paid"}
    assert [message["content"] for message in desk.state.messages] == ["pay", "I pay.", "Done."]
    assert desk.state.messages[1]["tool_calls"][0]["args"] == ARGS
    told = [("tool_answered", "call_2", "answered"), ("tool_answered", "call/1", "approved")]
    assert desk.updates == [("tool_pending", "call/1", "approval"), ("tool_pending", "call_2", "client_tool"), *told]
    assert parts.runs.get("s", asked.id).terminal == sse.complete(awaiting=["call/1", "call_2"])
    assert connection.zcard(redis_keys.OPEN_CALLS) == 0


def test_every_script_may_be_sent_twice(desk, parts, connection, said):
    twice = RunStore(Repeated(connection, parts.settings))
    parts.turns._runs = twice
    desk.ask(PAY, SHOW)
    first = CallAnswer.no("call/1", "Not now")
    partly = {"idempotency_key": "p", "body": b"p"}
    for _ in range(2):  # a retry of the client
        assert desk.answer(first, **partly).awaiting == ("call_2",)
    key = {"idempotency_key": "k", "body": b"b"}
    accepted = desk.answer(CallAnswer("call_2", result=2), **key)
    assert accepted.outcome == "started"
    assert twice.earlier("s", "k", b"b").run_id == accepted.run_id
    assert twice.earlier("s", "k", b"other").outcome == "reused"
    desk.go_on(sse.tool_result("call/1", "Pay", results.declined("Not now")), sse.tool_result("call_2", "Show", 2))
    assert desk.results == {"call_0": 1, "call/1": results.declined("Not now"), "call_2": 2}
    assert len(desk.updates) == 4


def test_a_retry_finds_the_turn_that_went_on_although_that_asks_again(desk, parts):
    """Each key names its own turn, whether others went on since or not."""
    desk.ask(PAY, SHOW)
    desk.answer(CallAnswer.no("call/1"), idempotency_key="kept", body=b"b")
    assert parts.runs.earlier("s", "kept", b"b") is None  # the others have no answer yet
    second = desk.answer(CallAnswer("call_2", result=2), idempotency_key="last", body=b"b")
    desk.go_on(sse.tool_result("call_2", "Show", 2), Asked("call_3", "Pay", "approval"))
    for key in ("kept", "last"):
        assert parts.runs.earlier("s", key, b"b").run_id == second.run_id
    third = desk.answer(CallAnswer("call_3", approve=True), idempotency_key="third", body=b"b")
    assert parts.runs.earlier("s", "last", b"b").run_id == second.run_id
    assert parts.runs.earlier("s", "third", b"b").run_id == third.run_id


def test_of_two_answers_at_once_one_counts(desk, parts):
    desk.ask(PAY)
    answers = [CallAnswer("call/1", approve=True), CallAnswer.no("call/1")] * 4
    turn = parts.call_answers.turn_of("s", None, ["call/1"])
    requests = [parts.call_answers.request(turn, [answer]) for answer in answers]
    with ThreadPoolExecutor(8) as pool:
        outcomes = [accepted.outcome for accepted in pool.map(lambda one: parts.turns.send("s", one), requests)]
    assert sorted(outcomes) == ["closed"] * 7 + ["started"]


def test_an_answer_is_for_exactly_that_call(desk, parts):
    with pytest.raises(NotFound):
        desk.answer(CallAnswer("call/1", approve=True))
    desk.ask(PAY, SHOW)
    refused = [
        (CallAnswer("nobody", approve=True), NotFound),
        (CallAnswer("call_0", approve=True), Conflict),
        (CallAnswer("call_2", approve=True), BadRequest),
        (CallAnswer("call/1", result=1), BadRequest),
    ]
    for answer, error in refused:
        with pytest.raises(error):
            desk.answer(answer)
    with pytest.raises(NotFound):
        desk.answer(CallAnswer("call/1", approve=True), CallAnswer("nobody", approve=True))
    desk.answer(CallAnswer("call/1", approve=True))
    assert desk.answer(CallAnswer.no("call/1")).outcome == "answered"
    other = parts.sessions.open_thread("s", "Other")["id"]
    with pytest.raises(NotFound):
        desk.answer(CallAnswer("call_2", result=1), thread_id=other)
    assert desk.answer(CallAnswer("call_2", result=1)).outcome == "started"  # found in the older thread
    desk.go_on(sse.text("Done."))
    with pytest.raises(Conflict):
        desk.answer(CallAnswer("call/1", approve=True))


@pytest.mark.parametrize("branch", [None, BranchPoint("regenerate"), BranchPoint("edit", "mine")])
def test_a_message_instead_of_an_answer_declines_what_has_no_result(desk, parts, branch):
    desk.ask(PAY, SHOW, message_id="mine")
    desk.answer(CallAnswer("call_2", result=2))
    desk.send("" if branch and branch.kind == "regenerate" else "never mind", branch=branch)
    with pytest.raises(Conflict):
        desk.answer(CallAnswer("call/1", approve=True))
    desk.go_on(sse.text("As you like."))
    if branch:
        forked = next(message for message in reversed(desk.state.placed()) if "siblings" in message)
        parts.branches.choose(parts.sessions.get("s"), desk.state.thread_id, forked["siblings"][0])
    assert desk.results == {"call_0": 1, "call/1": results.PASSED_OVER, "call_2": 2}
    assert desk.updates[-1] == ("tool_answered", "call/1", "declined")
    assert desk.pending == []


def test_a_message_that_waited_already_declines_the_calls_when_they_are_made(desk, parts):
    desk.send("pay")
    desk.send("and then?")
    desk.go_on(PAY)
    assert (desk.pending, desk.results["call/1"]) == ([], results.PASSED_OVER)
    assert [message["content"] for message in desk.state.messages][-1] == "and then?"


def test_an_answer_names_its_thread_where_calls_of_several_have_its_id(desk, parts):
    """Also where one of them was answered: its answer, sent twice, must not run the other call."""
    first = desk.ask(PAY).thread_id
    other = parts.sessions.open_thread("s", "Other")["id"]
    desk.ask(PAY, thread_id=other)
    yes = CallAnswer("call/1", approve=True)
    with pytest.raises(Conflict, match="thread_id"):
        desk.answer(yes)
    assert desk.answer(yes, thread_id=first).outcome == "started"
    desk.go_on(sse.tool_result("call/1", "Pay", 1))
    with pytest.raises(Conflict, match="thread_id"):
        desk.answer(yes)
    assert parts.sessions.histories.snapshot("s", other).open_calls


def test_an_answer_behind_a_message_that_waits_is_refused_and_one_behind_another_thread_waits(desk, parts):
    thread = desk.ask(PAY).thread_id
    other = parts.sessions.open_thread("s", "Other")["id"]
    desk.send("elsewhere", thread_id=other)
    waiting = desk.send("instead", thread_id=thread)
    assert desk.answer(CallAnswer("call/1", approve=True)).outcome == "closed"
    assert parts.turns.withdraw("s", waiting.run_id) == "withdrawn"
    answered = desk.answer(CallAnswer("call/1", approve=True))
    assert (answered.outcome, answered.current) == ("waiting", parts.runs.current("s"))
    state = parts.sessions.histories.snapshot("s", thread)
    assert [message["content"] for message in state.messages] == ["pay", "I pay."]
    assert parts.turns.withdraw("s", answered.run_id) == "begun"
    desk.go_on(sse.text("Elsewhere."))
    assert parts.runs.current("s") == answered.run_id


def test_an_interrupt_closes_calls_that_wait_and_those_of_the_turn_that_goes_on(desk, parts):
    desk.ask(PAY)
    assert parts.turns.interrupt("s")
    assert not parts.turns.interrupt("s")
    assert desk.results["call/1"] == transcript.INTERRUPTED
    assert desk.state.messages[-1]["interrupted"]
    assert desk.updates[-1] == ("tool_answered", "call/1", "interrupted")

    desk.ask(replace(PAY, call_id="a"), replace(SHOW, call_id="b"))
    accepted = desk.answer(CallAnswer("a", approve=True), CallAnswer("b", result=2))
    assert parts.turns.interrupt("s")
    assert (desk.results["a"], desk.results["b"]) == (transcript.INTERRUPTED, 2)
    log = [sse.parse(entry.frame)["type"] for entry in parts.runs.entries("s", accepted.run_id, 0)]
    assert log == ["tool_result", "tool_result", "complete"]


def test_a_message_that_interrupts_also_ends_a_turn_of_its_thread_that_waits_to_go_on(desk, parts):
    """Behind the message, its answer would follow that of a later message."""
    thread = desk.ask(PAY).thread_id
    other = parts.sessions.open_thread("s", "Other")["id"]
    desk.send("elsewhere", thread_id=other)
    answered = desk.answer(CallAnswer("call/1", approve=True))
    desk.send("in the other thread", thread_id=other, on_busy="interrupt")
    assert parts.runs.get("s", answered.run_id).status == "waiting"
    hasty = desk.send("stop", thread_id=thread, on_busy="interrupt")
    assert (parts.runs.current("s"), parts.runs.get("s", answered.run_id).status) == (hasty.run_id, "interrupted")
    desk.go_on(sse.text("Stopped."))
    state = parts.sessions.histories.snapshot("s", thread)
    assert [message["content"] for message in state.messages] == ["pay", "I pay.", "stop", "Stopped."]
    assert state.messages[1]["tool_results"][-1]["result"] == transcript.INTERRUPTED


def test_nobody_answers_in_time(desk, parts, connection):
    asked = desk.ask(PAY, SHOW)
    desk.answer(CallAnswer("call_2", result=2))
    duty = parts.runs.open_calls
    assert duty.overdue() == []
    duty.handle("s", asked.id)
    assert desk.pending == ["call/1"]  # its time is not over
    assert connection.zscore(redis_keys.OPEN_CALLS, f"s {asked.id}"), "it is looked at again"
    connection.hset(redis_keys.run("s", asked.id), "open_until", str(now_ms() - 60_000))
    connection.zadd(redis_keys.OPEN_CALLS, {f"s {asked.id}": now_ms() - 60_000})
    assert desk.answer(CallAnswer("call/1", approve=True)).outcome == "closed"
    for turn in duty.overdue():
        duty.handle(*turn)
    assert desk.results == {"call_0": 1, "call/1": results.EXPIRED, "call_2": 2}
    assert (duty.overdue(), desk.updates[-1]) == ([], ("tool_answered", "call/1", "expired"))


def test_a_turn_that_lost_its_process_while_it_ended_waits_nevertheless(desk, parts):
    desk.send("pay")
    run = desk.claim()
    parts.runs.append([("s", run.id, 1, [sse.tool_call("call/1", "Pay", ARGS)])])
    parts.runs.seal("s", run.id, "complete", expect={"running"}, asks=[PAY])
    lost_turns = next(duty for duty in parts.duties if duty.subject == "turn")
    lost_turns.handle("s", run.id)
    assert desk.pending == ["call/1"]


def test_another_branch_hides_the_calls_and_their_answer_shows_them_again(desk, parts):
    desk.send("one", message_id="one")
    desk.go_on(sse.text("1"))
    asked = desk.ask(PAY, text="pay", branch=BranchPoint("edit", "one"))
    parts.branches.choose(parts.sessions.get("s"), asked.thread_id, "one")
    assert (desk.pending, [message["content"] for message in desk.state.messages]) == ([], ["one", "1"])
    desk.answer(CallAnswer("call/1", approve=True))
    desk.go_on(sse.tool_result("call/1", "Pay", "paid"), sse.text("Done."))
    assert [message["content"] for message in desk.state.messages] == ["pay", "I pay.", "Done."]
    assert desk.results["call/1"] == "paid"


FORM = {"type": "object", "properties": {"seats": {"type": "integer", "maximum": 8}}, "required": ["seats"]}
SEATS = Question("How many seats?", FORM, resume={"state": "s-1"}, args={"city": "Rome"})
SITE = Question("Please pay", url="https://pay.example.com/1", resume={"state": "s-2"}, args={"city": "Rome"})


def test_a_server_that_asks_again_waits_again_beside_the_results_of_the_others(desk, parts):
    """The call keeps its id, and so does the message that made it: the second answer is not the first one."""
    asked = desk.ask(Asked("call_9", "Book", "elicitation", SEATS), PAY)
    calls = pending_calls(desk.state.messages, desk.state.open_calls)
    assert {name: calls[0][name] for name in ("kind", "message", "schema", "args")} == {
        "kind": "elicitation",
        "message": "How many seats?",
        "schema": FORM,
        "args": {"city": "Rome"},
    }
    for wrong in ({"seats": 9}, {"seats": "two"}, {"seats": 2, "x": 1}, {}):
        with pytest.raises(BadRequest, match="does not fit"):
            desk.answer(CallAnswer("call_9", result=wrong))
    desk.answer(CallAnswer.no("call/1", "No"))
    desk.answer(CallAnswer("call_9", result={"seats": 2}))
    run = desk.claim()
    assert run.goes_on.answers["call_9"] == CallAnswer("call_9", approve=True, args={"seats": 2})
    assert [call.question for call in run.goes_on.calls] == [SEATS, None]
    assert run.asked_ids == {"call_9", "call/1"}
    declined = sse.tool_result("call/1", "Pay", results.declined("No"))
    parts.runs.append([("s", run.id, 1, [declined])])
    again = [Asked("call_9", "Book", "elicitation", SITE)]
    assert parts.turns.end_claimed(run, sse.complete(awaiting=["call_9"]), again)

    (pending,) = pending_calls(desk.state.messages, desk.state.open_calls)
    assert (pending["message"], pending["url"], "schema" in pending) == ("Please pay", SITE.url, False)
    assert desk.results == {"call_0": 1, "call/1": results.declined("No")}
    assert desk.answer(CallAnswer("call_9", approve=True)).outcome == "started"
    run = desk.claim()
    assert (run.goes_on.message_id, run.earlier[0]) == (desk.state.messages[1]["id"], asked.id)
    parts.runs.append([("s", run.id, 1, [sse.tool_result("call_9", "Book", "booked"), sse.text("Done.")])])
    assert parts.turns.end_claimed(run, sse.complete())
    assert desk.results == {"call_0": 1, "call/1": results.declined("No"), "call_9": "booked"}
    outcomes = [told[2] for told in desk.updates]
    assert outcomes == ["elicitation", "approval", "declined", "answered", "elicitation", "answered"]


def test_a_copy_of_a_thread_has_calls_that_nobody_can_answer(desk, parts):
    asked = desk.ask(PAY)
    copy = parts.branches.fork("s", asked.thread_id, desk.state.messages[-1]["id"], "Copy")
    assert (desk.state.thread_id, desk.pending) == (copy["id"], [])
    assert "tool_results" in desk.state.messages[-1]
    with pytest.raises(Conflict):
        desk.answer(CallAnswer("call/1", approve=True), thread_id=copy["id"])
    assert desk.answer(CallAnswer("call/1", approve=True)).outcome == "started"


def test_a_deleted_thread_and_a_deleted_session_leave_nothing_that_waits(desk, parts, connection):
    asked = desk.ask(PAY)
    erase_thread(parts.sessions, parts.turns, parts.jobs, "s", asked.thread_id)
    for answer_in in (asked.thread_id, None):
        with pytest.raises(NotFound):
            desk.answer(CallAnswer("call/1", approve=True), thread_id=answer_in)
    assert connection.ttl(redis_keys.run("s", asked.id)) <= parts.settings.log_ttl
    other = desk.ask(PAY)
    (shown,) = turns.open_calls(Inspection(parts.sessions._store), 10)
    assert (shown.run, shown.tool, shown.waits_for, shown.answered) == (other.id, "Pay", "approval", False)
    assert Inspection(parts.sessions._store).awaiting_turn("s", asked.id) is None
    erase(parts.sessions, parts.turns, parts.usage_recovery, parts.jobs, parts.files, "s")
    assert connection.zcard(redis_keys.OPEN_CALLS) == 0
    with pytest.raises(NotFound):
        desk.answer(CallAnswer("call/1", approve=True))


def test_the_turn_that_asks_is_kept_as_long_as_its_calls_wait(desk, parts, connection):
    asked = desk.ask(PAY)
    assert connection.ttl(redis_keys.run("s", asked.id)) > parts.settings.answer_ttl
    desk.answer(CallAnswer("call/1", approve=True))
    assert connection.ttl(redis_keys.run("s", asked.id)) <= parts.settings.log_ttl


TURNS = 50
"""Enough for a mean: what Redis allocates for one turn does not depend on the others."""


def test_a_turn_that_waits_takes_less_than_4_kb_more_than_one_that_has_ended(said, single):
    """So a thousand of them fit into 4 MB. On a Redis, because it tells the memory of each key."""
    single.flushdb()
    runs = RunStore(Store(single, Settings()))
    for number in range(TURNS):
        for kind, asks in (("ended", ()), ("waits", (PAY,))):
            session_id = f"{kind}-{number}"
            run = runs.claim(session_id, runs.start(session_id, said("Please pay Bob 500 dollars")).run_id, "worker")
            calls = [sse.text("I pay."), sse.tool_call("call/1", "Pay", ARGS)]
            runs.append([(session_id, run.id, 1, calls if asks else [*calls, sse.tool_result("call/1", "Pay", 1)])])
            sealed = runs.seal(session_id, run.id, "complete", expect={"running"}, asks=asks)
            runs.settle(sealed, sse.complete(awaiting=[call.call_id for call in asks]))

    def memory(*patterns):
        return sum(single.memory_usage(key, samples=0) for one in patterns for key in single.scan_iter(one))

    assert single.zcard(redis_keys.OPEN_CALLS) == TURNS
    more = memory("session:{waits-*", redis_keys.OPEN_CALLS) - memory("session:{ended-*")
    assert 0 < more / TURNS < 4096
