"""A turn's events as chunks of the UI message stream. Pure: the same events make the same chunks, in every replay."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from app.events import sse
from app.state.open_calls.records import Asked
from app.web.streaming.turn_frames import TurnEvent

HEADERS = {"x-vercel-ai-ui-message-stream": "v1"}

Version = Literal[5, 6, 7]

Chunk = dict[str, Any]

QUESTION = "data-elicitation"

REASONS = {"length": "length", "content_filter": "content-filter"}
"""By our `finish_reason`."""


@dataclass(frozen=True)
class Reply:
    """The assistant's message of the turn `run_id`: the metadata that is known at first, and a call that returns all of
    it when the turn is over. `version` is the client's: 5 knows no approvals, 7 alone the finish reason `interrupted`.

    A turn that goes on with answered calls continues the message `message_id` of the turn that asked; the client has
    those `calls`. `client_tools` are the names of tools that the client runs. `asked` returns the calls that wait when
    the turn is over.
    """

    message_id: str
    run_id: str
    started: Mapping[str, Any]
    ended: Callable[[], Mapping[str, Any]]
    version: Version = 5
    calls: frozenset[str] = frozenset()
    client_tools: frozenset[str] = frozenset()
    asked: Callable[[], Sequence[Asked]] = tuple

    def frames(self, events: Iterator[TurnEvent | None]) -> Iterator[bytes]:
        """The frames of the turn, see `Translate`."""
        yield sse.frame({"type": "start", "messageId": self.message_id, "messageMetadata": self.started})
        message = _Message(self)
        for event in events:
            if event is None:
                yield sse.KEEP_ALIVE
            elif event.event["type"] in sse.TERMINAL:
                asking = message.asking(event.event.get("awaiting", ()))
                yield _joined([*message.close(), *asking, *self._end(event.event)])
            else:
                yield message.next_piece(event.event) or _joined(message.chunks(event))
        yield sse.DONE

    def _end(self, terminal: sse.Event) -> list[Chunk]:
        """The client stops reading at an `error`; an `abort` changes nothing in it, so the metadata says it, too."""
        ended = dict(self.ended())
        if terminal["type"] == "error":
            said = ended | {"error": terminal["message"]}
            return [
                {"type": "message-metadata", "messageMetadata": said},
                {"type": "error", "errorText": terminal["message"]},
            ]
        if terminal.get("interrupted"):
            said = ended | {"interrupted": True}
            reason = "interrupted" if self.version == 7 else "other"
            return [{"type": "abort"}, {"type": "finish", "finishReason": reason, "messageMetadata": said}]
        if terminal.get("awaiting"):
            return [{"type": "finish", "finishReason": "tool-calls", "messageMetadata": ended}]
        reason = REASONS.get(terminal.get("finish_reason", ""), "stop")
        return [{"type": "finish", "finishReason": reason, "messageMetadata": ended}]


def output_of(result: Any) -> dict[str, Any]:
    """The fields of a tool's result: its output, or the error that it is. (`history` has them, too.)"""
    is_error = isinstance(result, dict) and "error" in result and result.keys() <= {"error", "message"}
    if is_error and isinstance(said := result.get("message") or result["error"], str):
        return {"errorText": said}
    return {"output": result}


def question_part(call: Asked) -> dict[str, Any]:
    """The question of a call, as a chunk and as a part of the message. The answer is the output of the call."""
    shown = call.question.shown() if call.question else {}
    return {"type": QUESTION, "id": call.call_id, "data": {"toolCallId": call.call_id} | shown}


def is_declined(result: Any) -> bool:
    """Whether a person has declined the call."""
    return isinstance(result, dict) and result.get("error") == "declined" and result.keys() == {"error", "message"}


def _joined(chunks: list[Chunk]) -> bytes:
    return b"".join(map(sse.frame, chunks))


class _Message:
    """The parts of the message so far. Ids of parts are the turn's and the number of the event that began the part."""

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._open: tuple[str, str] | None = None
        self._head = b""
        """Of the frames of the open part's pieces."""
        self._in_step = False
        self._has_results = False
        self._calls = set(reply.calls)
        self._asking: set[str] = set()

    def next_piece(self, event: sse.Event) -> bytes:
        """The frame of a piece that the open part goes on with, b"" for any other event."""
        if self._open is None or event["type"] != self._open[0] or self._has_results:
            return b""
        return sse.piece_frame(self._head, event["content"])

    def chunks(self, numbered: TurnEvent) -> list[Chunk]:
        """Those of one event."""
        event = numbered.event
        kind = event["type"]
        if kind in ("text", "reasoning"):
            return [*self._step(), *self._piece(kind, event["content"], numbered.number)]
        if kind == "tool_call":
            return [*self._step(), *self._close_part(), self._call(event)]
        return self._result(event) if event.get("call_id") in self._calls else []

    def asking(self, awaiting: Sequence[str]) -> list[Chunk]:
        """The requests to approve those of the calls that the server would run, and the questions of MCP servers."""
        questions = [call for call in self._reply.asked() if call.question] if awaiting else []
        of_servers = {call.call_id for call in questions}
        waiting = [call_id for call_id in awaiting if call_id in self._asking - of_servers]
        requests = [{"type": "tool-approval-request", "approvalId": one, "toolCallId": one} for one in waiting]
        asked = [chunk for call in questions for chunk in self._question(call)]
        return asked if self._reply.version == 5 else [*requests, *asked]

    def _question(self, call: Asked) -> list[Chunk]:
        """The call has its input alone again: the client forgets the answer to a question before, and sends by itself
        (`lastAssistantMessageIsCompleteWithToolCalls`) only outputs of calls that the server does not run."""
        args = call.question.args if call.question else {}
        again = self._call({"call_id": call.call_id, "name": call.name, "args": args})
        return [again | {"dynamic": True, "providerExecuted": False}, question_part(call)]

    def close(self) -> list[Chunk]:
        """The ends of what is open."""
        chunks = self._close_part()
        if self._in_step:
            chunks.append({"type": "finish-step"})
            self._in_step = False
        return chunks

    def _step(self) -> list[Chunk]:
        """A step is a reply of the model: the next one begins behind the results of its tools, as in the history."""
        if self._in_step and not self._has_results:
            return []
        chunks = [*self.close(), {"type": "start-step"}]
        self._in_step, self._has_results = True, False
        return chunks

    def _piece(self, kind: str, content: str, number: int) -> list[Chunk]:
        chunks: list[Chunk] = []
        if self._open is None or self._open[0] != kind:
            chunks += self._close_part()
            self._open = (kind, f"{self._reply.run_id}:{number}")
            self._head = sse.piece_head({"type": f"{kind}-delta", "id": self._open[1]}, "delta")
            chunks.append({"type": f"{kind}-start", "id": self._open[1]})
        chunks.append({"type": f"{kind}-delta", "id": self._open[1], "delta": content})
        return chunks

    def _close_part(self) -> list[Chunk]:
        if self._open is None:
            return []
        (kind, part_id), self._open = self._open, None
        return [{"type": f"{kind}-end", "id": part_id}]

    def _call(self, event: sse.Event) -> Chunk:
        """`dynamic`: the client has no schema of it. `providerExecuted`: nor does it run it."""
        self._calls.add(event["call_id"])
        chunk: Chunk = {
            "type": "tool-input-available",
            "toolCallId": event["call_id"],
            "toolName": event["name"],
            "input": event["args"],
        }
        if event["name"] in self._reply.client_tools:
            return chunk
        self._asking.add(event["call_id"])
        return chunk | {"dynamic": True, "providerExecuted": True}

    def _result(self, event: sse.Event) -> list[Chunk]:
        """A later step of a tool replaces the one before; it is preliminary but for the last one."""
        self._has_results = self._has_results or event["type"] == "tool_result"
        if is_declined(event["result"]) and self._reply.version != 5:
            return [{"type": "tool-output-denied", "toolCallId": event["call_id"]}]
        changed = [self._call(event)] if "args" in event else []
        output = output_of(event["result"])
        chunk: Chunk = {"type": "tool-output-error" if "errorText" in output else "tool-output-available"}
        chunk |= {"toolCallId": event["call_id"]} | output
        if event["name"] not in self._reply.client_tools:
            chunk |= {"dynamic": True, "providerExecuted": True}
        if event["type"] == "async_tool_result" and not event.get("done") and "output" in output:
            chunk["preliminary"] = True
        return [*changed, chunk]
