"""The ids of AG-UI's messages and calls: of a turn's stream and of the history the same."""

from __future__ import annotations

import re

_TOOL_CALL = re.compile(r"run_[0-9a-f]+-\d+:(.+)", re.DOTALL)

_OF_RUN = re.compile(r"(run_[^-]+)-.*", re.DOTALL)


def reply(run_id: str, index: int) -> str:
    """Of the turn's message number `index`: the one in the history."""
    return f"{run_id}-{index}"


def run_of(message_id: str) -> str:
    """The turn that made a message of the history, '' for one of the user."""
    match = _OF_RUN.fullmatch(message_id)
    return match[1] if match else ""


def reasoning(reply_id: str) -> str:
    """Of what the model thought for a reply."""
    return f"{reply_id}:reasoning"


def tool_call(reply_id: str, call_id: str) -> str:
    """Of a call. Providers' ids may come again in another reply; clients look a call up in the whole conversation."""
    return f"{reply_id}:{call_id}"


def call_id(tool_call_id: str) -> str:
    """The provider's id of a call."""
    match = _TOOL_CALL.fullmatch(tool_call_id)
    return match[1] if match else tool_call_id


def result(tool_call_id: str) -> str:
    """Of the message with a call's result."""
    return f"{tool_call_id}:result"
