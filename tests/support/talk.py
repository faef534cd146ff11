"""A conversation with branches, on the state alone."""

from __future__ import annotations

from app.events import sse
from app.state.conversation.branches import Branches
from app.state.turns.runs import RunStore
from app.state.turns.turn_requests import BranchPoint


class Talk:
    """A person in session `s`, whose model gives the answer that the test says."""

    def __init__(self, store, sessions, said):
        self.runs, self.branches, self.sessions, self.said = RunStore(store), Branches(store), sessions, said

    def send(self, text="", branch=None, **more):
        return self.runs.start("s", self.said(text, branch=branch, **more))

    def answer(self, text, *events):
        """The current turn runs and ends with this answer, and these events behind it."""
        run = self.runs.claim("s", self.runs.current("s"), "worker")
        if text:
            self.runs.append([("s", run.id, 1, [sse.text(text), *events])])
        self.runs.settle(self.runs.seal("s", run.id, "complete", expect={"running"}), sse.complete())
        return run

    def say(self, text, answer, branch=None, **more):
        self.send(text, branch, **more)
        return self.answer(answer)

    def edit(self, edited, text, answer, **more):
        return self.say(text, answer, BranchPoint("edit", edited), **more)

    def regenerate(self, message_id, answer):
        return self.say("", answer, BranchPoint("regenerate", message_id))

    def choose(self, message_id):
        return self.branches.choose(self.sessions.get("s"), self.thread, message_id)

    @property
    def thread(self):
        return self.sessions.histories.snapshot("s", None).thread_id

    @property
    def shown(self):
        return self.sessions.histories.snapshot("s", None).placed()

    @property
    def contents(self):
        return [message["content"] for message in self.shown]

    def id_of(self, content):
        return next(message["id"] for message in self.shown if message["content"] == content)

    def siblings_of(self, content):
        return next(message for message in self.shown if message["content"] == content).get("siblings")
