"""The comparison of events finds what differs, and nothing else."""

from __future__ import annotations

import pytest

from tests.models import compare

CALL = {"type": "tool_call", "name": "Price", "args": {"symbol": "ETH"}}
END = {"type": "complete"}


def text(content: str) -> dict[str, str]:
    return {"type": "text", "content": content}


def result(call_id: str, value: object = 1) -> dict[str, object]:
    return {"type": "tool_result", "call_id": call_id, "name": "Price", "result": value}


@pytest.mark.parametrize(
    "expected",
    [
        [text("Hello"), END],
        [text("*"), END],
    ],
)
def test_where_text_is_cut_means_nothing(expected):
    assert compare.match(compare.normal([text("He"), text("llo"), END]), expected)


@pytest.mark.parametrize(
    "expected",
    [
        [text("Hello"), {"type": "complete", "finish_reason": "length"}],
        [text("Hello")],
        [text("Hell"), END],
        [END, text("Hello")],
    ],
)
def test_other_events_do_not_match(expected):
    assert not compare.match(compare.normal([text("Hello"), END]), expected)


def test_complete_is_exact_and_other_events_may_hold_more():
    assert not compare.match([END | {"interrupted": True}], [END])
    assert compare.match([CALL | {"call_id": "a"}], [CALL])
    assert not compare.match([CALL | {"args": {"symbol": "ETH", "more": 1}}], [CALL])


def test_a_number_is_not_a_flag():
    assert not compare.match([result("a", 1)], [{"type": "tool_result", "result": True}])


def test_results_are_in_the_order_of_their_calls():
    events = [CALL | {"call_id": "a"}, CALL | {"call_id": "b"}, result("b", 2), result("a", 1), END]
    assert [event.get("result") for event in compare.normal(events)] == [None, None, 1, 2, None]


@pytest.mark.parametrize(
    "events",
    [
        [CALL | {"call_id": "a"}, CALL | {"call_id": "a"}, result("a"), result("a"), END],
        [CALL | {"call_id": "a"}, END],
        [CALL | {"call_id": "a"}, result("b"), END],
        [END, END],
        [text("no end")],
    ],
)
def test_faults_of_calls_and_ends_are_found(events):
    assert compare.faults_of_calls(events)


def test_a_right_turn_has_no_fault():
    assert not compare.faults_of_calls([CALL | {"call_id": "a"}, result("a"), text("done"), END])
