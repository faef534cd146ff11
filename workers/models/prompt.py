"""From stored messages to a prompt that fits the model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from app import exact_json
from workers.turn import Prompt, answered, requested

Count = Callable[[Prompt], int]
"""Tokens of some messages, as the model counts them."""

BYTES_A_TOKEN = 16
"""More than any text takes on the average: what of a history lies further back than this cannot fit."""

MESSAGE_OVERHEAD = 8
"""Tokens that a message may cost beside its bytes; more than any tokenizer in use adds."""


def assemble(
    preamble: str, user_state: dict[str, Any], messages: list[dict[str, Any]], room: int, count: Count
) -> Prompt:
    """The prompt: the app's preamble, the user's state, then as many of the newest turns as fit `room` tokens.

    A turn (a user's message and all up to the next one) stays whole, and the newest one is always there.
    """
    system = _system(preamble, user_state)
    turns = _turns(messages)
    spare = room - _most_tokens(system)
    if sum(map(_most_tokens, turns)) > spare:
        turns = _newest(turns, room - count(system), count)
    return system + [message for turn in turns for message in turn]


def to_prompt(messages: list[dict[str, Any]]) -> Prompt:
    """Stored messages in the form the model reads; later steps of a tool stand with its first result."""
    prompt: Prompt = []
    results: dict[str, dict[str, Any]] = {}
    for message in messages:
        if message["role"] in ("user", "system"):  # a client's answer: providers want no system message here
            prompt.append({"role": "user", "content": message["content"]})
        elif message["role"] == "assistant":
            prompt += _assistant(message, results)
    for message in messages:
        if message["role"] == "tool":
            _add_steps(message, results)
    return prompt


def _assistant(message: dict[str, Any], results: dict[str, dict[str, Any]]) -> Prompt:
    calls = message.get("tool_calls", [])
    if not (message["content"] or calls):
        return []
    said: dict[str, Any] = {"role": "assistant", "content": message["content"] or None}
    if calls:
        said["tool_calls"] = [requested(call["call_id"], call["name"], call["args"]) for call in calls]
    told = [answered(result["call_id"], result["result"]) for result in message.get("tool_results", [])]
    results.update({one["tool_call_id"]: one for one in told})
    return [said, *told]


def _add_steps(message: dict[str, Any], results: dict[str, dict[str, Any]]) -> None:
    for step in message["tool_results"]:
        first = results.get(step["call_id"])
        if first is None:
            continue
        known = exact_json.loads(first["content"])
        if not (isinstance(known, dict) and known.keys() == {"steps"}):
            known = {"steps": [known]}
        known["steps"].append(step["result"])
        first["content"] = exact_json.dumps(known).decode()


def _system(preamble: str, user_state: dict[str, Any]) -> Prompt:
    parts = [preamble] if preamble else []
    if user_state:
        parts.append(f"The user's state: {exact_json.dumps(user_state).decode()}")
    return [{"role": "system", "content": "\n\n".join(parts)}] if parts else []


def _turns(messages: list[dict[str, Any]]) -> list[Prompt]:
    turns: list[Prompt] = []
    for message in to_prompt(messages):
        if message["role"] == "user" or not turns:
            turns.append([])
        turns[-1].append(message)
    return turns


def _newest(turns: list[Prompt], room: int, count: Count) -> list[Prompt]:
    kept: list[Prompt] = []
    for turn in reversed(turns):
        room -= count(turn)
        if room < 0 and kept:
            break
        kept.insert(0, turn)
    return kept


def _most_tokens(messages: Prompt) -> int:
    """An upper bound without a tokenizer: no token is shorter than a byte."""
    return sum(len(exact_json.dumps(message)) + MESSAGE_OVERHEAD for message in messages)
