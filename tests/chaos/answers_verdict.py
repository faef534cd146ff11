"""What must hold of calls that waited for a person, when all is over."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import redis as redis_py

from app.state.open_calls.results import EXPIRED, PASSED_OVER
from tests.chaos.approving import Approval, Waiting

INTERRUPTED = {"error": "interrupted"}

CLOSED = (EXPIRED, PASSED_OVER, INTERRUPTED)
"""The results of calls that were closed, or whose turn was lost."""

Check = Callable[[str, bool, object], None]


def check_answers(check: Check, store: redis_py.Redis, approval: Approval, state: dict[str, Any]) -> None:
    """Every promise for one session whose `state` was read last."""
    messages = state["messages"]
    results = [result for message in messages for result in message.get("tool_results", ())]
    told = Counter(result["call_id"] for result in results)
    made = Counter(call["call_id"] for message in messages for call in message.get("tool_calls", ()))
    check("each call has exactly one result", told == made and set(made.values()) <= {1}, messages)
    check("nothing waits for ever", state["pending"] == [], state["pending"])
    by_call = {result["call_id"]: result["result"] for result in results}
    notes = Counter(approval.notes.read_text().splitlines() if approval.notes.exists() else ())
    whole = _results_of_whole_turns(approval)
    told_of = {call_id: by_call.get(call_id) for call_id in whole}
    check("the stream has the results of the history", whole == told_of, f"{whole}, {told_of}: {approval.sent}")
    for call in approval.calls:
        about = f"{call}, {by_call.get(call.call_id)}, {dict(notes)}: {approval.sent}"
        check("of several answers one counts", len(call.taken) <= 1, about)
        check(
            "the result is the one of the answer", _fits(call, by_call.get(call.call_id), call.call_id in whole), about
        )
        if call.name == "Jot":
            check("an approved tool runs once, another one never", _ran(call, by_call.get(call.call_id), notes), about)
    _went_on(check, store, approval)
    _told(check, store, approval)


def _possible(call: Waiting) -> Sequence[dict[str, Any]]:
    return call.taken or call.unsure


def _results_of_whole_turns(approval: Approval) -> dict[str, Any]:
    """The results of calls in the streams of turns that went on and lost no worker."""
    whole = [sent for sent in approval.sent if sent.kind == "goes on" and sent.end and sent.end["type"] == "complete"]
    events = [event for sent in whole for event in sent.events if event["type"] == "tool_result"]
    return {event["call_id"]: event["result"] for event in events}


def _fits(call: Waiting, result: Any, is_whole: bool) -> bool:
    """Whether an answer that counted has this result. A call that ran, or was to run, may have lost its turn, unless
    that `is_whole`."""
    may_be_closed = not is_whole and (not call.taken or call.taken[0].get("approve"))
    fitting = [*CLOSED] if may_be_closed else []
    for one in _possible(call):
        if one.get("approve"):
            fitting.append(_line(call, one))
        elif "result" in one:
            fitting.append(one["result"])
        else:
            fitting.append({"error": "declined", "message": one.get("message", "The user declined this call")})
    return result in fitting


def _ran(call: Waiting, result: Any, notes: Counter[str]) -> bool:
    """Once with the arguments of the answer; of a lost turn, once at most."""
    lines = {call.line, f"{call.line} edited"}
    may = {_line(call, one) for one in _possible(call) if one.get("approve")}
    if any(notes[line] for line in lines - may) or sum(notes[line] for line in lines) > 1:
        return False
    return not isinstance(result, str) or result not in may or notes[result] == 1


def _line(call: Waiting, answer: dict[str, Any]) -> str:
    return f"{call.line} edited" if "args" in answer else call.line


def _went_on(check: Check, store: redis_py.Redis, approval: Approval) -> None:
    """No turn went on but those whose ends were read."""
    runs = store.scan_iter(f"session:{{{approval.session_id}}}:run:*", count=1000, _type="hash")
    went_on = {run.rpartition(":")[2] for run in runs if store.hexists(run, "goes_on")}
    known = {sent.run_id for sent in approval.sent if sent.kind == "goes on"}
    check("answers have one turn go on", went_on == known, f"{went_on}, {known}: {approval.sent}")


def _told(check: Check, store: redis_py.Redis, approval: Approval) -> None:
    """The updates tell once of each call that it waits, and once that it does not."""
    entries = store.xrange(f"session:{{{approval.session_id}}}:updates")
    events = [json.loads(frame.partition("data: ")[2]) for _, entry in entries if (frame := entry.get("frame", ""))]
    for kind in ("tool_pending", "tool_answered"):
        told = Counter(_call_id(event) for event in events if event["type"] == kind)
        waited = Counter(call.call_id for call in approval.calls)
        check(f"one {kind} of each call", told == waited, f"{events}: {approval.calls}")


def _call_id(event: dict[str, Any]) -> str:
    return event["call_id"]
