"""Each rule of OpenAI's Responses API: a request that it refuses, and the like that it takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.models.rules import responses
from tests.models.rules.request import Refused, Request, Served


def item(kind: str, **more: Any) -> dict[str, Any]:
    defaults: dict[str, dict[str, Any]] = {
        "message": {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
        "function_call": {"call_id": "call_1", "name": "Price", "arguments": '{"symbol":"ETH"}'},
        "function_call_output": {"call_id": "call_1", "output": "1"},
        "reasoning": {"encrypted_content": "ENC1", "summary": []},
    }
    return {"type": kind} | defaults[kind] | more


ASK, CALL, RESULT, THOUGHT = map(item, ("message", "function_call", "function_call_output", "reasoning"))
B, OF_B = item("function_call", call_id="b"), item("function_call_output", call_id="b")
OWN = (Served(calls=(("Price", {"symbol": "ETH"}),), thinking=(THOUGHT,)),)


def inputs(*items: dict[str, Any], served: tuple[Served, ...] = ()) -> Request:
    return Request({"input": list(items)}, served)


REFUSED = [
    (responses.names_are_legal, inputs(ASK, item("function_call", name="get price"))),
    *[(responses.ids_have_1_to_64_characters, inputs(item("function_call", call_id=one))) for one in ("", "x" * 65)],
    (responses.each_call_has_one_output_behind_it, inputs(ASK, CALL)),
    (responses.each_call_has_one_output_behind_it, inputs(ASK, RESULT, CALL)),
    (responses.each_call_has_one_output_behind_it, inputs(ASK, CALL, RESULT, RESULT)),
    (responses.each_call_has_one_output_behind_it, inputs(ASK, CALL, CALL, RESULT)),
    (responses.arguments_are_the_text_of_an_object, inputs(item("function_call", arguments="[1]"))),
    (responses.parts_are_of_their_role, inputs(item("message", role="assistant"))),
    (responses.parts_are_of_their_role, inputs(item("message", content=[{"type": "input_text", "text": ""}]))),
    (responses.reasoning_is_its_own_and_has_its_output_behind_it, inputs(ASK, THOUGHT, CALL)),
    (responses.reasoning_is_its_own_and_has_its_output_behind_it, inputs(THOUGHT, served=OWN)),
    (responses.reasoning_is_its_own_and_has_its_output_behind_it, inputs(THOUGHT, ASK, served=OWN)),
    (
        responses.reasoning_is_its_own_and_has_its_output_behind_it,
        inputs(item("reasoning", id="rs_1"), CALL, served=OWN),
    ),
    (responses.own_reasoning_comes_back, inputs(ASK, CALL, RESULT, served=OWN)),
]
TAKEN = [
    (responses.names_are_legal, inputs(ASK, CALL)),
    (responses.ids_have_1_to_64_characters, inputs(CALL, RESULT)),
    (responses.each_call_has_one_output_behind_it, inputs(ASK, CALL, B, RESULT, OF_B, ASK)),
    (responses.arguments_are_the_text_of_an_object, inputs(CALL)),
    (responses.parts_are_of_their_role, inputs(ASK)),
    (responses.reasoning_is_its_own_and_has_its_output_behind_it, inputs(ASK, THOUGHT, CALL, RESULT, served=OWN)),
    (responses.own_reasoning_comes_back, inputs(ASK, THOUGHT, CALL, RESULT, served=OWN)),
    (responses.own_reasoning_comes_back, inputs(ASK, served=OWN)),
]


@pytest.mark.parametrize(("rule", "request_"), REFUSED)
def test_a_request_that_breaks_the_rule_is_refused(rule: Any, request_: Request) -> None:
    with pytest.raises(Refused):
        rule(request_)


@pytest.mark.parametrize(("rule", "request_"), TAKEN)
def test_a_request_that_keeps_the_rule_is_taken(rule: Any, request_: Request) -> None:
    rule(request_)
