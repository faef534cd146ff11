"""Branches of a thread: regenerate, edit, choose. The list of messages is the active branch."""

from __future__ import annotations

import pytest

from app.events import sse
from app.state.branches import Branches
from app.state.runs import RunStore
from app.state.scripts import Store
from app.state.turn_requests import BranchPoint
from tests.state.conftest import Repeated


class Talk:
    """A person in session `s` whose model answers each message at once."""

    def __init__(self, store, sessions, said):
        self.runs, self.branches, self.sessions, self.said = RunStore(store), Branches(store), sessions, said

    def send(self, text="", branch=None, **more):
        return self.runs.start("s", self.said(text, branch=branch, **more))

    def answer(self, text):
        """The current turn runs and ends with this answer."""
        run = self.runs.claim("s", self.runs.current("s"), "worker")
        if text:
            self.runs.append([("s", run.id, 1, [sse.text(text)])])
        self.runs.settle(self.runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
        return run

    def say(self, text, answer, branch=None, **more):
        self.send(text, branch, **more)
        return self.answer(answer)

    def edit(self, message_id, text, answer, **more):
        return self.say(text, answer, BranchPoint("edit", message_id), **more)

    def regenerate(self, message_id, answer):
        return self.say("", answer, BranchPoint("regenerate", message_id))

    def choose(self, message_id):
        return self.branches.choose(self.sessions.get("s"), self.thread, message_id)

    @property
    def thread(self):
        return self.sessions.snapshot("s", None).thread_id

    @property
    def shown(self):
        return self.sessions.snapshot("s", None).placed()

    @property
    def contents(self):
        return [message["content"] for message in self.shown]

    def id_of(self, content):
        return next(message["id"] for message in self.shown if message["content"] == content)

    def siblings_of(self, content):
        return next(message for message in self.shown if message["content"] == content).get("siblings")


@pytest.fixture(params=[Store, Repeated])
def talk(request, connection, settings, sessions, said):
    talk = Talk(request.param(connection, settings), sessions, said)
    talk.say("one", "1")
    talk.say("two", "2")
    return talk


def test_a_regenerated_answer_is_a_sibling_of_the_answer_before(talk):
    first = talk.id_of("2")
    talk.regenerate("", "2b")
    assert talk.contents == ["one", "1", "two", "2b"]
    assert talk.siblings_of("2b") == [first, talk.id_of("2b")]
    assert talk.siblings_of("two") is None
    assert [message["parent_id"] for message in talk.shown] == [None, *(message["id"] for message in talk.shown[:-1])]


def test_an_edited_message_is_a_sibling_and_what_followed_stays(talk):
    one, two = talk.id_of("one"), talk.id_of("two")
    talk.edit(one, "uno", "eins")
    assert talk.contents == ["uno", "eins"]
    assert talk.siblings_of("uno") == [one, talk.id_of("uno")]
    assert talk.choose(two) == "chosen"
    assert talk.contents == ["one", "1", "two", "2"]
    assert talk.siblings_of("one") == [one, talk.siblings_of("one")[1]]
    talk.edit(two, "zwei", "II")
    assert talk.contents == ["one", "1", "zwei", "II"]


def test_choosing_an_inner_message_leads_to_its_newest_leaf(talk):
    one = talk.id_of("one")
    talk.regenerate(one, "1b")
    talk.say("more", "of b")
    talk.edit(one, "uno", "eins")
    assert talk.choose(one) == "chosen"
    assert talk.contents == ["one", "1b", "more", "of b"]
