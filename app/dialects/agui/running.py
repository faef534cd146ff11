"""The streams of AG-UI's clients: a run, and a thread that is loaded while one runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, url_for

from app import exact_json
from app.dialects.agui import names
from app.dialects.agui.answers import outcome_of
from app.dialects.agui.frames import AgentEvent, Ended, RunFrames, joined, state_snapshot
from app.dialects.agui.history import agent_messages
from app.dialects.agui.requests import CONTEXT
from app.events import sse
from app.state.conversation.histories import Snapshot
from app.state.open_calls.records import OpenCalls
from app.state.session_fields import Fields, session_status, session_user_state
from app.state.tools.open_requests import pending
from app.state.turns.run_records import Run
from app.usage import Charge
from app.web.counted_turns import USAGE_WAIT, counted
from app.web.current import services
from app.web.streaming.streams import stream
from app.web.streaming.turn_streams import stream_turn


@dataclass(frozen=True)
class Asked:
    """Whose run it is: the thread, the client's name of the run, whether the client speaks AG-UI 1.0, and the state
    that it has."""

    session_id: str
    run_id: str
    speaks_1_0: bool
    state: Mapping[str, Any]


def stream_run(asked: Asked, turn_id: str) -> Response:
    """A turn, from its first event on."""
    session = services().sessions.get(asked.session_id) or {}
    state = shown_state(session)
    before = [state_snapshot(state)] if state != asked.state else []
    return _stream(asked, turn_id, before, state, session)


def stream_thread(asked: Asked, snapshot: Snapshot) -> Response:
    """The history of a thread. If a turn runs, all but what that one said, then the turn from its first event on."""
    session, state = snapshot.session, shown_state(snapshot.session)
    turn_id = session.get("run", "") if snapshot.running else ""
    before = [state_snapshot(state)] if state != asked.state else []
    before.append({"type": "MESSAGES_SNAPSHOT", "messages": _messages(asked.session_id, snapshot, turn_id)})
    if turn_id:
        return _stream(asked, turn_id, before, state, session)
    return _at_once(asked, before, state, snapshot.open_calls, interrupted=session_status(session) == "interrupted")


def stream_kept(asked: Asked, awaiting: Sequence[str]) -> Response:
    """The end of a run whose other calls have no answer yet: those in `awaiting`."""
    state = shown_state(services().sessions.get(asked.session_id) or {})
    waiting = services().runs.open_calls.find(asked.session_id, awaiting)
    return _at_once(asked, [], state, waiting.open_calls if waiting else None)


def shown_state(session: Fields) -> dict[str, Any]:
    """The user state as clients get it: without what they told of their page, with the open requests to them."""
    own = {name: value for name, value in session_user_state(session).items() if name != CONTEXT}
    return own | pending(session)


def shows_reasoning(session: Fields) -> bool:
    """Whether the session's app lets clients see what its models think."""
    app, _ = services().catalog.choice(session.get("app", ""), "")
    return app.reasoning == "shown"


def _stream(
    asked: Asked, turn_id: str, before: list[AgentEvent], state: Mapping[str, Any], session: Fields
) -> Response:
    frames = _frames(asked, turn_id, before, state)
    return stream_turn(asked.session_id, turn_id, frames.frames, with_reasoning=shows_reasoning(session))


def _at_once(
    asked: Asked,
    before: list[AgentEvent],
    state: Mapping[str, Any],
    open_calls: OpenCalls | None,
    *,
    interrupted: bool = False,
) -> Response:
    """A run that is nothing but its start and its end."""
    frames = _frames(asked, "", before, state)
    end = frames.finished(outcome_of(open_calls, speaks_1_0=asked.speaks_1_0), interrupted=interrupted)
    return stream(iter([sse.OPENED, joined([frames.started(), *before, end])]))


def _frames(asked: Asked, turn_id: str, before: list[AgentEvent], state: Mapping[str, Any]) -> RunFrames:
    runs, sessions, session_id = services().runs, services().sessions, asked.session_id  # they outlive the request

    def ended(terminal: sse.Event) -> Ended:
        wait = 0.0 if terminal.get("interrupted") else USAGE_WAIT  # one that was stopped ends at once
        run = counted(lambda: runs.get(session_id, turn_id), wait)
        waiting = runs.open_calls.find(session_id, terminal["awaiting"]) if terminal.get("awaiting") else None
        outcome = outcome_of(waiting.open_calls if waiting else None, speaks_1_0=asked.speaks_1_0)
        return Ended(list(_usage(run)) if run else [], shown_state(sessions.get(session_id) or {}), outcome)

    begun = runs.get(session_id, turn_id) if turn_id else None
    return RunFrames(session_id, asked.run_id, turn_id, asked.speaks_1_0, before, state, ended, _approved(begun))


def _approved(run: Run | None) -> dict[str, str]:
    """The calls with which a turn goes on, and whose results the client does not have: it has those of its own
    tools."""
    goes_on = run.goes_on if run else None
    calls = [call.call_id for call in goes_on.calls if call.kind != "client_tool"] if goes_on else []
    return {call_id: names.tool_call(goes_on.message_id, call_id) for call_id in calls} if goes_on else {}


def _messages(session_id: str, snapshot: Snapshot, turn_id: str) -> list[dict[str, Any]]:
    stored = [one for one in snapshot.messages if not turn_id or names.run_of(one["id"]) != turn_id]

    def file_url(file_id: str) -> str:
        return url_for("files.show", file_id=file_id, session_id=session_id, _external=True)

    return agent_messages(stored, file_url, with_reasoning=shows_reasoning(snapshot.session))


def _usage(run: Run) -> Iterator[dict[str, Any]]:
    """The tokens of a turn, by model; nothing while some are not counted."""
    charges = [] if run.has_unsettled_calls else [Charge.read(exact_json.loads(one)) for one in run.charges]
    for model in dict.fromkeys(charge.model for charge in charges):
        used = [charge.usage for charge in charges if charge.model == model]
        sent, got = sum(one.input for one in used), sum(one.output for one in used)
        yield {
            "model": model,
            "inputTokens": sent,
            "outputTokens": got,
            "totalTokens": sent + got,
            "cachedInputTokens": sum(one.cached for one in used),
        }
