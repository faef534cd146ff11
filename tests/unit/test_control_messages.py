"""Messages on the control channel: what is sent is what is understood, and unknown kinds are passed over."""

from __future__ import annotations

import pytest

from app.state.turns.control_messages import (
    DropWork,
    FirstStep,
    StopTurn,
    compaction_work,
    parse,
    steps_work,
    title_work,
    turn_work,
)


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        (StopTurn("run_1", "interrupted"), "stop run_1 interrupted"),
        (DropWork(turn_work("run_1")), "drop run_1"),
        (DropWork(steps_work("run_1", "call 1")), "drop steps run_1 call 1"),
        (DropWork(title_work("thread_1")), "drop title thread_1"),
        (DropWork(compaction_work("thread_1")), "drop compact thread_1"),
        (FirstStep("run_1", "call 1"), "answer run_1 call 1"),
    ],
)
def test_a_message_has_the_form_of_the_docs_and_is_read_again(message, payload):
    assert message.encode() == payload
    assert parse(payload.encode()) == message


@pytest.mark.parametrize("payload", [b"", b"sing run_1"])
def test_an_unknown_kind_is_no_message(payload):
    assert parse(payload) is None
