"""What OpenAI refuses, and all that speak its form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.models.rules.request import Refused, Request, check_name, object_of

Message = dict[str, Any]


def calls_of(message: Message) -> list[dict[str, Any]]:
    return message.get("tool_calls") or []


def _calls(request: Request) -> Iterator[dict[str, Any]]:
    for message in request.body["messages"]:
        yield from calls_of(message)


def names_are_legal(request: Request) -> None:
    for call in _calls(request):
        check_name(call["function"].get("name"))


def each_call_has_its_result(request: Request) -> None:
    """Results stand right behind their calls, exactly one for each."""
    open_ids: Counter[str] = Counter()
    for message in request.body["messages"]:
        if message["role"] == "tool":
            if not open_ids[message.get("tool_call_id")]:
                raise Refused("messages with role 'tool' must be a response to a preceding message with 'tool_calls'")
            open_ids[message["tool_call_id"]] -= 1
        elif +open_ids:
            break
        else:
            open_ids = Counter(call["id"] for call in calls_of(message))
    if +open_ids:
        raise Refused(f"tool_call_ids did not have response messages: {', '.join(+open_ids)}")


def ids_have_1_to_40_characters(request: Request) -> None:
    for call in _calls(request):
        if not (isinstance(call.get("id"), str) and 1 <= len(call["id"]) <= 40):
            raise Refused(f"the id of a call has 1 to 40 characters, not {len(call.get('id') or '')}")


def no_id_stands_twice_in_a_message(request: Request) -> None:
    for message in request.body["messages"]:
        ids = [call["id"] for call in calls_of(message)]
        if len(ids) != len(set(ids)):
            raise Refused("duplicate ids of calls in one message")


def arguments_are_the_text_of_an_object(request: Request) -> None:
    for call in _calls(request):
        if object_of(call["function"].get("arguments")) is None:
            raise Refused("arguments must be the text of a JSON object")


def no_message_is_empty(request: Request) -> None:
    for message in request.body["messages"]:
        empty = not message.get("content")
        if empty and message["role"] == "user":
            raise Refused("a message of the user must not be empty")
        if empty and message["role"] == "assistant" and not calls_of(message):
            raise Refused("an assistant message must have content or tool_calls")
