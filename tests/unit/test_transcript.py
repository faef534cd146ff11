"""How a turn's events become messages: one rule for what is shown, stored and told to the model."""

from __future__ import annotations

import pytest

from app.events import sse
from app.state.conversation import transcript

NOW = "2025-01-15T10:30:00.000Z"

A, B = sse.tool_call("a", "Get", {"x": 1}), sse.tool_call("b", "Get", {})
A_DONE, B_DONE = sse.tool_result("a", "Get", 1), sse.tool_result("b", "Get", 2)
STEP = sse.async_tool_result("a", "Get", 9, True)


def fold(*events):
    return transcript.fold("run_1", events, NOW)


def shape(messages):
    """Role, text, calls and results of each message."""
    return [
        (
            message["role"],
            message["content"],
            [call["call_id"] for call in message.get("tool_calls", ())],
            [result["result"] for result in message.get("tool_results", ())],
        )
        for message in messages
    ]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([sse.text("Hel"), sse.text("lo")], [("assistant", "Hello", [], [])], id="pieces join"),
        pytest.param(
            [sse.text("One moment. "), A, A_DONE, sse.text("It is 1.")],
            [("assistant", "One moment. ", ["a"], [1]), ("assistant", "It is 1.", [], [])],
            id="text behind results begins a reply",
        ),
        pytest.param(
            [A, A_DONE, B, B_DONE],
            [("assistant", "", ["a"], [1]), ("assistant", "", ["b"], [2])],
            id="a call behind results begins a reply",
        ),
        pytest.param([A, B, B_DONE, A_DONE], [("assistant", "", ["a", "b"], [2, 1])], id="calls of one reply"),
        pytest.param(
            [A, STEP, A_DONE],
            [("assistant", "", ["a"], [1]), ("tool", "", [], [9])],
            id="a step stands where it came, a result with its call",
        ),
        pytest.param([sse.text("Hi"), sse.complete()], [("assistant", "Hi", [], [])], id="an end says nothing"),
        pytest.param([A_DONE], [], id="a result without a call says nothing"),
    ],
)
def test_events_fold_into_messages(events, expected):
    assert shape(fold(*events)) == expected


def test_a_message_has_id_role_content_and_time():
    assert fold(sse.text("Hi")) == [{"id": "run_1-0", "role": "assistant", "content": "Hi", "created_at": NOW}]


def test_calls_and_results_keep_the_fields_of_their_events():
    (message,) = fold(A, A_DONE)
    assert message["tool_calls"] == [{"call_id": "a", "name": "Get", "args": {"x": 1}}]
    assert message["tool_results"] == [{"call_id": "a", "name": "Get", "result": 1}]


def test_ids_within_a_turn_differ():
    ids = [message["id"] for message in fold(A, A_DONE, STEP, sse.text("Done"))]
    assert len(set(ids)) == len(ids) == 3


def test_a_prefix_of_the_events_folds_into_a_prefix_of_the_messages():
    """What a running turn shows is what it will have said."""
    events = [sse.text("Now "), A, B, A_DONE, B_DONE, sse.text("It is 1.")]
    whole = shape(fold(*events))
    for count in range(len(events)):
        for (_, text, calls, results), (_, more_text, more_calls, more_results) in zip(
            shape(fold(*events[:count])), whole, strict=False
        ):
            assert more_text.startswith(text)
            assert more_calls[: len(calls)] == calls
            assert more_results[: len(results)] == results


@pytest.mark.parametrize(
    ("events", "missing"),
    [([A, B], ["a", "b"]), ([A, B, B_DONE], ["a"]), ([A, A_DONE], []), ([A, A_DONE, B], ["b"]), ([], [])],
)
def test_open_calls_are_those_without_a_result(events, missing):
    assert [call["call_id"] for call in transcript.unanswered_tool_calls(fold(*events))] == missing


def test_a_step_message_holds_the_step():
    assert transcript.step_message("m", STEP, NOW) == {
        "id": "m",
        "role": "tool",
        "content": "",
        "created_at": NOW,
        "tool_results": [{"call_id": "a", "name": "Get", "result": 9, "done": True}],
    }


def test_a_users_message_holds_what_was_written():
    assert transcript.message("m", "user", "Hi", NOW) == {"id": "m", "role": "user", "content": "Hi", "created_at": NOW}


# What a model thought


KEPT = {"model": "anthropic/claude", "blocks": [{"kind": "thinking", "text": "hm"}]}


def test_what_a_model_thought_is_kept_with_its_reply():
    call, result = sse.tool_call("a", "Get", {}), sse.tool_result("a", "Get", 1)
    kept = sse.kept_reasoning(KEPT)
    first, second = fold(sse.text("Wait."), kept, call, result, kept, sse.text("Done."))
    assert (first["content"], first["reasoning"], len(first["tool_calls"])) == ("Wait.", KEPT, 1)
    assert (second["content"], second["reasoning"]) == ("Done.", KEPT)


def test_a_thought_alone_is_no_message():
    assert fold(sse.kept_reasoning(KEPT)) == []


def test_clients_see_neither_thoughts_nor_notes_of_failures():
    (shown,) = transcript.for_clients(
        [*fold(sse.text("Hi"), sse.kept_reasoning(KEPT)), transcript.message("e", "error", "x", NOW)]
    )
    assert (shown["content"], "reasoning" in shown) == ("Hi", False)


def test_what_clients_saw_is_kept_once_if_it_is_what_the_provider_wants_back():
    (once,) = fold(sse.thought("h"), sse.thought("m"), sse.text("Hi"), sse.kept_reasoning(KEPT))
    (both,) = fold(sse.thought("a summary"), sse.text("Hi"), sse.kept_reasoning(KEPT))
    assert ("thoughts" in once, once["reasoning"]["blocks"]) == (False, KEPT["blocks"])
    shown = transcript.for_clients([once, both], with_reasoning=True)
    assert [message["reasoning"] for message in shown] == ["hm", "a summary"]
    assert all(message.keys() == {"id", "role", "content", "created_at", "reasoning"} for message in shown)


def test_what_no_client_saw_is_not_shown_later():
    (hidden,) = transcript.for_clients(fold(sse.text("Hi"), sse.kept_reasoning(KEPT)), with_reasoning=True)
    assert "reasoning" not in hidden


def test_thoughts_alone_are_for_clients_that_ask_and_for_no_model():
    alone = fold(sse.thought("hm"))
    assert [message["reasoning"] for message in transcript.for_clients(alone, with_reasoning=True)] == ["hm"]
    assert transcript.for_clients(alone) == transcript.for_models(alone) == []


def test_an_interrupted_turn_is_marked_for_every_client():
    call, result = sse.tool_call("a", "Get", {}), sse.tool_result("a", "Get", 1)
    messages = fold(call, result, sse.thought("hm"))
    transcript.mark_interrupted(messages)
    for with_reasoning in (True, False):
        assert transcript.for_clients(messages, with_reasoning=with_reasoning)[-1]["interrupted"]


# What is not sent to a model again


def test_a_refused_turn_is_left_out_whole_and_later_steps_of_others_stay():
    asked, later = transcript.message("m1", "user", "bad", NOW), transcript.message("m2", "user", "good", NOW)
    step = transcript.step_message("run_00-a-2", sse.async_tool_result("a", "Watch", 2, False), NOW)
    turn = fold(sse.tool_call("b", "Get", {}), sse.tool_result("b", "Get", 1))
    asking = transcript.message("run_0-0", "assistant", "May I?", NOW)  # of the turn that asked before
    note = transcript.refusal_note(["run_0", "run_1"], "refused", NOW, "m1")
    assert transcript.for_models([asked, asking, *turn, step, note, later]) == [step, later]


def test_a_turn_that_failed_otherwise_stays():
    asked, note = transcript.message("m1", "user", "x", NOW), transcript.message("run_1-error", "error", "x", NOW)
    assert transcript.for_models([asked, note]) == [asked]
