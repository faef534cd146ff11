"""Calls of multi-step tools: what a background job needs to run one, and how many of its steps were delivered."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app import exact_json
from app.events import sse
from app.state import redis_keys, transcript
from app.state.clock import now_iso
from app.state.control_messages import FirstStep
from app.state.pairs import frame_pairs, to_pairs
from app.state.scripts import Store

_ENDING = -2
"""What the script says while the turn of the step's thread is being ended."""


@dataclass(frozen=True)
class StepToolCall:
    """One call of a multi-step tool, made in the turn `run_id`. `steps` were delivered so far."""

    session_id: str
    run_id: str
    call_id: str
    thread_id: str
    app: str
    name: str
    args: dict[str, Any]
    steps: int = 0
    client: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)


class StepToolCalls:
    """The multi-step calls of all sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._life = store.settings.tool_ttl
        self._kept_in_mind = self._life + store.settings.failed_job_ttl  # its job may fail at the last moment

    def record(self, call: StepToolCall) -> bool:
        """Write the call down before its job is enqueued. False when its turn is gone with its session."""
        key = redis_keys.call(call.session_id, call.run_id, call.call_id)
        fields = {
            "run": call.run_id,
            "call": call.call_id,
            "thread": call.thread_id,
            "app": call.app,
            "name": call.name,
            "args": exact_json.dumps(call.args),
            "steps": 0,
            "client": call.client,
            "origin": exact_json.dumps(call.origin),
        }
        args = (call.run_id, self._life, self._kept_in_mind, *to_pairs(fields))
        return bool(self._store.call("record", [redis_keys.session(call.session_id), key], *args))

    def get(self, session_id: str, run_id: str, call_id: str) -> StepToolCall | None:
        """The call, or None when it is over or its session is gone."""
        fields = self._store.fields(redis_keys.call(session_id, run_id, call_id))
        if "name" not in fields:
            return None
        return StepToolCall(
            session_id=session_id,
            run_id=run_id,
            call_id=call_id,
            thread_id=fields["thread"],
            app=fields["app"],
            name=fields["name"],
            args=exact_json.loads(fields["args"]),
            steps=int(fields["steps"]),
            client=fields.get("client", ""),
            origin=exact_json.loads(fields.get("origin", "{}")),
        )

    def drop(self, call: StepToolCall) -> None:
        """The call is over."""
        key = redis_keys.call(call.session_id, call.run_id, call.call_id)
        pipeline = self._redis.pipeline()
        pipeline.hdel(key, "name")  # nobody runs it again
        pipeline.expire(key, self._store.settings.tool_over_ttl)
        pipeline.execute()

    # the first step: it answers the turn that made the call

    def answer(self, call: StepToolCall, result: Any) -> None:
        """Hand the first step to the turn that waits for it."""
        key = redis_keys.call(call.session_id, call.run_id, call.call_id)
        message = FirstStep(call.run_id, call.call_id).encode()
        self._store.call("answer", [key], exact_json.dumps(result), redis_keys.CONTROL, message)

    def first_step(self, call: StepToolCall) -> list[Any] | None:
        """The first step's result, alone in a list; None before it is there."""
        raw = self._redis.hget(redis_keys.call(call.session_id, call.run_id, call.call_id), "first")
        return None if raw is None else [exact_json.loads(raw)]

    # later steps

    def deliver(
        self, call: StepToolCall, step: int, result: Any, done: bool, *, sleep: Callable[[float], None] = time.sleep
    ) -> bool:
        """Bring step number `step` (the first is 1) to the open chat stream, the update stream and the history.

        Delivering a step twice changes nothing. Calls `sleep` with some seconds while the thread's turn is being
        ended. False when the session or the thread is gone.
        """
        event = sse.async_tool_result(call.call_id, call.name, result, done)
        news = frame_pairs(
            [
                sse.session_tool_result(call.session_id, event),
                sse.tool_progress(call.session_id, call.call_id, call.name, result, done),
            ]
        )
        settings = self._store.settings
        moment = now_iso()
        message = transcript.step_message(f"{call.run_id}-{call.call_id}-{step}", event, moment)
        values = {
            "thread": call.thread_id,
            "step": step,
            "frame": sse.frame(event),
            "message": exact_json.dumps(message),
            "now": moment,
            "call_ttl": self._life,
            "call_kept": self._kept_in_mind,
            "ttl": settings.session_ttl,
            "cap": settings.updates_kept,
        }
        names = [redis_keys.session(call.session_id), redis_keys.call(call.session_id, call.run_id, call.call_id)]
        while (answer := self._store.call("step", names, len(news), *news, *to_pairs(values))) == _ENDING:
            sleep(0.02)
        return answer >= 0
