"""What OpenAI refuses at its Responses API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.models.rules.request import Refused, Request, check_name, object_of

Item = dict[str, Any]
PARTS = {"user": {"input_text"}, "system": {"input_text"}, "assistant": {"output_text", "refusal"}}


def _items(request: Request, kind: str) -> Iterator[Item]:
    return (item for item in request.body["input"] if item.get("type") == kind)


def names_are_legal(request: Request) -> None:
    for call in _items(request, "function_call"):
        check_name(call.get("name"))


def ids_have_1_to_64_characters(request: Request) -> None:
    for item in [*_items(request, "function_call"), *_items(request, "function_call_output")]:
        if not (isinstance(item.get("call_id"), str) and 1 <= len(item["call_id"]) <= 64):
            raise Refused(f"a call_id has 1 to 64 characters, not {len(item.get('call_id') or '')}")


def each_call_has_one_output_behind_it(request: Request) -> None:
    waiting: set[str] = set()
    for item in request.body["input"]:
        if item.get("type") == "function_call":
            if item["call_id"] in waiting:
                raise Refused(f"two calls have the call_id {item['call_id']}")
            waiting.add(item["call_id"])
        elif item.get("type") == "function_call_output":
            if item["call_id"] not in waiting:
                raise Refused(f"No tool call found for function call output with call_id {item['call_id']}")
            waiting.remove(item["call_id"])
    if waiting:
        raise Refused(f"No tool output found for function call {', '.join(waiting)}")


def arguments_are_the_text_of_an_object(request: Request) -> None:
    for call in _items(request, "function_call"):
        if object_of(call.get("arguments")) is None:
            raise Refused("arguments must be the text of a JSON object")


def parts_are_of_their_role(request: Request) -> None:
    for message in _items(request, "message"):
        for part in message["content"]:
            if part.get("type") not in PARTS[message["role"]] or not part.get("text"):
                raise Refused(f"a message of the role {message['role']} has no part {str(part)[:60]}")


def reasoning_is_its_own_and_has_its_output_behind_it(request: Request) -> None:
    """Encrypted content is checked; an id is one of the server's own, which stores nothing here."""
    own = [block["encrypted_content"] for reply in request.served for block in reply.thinking]
    items = request.body["input"]
    for item, behind in zip(items, [*items[1:], {}], strict=True):
        if item.get("type") != "reasoning":
            continue
        if item.get("encrypted_content") not in own or "summary" not in item or "id" in item:
            raise Refused("The encrypted content could not be verified, or the item was not found")
        is_output = behind.get("type") in ("function_call", "reasoning") or behind.get("role") == "assistant"
        if not is_output:
            raise Refused("Item of type 'reasoning' was provided without its required following item.")


def own_reasoning_comes_back(request: Request) -> None:
    """Each reply with calls that had reasoning, in the turn and in later ones."""
    given = [item.get("encrypted_content") for item in _items(request, "reasoning")]
    made = [(call.get("name"), object_of(call.get("arguments"))) for call in _items(request, "function_call")]
    for reply in request.served:
        is_here = bool(reply.calls) and all(call in made for call in reply.calls)
        if is_here and any(block["encrypted_content"] not in given for block in reply.thinking):
            raise Refused("what was thought with a call did not come back")
