"""The wire format: events, frames, comments, ids. The only code that knows it.

An event is a JSON object with a `type`, as in `types`; a frame is `data: {json}\\n\\n`, one event, one line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, cast

from app import exact_json
from app.events.types import (
    WALLET_REQUESTS,
    AnswerOutcome,
    AsyncToolResultEvent,
    ClientRequestClosedEvent,
    ClientRequestEvent,
    CompleteEvent,
    ErrorCode,
    ErrorEvent,
    FinishReason,
    GapEvent,
    HistoryCompactedEvent,
    KeptReasoningEvent,
    ModelChangedEvent,
    Outcome,
    PendingCall,
    ReasoningEvent,
    SessionToolResultEvent,
    StateEvent,
    Status,
    SystemErrorEvent,
    SystemNoticeEvent,
    TextEvent,
    TitleChangedEvent,
    ToolAnsweredEvent,
    ToolCallEvent,
    ToolPendingEvent,
    ToolProgressEvent,
    ToolResultEvent,
)

MIMETYPE = "text/event-stream"
HEADERS = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

KEEP_ALIVE_HEADER = "X-Keep-Alive"
"""After how many silent seconds a stream has a comment. Much longer silence means that the connection is lost."""

Event = Mapping[str, Any]

_LINE_ENDS = (("\u2028", b"\\u2028"), ("\u2029", b"\\u2029"), ("\u0085", b"\\u0085"))
"""Characters that Unicode counts as ends of a line, as JSON writes them in other words. A frame ends its lines by `\\n`
alone, but readers that split as Python's `str.splitlines` does, such as httpx, would cut a frame at these."""

_PREFIX = b"data: "
_END = b"\n\n"
_ID = b"id: "
_THOUGHT = b'data: {"type":"reasoning","content":'

TERMINAL = frozenset({"complete", "error"})

HIDDEN = frozenset({"reasoning"})
"""Kinds of a turn's log that clients do not get, but those that ask for what the model thinks. Each is published by
itself, so that a reader leaves it out by the head of its batch."""

PIECES = frozenset({"text", "reasoning"})
"""Kinds whose neighbours may be joined."""

DONE = b"data: [DONE]\n\n"
"""The last frame in dialects that end their streams as OpenAI does."""

OPENED = b": open\n\n"
KEEP_ALIVE = b": keep-alive\n\n"
RETRY = b"retry: 2000\n\n"


def frame(event: Event) -> bytes:
    """The bytes of one event."""
    return _PREFIX + on_one_line(exact_json.dump_bytes(event)) + _END


def on_one_line(data: bytes) -> bytes:
    """The same JSON without characters at which any reader ends a line."""
    if data.isascii():
        return data
    for character, escape in _LINE_ENDS:
        data = data.replace(character.encode(), escape)
    return data


def piece_head(event: Event, field: str) -> bytes:
    """How the frames of events begin that have these fields and, behind them, the text `field`. Pieces of one text are
    many, and differ in that alone."""
    return _PREFIX + on_one_line(exact_json.dump_bytes(event))[:-1] + b',"%s":' % field.encode()


def piece_frame(head: bytes, content: str) -> bytes:
    """The frame of a piece, behind its `piece_head`."""
    return head + on_one_line(exact_json.dump_bytes(content)) + b"}" + _END


def raw_frame(data: bytes, name: str = "") -> bytes:
    """A frame of another protocol: JSON or a word on one line, under the name of an event if there is one."""
    named = b"event: %s\n" % name.encode() if name else b""
    return named + _PREFIX + on_one_line(data) + _END


def named_frame(name: str, event: Event) -> bytes:
    """The bytes of one event that has its name on a line of its own, for dialects."""
    return f"event: {name}\n".encode() + frame(event)


def parse(data: bytes) -> Event:
    """The event of one frame."""
    return exact_json.loads(data[len(_PREFIX) :])


def parse_all(frames: bytes) -> list[Event]:
    """The events of several joined frames."""
    return [exact_json.loads(part[len(_PREFIX) :]) for part in frames.split(_END)[:-1]]


def is_shown(kind: str, data: bytes, *, with_reasoning: bool) -> bool:
    """Whether a client gets the frame `data` of this kind. Of the hidden kinds, those that ask for reasoning get pieces
    of what the model thinks, but never what its provider wants back."""
    return kind not in HIDDEN or (with_reasoning and data.startswith(_THOUGHT))


def joined(first: Event, second: Event) -> Event | None:
    """Two neighbouring events as one if they are pieces of one text, or of one thought; else None."""
    kind = second["type"]
    if first["type"] != kind or kind not in PIECES or "content" not in first or "content" not in second:
        return None
    return {"type": kind, "content": first["content"] + second["content"]}


def outcome(terminal: Event) -> Outcome:
    """How a turn with this terminal event ended."""
    return "interrupted" if terminal.get("interrupted") else terminal["type"]


def split(frames: bytes) -> list[bytes]:
    """The single frames of several joined ones. (JSON on one line never holds a raw line end.)"""
    return [part + _END for part in frames.split(_END)[:-1]]


def numbered(frames: bytes, prefix: str, first: int) -> bytes:
    """The frames with an `id:` line before each: `prefix` and its number, counted from `first`."""
    parts = (_ID + f"{prefix}{number}\n".encode() + data for number, data in enumerate(split(frames), first))
    return b"".join(parts)


def read(chunks: Iterable[bytes]) -> Iterator[tuple[str, Event]]:
    """Id ('' where there is none) and event of each frame that a client receives; comments are skipped.

    Raises `ValueError` for data that is not a frame.
    """
    rest = b""
    for chunk in chunks:
        *frames, rest = (rest + chunk).split(_END)
        for received in frames:
            *head, last = received.split(b"\n")
            if last.startswith(_PREFIX):
                yield b"".join(head).removeprefix(_ID).decode(), parse(last)


# Events of a chat stream


def text(content: str) -> TextEvent:
    """A piece of the model's reply."""
    return {"type": "text", "content": content}


def tool_call(call_id: str, name: str, args: dict[str, Any]) -> ToolCallEvent:
    """The model calls a tool."""
    return {"type": "tool_call", "name": name, "call_id": call_id, "args": args}


def tool_result(
    call_id: str, name: str, result: Any, args: dict[str, Any] | None = None, *, goes_on: bool = False
) -> ToolResultEvent:
    """The result of a tool call, or `{"error": ...}`. `args` are those that a person put in the place of the
    model's. `goes_on`: it is the first step of a multi-step tool."""
    event: ToolResultEvent = {"type": "tool_result", "call_id": call_id, "name": name, "result": result}
    if goes_on:
        event["done"] = False
    if args is not None:
        event["args"] = args
    return event


def async_tool_result(call_id: str, name: str, result: Any, done: bool) -> AsyncToolResultEvent:
    """A later step of a multi-step tool; the last one has `done`."""
    event: AsyncToolResultEvent = {"type": "async_tool_result", "call_id": call_id, "name": name, "result": result}
    if done:
        event["done"] = True
    return event


def thought(content: str) -> ReasoningEvent:
    """A piece of what the model thinks, for clients that ask for it."""
    return {"type": "reasoning", "content": content}


def kept_reasoning(kept: dict[str, Any]) -> KeptReasoningEvent:
    """The model's reasoning for the reply that ends here, as the history keeps it. For no client."""
    return cast(KeptReasoningEvent, {"type": "reasoning", **kept})


def complete(
    interrupted: bool = False, finish_reason: FinishReason | None = None, awaiting: Sequence[str] = ()
) -> CompleteEvent:
    """The turn ended; nothing comes after. With `finish_reason` the model did not stop by itself. `awaiting` are the
    ids of calls that wait for an answer."""
    event: CompleteEvent = {"type": "complete"}
    if interrupted:
        event["interrupted"] = True
    if finish_reason:
        event["finish_reason"] = finish_reason
    if awaiting:
        event["awaiting"] = list(awaiting)
    return event


def error(message: str, code: ErrorCode, retryable: bool) -> ErrorEvent:
    """The turn failed; no event follows. `message` is for users."""
    return {"type": "error", "message": message, "code": code, "retryable": retryable}


LOST = error("This turn was lost on the server; send the message again if it has no reply", "lost", True)
"""The terminal event of a turn that Redis no longer has."""


# Events of /api/updates; each carries the session's id


def state(session_id: str, status: Status, **more: Any) -> StateEvent:
    """The session's status changed; also the first event of a new listener."""
    event = {"type": "state", "session_id": session_id, "status": status, "is_processing": status == "processing"}
    return cast(StateEvent, event | more)


def title_changed(session_id: str, title: str, thread_id: str | None = None) -> TitleChangedEvent:
    """The session (or, with `thread_id`, one of its threads) has a new title."""
    event: TitleChangedEvent = {
        "type": "title_changed",
        "session_id": session_id,
        "title": title,
        "new_title": title,
    }
    if thread_id:
        event["thread_id"] = thread_id
    return event


def history_compacted(session_id: str, thread_id: str, message_id: str, model: str) -> HistoryCompactedEvent:
    """Models read a summary, which `model` wrote, instead of the messages up to `message_id`."""
    return {
        "type": "history_compacted",
        "session_id": session_id,
        "thread_id": thread_id,
        "message_id": message_id,
        "model": model,
    }


def model_changed(session_id: str, model: str) -> ModelChangedEvent:
    """The session has another model from the next turn on."""
    return {"type": "model_changed", "session_id": session_id, "model": model}


def session_tool_result(session_id: str, event: AsyncToolResultEvent) -> SessionToolResultEvent:
    """A later step of a multi-step tool, as the chat stream has it."""
    return {**event, "session_id": session_id}


def tool_progress(session_id: str, call_id: str, name: str, result: Any, done: bool) -> ToolProgressEvent:
    """A step of a multi-step tool as text: `tool_complete` is the last one, others are `tool_update`."""
    text_result = result if isinstance(result, str) else exact_json.dumps(result)
    return {
        "type": "tool_complete" if done else "tool_update",
        "session_id": session_id,
        "call_id": call_id,
        "name": name,
        "tool_name": name,
        "result": text_result,
    }


def system_error(session_id: str, failure: Event) -> SystemErrorEvent:
    """A turn of the session ended with the `error` event `failure`."""
    return {
        "type": "system_error",
        "session_id": session_id,
        "message": failure["message"],
        "code": failure["code"],
        "retryable": failure["retryable"],
    }


def system_notice(session_id: str, message: str) -> SystemNoticeEvent:
    """A notice for users."""
    return {"type": "system_notice", "session_id": session_id, "message": message}


def client_request(
    session_id: str, kind: str, number: int, body: dict[str, Any], expires_at: str
) -> ClientRequestEvent:
    """A request to the client; the reply names it by `id`. Requests to wallets have types of their own."""
    return {
        "type": cast(Any, kind if kind in WALLET_REQUESTS else "client_request"),
        "session_id": session_id,
        "id": number,
        "kind": kind,
        "request": body,
        "expires_at": expires_at,
    }


def client_request_closed(
    session_id: str, numbers: Sequence[int], outcome: Literal["answered", "expired"]
) -> ClientRequestClosedEvent:
    """These requests are closed."""
    return {"type": "client_request_closed", "session_id": session_id, "ids": list(numbers), "outcome": outcome}


def tool_pending(turn: tuple[str, str, str], call: PendingCall) -> ToolPendingEvent:
    """A call waits for an answer; `turn` is the session, the thread and the run that asks."""
    session_id, thread_id, run_id = turn
    return {"type": "tool_pending", "session_id": session_id, "thread_id": thread_id, "run_id": run_id, **call}


def tool_answered(turn: tuple[str, str, str], call_id: str, name: str, outcome: AnswerOutcome) -> ToolAnsweredEvent:
    """A call does not wait any more; `turn` is the session, the thread and the run that asked."""
    session_id, thread_id, run_id = turn
    return {
        "type": "tool_answered",
        "session_id": session_id,
        "thread_id": thread_id,
        "run_id": run_id,
        "call_id": call_id,
        "name": name,
        "outcome": outcome,
    }


def gap(session_id: str) -> GapEvent:
    """Events after the id that was asked for are no longer kept; the state follows."""
    return {"type": "gap", "session_id": session_id}
