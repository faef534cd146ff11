"""Output items: the parts of a response, and the items of a conversation, in the form of OpenAI's Responses API.

A tool that runs here is an `mcp_call`: the one kind of OpenAI's for calls that the client neither runs nor answers.
Source: the types of the package `openai`, `types/responses/response_output_item.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal

from app import exact_json
from app.state.conversation.transcript import Message, is_shown, shown_reasoning
from app.state.ids import sha256_hex

Item = dict[str, Any]
ItemStatus = Literal["in_progress", "completed", "incomplete"]

ID_CHARACTERS = 32
"""Of an item's id, behind its prefix: half of a SHA-256."""


def item_id(prefix: str, message_id: str, part: str = "") -> str:
    """The id of the item that is made of a stored message, or of its `part`: the same in each stream of it and in the
    history."""
    return f"{prefix}_{sha256_hex(f'{prefix} {message_id} {part}'.encode())[:ID_CHARACTERS]}"


def text_part(text: str) -> Item:
    """The content of a message."""
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def message_item(own_id: str, text: str | None, status: ItemStatus = "completed") -> Item:
    """A text of the model, None before its first word."""
    content = [] if text is None else [text_part(text)]
    return {"id": own_id, "type": "message", "status": status, "role": "assistant", "content": content}


def summary_part(text: str) -> Item:
    """The content of a thought."""
    return {"type": "summary_text", "text": text}


def reasoning_item(own_id: str, text: str | None, status: ItemStatus = "completed") -> Item:
    """A thought of the model, as a summary, which is the form that front ends show."""
    summary = [] if text is None else [summary_part(text)]
    return {"id": own_id, "type": "reasoning", "status": status, "summary": summary}


def call_item(own_id: str, app: str, name: str, arguments: str) -> Item:
    """A call of a tool of the app, before its result."""
    return {
        "id": own_id,
        "type": "mcp_call",
        "status": "in_progress",
        "server_label": app,
        "name": name,
        "arguments": arguments,
        "approval_request_id": None,
        "output": None,
        "error": None,
    }


def function_item(own_id: str, call_id: str, name: str, arguments: str) -> Item:
    """A call of a tool that the client runs."""
    return {
        "id": own_id,
        "type": "function_call",
        "status": "completed",
        "call_id": call_id,
        "name": name,
        "arguments": arguments,
    }


def approval_item(own_id: str, call: Item) -> Item:
    """A question to a person: may this call run?"""
    asked = {name: call[name] for name in ("server_label", "name", "arguments")}
    return {"id": own_id, "type": "mcp_approval_request"} | asked


def with_result(call: Item, result: Any) -> Item:
    """The call with its result; `{"error": ...}` is a failure."""
    if isinstance(result, dict) and result.keys() == {"error"}:
        return call | {"status": "failed", "error": _text(result["error"])}
    return call | {"status": "completed", "output": _text(result)}


def without_result(call: Item) -> Item:
    """A call whose result is not known."""
    return call | {"status": "incomplete"}


def items_of(messages: Iterable[Message], app: str, *, with_reasoning: bool) -> Iterator[Item]:
    """The items of stored messages, in order; none of what clients do not get."""
    functions: Collection[str] = ()
    for message in messages:
        functions = message.get("note", {}).get("functions", functions)
        if not is_shown(message, with_reasoning=with_reasoning):
            continue
        if message["role"] == "assistant":
            yield from _said_items(message, with_reasoning=with_reasoning)
            yield from _call_items(message, app, functions)
        elif message["role"] == "tool":
            yield from (_step_item(message, step, app) for step in message["tool_results"])
        else:
            yield _input_item(message)


def _said_items(message: Message, *, with_reasoning: bool) -> Iterator[Item]:
    own_id = message["id"]
    if with_reasoning and (thoughts := shown_reasoning(message)):
        yield reasoning_item(item_id("rs", own_id), thoughts)
    if message["content"]:
        is_cut = "interrupted" in message
        yield message_item(item_id("msg", own_id), message["content"], "incomplete" if is_cut else "completed")


def _call_items(message: Message, app: str, functions: Collection[str]) -> Iterator[Item]:
    """The calls of a reply, those of the tools `functions` with their outputs, which the client has sent."""
    results = {result["call_id"]: result["result"] for result in message.get("tool_results", ())}
    for call in message.get("tool_calls", ()):
        call_id, name, arguments = call["call_id"], call["name"], exact_json.dumps(call["args"])
        if name in functions:
            own_id = item_id("fc", message["id"], call_id)
            yield function_item(own_id, call_id, name, arguments)
            if call_id in results:
                output = {"type": "function_call_output", "call_id": call_id, "output": _text(results[call_id])}
                yield output | {"id": item_id("fco", message["id"], call_id), "status": "completed"}
            continue
        made = call_item(item_id("mcp", message["id"], call_id), app, name, arguments)
        yield with_result(made, results[call_id]) if call_id in results else without_result(made)


def _step_item(message: Message, step: Mapping[str, Any], app: str) -> Item:
    return with_result(call_item(item_id("mcp", message["id"]), app, step["name"], "{}"), step["result"])


def _input_item(message: Message) -> Item:
    attached = [_attachment_part(one) for one in message.get("attachments", ())]
    content = [{"type": "input_text", "text": message["content"]}, *attached]
    return {
        "id": item_id("msg", message["id"]),
        "type": "message",
        "status": "completed",
        "role": message["role"],
        "content": content,
    }


def _attachment_part(attachment: Mapping[str, Any]) -> Item:
    if "url" in attachment:
        return {"type": "input_image", "detail": "auto", "image_url": attachment["url"], "file_id": None}
    if attachment["media_type"].startswith("image/"):
        return {"type": "input_image", "detail": "auto", "file_id": attachment["file_id"], "image_url": None}
    return {"type": "input_file", "file_id": attachment["file_id"], "filename": attachment["filename"]}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else exact_json.dumps(value)
