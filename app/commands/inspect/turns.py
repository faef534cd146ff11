"""Sessions and turns as an operator looks at them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from heapq import nlargest
from typing import TypeVar

from app.commands.inspect.facts import Conversation, Moment, Session, Timeline, Turn, seconds
from app.errors import ConfigError
from app.events import sse
from app.events.entries import StreamEntry
from app.state import redis_keys
from app.state.inspection import Fields, Inspection
from app.state.session_fields import session_status
from app.usage import Totals, dollars

_SESSION = ("id", "app", "model", "run", "last_outcome", "updated_at", "title")
_RUN = ("id", "status", "app", "model", "queued_at", "started_at", "first_at", "ended_at", "thread", "worker")

Found = TypeVar("Found")

ENDED = frozenset({"complete", "interrupted", "error"})


def sessions(inspection: Inspection, most: int) -> list[Session]:
    """The sessions that were used last, the newest first."""
    names = [redis_keys.session(session_id) for session_id in inspection.session_ids()]
    found = (fields for fields in inspection.pick(names, _SESSION) if fields["id"])
    return [_session(fields) for fields in nlargest(most, found, key=lambda fields: fields["updated_at"])]


def session(inspection: Inspection, prefix: str) -> Conversation:
    """The one session whose id begins so, and its kept turns, the newest first. Raises `ConfigError`."""
    session_id = the_session(inspection, prefix)
    (fields,) = inspection.pick([redis_keys.session(session_id)], _SESSION)
    return Conversation(_session(fields), _turns(inspection, inspection.runs(session_id), _leases(inspection)))


def turns(inspection: Inspection, most: int, ended: bool) -> list[Turn]:
    """The turns that are open, or with `ended` all that are kept, the newest first."""
    opened = ((session_id, run_id) for session_id, run_id, _ in inspection.open_runs())
    found = _turns(inspection, inspection.runs() if ended else opened, _leases(inspection))
    return [turn for turn in found if ended or turn.status not in ENDED][:most]


def statuses(inspection: Inspection) -> dict[str, int]:
    """How many open turns there are of each status."""
    opened = [redis_keys.run(session_id, run_id) for session_id, run_id, _ in inspection.open_runs()]
    counted = Counter(fields["status"] for fields in inspection.pick(opened, ("status",)))
    return {name: counted[name] for name in ("waiting", "queued", "running", "ending")}


def timeline(inspection: Inspection, prefix: str) -> Timeline:
    """All that happened in the one turn whose id begins so, and what it cost so far. Raises `ConfigError`."""
    session_id, run_id = the_turn(inspection, prefix)
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


def the_session(inspection: Inspection, prefix: str) -> str:
    """The id that begins so. Raises `ConfigError` for none, and for several."""
    if not re.fullmatch(r"[\w:.-]{1,128}", prefix):
        raise ConfigError(f"{prefix!r} is no session id, nor the beginning of one; `aomi inspect sessions` lists them")
    return _only(list(inspection.session_ids(prefix.lower())), f"session {prefix!r}", "sessions")


def the_turn(inspection: Inspection, prefix: str) -> tuple[str, str]:
    """Session and id of the turn that begins so. Raises `ConfigError` for none, and for several."""
    if not re.fullmatch(r"run_[0-9a-f]{1,32}", prefix):
        raise ConfigError(f"{prefix!r} is no turn's id, nor the beginning of one; `aomi inspect turns` lists them")
    opened = [(session_id, run_id) for session_id, run_id, _ in inspection.open_runs() if run_id.startswith(prefix)]
    return _only(opened or list(inspection.runs(prefix=prefix)), f"turn {prefix!r}", "turns --ended")


def _only(found: list[Found], what: str, listing: str) -> Found:
    if not found:
        raise ConfigError(f"There is no {what}, or it is no longer kept; `aomi inspect {listing}` lists what there is")
    if len(found) > 1:
        raise ConfigError(f"{what} is the beginning of {len(found)} ids; give more of it")
    return found[0]


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


def _turns(inspection: Inspection, found: Iterable[tuple[str, str]], leases: dict[str, float]) -> list[Turn]:
    pairs = list(found)
    picked = inspection.pick((redis_keys.run(*pair) for pair in pairs), _RUN)
    read = [
        _turn(session_id, fields, leases.get(run_id))
        for (session_id, run_id), fields in zip(pairs, picked, strict=True)
        if fields["id"]
    ]
    return sorted(read, key=lambda turn: turn.queued_at, reverse=True)


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
    found = [Moment(0.0, None, "queued")]
    if started:
        after = seconds(queued, started)
        found.append(Moment(after, after, "started", detail=fields["worker"]))
    if first:
        found.append(Moment(seconds(queued, first), seconds(started, first), "first event"))
    found += _of_tools(queued, entries)
    if fields["ended_at"]:
        ended = fields["status"] if fields["status"] in ENDED else "ending"
        found.append(Moment(seconds(queued, fields["ended_at"]), None, ended, detail=_failure(entries)))
    return found


def _of_tools(queued: str, entries: list[StreamEntry]) -> list[Moment]:
    """Calls, results and later steps, each with the time since the one before it of the same call."""
    found: list[Moment] = []
    last: dict[str, str] = {}
    for entry in entries:
        if entry.kind not in ("tool_call", "tool_result", "async_tool_result"):
            continue
        event = sse.parse(entry.frame)
        call = event["call_id"]
        took = seconds(last.get(call, ""), entry.at)
        last[call] = entry.at
        found.append(Moment(seconds(queued, entry.at), took, entry.kind, event["name"], call, _wrong(event)))
    return found


def _wrong(event: sse.Event) -> str:
    result = event.get("result")
    return f"error: {result['error']}" if isinstance(result, dict) and "error" in result else ""


def _failure(entries: list[StreamEntry]) -> str:
    """Why the turn failed, '' if it did not."""
    if not entries or entries[-1].kind != "error":
        return ""
    event = sse.parse(entries[-1].frame)
    return f"{event['code']}: {event['message']}"
