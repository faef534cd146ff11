"""What providers' streams say, as deltas, and deltas as a reply: variety in, one form out."""

from __future__ import annotations

import json

import pytest

from app.usage import Usage
from workers.models.delta import Broken, CallPiece, Counted, Finish, Refusal, Thought
from workers.models.finish import stop_of
from workers.models.reply_builder import ReplyBuilder
from workers.models.wires import native, openai
from workers.models.wires.errors import described, error_in
from workers.models.wires.frames import DONE, FrameReader
from workers.reply import Reasoning, legal_name


def chunk(delta, **more):
    return {"choices": [{"index": 0, "delta": delta} | more]}


def built(*deltas, used=()):
    said = []
    builder = ReplyBuilder(said.append, frozenset(used))
    builder.add(deltas)
    reply = builder.reply()
    assert "".join(said) == reply.text
    return reply


def call(*pieces, **more):
    return [(one.name, one.arguments) for one in built(*pieces, **more).calls]


# Bytes to frames


def read(*pieces):
    reader = FrameReader()
    found = [frame for piece in pieces for frame in reader.feed(piece)] + reader.end()
    return ["DONE" if frame is DONE else frame.value for frame in found]


@pytest.mark.parametrize(
    ("pieces", "values"),
    [
        ([b'data: {"a":1}\n\ndata:{"b":2}\n\n'], [{"a": 1}, {"b": 2}]),
        ([b'data: {"a"', b":1}\n", b"\n"], [{"a": 1}]),
        ([b': hi\r\n\r\nevent: x\r\ndata: {"a":1}\r\n\r\nid: 7\r\n'], [{"a": 1}]),
        ([b'data: {\ndata: "a":1\ndata: }\n\ndata: {"b":2}\n\n'], [{"a": 1}, {"b": 2}]),
        ([b'{"a":1}\n{"b":2}\n'], [{"a": 1}, {"b": 2}]),
        ([b'{"a":\n', b"1}"], [{"a": 1}]),
        ([b'data: {"a":1}\n\ndata: [DONE]\n\n'], [{"a": 1}, "DONE"]),
        ([b"data: [DONE]"], ["DONE"]),
        ([b"data: no json\n\ndata: 3\n\n"], [3]),
        ([b'data: {"a":"\\ud83d"}\n\n'], [{"a": "\ud83d"}]),
        ([b"<html>\n</html>\n"], []),
        ([b"event: x\r", b'data: {"a":1}\r\rdata:{"b":2}', b"\r", b"\n\r\n"], [{"a": 1}, {"b": 2}]),
        ([b"\xef", b'\xbb\xbfdata: {"a":1}\n'], [{"a": 1}]),
    ],
)
def test_frames_of_every_kind_of_stream(pieces, values):
    assert read(*pieces) == values


def test_a_frame_has_the_name_of_its_event_and_the_next_one_has_not():
    frames = FrameReader().feed(b'event: error\ndata: {"a":1}\n\ndata: {"b":2}\n\n')
    assert [frame.event for frame in frames] == ["error", ""]


# OpenAI's wire


@pytest.mark.parametrize(
    ("given", "deltas"),
    [
        (chunk({"content": "Hi"}), ["Hi"]),
        (chunk({"role": "assistant", "content": "Hi", "tool_calls": None}), ["Hi"]),
        (chunk({"content": "Hi"}, finish_reason="stop"), ["Hi", Finish("stop")]),
        (chunk({"content": [{"type": "text", "text": "a"}, {"type": "image_url"}, "b"]}), ["a", "b"]),
        (
            chunk({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
            [Thought("content_thinking", "hm")],
        ),
        (chunk({"reasoning_content": "hm", "reasoning": "hm"}), [Thought("reasoning_content", "hm")]),
        (chunk({"reasoning": "hm"}), [Thought("reasoning", "hm")]),
        (chunk({"refusal": "No."}), [Refusal("No.")]),
        (chunk(None), []),
        ({"choices": [{"index": 0, "finish_reason": None, "content_filter_results": {}}]}, []),
        ({"choices": [{"message": {"content": "all"}, "finish_reason": "stop"}]}, ["all", Finish("stop")]),
        ({"choices": [{"text": "old"}]}, ["old"]),
        ({"choices": [], "usage": {"prompt_tokens": 1}}, [Counted({"prompt_tokens": 1})]),
        (chunk({}, usage={"prompt_tokens": 1}), [Counted({"prompt_tokens": 1})]),
        ({"x_groq": {"usage": {"prompt_tokens": 1}}}, [Counted({"prompt_tokens": 1})]),
        ({"choices": None}, []),
        (
            chunk({"tool_calls": [{"index": 1, "id": "c", "function": {"name": "Get", "arguments": "{"}}]}),
            [CallPiece(1, "c", "Get", "{")],
        ),
        (chunk({"tool_calls": [{"id": "c"}, None]}), [CallPiece(None, "c")]),
        (
            chunk({"tool_calls": [{"function": {"name": "Get", "arguments": {"x": 1}}}]}),
            [CallPiece(None, "", "Get", '{"x":1}')],
        ),
        (chunk({"function_call": {"name": "Get", "arguments": "{}"}}), [CallPiece(0, "", "Get", "{}")]),
        (chunk({}, finish_reason="stop", native_finish_reason="SAFETY"), [Finish("stop"), Finish("SAFETY")]),
    ],
)
def test_a_chunk_is_taken_for_what_it_means(given, deltas):
    assert list(openai.deltas_of(given)) == deltas


def test_the_rewriter_writes_what_it_was_given_as_clean_chunks():
    """Read again, they are the same calls: each with a number of its own."""
    rewriter, again = openai.Rewriter(), []
    for piece in (
        chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "One", "arguments": {"x": 1}}}]}),
        chunk({"tool_calls": [{"index": 0, "id": "b", "function": {"name": "Two", "arguments": "{"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}]}),
        chunk({"refusal": "No."}, finish_reason="stop"),
    ):
        written = json.loads(json.dumps(rewriter.chunk(piece, openai.deltas_of(piece))))
        again += openai.deltas_of(written)
    reply = built(*again)
    assert [(one.name, one.arguments) for one in reply.calls] == [("One", '{"x":1}'), ("Two", "{}")]
    assert reply.text == "No."


# Calls put together


ETH, BTC = '{"symbol":"ETH"}', '{"symbol":"BTC"}'


@pytest.mark.parametrize(
    "pieces",
    [
        [CallPiece(0, "a", "Price", ETH), CallPiece(1, "b", "Price", BTC)],
        [CallPiece(0, "a", "Price", ETH), CallPiece(0, "b", "Price", BTC)],
        [CallPiece(None, "a", "Price", ETH), CallPiece(None, "b", "Price", BTC)],
        [CallPiece(None, "", "Price", ETH), CallPiece(None, "", "Price", BTC)],
        [CallPiece(0, "", "Price", ETH), CallPiece(0, "", "Price", BTC)],
        [
            *(CallPiece(0, "a", "Price", ETH[:5]), CallPiece(1, "b", "Price", BTC[:5])),
            *(CallPiece(0, "", "", ETH[5:]), CallPiece(1, "", "", BTC[5:])),
        ],
        [CallPiece(0, "a", "Price", ETH[:5]), CallPiece(0, "a", "Price", ETH[5:]), CallPiece(0, "b", "Price", BTC)],
        [CallPiece(None, "a", "Price"), CallPiece(None, "", "", ETH), CallPiece(None, "b", "Price", BTC)],
        [CallPiece(None, "a", "Price", ETH[:5]), CallPiece(None, "b", "Price", BTC), CallPiece(None, "a", "", ETH[5:])],
        [CallPiece(0, "a", "", ""), CallPiece(0, "", "Price", ETH), CallPiece(1, "b", "Price", BTC)],
        [
            *(CallPiece(0, "a", "Pr"), CallPiece(0, "", "ice"), CallPiece(0, "", "", ETH)),
            *(CallPiece(0, "b", "Pri"), CallPiece(0, "b", "ce"), CallPiece(0, "b", "", BTC)),
        ],
    ],
)
def test_each_call_is_one_however_it_is_numbered(pieces):
    assert call(*pieces) == [("Price", ETH), ("Price", BTC)]


def test_another_name_without_an_id_or_with_arguments_is_another_call():
    assert call(CallPiece(0, "", "Now"), CallPiece(0, "", "Price", ETH)) == [("Now", ""), ("Price", ETH)]
    assert call(CallPiece(0, "a", "Now"), CallPiece(0, "", "Price", ETH)) == [("Now", ""), ("Price", ETH)]


@pytest.mark.parametrize("given", ["", "taken", "a" * 41, "with blank", "call_1|x"])
def test_an_id_that_is_missing_taken_or_no_providers_gets_one_of_ours(given):
    (made,) = built(CallPiece(0, given, "Get", "{}"), used=["taken"]).calls
    assert made.call_id.startswith("call_")
    assert built(CallPiece(0, "toolu_1", "Get", "{}"), used=["taken"]).calls[0].call_id == "toolu_1"


@pytest.mark.parametrize(
    ("given", "legal"),
    [
        ("Get-Price_1", "Get-Price_1"),
        ("functions.get price<|channel|>commentary", "get_price"),
        ("a.b", "a_b"),
        ("", "unnamed_tool"),
        ("<|x|>", "unnamed_tool"),
        ("é", "unnamed_tool"),
        ("x" * 300, "x" * 64),
    ],
)
def test_a_name_is_one_that_providers_take_back(given, legal):
    assert legal_name(given) == legal


# Thoughts, ends, counts


def test_pieces_of_thought_are_blocks_that_a_signature_closes():
    pieces = [Thought("thinking", "a"), Thought("thinking", "b"), Thought("thinking", signature="S1")]
    pieces += [Thought("thinking", data="ENC"), Thought("thinking", "c"), Thought("thinking", signature="S2")]
    assert built("x", *pieces).reasoning == (
        Reasoning("thinking", "ab", "S1"),
        Reasoning("thinking", data="ENC"),
        Reasoning("thinking", "c", "S2"),
    )


@pytest.mark.parametrize(
    ("deltas", "stop"),
    [
        ([Finish("stop")], "stop"),
        ([Finish("end_turn"), Finish("stop")], "stop"),
        ([Finish("MAX_TOKENS"), Finish("stop")], "length"),
        ([Finish("stop"), Finish("SAFETY")], "content_filter"),
        ([Refusal("no"), Finish("stop")], "content_filter"),
        ([Finish("odd")], "stop"),
    ],
)
def test_the_worst_of_what_was_said_is_how_it_stopped(deltas, stop):
    assert built(*deltas).stop == stop


@pytest.mark.parametrize("reason", ["error", "MALFORMED_FUNCTION_CALL", "network_error"])
def test_some_reasons_are_errors(reason):
    assert stop_of(reason) is None


def test_halves_of_a_character_are_put_together():
    assert built("a\ud83d", "\ude00b").text == "a😀b"


def test_a_refused_call_has_used_nothing_unless_something_came():
    free, counted = ReplyBuilder(lambda _: None), ReplyBuilder(lambda _: None)
    free.add([Broken(503)])
    counted.add([Counted({"prompt_tokens": 5}), Broken(503)])
    assert free.outcome().refused
    assert (counted.outcome().refused, counted.outcome().usage) == (False, Usage(5))


# Errors


@pytest.mark.parametrize(
    ("value", "event", "status", "codes"),
    [
        ({"error": {"message": "m", "code": 503}}, "", 503, ()),
        ({"error": {"message": "m", "code": "429", "type": "Requests"}}, "", 429, ("requests",)),
        ({"error": "m"}, "", 0, ()),
        ({"object": "error", "message": "m", "type": "BadRequestError", "code": 400}, "", 400, ("badrequesterror",)),
        ({"type": "error", "error": {"type": "overloaded_error", "message": "m"}}, "error", 0, ("overloaded_error",)),
        ({"message": "m"}, "error", 0, ()),
        ([{"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "m"}}], "", 400, ("invalid_argument",)),
        ({"choices": [{"error": {"message": "m", "code": 502}}]}, "", 502, ()),
        ({"detail": "m"}, "", 0, ()),
        ({"message": "m", "code": 401}, "", 401, ()),
        ({"success": False, "errors": [{"code": 502, "message": "m"}]}, "", 502, ()),
        (
            {"error": {"message": "m", "innererror": {"code": "ResponsibleAIPolicyViolation"}}},
            "",
            0,
            ("responsibleaipolicyviolation",),
        ),
    ],
)
def test_an_error_in_every_form(value, event, status, codes):
    found = error_in(value, event)
    assert found is not None
    assert (found.status, found.codes) == (status, codes)
    assert "m" in found.words


@pytest.mark.parametrize(
    "value",
    [
        *({"choices": []}, {"choices": [{"delta": {}}]}, {"candidates": []}, 3, None, []),
        *({"message": {"content": "m"}, "done": False}, {"type": "message_start", "message": {}}),
    ],
)
def test_what_is_no_error(value):
    assert error_in(value) is None


def test_google_says_how_long_to_wait_in_the_body():
    details = [{"@type": "x", "retryDelay": "13.5s"}, {"reason": "RATE_LIMIT_EXCEEDED"}]
    found = described({"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "details": details, "message": "m"}})
    assert (found.retry_after, found.codes) == (13.5, ("resource_exhausted", "rate_limit_exceeded"))


# The other wires: their ends


@pytest.mark.parametrize(
    ("value", "wire", "facts", "is_end"),
    [
        ({"type": "message_start"}, native.Anthropic, [], False),
        ({"type": "message_delta", "delta": {"stop_reason": "refusal"}}, native.Anthropic, [Finish("refusal")], False),
        ({"type": "message_stop"}, native.Anthropic, [Finish("stop")], True),
        ({"candidates": [{"finishReason": "SAFETY"}]}, native.Gemini, [Finish("SAFETY")], False),
        ({"promptFeedback": {"blockReason": "OTHER"}}, native.Gemini, [Finish("prohibited_content")], False),
        ({"message": {}, "done": False}, native.Ollama, [], False),
        ({"message": {}, "done": True, "done_reason": "length"}, native.Ollama, [Finish("length")], True),
        ({"type": "response.completed", "response": {}}, native.Responses, [Finish("stop")], True),
        (
            {"type": "response.completed", "response": {"status": "incomplete"}},
            native.Responses,
            [Finish("length")],
            True,
        ),
        ({"type": "response.refusal.delta", "delta": "No"}, native.Responses, [Refusal("No")], False),
        (
            {"type": "response.incomplete", "response": {"incomplete_details": {"reason": "max_output_tokens"}}},
            native.Responses,
            [Finish("max_output_tokens")],
            True,
        ),
    ],
)
def test_each_wire_says_its_end(value, wire, facts, is_end):
    assert isinstance(native.wire_of(value), wire)
    assert list(wire.facts(value)) == facts
    assert wire.is_end(value) is is_end


def test_a_block_of_anthropic_that_begins_whole_is_cut_into_what_litellm_reads():
    block = {"type": "tool_use", "id": "t", "name": "Get", "input": {"x": 1}}
    start, delta = native.Anthropic().pieces({"type": "content_block_start", "index": 2, "content_block": block})
    assert start["content_block"]["input"] == {}
    assert (delta["index"], json.loads(delta["delta"]["partial_json"])) == (2, {"x": 1})


@pytest.mark.parametrize(
    ("given", "args"), [({}, {}), ({"args": '{"x": 1}'}, {"x": 1}), ({"args": "{"}, {}), ({"args": [1]}, {})]
)
def test_a_call_of_gemini_has_an_object_of_arguments(given, args):
    value = {"candidates": [{"content": {"parts": [{"text": "a"}, {"functionCall": {"name": "Now", **given}}]}}]}
    (piece,) = native.Gemini.pieces(value)
    assert piece["candidates"][0]["content"]["parts"][1]["functionCall"]["args"] == args


@pytest.mark.parametrize(
    ("texts", "thought", "said"),
    [
        (["<think>", "hm", "</think>", "Hello"], "hm", "Hello"),
        (["\n<think>hm</think>He", "llo"], "hm", "Hello"),
        (["A <think> ", "tag", "</think>"], "", "A <think> tag</think>"),
        (["<think>hm"], "hm", ""),
    ],
)
def test_what_ollama_puts_between_tags_is_thought_where_a_text_begins_so(texts, thought, said):
    wire = native.Ollama()
    values = [{"message": {"content": text}, "done": False} for text in texts]
    messages = [piece["message"] for value in values for piece in wire.pieces(value)]
    assert "".join(message.get("thinking", "") for message in messages) == thought
    assert "".join(message["content"] for message in messages) == said
    assert not any(tag in message["content"] for message in messages for tag in ("<think>", "</think>"))
