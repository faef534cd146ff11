"""A turn's events as AG-UI's: `RunFrames` around it, `_Turn` for what is in it.

A reply of the model has the id that the history gives it (`app.state.conversation.transcript.fold`), so that a client
that has followed a turn and then loads the history has each message once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app import exact_json
from app.dialects.agui import names
from app.events import sse
from app.web.streaming.turn_frames import TurnEvent

AgentEvent = dict[str, Any]

STEP = "tool_step"
"""The type of the activity that shows the later steps of a tool."""

CONTENT_TYPES = {"text": "TEXT_MESSAGE_CONTENT", "reasoning": "REASONING_MESSAGE_CONTENT"}
"""By the type of our event."""

PROTOCOL = "1.0"


@dataclass(frozen=True)
class Ended:
    """Facts of a run that has ended: the tokens of its model calls, the user state, and its outcome in AG-UI's
    words."""

    usage: Sequence[Mapping[str, Any]]
    state: Mapping[str, Any]
    outcome: Mapping[str, Any]


@dataclass(frozen=True)
class RunFrames:
    """The frames of a run of the thread `thread_id`. `run_id` is the client's name of it, `turn_id` ours. `speaks_1_0`:
    the client said so. `before` follows the run's start. `state` is the user state that the client has; at the end it
    gets that of `ended`, if it is another one. `asked` are the approved calls with which the turn goes on: the ids of
    AG-UI's calls by those of ours."""

    thread_id: str
    run_id: str
    turn_id: str
    speaks_1_0: bool
    before: Sequence[AgentEvent]
    state: Mapping[str, Any]
    ended: Callable[[sse.Event], Ended]
    asked: Mapping[str, str] = field(default_factory=dict)

    def frames(self, events: Iterator[TurnEvent | None]) -> Iterator[bytes]:
        """From the run's start to its one end."""
        turn = _Turn(self.turn_id, self.asked)
        yield joined([self.started(), *self.before])
        for numbered in events:
            if numbered is None:
                yield sse.KEEP_ALIVE
            elif numbered.event["type"] in sse.TERMINAL:
                yield joined([*turn.close(numbered.event), *self._end(numbered.event)])
            elif piece := turn.next_piece(numbered.event):
                yield piece
            elif made := turn.made_of(numbered.event):
                yield joined(made)

    def started(self) -> AgentEvent:
        """The event with which the run starts."""
        version = {"protocolVersion": PROTOCOL} if self.speaks_1_0 else {}
        return {"type": "RUN_STARTED", "threadId": self.thread_id, "runId": self.run_id} | version

    def finished(self, outcome: Mapping[str, Any], *, interrupted: bool = False, **more: Any) -> AgentEvent:
        """The event with which the run ends that did not fail. Clients before 1.0 refuse the outcome `cancelled`."""
        if interrupted:
            more["metadata"] = {"interrupted": True}
            outcome = {"type": "cancelled"} if self.speaks_1_0 else {"type": "success"}
        end = {"type": "RUN_FINISHED", "threadId": self.thread_id, "runId": self.run_id, "outcome": dict(outcome)}
        return end | more

    def _end(self, terminal: sse.Event) -> list[AgentEvent]:
        known = self.ended(terminal)
        state = [state_snapshot(known.state)] if known.state != self.state else []
        usage: dict[str, Any] = {"usage": list(known.usage)} if known.usage else {}
        if terminal["type"] == "error":
            failed = {"type": "RUN_ERROR", "message": terminal["message"], "code": terminal["code"]}
            return [*state, failed | usage | {"metadata": {"retryable": terminal["retryable"]}}]
        if reason := terminal.get("finish_reason"):
            usage["metadata"] = {"finishReason": reason}
        return [*state, self.finished(known.outcome, interrupted=bool(terminal.get("interrupted")), **usage)]


def joined(events: Sequence[AgentEvent]) -> bytes:
    """The frames of events that are sent together."""
    return b"".join(map(sse.frame, events))


def state_snapshot(state: Mapping[str, Any]) -> AgentEvent:
    """The user state as a whole."""
    return {"type": "STATE_SNAPSHOT", "snapshot": dict(state)}


def text_of(result: Any) -> str:
    """A tool's result as the content of a message. (`history` has it, too.)"""
    return result if isinstance(result, str) else exact_json.dumps(result)


def step_content(tool_call_id: str, step: Mapping[str, Any]) -> dict[str, Any]:
    """The content of the activity of a tool's later step. (`history` has it, too.)"""
    done = {"done": True} if step.get("done") else {}
    return {"toolCallId": tool_call_id, "name": step["name"], "result": step["result"]} | done


class _Turn:
    """What a turn has said so far, as `transcript.fold` counts it."""

    def __init__(self, turn_id: str, asked: Mapping[str, str]) -> None:
        self._turn_id = turn_id
        self._messages = 0
        self._reply = ""
        self._has_results = False
        self._open = ""
        self._open_kind = ""
        self._head = b""
        """Of the frames of the open message's pieces."""
        self._calls = dict(asked)
        self._steps: dict[str, str] = {}

    def next_piece(self, event: sse.Event) -> bytes:
        """The frame of a piece that the open message goes on with, b"" for any other event."""
        if not self._open or event["type"] != self._open_kind or self._has_results:
            return b""
        return sse.piece_frame(self._head, event["content"])

    def made_of(self, event: sse.Event) -> list[AgentEvent]:
        """The events of one of ours that is not the last."""
        kind = event["type"]
        if kind in sse.PIECES:
            self._begin_reply()
            return self._piece(kind, event["content"])
        if kind == "tool_call":
            self._begin_reply()
            return [*self._end_piece(), *self._call(event)]
        if kind == "tool_result":
            return [*self._end_piece(), *self._result(event["call_id"], event["result"])]
        return [*self._end_piece(), self._step(event)]

    def close(self, terminal: sse.Event) -> list[AgentEvent]:
        """The end of what is open."""
        return self._end_piece(interrupted=bool(terminal.get("interrupted")))

    def _begin_reply(self) -> None:
        if not self._reply or self._has_results:
            self._reply, self._has_results = self._next_message(), False

    def _next_message(self) -> str:
        self._messages += 1
        return names.reply(self._turn_id, self._messages - 1)

    def _piece(self, kind: str, content: str) -> list[AgentEvent]:
        message_id = self._reply if kind == "text" else names.reasoning(self._reply)
        named = {"type": CONTENT_TYPES[kind], "messageId": message_id}
        events: list[AgentEvent] = []
        if self._open != message_id:
            events = [*self._end_piece(), *_piece_starts(kind, message_id)]
            self._open, self._open_kind, self._head = message_id, kind, sse.piece_head(named, "delta")
        return [*events, named | {"delta": content}]

    def _end_piece(self, *, interrupted: bool = False) -> list[AgentEvent]:
        message_id, self._open = self._open, ""
        if not message_id:
            return []
        if message_id != self._reply:
            kinds = ("REASONING_MESSAGE_END", "REASONING_END")
            return [{"type": kind, "messageId": message_id} for kind in kinds]
        said = {"metadata": {"interrupted": True}} if interrupted else {}
        return [{"type": "TEXT_MESSAGE_END", "messageId": message_id} | said]

    def _call(self, event: sse.Event) -> list[AgentEvent]:
        call_id = event["call_id"]
        tool_call_id = self._calls[call_id] = names.tool_call(self._reply, call_id)
        self._steps.pop(call_id, None)
        return [
            {
                "type": "TOOL_CALL_START",
                "toolCallId": tool_call_id,
                "toolCallName": event["name"],
                "parentMessageId": self._reply,
            },
            {"type": "TOOL_CALL_ARGS", "toolCallId": tool_call_id, "delta": exact_json.dumps(event["args"])},
            {"type": "TOOL_CALL_END", "toolCallId": tool_call_id},
        ]

    def _result(self, call_id: str, result: Any) -> list[AgentEvent]:
        self._has_results = bool(self._reply)
        tool_call_id = self._calls.get(call_id, "")
        if not tool_call_id:
            return []
        return [
            {
                "type": "TOOL_CALL_RESULT",
                "messageId": names.result(tool_call_id),
                "toolCallId": tool_call_id,
                "content": text_of(result),
                "role": "tool",
            }
        ]

    def _step(self, event: sse.Event) -> AgentEvent:
        """A later step of a call, perhaps of an earlier turn. It replaces the one before."""
        call_id, message_id = event["call_id"], self._next_message()
        return {
            "type": "ACTIVITY_SNAPSHOT",
            "messageId": self._steps.setdefault(call_id, message_id),
            "activityType": STEP,
            "content": step_content(self._calls.get(call_id) or call_id, event),
        }


def _piece_starts(kind: str, message_id: str) -> list[AgentEvent]:
    if kind == "text":
        return [{"type": "TEXT_MESSAGE_START", "messageId": message_id, "role": "assistant"}]
    return [
        {"type": "REASONING_START", "messageId": message_id},
        {"type": "REASONING_MESSAGE_START", "messageId": message_id, "role": "reasoning"},
    ]
