"""The messages of a thread as UIMessages: one of each message of the user, one of each turn."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.dialects.ai_sdk.frames import Version, is_declined, output_of, question_part
from app.events import sse
from app.state.conversation import transcript
from app.state.open_calls.records import Asked

UIMessage = dict[str, Any]
Part = dict[str, Any]

FileUrl = Callable[[str], str]
"""The address of a file, by its id."""

_OF_RUN = re.compile(r"(run_[^-]+)-.*", re.DOTALL)


def run_of(message: transcript.Message) -> str:
    """The turn that made a message, '' for one of the user."""
    match = _OF_RUN.fullmatch(message["id"])
    return match[1] if match else ""


@dataclass(frozen=True)
class Known:
    """Facts beside the stored messages: of turns, by their ids, the `metadata` and the names of the `client_tools`; the
    calls that wait for a person's approval, and those that wait for an answer to a question, by
    call."""

    metadata: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    client_tools: Mapping[str, frozenset[str]] = field(default_factory=dict)
    approvals: frozenset[str] = frozenset()
    questions: Mapping[str, Asked] = field(default_factory=dict)


def ui_messages(
    stored: Iterable[transcript.Message],
    known: Known,
    file_url: FileUrl,
    *,
    version: Version = 5,
    with_reasoning: bool = False,
) -> list[UIMessage]:
    """The UIMessages of a thread's messages. A turn that goes on with answered calls continues the message of the turn
    that asked. Replies of clients to requests of the server are left out."""
    messages: list[UIMessage] = []
    turns: dict[str, _Turn] = {}
    current: _Turn | None = None
    for message in stored:
        run_id = run_of(message)
        if message["role"] in ("user", "system"):
            current = None
            messages += [_of_user(message, file_url)] if message["role"] == "user" else []
        elif run_id:
            if run_id not in turns:
                started = known.metadata.get(run_id) or {"startedAt": message["created_at"]}
                if current is None:
                    current = _Turn(run_id, known, version)
                    messages.append(current.ui_message)
                turns[run_id] = current
                current.metadata.update(started)
            turns[run_id].add(message, with_reasoning)
    return messages


def events_of(stored: Iterable[transcript.Message], *, with_reasoning: bool) -> list[sse.Event]:
    """The events that made these messages, for a reader of the turn that goes on with them."""
    events: list[sse.Event] = []
    for message in stored:
        shown = transcript.for_clients([message], with_reasoning=with_reasoning)
        if shown and "reasoning" in shown[0]:
            events.append(sse.thought(shown[0]["reasoning"]))
        if message["content"]:
            events.append(sse.text(message["content"]))
        events += [{"type": "tool_call", **call} for call in message.get("tool_calls", ())]
        kind = "async_tool_result" if message["role"] == "tool" else "tool_result"
        events += [{"type": kind, **result} for result in message.get("tool_results", ())]
    return events


def _of_user(message: transcript.Message, file_url: FileUrl) -> UIMessage:
    files = [_file(one, file_url) for one in message.get("attachments", ())]
    text: Part = {"type": "text", "text": message["content"]}
    return {"id": transcript.client_id(message), "role": "user", "parts": [*files, text]}


def _file(attachment: Mapping[str, Any], file_url: FileUrl) -> Part:
    if "url" in attachment:
        return {"type": "file", "mediaType": "image/*", "url": attachment["url"]}
    return {
        "type": "file",
        "mediaType": attachment["media_type"],
        "filename": attachment["filename"],
        "url": file_url(attachment["file_id"]),
    }


class _Turn:
    """The message of a turn, made of its stored messages."""

    def __init__(self, run_id: str, known: Known, version: Version) -> None:
        self._known = known
        self._version = version
        self._parts: list[Part] = []
        self._calls: dict[str, Part] = {}
        self.metadata: dict[str, Any] = {}
        self.ui_message: UIMessage = {
            "id": run_id,
            "role": "assistant",
            "metadata": self.metadata,
            "parts": self._parts,
        }

    def add(self, message: transcript.Message, with_reasoning: bool) -> None:
        """A reply of the model, a later step of a tool, or the note of a failure."""
        if message["role"] == "error":
            self.metadata["error"] = message["content"]
            return
        if message.get("interrupted"):
            self.metadata["interrupted"] = True
        if message["role"] == "assistant":
            self._add_reply(message, with_reasoning)
        for result in message.get("tool_results", ()):
            self._add_result(result, is_later=message["role"] == "tool")

    def _add_reply(self, message: transcript.Message, with_reasoning: bool) -> None:
        shown = transcript.for_clients([message], with_reasoning=with_reasoning)
        if not shown:
            return
        self._parts.append({"type": "step-start"})
        if reasoning := shown[0].get("reasoning"):
            self._parts.append({"type": "reasoning", "text": reasoning, "state": "done"})
        if message["content"]:
            self._parts.append({"type": "text", "text": message["content"], "state": "done"})
        of_client = self._known.client_tools.get(run_of(message), frozenset())
        for call in message.get("tool_calls", ()):
            self._calls[call["call_id"]] = self._call(call, is_of_client=call["name"] in of_client)
            self._parts.append(self._calls[call["call_id"]])
            if asked := self._known.questions.get(call["call_id"]):
                self._calls[call["call_id"]]["providerExecuted"] = False
                self._parts.append(question_part(asked))

    def _call(self, call: Mapping[str, Any], *, is_of_client: bool) -> Part:
        dynamic = {"type": "dynamic-tool", "toolName": call["name"], "providerExecuted": True}
        part: Part = {"type": f"tool-{call['name']}"} if is_of_client else dynamic
        part |= {"toolCallId": call["call_id"], "state": "input-available", "input": call["args"]}
        if call["call_id"] in self._known.approvals and self._version != 5:
            part |= {"state": "approval-requested", "approval": {"id": call["call_id"]}}
        return part

    def _add_result(self, result: Mapping[str, Any], *, is_later: bool) -> None:
        part = self._calls.get(result["call_id"])
        if part is None:
            return
        if is_declined(result["result"]) and self._version != 5:
            said = {"id": result["call_id"], "approved": False, "reason": result["result"]["message"]}
            part |= {"state": "output-denied", "approval": said}
            return
        for name in ("output", "errorText", "preliminary"):
            part.pop(name, None)
        output = output_of(result["result"])
        part |= output | {"state": "output-error" if "errorText" in output else "output-available"}
        part |= {"input": result["args"]} if "args" in result else {}
        if is_later and not result.get("done") and "output" in output:
            part["preliminary"] = True
