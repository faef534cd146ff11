"""What a client of each dialect makes of a turn: its text, what the model thought, the results of its tools."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

Events = Iterable[Mapping[str, Any]]


@dataclass
class Heard:
    """A turn as one client has it. `results` are by name of the tool; a later step takes the place of an earlier one.
    `ends` are the events with which it ended, of which there may be one."""

    text: str = ""
    thought: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    ends: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def said(self) -> tuple[str, str, dict[str, Any]]:
        """What does not depend on the dialect."""
        return self.text, self.thought, self.results


def frames(stream: httpx.Response) -> Iterator[Mapping[str, Any]]:
    """The JSON of each frame of an event stream, read as many clients do: by lines that end at U+2028, too."""
    for line in stream.iter_lines():
        if line.startswith("data: {"):
            yield json.loads(line[len("data: ") :])


# Streams


def native(events: Events) -> Heard:
    heard = Heard()
    for event in events:
        match event["type"]:
            case "text":
                heard.text += event["content"]
            case "reasoning":
                heard.thought += event["content"]
            case "tool_result" | "async_tool_result":
                heard.results[event["name"]] = event["result"]
            case "complete" | "error":
                heard.ends.append(event)
    return heard


def ai_sdk(chunks: Events) -> Heard:
    heard, names = Heard(), {}
    for chunk in chunks:
        match chunk["type"]:
            case "text-delta":
                heard.text += chunk["delta"]
            case "reasoning-delta":
                heard.thought += chunk["delta"]
            case "tool-input-available":
                names[chunk["toolCallId"]] = chunk["toolName"]
            case "tool-output-available":
                heard.results[names[chunk["toolCallId"]]] = chunk["output"]
            case "tool-output-error":
                heard.results[names[chunk["toolCallId"]]] = {"error": chunk["errorText"]}
            case "finish" | "error":
                heard.ends.append(chunk)
    return heard


def agui(events: Events) -> Heard:
    heard, names = Heard(), {}
    for event in events:
        match event["type"]:
            case "TEXT_MESSAGE_CONTENT":
                heard.text += event["delta"]
            case "REASONING_MESSAGE_CONTENT":
                heard.thought += event["delta"]
            case "TOOL_CALL_START":
                names[event["toolCallId"]] = event["toolCallName"]
            case "TOOL_CALL_RESULT":
                heard.results[names[event["toolCallId"]]] = _value(event["content"])
            case "ACTIVITY_SNAPSHOT":
                heard.results[event["content"]["name"]] = event["content"]["result"]
            case "RUN_FINISHED" | "RUN_ERROR":
                heard.ends.append(event)
    return heard


RESPONSE_ENDS = ("response.completed", "response.incomplete", "response.failed")


def response(events: Events) -> Heard:
    heard = Heard()
    for event in events:
        match event["type"]:
            case "response.output_text.delta":
                heard.text += event["delta"]
            case "response.reasoning_summary_text.delta":
                heard.thought += event["delta"]
            case "response.output_item.done" if event["item"]["type"] == "mcp_call":
                heard.results[event["item"]["name"]] = _of_call(event["item"])
            case "response.completed" | "response.incomplete" | "response.failed":
                heard.ends.append(event)
    return heard


def completion(chunks: Events) -> str:
    """The text alone: it is all that a completion has."""
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


# Histories


def of_state(messages: Events) -> Heard:
    heard = Heard()
    for message in messages:
        if message["role"] == "assistant":
            heard.text += message["content"]
            heard.thought += message.get("reasoning", "")
        heard.results |= {one["name"]: one["result"] for one in message.get("tool_results", ())}
    return heard


def of_gen1(messages: Events) -> Heard:
    heard = Heard()
    for message in messages:
        if message["tool_result"]:
            name, result = message["tool_result"]
            heard.results[name] = _value(result)
        elif message["sender"] == "agent":
            heard.text += message["content"]
    return heard


def of_ui_messages(messages: Events) -> Heard:
    heard = Heard()
    for part in (part for message in messages if message["role"] == "assistant" for part in message["parts"]):
        match part["type"]:
            case "text":
                heard.text += part["text"]
            case "reasoning":
                heard.thought += part["text"]
            case "dynamic-tool" if part["state"] == "output-available":
                heard.results[part["toolName"]] = part["output"]
            case "dynamic-tool" if part["state"] == "output-error":
                heard.results[part["toolName"]] = {"error": part["errorText"]}
    return heard


def of_agent_messages(messages: Events) -> Heard:
    heard, names = Heard(), {}
    for message in messages:
        names |= {call["id"]: call["function"]["name"] for call in message.get("toolCalls", ())}
        match message["role"]:
            case "assistant":
                heard.text += message.get("content", "")
            case "reasoning":
                heard.thought += message["content"]
            case "tool":
                heard.results[names[message["toolCallId"]]] = _value(message["content"])
            case "activity":
                heard.results[message["content"]["name"]] = message["content"]["result"]
    return heard


def of_items(items: Events) -> Heard:
    """Of a response's output, and of a conversation's items in order."""
    heard = Heard()
    for item in items:
        match item["type"]:
            case "message" if item["role"] == "assistant":
                heard.text += "".join(part["text"] for part in item["content"])
            case "reasoning":
                heard.thought += "".join(part["text"] for part in item["summary"])
            case "mcp_call":
                heard.results[item["name"]] = _of_call(item)
    return heard


def _of_call(item: Mapping[str, Any]) -> Any:
    """The result of an `mcp_call`; of one that failed, its error."""
    return {"error": item["error"]} if item["output"] is None else _value(item["output"])


def _value(content: str) -> Any:
    """A result that is an object is JSON, a text is itself."""
    return json.loads(content) if content.startswith("{") else content
