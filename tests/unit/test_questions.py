"""Questions of MCP servers as the front ends show them and take their answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.commands.chat import open_calls
from app.dialects.agui.answers import _resumed, outcome_of
from app.dialects.ai_sdk.frames import Reply
from app.dialects.ai_sdk.history import Known, ui_messages
from app.dialects.gen1.messages import _waits
from app.dialects.openai.frames.objects import Asked as AskedResponse
from app.dialects.openai.frames.objects import End
from app.dialects.openai.frames.response_frames import ResponseFrames
from app.errors import BadRequest
from app.events import sse
from app.state.open_calls.pending import pending_call
from app.state.open_calls.records import Asked, CallAnswer, OpenCalls, Question, read_asks, stored_asks
from app.turns.call_answers import _with_content
from app.web.streaming.turn_frames import TurnEvent

FORM = {
    "type": "object",
    "properties": {
        "seats": {"type": "integer", "maximum": 8},
        "name": {"type": "string", "title": "Your name", "default": "Ann"},
        "smoking": {"type": "boolean"},
        "meals": {"type": "array", "items": {"enum": ["lunch", "dinner"]}},
    },
    "required": ["seats"],
}
BOOK = Asked("call_1", "mcp__book", "elicitation", Question("How many?", FORM, args={"city": "Rome"}))
PAY = replace(BOOK, question=Question("Please pay", url="https://pay.example.com/1", args={"city": "Rome"}))
CALLED = sse.tool_call("call_1", "mcp__book", {"city": "Rome"})
ASKS = sse.complete(awaiting=["call_1"])


def test_a_question_is_read_as_it_was_stored():
    assert read_asks(stored_asks([BOOK, PAY])) == (BOOK, PAY)
    assert read_asks('[{"call_id":"a","name":"Pay","kind":"approval"}]') == (Asked("a", "Pay", "approval"),)


@pytest.mark.parametrize(
    ("sent", "taken"),
    [
        (CallAnswer("call_1", result={"seats": 2}), CallAnswer("call_1", approve=True, args={"seats": 2})),
        (CallAnswer("call_1", result='{"seats": 2}'), CallAnswer("call_1", approve=True, args={"seats": 2})),
        (CallAnswer("call_1", result={"action": "accept", "content": {"seats": 2}}), None),
        (CallAnswer("call_1", result={"action": "decline"}), CallAnswer.no("call_1")),
        (CallAnswer.no("call_1", "why"), CallAnswer.no("call_1", "why")),
    ],
)
def test_an_answer_has_its_content_in_every_dialect(sent, taken):
    assert _with_content(BOOK, sent) == (taken or CallAnswer("call_1", approve=True, args={"seats": 2}))


def test_an_answer_that_does_not_fit_is_refused_and_a_page_has_no_content():
    assert _with_content(PAY, CallAnswer("call_1", approve=True)) == CallAnswer("call_1", approve=True, args={})
    for call, wrong in ((PAY, {"x": 1}), (BOOK, {}), (BOOK, {"seats": 9}), (BOOK, "two"), (BOOK, [])):
        with pytest.raises(BadRequest, match="'mcp__book'"):
            _with_content(call, CallAnswer("call_1", result=wrong))


def test_ag_ui_has_an_interrupt_that_a_cancel_declines():
    calls = OpenCalls("run_1-0", (BOOK, replace(PAY, call_id="call_2")), "2026-01-01T00:00:00.000Z")
    first, second = outcome_of(calls, speaks_1_0=True)["interrupts"]
    assert (first["reason"], first["message"], first["responseSchema"]) == ("input_required", "How many?", FORM)
    assert second["metadata"] == {"url": "https://pay.example.com/1"}
    assert _resumed({"interruptId": first["id"], "status": "cancelled"}, BOOK).is_no


def ai_sdk(reply, *events):
    frames = b"".join(reply.frames(iter([TurnEvent(number, event) for number, event in enumerate(events)])))
    return [sse.parse(frame + b"\n\n") for frame in frames.split(b"\n\n") if frame.startswith(b"data: {")]


def test_the_ai_sdk_gets_a_part_with_the_question_and_one_more_makes_it_forget_the_first_answer():
    reply = Reply("run_1", "run_1", {}, dict, 6, asked=lambda: [BOOK])
    *_, call, question, _ = ai_sdk(reply, CALLED, ASKS)
    assert (call["type"], call["dynamic"], call["providerExecuted"]) == ("tool-input-available", True, False)
    shown = {"toolCallId": "call_1", "message": "How many?", "schema": FORM}
    assert question == {"type": "data-elicitation", "id": "call_1", "data": shown}
    again = replace(reply, calls=frozenset({"call_1"}), asked=lambda: [PAY])
    _, forget, question, _ = ai_sdk(again, ASKS)
    assert (forget["type"], forget["input"]) == ("tool-input-available", {"city": "Rome"})
    assert question["data"]["url"] == "https://pay.example.com/1"
    call = {"call_id": "call_1", "name": "mcp__book", "args": {"city": "Rome"}}
    stored = {"id": "run_1-0", "role": "assistant", "content": "", "created_at": "", "tool_calls": [call]}
    (message,) = ui_messages([stored], Known(questions={"call_1": BOOK}), str, version=6)
    assert [part["type"] for part in message["parts"]] == ["step-start", "dynamic-tool", "data-elicitation"]
    assert message["parts"][1]["providerExecuted"] is False


def test_openai_gets_a_function_call_whose_output_is_the_answer():
    frames = ResponseFrames(AskedResponse("resp_1", "app", 0), "run_2")
    frames.begin()
    frames.end(End(ASKS, questions={"call_1": BOOK.question}))  # a second question: the call is an earlier turn's
    (item,) = frames.output
    assert (item["type"], item["call_id"], item["name"]) == ("function_call", "call_1", "elicitation")
    assert '"message":"How many?"' in item["arguments"]


def test_gen_1_says_what_a_call_waits_for():
    assert _waits("Pay", Asked("a", "Pay", "approval")) == "(This waits for an approval: Pay)"
    assert _waits("ShowMap", Asked("a", "ShowMap", "client_tool")).endswith("which runs the tool: ShowMap)")
    assert _waits("mcp__book", BOOK) == "(mcp__book asks: How many?)"


class Terminal:
    """A screen whose person types these lines."""

    def __init__(self, *lines):
        self.lines, self.said = list(lines), []

    def say(self, text, **style):
        self.said.append(text)

    def ask(self, prompt, text=""):
        self.said.append(prompt)
        return self.lines.pop(0)


@pytest.mark.parametrize(
    ("call", "lines", "answer"),
    [
        (BOOK, ["9", "x", "3", "", "n", "lunch, dinner"], {"seats": 3, "name": "Ann", "smoking": False}),
        (BOOK, ["3", "Bo", "", ""], {"seats": 3, "name": "Bo"}),
        (BOOK, ["n"], False),
        (BOOK, ["3", "."], None),
        (PAY, [""], {}),
        (PAY, ["n later"], False),
        (PAY, ["."], None),
    ],
)
def test_the_terminal_asks_field_by_field(call, lines, answer):
    screen, pending = Terminal(*lines), pending_call(call, {}, "2026-01-01T00:00:00.000Z")
    given = open_calls._question(screen, pending)
    assert not screen.lines
    if isinstance(answer, dict):
        content = answer | ({"meals": ["lunch", "dinner"]} if "lunch, dinner" in lines else {})
        assert given == {"approve": True} | ({"result": content} if call is BOOK else {})
    else:
        assert given == (
            answer if answer is None else {"approve": False} | ({"message": "later"} if call is PAY else {})
        )
    told = "\n".join(open_calls.call_lines(pending))
    assert (call.question.message in told, call.question.url in told) == (True, True)
    if "9" in lines:
        assert any("at most 8" in line for line in screen.said)
