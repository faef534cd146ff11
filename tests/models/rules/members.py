"""What single members of OpenAI's wire refuse beyond its own rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from tests.models.rules.openai import calls_of
from tests.models.rules.request import Refused, Request, object_of

MISTRAL_ID = re.compile(r"[a-zA-Z0-9]{9}")
MISTRAL_MESSAGE = {"role", "content", "tool_calls", "tool_call_id", "name", "prefix"}
MISTRAL_CALL = {"id", "type", "index", "function"}
MISTRAL_FUNCTION = {"name", "arguments"}


def no_two_user_messages_in_a_row(request: Request) -> None:
    """The chat template of the server wants user and assistant in turn; system messages and results do not count."""
    roles = [message["role"] for message in request.body["messages"] if message["role"] not in ("system", "tool")]
    if ("user", "user") in pairwise(roles):
        raise Refused("Conversation roles must alternate user/assistant/user/assistant/...")


def calls_have_their_reasoning(request: Request) -> None:
    """DeepSeek, thinking: its own text with its own calls; with calls of other models the field must be there."""
    for message in request.body["messages"]:
        if not calls_of(message):
            continue
        if not isinstance(message.get("reasoning_content"), str):
            raise Refused("The `reasoning_content` in the thinking mode must be passed back to the API.")
        functions = [call["function"] for call in calls_of(message)]
        own = request.reply([(one.get("name"), object_of(one.get("arguments"))) for one in functions])
        if own and own.reasoning and message["reasoning_content"] != own.reasoning:
            raise Refused("the `reasoning_content` of a call is not what was thought with it")


def ids_have_nine_characters(request: Request) -> None:
    for message in request.body["messages"]:
        ids = [call.get("id") for call in calls_of(message)]
        ids += [message.get("tool_call_id")] if message["role"] == "tool" else []
        for one in ids:
            if not (isinstance(one, str) and MISTRAL_ID.fullmatch(one)):
                raise Refused(f"Tool call id was {str(one)[:50]} but must be a-z, A-Z, 0-9, with a length of 9.")


def no_user_message_behind_a_result(request: Request) -> None:
    roles = [message["role"] for message in request.body["messages"]]
    if ("tool", "user") in pairwise(roles):
        raise Refused("Unexpected role 'user' after role 'tool'")


def no_unknown_field(request: Request) -> None:
    for field in _unknown_fields(request.body["messages"]):
        raise Refused(f"Extra inputs are not permitted: {field}", status=422)


def _unknown_fields(messages: list[dict[str, Any]]) -> Iterator[str]:
    for message in messages:
        yield from message.keys() - MISTRAL_MESSAGE
        for call in calls_of(message):
            yield from call.keys() - MISTRAL_CALL
            yield from call["function"].keys() - MISTRAL_FUNCTION


def no_reasoning_field(request: Request) -> None:
    for message in request.body["messages"]:
        for field in ("reasoning_content", "thinking_blocks"):
            if field in message:
                raise Refused(f"property '{field}' is unsupported")
