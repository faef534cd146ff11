"""What Anthropic refuses."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.models.rules.request import Refused, Request, check_name

ID = re.compile(r"[a-zA-Z0-9_-]+")
THOUGHTS = ("thinking", "redacted_thinking")
Block = dict[str, Any]
Message = tuple[str, list[Block]]


def joined(request: Request) -> list[Message]:
    """Role and blocks of each message; messages of one role in a row are one, as the provider takes them."""
    found: list[Message] = []
    for message in request.body["messages"]:
        content = message["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or [])
        if found and found[-1][0] == message["role"]:
            found[-1][1].extend(blocks)
        else:
            found.append((message["role"], blocks))
    return found


def _calls(request: Request) -> Iterator[Block]:
    for _, blocks in joined(request):
        yield from _of_kind(blocks, "tool_use")


def _of_kind(blocks: list[Block], *kinds: str) -> list[Block]:
    return [block for block in blocks if block["type"] in kinds]


def max_tokens_is_given(request: Request) -> None:
    if not isinstance(request.body.get("max_tokens"), int):
        raise Refused("max_tokens: Field required")


def names_are_legal(request: Request) -> None:
    for call in _calls(request):
        check_name(call.get("name"))


def ids_are_legal(request: Request) -> None:
    for call in _calls(request):
        if not (isinstance(call.get("id"), str) and ID.fullmatch(call["id"])):
            raise Refused(f"tool_use.id: String should match pattern '^{ID.pattern}$'")


def no_id_stands_twice(request: Request) -> None:
    """In the whole conversation."""
    ids = [call["id"] for call in _calls(request)]
    if len(ids) != len(set(ids)):
        raise Refused("messages: `tool_use` ids must be unique")


def input_is_an_object(request: Request) -> None:
    for call in _calls(request):
        if not isinstance(call.get("input"), dict):
            raise Refused("tool_use.input: Input should be a valid dictionary")


def first_and_last_message_are_the_users(request: Request) -> None:
    roles = [role for role, _ in joined(request)]
    if not roles or roles[0] != "user":
        raise Refused('messages: first message must use the "user" role')
    if roles[-1] != "user":
        raise Refused(
            "This model does not support assistant message prefill: the conversation must end with a user message"
        )


def results_stand_first_and_answer_each_call(request: Request) -> None:
    asked: Counter[str] = Counter()
    for role, blocks in [*joined(request), ("user", [])]:
        results = _of_kind(blocks, "tool_result")
        if blocks[: len(results)] != results:
            raise Refused("tool_result blocks must stand at the head of the message, before any text")
        if Counter(block.get("tool_use_id") for block in results) != asked:
            raise Refused("each tool_use block must have a corresponding tool_result block in the next message")
        asked = Counter(block["id"] for block in _of_kind(blocks, "tool_use")) if role == "assistant" else Counter()


def no_text_is_blank(request: Request) -> None:
    system = request.body.get("system") or []
    blocks = [{"type": "text", "text": system}] if isinstance(system, str) else list(system)
    for _, more in joined(request):
        blocks += more
    if any(not block["text"].strip() for block in _of_kind(blocks, "text")):
        raise Refused("messages: text content blocks must contain non-whitespace text")


def calls_need_tools(request: Request) -> None:
    if any(_calls(request)) and not request.body.get("tools"):
        raise Refused("Requests which include `tool_use` or `tool_result` blocks must define tools")


def thinking_is_its_own(request: Request) -> None:
    """A thought that is sent back is one of this provider's, unchanged: its signature covers its text."""
    own = [block for reply in request.served for block in reply.thinking]
    for _, blocks in joined(request):
        for block in _of_kind(blocks, *THOUGHTS):
            if _bare(block) not in own:
                raise Refused("Invalid `signature` in `thinking` block")


def calls_of_the_turn_begin_with_their_thinking(request: Request) -> None:
    """Behind the last text of the user: all thoughts of the reply, in order, before its text and calls."""
    for blocks in _replies_of_the_turn(joined(request)):
        calls = _of_kind(blocks, "tool_use")
        own = request.reply([(call["name"], call["input"]) for call in calls])
        if not calls or (own and not own.thinking):
            continue
        head = [_bare(block) for block in _of_kind(blocks, *THOUGHTS)]
        if not head or blocks[0]["type"] not in THOUGHTS:
            raise Refused("Expected `thinking` or `redacted_thinking`, but found `tool_use`")
        if own and head != list(own.thinking):
            raise Refused("`thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified")


def no_tool_is_forced_while_thinking(request: Request) -> None:
    thinks = (request.body.get("thinking") or {}).get("type") == "enabled"
    if thinks and (request.body.get("tool_choice") or {}).get("type") in ("any", "tool"):
        raise Refused("Thinking may not be enabled when tool_choice forces tool use.")


def thinking_is_on(request: Request) -> None:
    if (request.body.get("thinking") or {}).get("type") != "enabled":
        raise Refused("thinking is missing from the request")


def _replies_of_the_turn(messages: list[Message]) -> list[list[Block]]:
    replies: list[list[Block]] = []
    for role, blocks in messages:
        if role == "assistant":
            replies.append(blocks)
        elif _of_kind(blocks, "text"):
            replies = []
    return replies


def _bare(block: Block) -> Block:
    """Without the marks of a prompt cache."""
    return {name: value for name, value in block.items() if name != "cache_control"}
