"""Stored messages as messages of OpenAI's chat API, which litellm takes for every provider, legal for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app import exact_json
from app.state.conversation.transcript import INTERRUPTED, Message
from workers.models.prompt.attachments import AttachmentWriter, Part, joined, more_content
from workers.models.prompt.ids import CallIds
from workers.models.prompt.reasoning import give_back, is_thinking_missing
from workers.models.prompt.rules import Rules
from workers.reply import legal_name

Prompt = list[dict[str, Any]]

NO_ANSWER = "(no answer)"
"""The text of a missing reply, for a provider that requires one."""

GO_ON = "Go on."
"""Claude, thinking, takes calls without its own thoughts only in front of a text of the user."""


class PromptWriter:
    """Writes one conversation."""

    def __init__(self, rules: Rules, attachments: AttachmentWriter | None = None) -> None:
        self._rules = rules
        self._attachments = attachments or AttachmentWriter()
        self._ids = CallIds(rules.nine_letter_ids)
        self._turns: list[Prompt] = []
        self._results: dict[str, dict[str, Any]] = {}

    def write(self, messages: Sequence[Message]) -> list[Prompt]:
        """The turns: a user's message and all up to the next one. Later steps of a tool are with its first result."""
        current = _start_of_last_turn(messages)
        for place, message in enumerate(messages):
            if message["role"] in ("user", "system"):  # a client's reply: providers want no system message here
                self._add_user(joined(message["content"], self._attachments.parts(message.get("attachments", ()))))
            elif message["role"] == "assistant":
                self._add_reply(message, is_current=place > current)
        for message in messages:
            if message["role"] == "tool":
                self._add_steps(message)
        return self._turns

    def _add_user(self, content: str | list[Part]) -> None:
        last: dict[str, Any] = self._turns[-1][-1] if self._turns else {"role": ""}
        if last["role"] == "user":  # a turn that failed or was stopped has no reply: some want the roles to alternate
            last["content"] = more_content(last["content"], content)
            return
        if last["role"] == "tool" and self._rules.answers_results:
            self._turns[-1].append({"role": "assistant", "content": NO_ANSWER})
        self._turns.append([{"role": "user", "content": content}])

    def _add_reply(self, message: Message, is_current: bool) -> None:
        text, alike = message["content"], self._calls(message)
        calls = [equal[0] for equal in alike]
        if not (text.strip() or calls):
            return
        said: dict[str, Any] = {"role": "assistant", "content": text if text.strip() else None}
        ids = [self._ids.legal(call["call_id"]) for call in calls]
        if calls:
            said["tool_calls"] = [_request(call_id, call) for call_id, call in zip(ids, calls, strict=True)]
        give_back(said, message, calls, self._rules)
        results = {result["call_id"]: result["result"] for result in message.get("tool_results", ())}
        told = [
            _result(call_id, _of_each([results.get(call["call_id"], INTERRUPTED) for call in equal]))
            for call_id, equal in zip(ids, alike, strict=True)
        ]
        for equal, result in zip(alike, told, strict=True):
            self._results |= {call["call_id"]: result for call in equal}
        if not self._turns:
            self._turns.append([])
        self._turns[-1] += [said, *told]
        if images := self._attachments.images_of(message.get("tool_results", ())):
            self._show_images(images)
        if is_current and is_thinking_missing(said, self._rules):
            self._turns[-1].append({"role": "user", "content": GO_ON})

    def _show_images(self, images: list[Part]) -> None:
        """Few providers take an image in a tool's result, so a user's message shows it."""
        if self._rules.answers_results:
            self._turns[-1].append({"role": "assistant", "content": NO_ANSWER})
        self._turns[-1].append({"role": "user", "content": images})

    def _calls(self, message: Message) -> list[list[dict[str, Any]]]:
        """The calls of a reply. Equal ones are together where they must be one."""
        edited = {result["call_id"]: result["args"] for result in message.get("tool_results", ()) if "args" in result}
        calls = [call | {"args": edited.get(call["call_id"], call["args"])} for call in message.get("tool_calls", [])]
        if not self._rules.no_equal_calls:
            return [[call] for call in calls]
        found: dict[str, list[dict[str, Any]]] = {}
        for call in calls:
            found.setdefault(exact_json.dumps([legal_name(call["name"]), call["args"]]), []).append(call)
        return list(found.values())

    def _add_steps(self, message: Message) -> None:
        for step in message["tool_results"]:
            first = self._results.get(step["call_id"])
            if first is None:
                continue
            known = exact_json.loads(first["content"])
            if not (isinstance(known, dict) and known.keys() == {"steps"}):
                known = {"steps": [known]}
            known["steps"].append(step["result"])
            first["content"] = exact_json.dumps(known)


def _start_of_last_turn(messages: Sequence[Message]) -> int:
    places = [place for place, message in enumerate(messages) if message["role"] in ("user", "system")]
    return places[-1] if places else -1


def _request(call_id: str, call: dict[str, Any]) -> dict[str, Any]:
    function = {"name": legal_name(call["name"]), "arguments": exact_json.dumps(call["args"])}
    return {"id": call_id, "type": "function", "function": function}


def _of_each(results: list[Any]) -> Any:
    """The results of equal calls that are one for the provider."""
    return results[0] if len(results) == 1 else {"results": results}


def _result(call_id: str, result: Any) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": exact_json.dumps(result)}


def tools_called_in(prompt: Prompt) -> list[dict[str, Any]]:
    """The tools that a history calls, declared: an app that has none now may have a thread with calls."""
    names = [call["function"]["name"] for message in prompt for call in message.get("tool_calls", ())]
    return [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object", "properties": {}}}}
        for name in dict.fromkeys(names)
    ]
