"""The frames of a streamed response: our events become OpenAI's, each with its `sequence_number`.

The numbers depend on the log alone, from its first event on: each reader of a response gets the same ones, so a client
resumes behind the last one that it has seen.
Source: the types of the package `openai`, `types/responses/response_*_event.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from app import exact_json
from app.dialects.openai.frames.items import (
    Item,
    ItemStatus,
    approval_item,
    call_item,
    function_item,
    item_id,
    with_result,
    without_result,
)
from app.dialects.openai.frames.objects import Asked, End, response
from app.dialects.openai.frames.open_text import FORMS, OpenText
from app.events import sse
from app.state.open_calls.records import Question

ALL_SEEN = math.inf
"""For a reader that wants the output, and no frames."""

ELICITATION = "elicitation"
"""The name of the function call that is a question of an MCP server."""

_ENDS = {"completed": "response.completed", "failed": "response.failed"}
"""By the status of a response; every other end is `response.incomplete`."""


class ResponseFrames:
    """The frames of one response, those behind the number `after`, the last one in any case: a client that has it, or
    asks for what is behind it, is told again that the response is over. It takes the log from its beginning, event by
    event, then the `end`. `output` has the items so far."""

    def __init__(self, asked: Asked, run_id: str, after: float = -1) -> None:
        self.output: list[Item] = []
        self._asked = asked
        self._after = after
        self._number = 0
        """Of the next frame."""
        self._frames: list[bytes] = []
        self._run_id = run_id
        self._messages = _MessageIds(run_id)
        self._text: OpenText | None = None
        self._calls: dict[str, int] = {}
        """The places of open calls in the output."""

    def begin(self) -> bytes:
        """The frames before the first event."""
        for kind in ("response.created", "response.in_progress"):
            self._add(kind, {"response": response(self._asked, "in_progress", [])})
        return self._taken()

    def frames(self, event: sse.Event) -> bytes:
        """The frames of one event, which is not the terminal one; b"" if the client has them."""
        kind = event["type"]
        if kind in sse.PIECES:
            self._messages.begin_reply()
            if "content" in event:
                self._add_piece(kind, event["content"])
        elif kind == "tool_call":
            self._add_call(event)
        elif kind == "tool_result":
            self._add_result(event)
        elif kind == "async_tool_result":
            self._add_step(event)
        return self._taken()

    def end(self, end: End) -> bytes:
        """The last frames. Calls whose results the log does not have are incomplete; a person is asked about those that
        wait."""
        self._close_text("completed" if end.status == "completed" else "incomplete")
        for index in self._calls.values():
            self._finish(index, without_result(self.output[index]))
        for call_id in end.terminal.get("awaiting", ()):
            if question := end.questions.get(call_id):
                self._ask_question(call_id, question)
            elif call_id in self._calls:
                self._ask(call_id)
        finished = response(self._asked, end.status, self.output, end)
        if self._after < ALL_SEEN:
            self._after = min(self._after, self._number - 1)
        self._add(_ENDS.get(end.status, "response.incomplete"), {"response": finished})
        return self._taken()

    def output_so_far(self) -> list[Item]:
        """The items, with what there is of one that is still streaming."""
        text = self._text
        return [text.so_far() if text and text.index == at else item for at, item in enumerate(self.output)]

    # what the model says and thinks

    def _add_piece(self, kind: str, content: str) -> None:
        if self._text is None or self._text.form.kind != kind:
            self._close_text()
            self._text = self._opened_text(kind)
        self._text.pieces.append(content)
        if self._number > self._after:
            self._frames.append(sse.raw_frame(self._text.delta(content, self._number), self._text.form.delta_type))
        self._number += 1

    def _opened_text(self, kind: str) -> OpenText:
        form = FORMS[kind]
        text = OpenText(form, len(self.output), self._messages.item_id(form.prefix))
        self._begin(text.added())
        self._add(*text.part_added())
        return text

    def _close_text(self, status: ItemStatus = "completed") -> None:
        text, self._text = self._text, None
        if text:
            for kind, fields in text.done():
                self._add(kind, fields)
            self._finish(text.index, text.finished(status))

    # calls of tools

    def _add_call(self, event: sse.Event) -> None:
        self._messages.begin_reply()
        self._close_text()
        if event["name"] in self._asked.functions:
            self._add_function(event)
            return
        own_id = item_id("mcp", self._messages.current, event["call_id"])
        call = call_item(own_id, self._asked.model, event["name"], exact_json.dumps(event["args"]))
        index = self._calls[event["call_id"]] = len(self.output)
        self._begin(call, call | {"arguments": ""})
        self._add("response.mcp_call.in_progress", _place(call, index))
        self._add("response.mcp_call_arguments.done", _place(call, index) | {"arguments": call["arguments"]})

    def _add_function(self, event: sse.Event) -> None:
        self._call_function(self._messages.current, event["call_id"], event["name"], event["args"])

    def _ask_question(self, call_id: str, question: Question) -> None:
        """A function of the client, whose output is the answer: no item of OpenAI's is a question."""
        self._call_function(self._run_id, call_id, ELICITATION, question.shown())

    def _call_function(self, message_id: str, call_id: str, name: str, args: Mapping[str, Any]) -> None:
        arguments = exact_json.dumps(args)
        call = function_item(item_id("fc", message_id, call_id), call_id, name, arguments)
        index = len(self.output)
        self._begin(call, call | {"arguments": "", "status": "in_progress"})
        self._add("response.function_call_arguments.delta", _place(call, index) | {"delta": arguments})
        self._add(
            "response.function_call_arguments.done",
            _place(call, index) | {"name": call["name"], "arguments": arguments},
        )
        self._finish(index, call)

    def _add_result(self, event: sse.Event) -> None:
        """The result of a call of this response, or of one of an earlier one, which a person has approved. Results of
        the client's tools it has itself."""
        self._close_text()
        self._messages.end_reply()
        index = self._calls.pop(event["call_id"], None)
        if index is None and event["name"] not in self._asked.functions:
            index, own_id = len(self.output), item_id("mcp", self._run_id, event["call_id"])
            made = self._asked.arguments.get(event["call_id"], "{}")
            arguments = exact_json.dumps(event["args"]) if "args" in event else made
            self._begin(call_item(own_id, self._asked.model, event["name"], arguments))
        if index is not None:
            self._end_call(index, event["result"])

    def _ask(self, call_id: str) -> None:
        asked = approval_item(item_id("mcpr", self._messages.current, call_id), self.output[self._calls[call_id]])
        index = len(self.output)
        self._begin(asked)
        self._finish(index, asked)

    def _add_step(self, event: sse.Event) -> None:
        """A later step of a multi-step tool is an item of its own: the call's item has ended with the first one."""
        self._close_text()
        index = len(self.output)
        self._begin(call_item(item_id("mcp", self._messages.step()), self._asked.model, event["name"], "{}"))
        self._end_call(index, event["result"])

    def _end_call(self, index: int, result: Any) -> None:
        call = with_result(self.output[index], result)
        self._add(f"response.mcp_call.{call['status']}", _place(call, index))
        self._finish(index, call)

    # frames

    def _begin(self, item: Item, shown: Item | None = None) -> None:
        index = len(self.output)
        self.output.append(item)
        self._add("response.output_item.added", {"output_index": index, "item": shown or item})

    def _finish(self, index: int, item: Item) -> None:
        self.output[index] = item
        self._add("response.output_item.done", {"output_index": index, "item": item})

    def _add(self, kind: str, fields: dict[str, Any]) -> None:
        if self._number > self._after:
            event = {"type": kind, "sequence_number": self._number, **fields}
            self._frames.append(sse.named_frame(kind, event))
        self._number += 1

    def _taken(self) -> bytes:
        frames = b"".join(self._frames)
        self._frames.clear()
        return frames


class _MessageIds:
    """The ids of the messages that a turn's events become (`transcript.fold`), and of the items that these become."""

    def __init__(self, run_id: str) -> None:
        self._run_id = run_id
        self._count = 0
        self._is_in_reply = False
        self._has_results = False
        self._parts: dict[str, int] = {}
        self.current = ""
        """The id of the reply that is being streamed."""

    def begin_reply(self) -> None:
        """A piece or a call: it belongs to the current reply, or begins the next one."""
        if not self._is_in_reply or self._has_results:
            self.current = self._next()
            self._is_in_reply, self._has_results = True, False
            self._parts = {}

    def end_reply(self) -> None:
        """A result: the next piece or call begins another reply."""
        self._has_results = True

    def step(self) -> str:
        """The message of a later step."""
        return self._next()

    def item_id(self, prefix: str) -> str:
        """Of a new item of the reply. Thoughts and texts may take turns within one."""
        number = self._parts[prefix] = self._parts.get(prefix, 0) + 1
        return item_id(prefix, self.current, "" if number == 1 else str(number))

    def _next(self) -> str:
        message_id = f"{self._run_id}-{self._count}"
        self._count += 1
        return message_id


def _place(item: Item, index: int) -> dict[str, Any]:
    return {"item_id": item["id"], "output_index": index}
