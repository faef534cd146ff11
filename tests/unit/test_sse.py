"""The wire format, byte for byte."""

from __future__ import annotations

import orjson
import pytest

from app import exact_json
from app.events import sse


# The sample stream of the API reference
@pytest.mark.parametrize(
    ("event", "json"),
    [
        (sse.text("The current "), '{"type":"text","content":"The current "}'),
        (
            sse.tool_call("call_1", "GetTokenPrice", {"symbol": "ETH"}),
            '{"type":"tool_call","name":"GetTokenPrice","call_id":"call_1","args":{"symbol":"ETH"}}',
        ),
        (
            sse.tool_result("call_1", "GetTokenPrice", {"price": 3500.00}),
            '{"type":"tool_result","call_id":"call_1","name":"GetTokenPrice","result":{"price":3500.0}}',
        ),
        (sse.complete(), '{"type":"complete"}'),
    ],
    ids=["text", "tool_call", "tool_result", "complete"],
)
def test_a_frame_is_that_of_the_reference(event, json):
    assert sse.frame(event) == f"data: {json}\n\n".encode()


@pytest.mark.parametrize(
    "text", ["one\n\ntwo\r\nthree", "one\u2028\u2029two\u0085\x0b\x0c\x1c\x1d\x1ethree \U0001f98a"]
)
def test_a_frame_is_one_line_whatever_the_text_holds(text):
    made = [
        sse.frame(sse.text(text)),
        sse.named_frame("text", sse.text(text)).removeprefix(b"event: text\n"),
        sse.raw_frame(exact_json.dump_bytes(sse.text(text))),
        sse.piece_frame(sse.piece_head({"type": "text"}, "content"), text),
        sse.piece_frame(sse.piece_head({"type": text}, "content"), ""),
    ]
    assert [len(frame.decode().splitlines()) for frame in made] == [2] * len(made)
    assert all(frame.endswith(b"\n\n") for frame in made)
    assert [sse.parse(frame) for frame in made[:4]] == [sse.text(text)] * 4


def test_a_frame_parses_to_its_event():
    event = sse.text('Ünïcode, "quotes"\n')
    assert sse.parse(sse.frame(event)) == event


def test_the_frame_of_a_piece_is_that_of_its_event():
    fields, content = {"type": "piece", "id": 'a"b'}, 'řekl: "\\\n\u2028"'
    assert sse.piece_frame(sse.piece_head(fields, "delta"), content) == sse.frame(fields | {"delta": content})


def test_joined_frames_split_into_the_same_frames():
    frames = [sse.frame(sse.text(content)) for content in ("a", "b\n\nc", "")]
    assert sse.split(b"".join(frames)) == frames


def test_numbered_frames_carry_rising_ids():
    frames = sse.frame(sse.text("a")) + sse.frame(sse.complete())
    assert sse.numbered(frames, "run_1:", 7) == (
        b'id: run_1:7\ndata: {"type":"text","content":"a"}\n\nid: run_1:8\ndata: {"type":"complete"}\n\n'
    )


def test_an_interrupted_end_says_so():
    assert sse.complete(interrupted=True) == {"type": "complete", "interrupted": True}


def test_an_error_says_what_why_and_whether_to_try_again():
    assert sse.error("Busy", "provider_error", True) == {
        "type": "error",
        "message": "Busy",
        "code": "provider_error",
        "retryable": True,
    }


@pytest.mark.parametrize(("done", "extra"), [(False, {}), (True, {"done": True})])
def test_only_the_last_step_is_marked_done(done, extra):
    event = {"type": "async_tool_result", "call_id": "call_1", "name": "Watch", "result": 1}
    assert sse.async_tool_result("call_1", "Watch", 1, done) == event | extra


@pytest.mark.parametrize(("status", "processing"), [("processing", True), ("idle", False), ("interrupted", False)])
def test_a_state_says_whether_a_turn_is_processed(status, processing):
    assert sse.state("s", status)["is_processing"] is processing


@pytest.mark.parametrize(
    ("done", "result", "kind", "words"),
    [(False, {"price": 1}, "tool_update", '{"price":1}'), (True, "bought", "tool_complete", "bought")],
)
def test_a_tools_progress_is_told_in_words(done, result, kind, words):
    event = sse.tool_progress("s", "call_1", "Buy", result, done)
    assert (event["type"], event["result"]) == (kind, words)


@pytest.mark.parametrize(("thread_id", "extra"), [(None, {}), ("thread_1", {"thread_id": "thread_1"})])
def test_a_title_change_names_the_thread_it_is_of(thread_id, extra):
    event = {"type": "title_changed", "session_id": "s", "title": "ETH", "new_title": "ETH"}
    assert sse.title_changed("s", "ETH", thread_id) == event | extra


def test_a_failed_turn_is_a_system_error_with_the_same_words():
    failure = sse.error("Busy", "provider_error", True)
    assert sse.system_error("s", failure) == failure | {"type": "system_error", "session_id": "s"}


@pytest.mark.parametrize(
    "event",
    [
        sse.state("s", "idle"),
        sse.title_changed("s", "ETH"),
        sse.model_changed("s", "gpt"),
        sse.tool_progress("s", "call_1", "Buy", 1, False),
        sse.system_notice("s", "Hello"),
        sse.system_error("s", sse.error("Busy", "internal", True)),
        sse.gap("s"),
    ],
    ids=lambda event: event["type"],
)
def test_every_update_carries_its_session(event):
    assert orjson.loads(sse.frame(event).removeprefix(b"data: "))["session_id"] == "s"


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_frames_are_read_however_they_are_cut(size):
    events = [sse.text("a\u2028b"), sse.text("ü\n\n"), sse.complete()]
    frames = sse.numbered(b"".join(map(sse.frame, events)), "run_1:", 1)
    received = sse.OPENED + sse.RETRY + frames + sse.KEEP_ALIVE + sse.frame(sse.complete()) + b"data: {"
    chunks = [received[at : at + size] for at in range(0, len(received), size)]
    ids = ["run_1:1", "run_1:2", "run_1:3", ""]
    assert list(sse.read(chunks)) == list(zip(ids, [*events, sse.complete()], strict=True))


def test_what_is_no_frame_is_refused():
    with pytest.raises(ValueError, match="char 0"):
        list(sse.read([b"data: nonsense\n\n"]))
