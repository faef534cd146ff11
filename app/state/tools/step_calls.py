"""Calls of multi-step tools: what a background job needs to run one, and how many of its steps were delivered."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app import exact_json
from app.events import sse
from app.events.types import AsyncToolResultEvent
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.ids import new_id
from app.state.pairs import frame_pairs, to_pairs
from app.state.scripts import Store
from app.state.tools.sleeping_calls import SleepingCalls
from app.state.tools.tool_places import ToolPlaces, TooManyTools
from app.state.turns.control_messages import DropWork, FirstStep, steps_work
from app.state.webhooks.outbox import WebhookOf, WebhookOutbox, no_webhook, put_args

RETRY_SECONDS = 0.02
"""Between two tries to deliver a step while the turn in its thread is being ended, which takes milliseconds."""

MAX_SLEEP_SECONDS = 10 * 366 * 86400

_TURN_IS_ENDING = -2

_RECORDED, _SESSION_FULL = 1, -1
_CLAIMED, _REFUSED = 1, 0
_DELIVERED = 1


@dataclass(frozen=True)
class StepToolCall:
    """One call of a multi-step tool, made in the turn `run_id`. `steps` were delivered so far. The job with the `claim`
    runs it: a job that claims it later takes it over. `address` is the SHA-256 of the client's address, `api_key_id`
    names the turn's API key; each is '' if there is none. `tools` is the digest of the tools that the app had (see
    `Catalog.tool_digests`), '' in a call of an earlier version. `slept` counts the sleeps since the last delivered
    step; one under way (`is_asleep`) is over when it goes on."""

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
    claim: str = ""
    address: str = ""
    slept: int = 0
    is_asleep: bool = False
    api_key_id: str = ""
    tools: str = ""

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
            claim=fields.get("claim", ""),
            address=fields.get("address", ""),
            slept=int(fields.get("slept", "0")),
            is_asleep="wake" in fields,
            api_key_id=fields.get("key", ""),
            tools=fields.get("tools", ""),
        )

    @property
    def redis_key(self) -> str:
        """Its hash."""
        return redis_keys.call(self.session_id, self.run_id, self.call_id)

    @property
    def script_keys(self) -> list[str]:
        """The hash of its session and its own: the keys of its scripts."""
        return [redis_keys.session(self.session_id), self.redis_key]

    def fields(self) -> dict[str, Any]:
        """The fields of its hash before its first step."""
        optional = {"address": self.address, "key": self.api_key_id, "tools": self.tools}
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
        } | {name: value for name, value in optional.items() if value}

    @property
    def member(self) -> str:
        """The call in the indexes of all sessions."""
        return call_member(self.session_id, self.run_id, self.call_id)


class StepToolCalls:
    """The multi-step calls of all sessions. `webhook_of` an app says who is told about their ends."""

    def __init__(self, store: Store, webhook_of: WebhookOf = no_webhook) -> None:
        self._store = store
        self._redis = store.redis
        self._ttl = store.settings.tool_ttl
        self._kept = self._ttl + store.settings.failed_job_ttl  # its job may fail at the last moment
        self.sleeping = SleepingCalls(store)
        self._places = ToolPlaces(store)
        self._webhooks = WebhookOutbox(store, webhook_of)

    def record(self, call: StepToolCall) -> bool:
        """Record the call before its job is enqueued. False when its turn no longer runs. Raises `TooManyTools`."""
        self._places.take(call.address, call.member, self._ttl)
        most = self._store.settings.tools_per_session
        args = {"run": call.run_id, "fields": to_pairs(call.fields()), "ttl": self._ttl, "kept": self._kept}
        args |= {"max_calls": most}
        code = self._store.call("record_tool_call", call.script_keys, args)
        if code != _RECORDED:
            self._places.give_back(call.address, call.member)
        if code == _SESSION_FULL:
            raise TooManyTools("session", most)
        return bool(code)

    def claim(self, session_id: str, run_id: str, call_id: str) -> StepToolCall | None:
        """Take the call over for a job. None when it has ended, is gone, sleeps, or its turn ended before it began.
        A call that has not begun by then never begins."""
        claim = new_id("claim")
        keys = [redis_keys.session(session_id), redis_keys.call(session_id, run_id, call_id)]
        code = self._store.call("claim_call", keys, {"run": run_id, "claim": claim})
        stored = self.get(session_id, run_id, call_id) if code in (_CLAIMED, _REFUSED) else None
        if stored is None:
            return None
        call = replace(stored, claim=claim)
        if call.slept:
            self.sleeping.remove(call.member)
        if code == _CLAIMED:
            self._hold_place(call, self._ttl)
            return call
        self.finish(call)
        return None

    def may_step(self, call: StepToolCall) -> bool:
        """Whether the job of this claim may begin the call's next step. False when another job has claimed the call, it
        is gone, or its turn ended before the first step."""
        return bool(self._store.call("may_step", call.script_keys, {"run": call.run_id, "claim": call.claim}))

    def get(self, session_id: str, run_id: str, call_id: str) -> StepToolCall | None:
        """The call, or None when it is finished or its session is gone."""
        fields = self._store.fields(redis_keys.call(session_id, run_id, call_id))
        return StepToolCall.read(session_id, fields) if "name" in fields else None

    def suspend(self, call: StepToolCall, slept: int, seconds: float) -> None:
        """The call sleeps without a job. Then a reaper enqueues it again, with the first `slept` sleeps behind its last
        delivered step done."""
        seconds = min(seconds, MAX_SLEEP_SECONDS)
        self.sleeping.put(call.member, seconds)  # first, so that no call sleeps for ever
        life = math.ceil(seconds)
        args = {"run": call.run_id, "claim": call.claim, "slept": slept, "milliseconds": int(seconds * 1000)}
        args |= {"ttl": self._ttl + life, "kept": self._kept + life}
        if self._store.call("suspend_call", call.script_keys, args):
            self._hold_place(call, self._ttl + life)
        else:
            self.forget_sleep(call.session_id, call.run_id, call.call_id)

    def _hold_place(self, call: StepToolCall, ttl: int) -> None:
        """A call that runs already goes on, also when its place has gone to another one."""
        with contextlib.suppress(TooManyTools):
            self._places.take(call.address, call.member, ttl)
        if not self._redis.exists(call.redis_key):
            self._places.give_back(call.address, call.member)  # its session was deleted in between

    def forget_sleep(self, session_id: str, run_id: str, call_id: str) -> None:
        """Take the call out of the index of those that sleep, unless it does."""
        call = self.get(session_id, run_id, call_id)
        if call is None or not call.is_asleep:
            self.sleeping.remove(call_member(session_id, run_id, call_id))

    def finish(self, call: StepToolCall) -> None:
        """The call is finished: no job runs it again. Does nothing when another job has claimed it."""
        args = {"claim": call.claim, "ttl": self._store.settings.tool_over_ttl}
        if self._store.call("finish_call", call.script_keys, args):
            self._places.give_back(call.address, call.member)

    def withdraw(self, call: StepToolCall) -> bool:
        """End the call, for which its turn no longer waits, and stop its job. False when its first step was there."""
        message = DropWork(steps_work(call.run_id, call.call_id)).encode()
        args = {"ttl": self._store.settings.tool_over_ttl, "channel": self._store.control, "message": message}
        withdrawn = bool(self._store.call("withdraw_call", call.script_keys, args))
        if withdrawn:
            self._places.give_back(call.address, call.member)
        return withdrawn

    # the first step: the result of the call in the turn that made it

    def set_first_step(self, call: StepToolCall, result: Any) -> bool:
        """Hand the first step to the turn that waits for it. False when the turn no longer runs, or another job has
        claimed the call."""
        message = FirstStep(call.run_id, call.call_id).encode()
        args = {"result": exact_json.dumps(result), "channel": self._store.control, "message": message}
        args |= {"run": call.run_id, "claim": call.claim}
        return bool(self._store.call("first_step", call.script_keys, args))

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
        ended. False when the session or the thread is gone, or another job has claimed the call.
        """
        event = sse.async_tool_result(call.call_id, call.name, result, done)
        webhook = self._webhooks.of_tool(call, event, self._store.clock.now_iso())
        args = self._step_args(call, step, event) | {"webhook": put_args(webhook)}
        expect = self._webhooks.expect(webhook)
        while (code := self._store.call("later_step", call.script_keys, args, expect)) == _TURN_IS_ENDING:
            sleep(RETRY_SECONDS)
        if webhook and code == _DELIVERED:
            self._webhooks.release(webhook)
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
            "run": call.run_id,
            "claim": call.claim,
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


def call_member(session_id: str, run_id: str, call_id: str) -> str:
    """A call in the indexes of all sessions."""
    return f"{session_id} {run_id} {call_id}"
