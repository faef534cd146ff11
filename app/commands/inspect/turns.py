"""Sessions and turns, read from Redis for an operator."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from heapq import nlargest
from itertools import islice
from typing import TypeVar

from app.commands.inspect.facts import Conversation, Moment, OpenCall, Session, Timeline, Turn, seconds
from app.errors import ConfigError
from app.events import sse
from app.events.entries import StreamEntry
from app.state import redis_keys
from app.state.inspection import Fields, Inspection
from app.state.open_calls.records import Asked, AwaitingTurn
from app.state.session_fields import session_status
from app.state.turns.run_status import ENDED
from app.usage import Totals, dollars

_SESSION = ("id", "app", "model", "run", "last_outcome", "updated_at", "title")
_RUN = ("id", "status", "app", "model", "queued_at", "started_at", "first_at", "ended_at", "thread", "worker")

Match = TypeVar("Match")


def sessions(inspection: Inspection, most: int) -> list[Session]:
    """The last used sessions, newest first."""
    names = [redis_keys.session(session_id) for session_id in inspection.session_ids()]
    stored = (fields for fields in inspection.pick(names, _SESSION) if fields["id"])
    return [_session(fields) for fields in nlargest(most, stored, key=lambda fields: fields["updated_at"])]


def session(inspection: Inspection, prefix: str) -> Conversation:
    """The session whose id begins with `prefix`, and its kept turns, newest first. Raises `ConfigError`."""
    session_id = session_id_of(inspection, prefix)
    (fields,) = inspection.pick([redis_keys.session(session_id)], _SESSION)
    return Conversation(_session(fields), _turns(inspection, inspection.runs(session_id), _leases(inspection)))


def turns(inspection: Inspection, most: int, ended: bool) -> list[Turn]:
    """The open turns, or with `ended` all kept turns, newest first."""
    opened = ((session_id, run_id) for session_id, run_id, _ in inspection.open_runs())
    kept = _turns(inspection, inspection.runs() if ended else opened, _leases(inspection))
    return [turn for turn in kept if ended or turn.status not in ENDED][:most]


def claimed(inspection: Inspection) -> list[tuple[str, Fields]]:
    """Session and fields of each turn that a worker runs."""
    opened = [(session_id, run_id) for session_id, run_id, _ in inspection.open_runs()]
    stored = inspection.pick((redis_keys.run(*pair) for pair in opened), _RUN)
    turns = [(session_id, fields) for (session_id, _), fields in zip(opened, stored, strict=True)]
    return [(session_id, fields) for session_id, fields in turns if fields["status"] in ("running", "ending")]


def open_calls(inspection: Inspection, most: int) -> list[OpenCall]:
    """The calls that wait for a person, those first whose time is over first."""
    found = (inspection.awaiting_turn(*turn) for turn in inspection.awaiting_runs())
    calls = (_open_call(turn, call) for turn in found if turn for call in turn.open_calls.calls)
    return list(islice(calls, most))


def _open_call(turn: AwaitingTurn, call: Asked) -> OpenCall:
    return OpenCall(
        session=turn.session_id,
        run=turn.run_id,
        app=turn.app,
        call=call.call_id,
        tool=call.name,
        waits_for=call.kind,
        answered=call.call_id in turn.open_calls.answers,
        expires_at=turn.open_calls.expires_at,
    )


def statuses(inspection: Inspection) -> dict[str, int]:
    """The number of open turns by status."""
    opened = [redis_keys.run(session_id, run_id) for session_id, run_id, _ in inspection.open_runs()]
    counted = Counter(fields["status"] for fields in inspection.pick(opened, ("status",)))
    return {name: counted[name] for name in ("waiting", "queued", "running", "ending")}


def timeline(inspection: Inspection, prefix: str) -> Timeline:
    """The events and the cost so far of the turn whose id begins with `prefix`. Raises `ConfigError`."""
    session_id, run_id = turn_id_of(inspection, prefix)
    (fields,) = inspection.pick([redis_keys.run(session_id, run_id)], _RUN)
    entries = inspection.log(session_id, run_id)
    charges = inspection.charges(session_id, run_id)
    used = sum((charge.totals() for charge in charges), Totals())
    return Timeline(
        turn=_turn(session_id, fields, None),
        thread=fields["thread"],
        worker=fields["worker"],
        texts=sum(entry.kind == "text" for entry in entries),
        model_calls=used.calls,
        input_tokens=used.input,
        output_tokens=used.output,
        cost_usd=None if used.unpriced else dollars(used.cost),
        moments=_moments(fields, entries),
    )


def session_id_of(inspection: Inspection, prefix: str) -> str:
    """The session id that begins with `prefix`. Raises `ConfigError` if there is none, or several."""
    if not re.fullmatch(r"[\w:.-]{1,128}", prefix):
        raise ConfigError(f"{prefix!r} is not a session id or the beginning of one; `aomi inspect sessions` lists them")
    return _only(list(inspection.session_ids(prefix.lower())), f"session {prefix!r}", "sessions")


def turn_id_of(inspection: Inspection, prefix: str) -> tuple[str, str]:
    """Session id and id of the turn that begins with `prefix`. Raises `ConfigError` if there is none, or several."""
    if not re.fullmatch(r"run_[0-9a-f]{1,32}", prefix):
        raise ConfigError(f"{prefix!r} is not a turn id or the beginning of one; `aomi inspect turns` lists them")
    opened = [(session_id, run_id) for session_id, run_id, _ in inspection.open_runs() if run_id.startswith(prefix)]
    return _only(opened or list(inspection.runs(prefix=prefix)), f"turn {prefix!r}", "turns --ended")


def _only(matches: list[Match], what: str, listing: str) -> Match:
    if not matches:
        raise ConfigError(f"There is no {what}, or it is no longer kept; `aomi inspect {listing}` lists the kept ones")
    if len(matches) > 1:
        raise ConfigError(f"{what} is the beginning of {len(matches)} ids; give more of it")
    return matches[0]


def _leases(inspection: Inspection) -> dict[str, float]:
    return {run_id: left for _, run_id, left in inspection.open_runs()}


def _session(fields: Fields) -> Session:
    return Session(
        session=fields["id"],
        status=session_status(fields),
        app=fields["app"],
        model=fields["model"],
        run=fields["run"],
        updated_at=fields["updated_at"],
        title=fields["title"],
    )


def _turns(inspection: Inspection, ids: Iterable[tuple[str, str]], leases: dict[str, float]) -> list[Turn]:
    pairs = list(ids)
    stored = inspection.pick((redis_keys.run(*pair) for pair in pairs), _RUN)
    turns = [
        _turn(session_id, fields, leases.get(run_id))
        for (session_id, run_id), fields in zip(pairs, stored, strict=True)
        if fields["id"]
    ]
    return sorted(turns, key=lambda turn: turn.queued_at, reverse=True)


def _turn(session_id: str, fields: Fields, lease: float | None) -> Turn:
    return Turn(
        run=fields["id"],
        session=session_id,
        status=fields["status"],
        app=fields["app"],
        model=fields["model"],
        queued_at=fields["queued_at"],
        waited_s=seconds(fields["queued_at"], fields["started_at"]),
        first_s=seconds(fields["started_at"], fields["first_at"]),
        whole_s=seconds(fields["queued_at"], fields["ended_at"]),
        lease_s=lease,
    )


def _moments(fields: Fields, entries: list[StreamEntry]) -> list[Moment]:
    queued, started, first = fields["queued_at"], fields["started_at"], fields["first_at"]
    moments = [Moment(0.0, None, "queued")]
    if started:
        after = seconds(queued, started)
        moments.append(Moment(after, after, "started", detail=fields["worker"]))
    if first:
        moments.append(Moment(seconds(queued, first), seconds(started, first), "first event"))
    moments += _of_tools(queued, entries)
    if fields["ended_at"]:
        ended = fields["status"] if fields["status"] in ENDED else "ending"
        moments.append(Moment(seconds(queued, fields["ended_at"]), None, ended, detail=_failure(entries)))
    return moments


def _of_tools(queued: str, entries: list[StreamEntry]) -> list[Moment]:
    """Tool calls, results and later steps, each with the time since the previous event of the same call."""
    moments: list[Moment] = []
    last: dict[str, str] = {}
    for entry in entries:
        if entry.kind not in ("tool_call", "tool_result", "async_tool_result"):
            continue
        event = sse.parse(entry.frame)
        call = event["call_id"]
        took = seconds(last.get(call, ""), entry.at)
        last[call] = entry.at
        moments.append(Moment(seconds(queued, entry.at), took, entry.kind, event["name"], call, _tool_error(event)))
    return moments


def _tool_error(event: sse.Event) -> str:
    result = event.get("result")
    return f"error: {result['error']}" if isinstance(result, dict) and "error" in result else ""


def _failure(entries: list[StreamEntry]) -> str:
    """The code and the message of a failed turn's error, else ''."""
    if not entries or entries[-1].kind != "error":
        return ""
    event = sse.parse(entries[-1].frame)
    return f"{event['code']}: {event['message']}"
