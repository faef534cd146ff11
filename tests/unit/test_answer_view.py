"""Ctrl-C while an answer is waited for."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager

import httpx

from app.commands.chat.answer_view import AnswerView
from app.commands.chat.screen import Screen
from app.commands.chat.tools import ToolLines
from tests.support.patience import patient


class SlowBackend:
    """Takes a message only when it was asked in vain to stop its turn."""

    session_id = "s"

    def __init__(self):
        self.asked, self.stopped = threading.Event(), threading.Event()
        self.has_turn = False

    @contextmanager
    def stream(self, *_):
        os.kill(os.getpid(), signal.SIGINT)
        self.asked.wait(patient(10))
        self.has_turn = True
        yield httpx.Headers({"Location": "/api/chat?run_id=run_1"}), self.events()

    def events(self):
        self.stopped.wait(patient(10))
        yield "run_1:1", {"type": "complete", "interrupted": True}

    def interrupt(self):
        (self.stopped if self.has_turn else self.asked).set()
        return self.has_turn


def test_a_stop_before_the_message_has_arrived_stops_its_turn():
    backend = SlowBackend()
    view = AnswerView(backend, Screen(colour=False), ToolLines(), with_thoughts=False)
    assert view.show({"text": "hi"}, None)
    assert backend.stopped.is_set()
