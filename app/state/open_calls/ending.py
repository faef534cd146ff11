"""The end of a turn as its history keeps it: its messages, calls that wait, results of calls that waited."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.events import sse
from app.state.clock import iso
from app.state.conversation import transcript
from app.state.open_calls.pending import answered_frames, pending_call
from app.state.open_calls.records import Asked, stored_open_calls
from app.state.pairs import frame_pairs
from app.state.turns.run_records import Run


@dataclass(frozen=True)
class Ending:
    """`endings` are events that the log still lacks. `results` are those of the calls with which the turn went on.
    `asked` are the calls that wait from now on, made in the message `asking_id` with the arguments `args`."""

    endings: list[sse.Event]
    messages: list[transcript.Message]
    results: list[dict[str, Any]]
    asked: tuple[Asked, ...] = ()
    asking_id: str = ""
    args: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def open_args(self, run: Run, now: datetime, ttl: int) -> dict[str, Any]:
        """The arguments of `settle` for the calls that wait."""
        if not self.asked:
            return {"open_calls": "", "pending": [], "answer_ttl": ttl}
        expires_at = iso(now + timedelta(seconds=ttl))
        turn = (run.session_id, run.thread_id, run.id)
        waiting = [pending_call(call, self.args.get(call.call_id, {}), expires_at) for call in self.asked]
        pending = [sse.tool_pending(turn, call) for call in waiting]
        declined = answered_frames(turn, self.asked, "declined")
        open_calls = stored_open_calls(self.asking_id, expires_at, self.asked, declined)
        return {"open_calls": open_calls, "pending": frame_pairs(pending), "answer_ttl": ttl}


def ending_of(run: Run, events: Sequence[sse.Event], terminal: sse.Event, now: str) -> Ending:
    """The end of a sealed turn with these events in its log. Open calls get a result, but those that wait."""
    late = transcript.leading_results(events)
    asked = {call.call_id: call for call in run.asks if call.call_id in terminal.get("awaiting", ())}
    unanswered = transcript.unanswered_tool_calls(transcript.fold(run.id, events, run.started_at))
    interrupted = [
        sse.tool_result(call["call_id"], call["name"], transcript.INTERRUPTED)
        for call in unanswered
        if call["call_id"] not in asked
    ]
    folded = transcript.fold(run.id, [*events, *interrupted], run.started_at)
    messages = transcript.with_origin(folded, run.app, run.trace_context.get("traceparent", ""))
    _mark(run, messages, terminal, now)
    asking = _asking_message(messages, asked) if asked else {}
    is_again = not asking and run.goes_on is not None  # calls with which it went on: their server asks once more
    missing = _missing_results(run, late, asked if is_again else ())
    asking_id = run.goes_on.message_id if is_again and run.goes_on else asking.get("id", "")
    return Ending(
        [*missing, *interrupted],
        messages,
        [*late, *map(_without_type, missing)],
        tuple(asked.values()) if asking_id else (),
        asking_id,
        {call["call_id"]: call["args"] for call in asking.get("tool_calls", ())},
    )


def _missing_results(run: Run, late: list[dict[str, Any]], asked: Collection[str]) -> list[sse.Event]:
    """Results of the calls with which the turn goes on, of those that its log has none of. Those in `asked` wait
    again."""
    if run.goes_on is None:
        return []
    known = {result["call_id"] for result in late} | set(asked)
    results = []
    for call in run.goes_on.calls:
        answer = run.goes_on.answers.get(call.call_id)
        if call.call_id not in known:
            result = transcript.INTERRUPTED if answer is None or answer.approve else answer.result
            results.append(sse.tool_result(call.call_id, call.name, result))
    return list(results)


def _mark(run: Run, messages: list[transcript.Message], terminal: sse.Event, now: str) -> None:
    outcome = sse.outcome(terminal)
    if outcome == "interrupted":
        transcript.mark_interrupted(messages)
    if run.response_format and terminal == sse.complete():
        transcript.mark_structured(messages)
    if outcome == "error" and terminal["code"] == "refused":
        messages.append(transcript.refusal_note((*run.earlier, run.id), terminal["message"], now, run.message["id"]))
    elif outcome == "error":
        messages.append(transcript.message(f"{run.id}-error", "error", terminal["message"], now))
    if messages and "keeps_facts" in run.message:
        messages[-1]["turn"] = run.facts()


def _asking_message(messages: list[transcript.Message], asked: dict[str, Asked]) -> transcript.Message:
    """The message with the calls that wait. Its results become its last field: scripts add others there."""
    for message in reversed(messages):
        if any(call["call_id"] in asked for call in message.get("tool_calls", ())):
            message["tool_results"] = message.pop("tool_results", [])
            return message
    return {}


def _without_type(event: sse.Event) -> dict[str, Any]:
    return {name: value for name, value in event.items() if name != "type"}
