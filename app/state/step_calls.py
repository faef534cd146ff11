"""Calls of multi-step tools: what a background job needs to run one, and how many of its steps were delivered."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app import exact_json
from app.events import sse
from app.events.types import AsyncToolResultEvent
from app.state import redis_keys, transcript
from app.state.control_messages import FirstStep
from app.state.pairs import frame_pairs, to_pairs
from app.state.scripts import Store

RETRY_SECONDS = 0.02
"""Between two tries to deliver a step while the turn in its thread is being ended, which takes milliseconds."""

_TURN_IS_ENDING = -2


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
    trace_context: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, session_id: str, fields: dict[str, str]) -> StepToolCall:
        """Out of the fields of its hash."""
        return cls(
            session_id=session_id,
            run_id=fields["run"],
            call_id=fields["call"],
            thread_id=fields["thread"],
            app=fields["app"],
            name=fields["name"],
            args=exact_json.loads(fields["args"]),
            steps=int(fields["steps"]),
            client=fields.get("client", ""),
            trace_context=exact_json.loads(fields.get("origin", "{}")),
        )

    @property
    def redis_key(self) -> str:
        """Its hash."""
        return redis_keys.call(self.session_id, self.run_id, self.call_id)

    def fields(self) -> dict[str, Any]:
        """The fields of its hash before its first step."""
        return {
            "run": self.run_id,
            "call": self.call_id,
            "thread": self.thread_id,
            "app": self.app,
            "name": self.name,
            "args": exact_json.dumps(self.args),
            "steps": 0,
            "client": self.client,
            "origin": exact_json.dumps(self.trace_context),
        }


class StepToolCalls:
    """The multi-step calls of all sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._ttl = store.settings.tool_ttl
        self._kept = self._ttl + store.settings.failed_job_ttl  # its job may fail at the last moment

    def record(self, call: StepToolCall) -> bool:
        """Record the call before its job is enqueued. False when its turn is gone with its session."""
        args = {"run": call.run_id, "fields": to_pairs(call.fields()), "ttl": self._ttl, "kept": self._kept}
        return bool(self._store.call("record_tool_call", [redis_keys.session(call.session_id), call.redis_key], args))

    def get(self, session_id: str, run_id: str, call_id: str) -> StepToolCall | None:
        """The call, or None when it is finished or its session is gone."""
        fields = self._store.fields(redis_keys.call(session_id, run_id, call_id))
        return StepToolCall.read(session_id, fields) if "name" in fields else None

    def finish(self, call: StepToolCall) -> None:
        """The call is finished: no job runs it again."""
        pipeline = self._redis.pipeline()
        pipeline.hdel(call.redis_key, "name")
        pipeline.expire(call.redis_key, self._store.settings.tool_over_ttl)
        pipeline.execute()

    # the first step: the result of the call in the turn that made it

    def set_first_step(self, call: StepToolCall, result: Any) -> None:
        """Hand the first step to the turn that waits for it."""
        message = FirstStep(call.run_id, call.call_id).encode()
        args = {"result": exact_json.dumps(result), "channel": redis_keys.CONTROL, "message": message}
        self._store.call("first_step", [call.redis_key], args)

    def first_step(self, call: StepToolCall) -> list[Any] | None:
        """The first step's result, alone in a list; None before it exists."""
        raw = self._redis.hget(call.redis_key, "first")
        return None if raw is None else [exact_json.loads(raw)]

    # later steps

    def deliver(
        self, call: StepToolCall, step: int, result: Any, done: bool, *, sleep: Callable[[float], None] = time.sleep
    ) -> bool:
        """Bring step number `step` (the first is 1) to the open chat stream, the update stream and the history.

        Delivering a step twice changes nothing. Calls `sleep` with a few seconds while the thread's turn is being
        ended. False when the session or the thread is gone.
        """
        args = self._step_args(call, step, sse.async_tool_result(call.call_id, call.name, result, done))
        keys = [redis_keys.session(call.session_id), call.redis_key]
        while (code := self._store.call("later_step", keys, args)) == _TURN_IS_ENDING:
            sleep(RETRY_SECONDS)
        return code >= 0

    def _step_args(self, call: StepToolCall, step: int, event: AsyncToolResultEvent) -> dict[str, Any]:
        now, settings = self._store.clock.now_iso(), self._store.settings
        updates = [
            sse.session_tool_result(call.session_id, event),
            sse.tool_progress(call.session_id, call.call_id, call.name, event["result"], "done" in event),
        ]
        message = transcript.step_message(f"{call.run_id}-{call.call_id}-{step}", event, now)
        return {
            "thread": call.thread_id,
            "step": step,
            "frame": sse.frame(event).decode(),
            "message": exact_json.dumps(message),
            "updates": frame_pairs(updates),
            "call_ttl": self._ttl,
            "call_kept": self._kept,
            "now": now,
            "ttl": settings.session_ttl,
            "max_updates": settings.updates_kept,
        }
