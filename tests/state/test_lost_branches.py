"""A part of a branched thread that Redis has lost: an error in words, or less than there was, never a broken thread."""

from __future__ import annotations

from contextlib import suppress

import pytest

from app.state import redis_keys
from app.state.conversation.branches import NoMessage
from app.state.conversation.export import Export
from app.state.conversation.message_pages import WantedMessages
from app.state.tools.step_calls import StepToolCalls
from app.state.turns.turn_requests import BranchPoint
from tests.state.test_branch_parts import call_in, deliver
from tests.support.talk import Talk

KEYS = {
    "the list": redis_keys.messages,
    "the thread": redis_keys.thread,
    "the branches": redis_keys.branches,
    "what is aside": redis_keys.aside,
    "the ids": redis_keys.message_ids,
}
A_MESSAGE = "a message aside"


def lose(connection, thread, part):
    if part == A_MESSAGE:
        assert connection.hdel(redis_keys.aside("s", thread), "1/0")
    else:
        assert connection.delete(KEYS[part]("s", thread))


@pytest.mark.parametrize("connection", ["fakeredis"], indirect=True)
@pytest.mark.parametrize("part", [*KEYS, A_MESSAGE])
def test_a_thread_that_has_lost_a_part_goes_on(connection, store, sessions, said, part):
    talk = Talk(store, sessions, said)
    call = call_in(talk, store, message_id="mine", body=b"1")
    talk.say("more", "of it")
    deliver(store, call, 2, "s2")
    seen = [talk.id_of("more"), talk.id_of("of it")]
    for text in ("zwei", "drei"):
        talk.edit(talk.id_of("more" if text == "zwei" else "zwei"), text, f"{text} {text}")
        seen.append(talk.id_of(text))
    talk.edit("mine", "instead", "ok", message_id="mine", body=b"2")
    seen += ["mine", talk.id_of("ok"), talk.siblings_of("instead")[0]]
    thread = talk.thread
    lose(connection, thread, part)

    for message_id in seen:
        talk.choose(message_id)
        whole_of(sessions, store, talk)
        StepToolCalls(store).deliver(call, 3 + len(message_id), "more", done=False)
        for point in (BranchPoint("edit", message_id), BranchPoint("regenerate", message_id)):
            if talk.send("text", point, thread_id=thread).outcome == "started":
                talk.answer("an answer")
            withdrawn = talk.send("text", point, thread_id=thread)
            if withdrawn.outcome == "started":
                talk.runs.settle(talk.runs.withdraw("s", withdrawn.run_id), {"type": "complete", "interrupted": True})
        with suppress(NoMessage):
            copied = talk.branches.fork("s", thread, message_id, "")
            sessions.delete_thread("s", copied["id"])
    whole_of(sessions, store, talk)
    talk.say("the last words", "are answered", thread_id=thread)
    assert talk.contents[-2:] == ["the last words", "are answered"]


def whole_of(sessions, store, talk):
    """The thread can be read in all ways."""
    shown = talk.shown
    ids = [one["id"] for one in shown]
    assert len(set(ids)) == len(ids)
    snapshot = sessions.histories.snapshot("s", None, whole=False)
    assert sessions.histories.message_page("s", snapshot, WantedMessages(50))
    assert sessions.histories.messages("s", talk.thread) is not None
    assert Export(store).session("s")["threads"]
