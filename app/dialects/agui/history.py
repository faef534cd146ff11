"""The messages of a thread as AG-UI's, with the ids that their stream gave them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from app import exact_json
from app.dialects.agui import names
from app.dialects.agui.frames import STEP, step_content, text_of
from app.state.conversation import transcript

AgentMessage = dict[str, Any]

FileUrl = Callable[[str], str]
"""The address of a file, by its id."""


def agent_messages(
    stored: Iterable[transcript.Message], file_url: FileUrl, *, with_reasoning: bool
) -> list[AgentMessage]:
    """The messages of a thread, without a client's answers to requests of the server, and without notes of failures."""
    history = _History(file_url)
    for message in transcript.for_clients(list(stored), with_reasoning=with_reasoning):
        if message["role"] == "user":
            history.add_user(message)
        elif message["role"] == "assistant":
            history.add_reply(message)
        elif message["role"] == "tool":
            history.add_step(message)
    return history.messages


class _History:
    """Messages so far, with the calls and the activities that later ones refer to."""

    def __init__(self, file_url: FileUrl) -> None:
        self.messages: list[AgentMessage] = []
        self._file_url = file_url
        self._calls: dict[str, str] = {}
        self._steps: dict[str, AgentMessage] = {}

    def add_user(self, message: transcript.Message) -> None:
        """A message of the user, with its files."""
        content: Any = message["content"]
        if files := message.get("attachments"):
            content = [{"type": "text", "text": content}, *(_part(one, self._file_url) for one in files)]
        self.messages.append({"id": message["id"], "role": "user", "content": content})

    def add_reply(self, message: transcript.Message) -> None:
        """A reply of the model: what it thought, the reply, the results of its tools."""
        if thought := message.get("reasoning"):
            self.messages.append({"id": names.reasoning(message["id"]), "role": "reasoning", "content": thought})
        calls = [self._call(message["id"], call) for call in message.get("tool_calls", ())]
        reply: AgentMessage = {"content": message["content"]} if message["content"] else {}
        if calls:
            reply["toolCalls"] = calls
        if reply:
            said = {"metadata": {"interrupted": True}} if message.get("interrupted") else {}
            self.messages.append({"id": message["id"], "role": "assistant"} | reply | said)
        for result in message.get("tool_results", ()):
            tool_call_id = self._calls.get(result["call_id"], result["call_id"])
            self.messages.append(
                {
                    "id": names.result(tool_call_id),
                    "role": "tool",
                    "toolCallId": tool_call_id,
                    "content": text_of(result["result"]),
                }
            )

    def add_step(self, message: transcript.Message) -> None:
        """A later step of a tool: it replaces the one before of the same call."""
        for step in message.get("tool_results", ()):
            call_id = step["call_id"]
            content = step_content(self._calls.get(call_id, call_id), step)
            if call_id in self._steps:
                self._steps[call_id]["content"] = content
                continue
            self._steps[call_id] = {
                "id": message["id"],
                "role": "activity",
                "activityType": STEP,
                "content": content,
            }
            self.messages.append(self._steps[call_id])

    def _call(self, reply_id: str, call: Mapping[str, Any]) -> dict[str, Any]:
        tool_call_id = self._calls[call["call_id"]] = names.tool_call(reply_id, call["call_id"])
        self._steps.pop(call["call_id"], None)
        function = {"name": call["name"], "arguments": exact_json.dumps(call["args"])}
        return {"id": tool_call_id, "type": "function", "function": function}


def _part(attachment: Mapping[str, Any], file_url: FileUrl) -> dict[str, Any]:
    if "url" in attachment:
        return {"type": "image", "source": {"type": "url", "value": attachment["url"]}}
    media_type = attachment["media_type"]
    kind = "image" if media_type.startswith("image/") else "document"
    source = {"type": "url", "value": file_url(attachment["file_id"]), "mimeType": media_type}
    return {"type": kind, "source": source}
