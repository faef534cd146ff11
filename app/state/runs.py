"""Turns: accepted, begun, ended. One turn runs at a time in a session; others wait there, first in, first out.

`seal` claims the end of a turn: the first caller (worker, interrupt, reaper) wins it. From then on its log is closed;
the winner folds the log into the history and calls `settle` with the terminal event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import starmap
from typing import Any, cast

from app import exact_json
from app.events import sse
from app.events.entries import StreamEntry
from app.events.types import Outcome, Status
from app.state import redis_keys, thread_lives, transcript, withdrawal
from app.state.control_messages import StopTurn
from app.state.ids import new_id, sha256_hex
from app.state.leases import Leases
from app.state.pairs import frame_pairs, from_pairs, to_pairs
from app.state.run_records import EventBatch, Known, NotKnown, Run
from app.state.run_status import RunStatus
from app.state.scripts import Store
from app.state.session_fields import new_session_fields
from app.state.siblings import MAX_SIBLINGS
from app.state.slots import Slots
from app.state.streams import read_stream
from app.state.titles import first_words
from app.state.turn_requests import Accepted, AcceptOutcome, TurnRequest

FIRST_PAGE_MESSAGES = 64
"""Messages of a thread that come with a turn that is claimed; each further read of its history doubles them."""


class RunStore:
    """The turns of all sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._settings = store.settings
        self._clock = store.clock
        self.leases = Leases(store)
        self._slots = Slots(store, self.leases)

    def start(self, session_id: str, request: TurnRequest) -> Accepted:
        """Accept a message; creates the session and a thread where there is none. The caller enqueues a run that
        `started`; one that waits is returned by the `settle` of the turn before it."""
        run_id = new_id("run")
        exceeded = self._slots.take(session_id, run_id, request.limits)
        if exceeded and not self.was_sent(session_id, request):
            return Accepted("limit_reached", exceeded=exceeded)
        slots = [] if exceeded else [limit.redis_key for limit in request.limits]
        keys = [redis_keys.session(session_id)]
        if request.idempotency_key:
            keys.append(self._sent_key(session_id, request))
        args = self._start_args(session_id, run_id, request) | {"slots": " ".join(slots)}
        reply = self._store.call("start", keys, args, self.leases.renewal(session_id, run_id))
        outcome, *ids = (raw.decode() for raw in reply if raw)
        if outcome in ("started", "waiting"):
            return Accepted(cast(AcceptOutcome, outcome), run_id, ids[0], "".join(ids[1:2]), tuple(ids[2:]))
        self.leases.drop(session_id, run_id, slots)
        return Accepted(cast(AcceptOutcome, outcome), *ids)

    def claim(self, session_id: str, run_id: str, worker: str, known: Known | None = None) -> Run | None:
        """Begin a queued turn. None if it has ended or another worker has it. Raises `NotKnown` if its app or its model
        is not among the `known` ones; then nothing has changed."""
        apps, models = known or ("", "")
        args = {
            "run": run_id,
            "worker": worker,
            "claim": new_id("claim"),
            "apps": apps,
            "models": models,
            "count": FIRST_PAGE_MESSAGES,
            "now": self._clock.now_iso(),
        }
        renewal = self.leases.renewal(session_id, run_id)
        reply = self._store.call("claim", [redis_keys.session(session_id)], args, renewal)
        if reply == [b"unknown"]:
            raise NotKnown
        if not reply and self.get(session_id, run_id) is None:
            self.leases.drop(session_id, run_id)  # its session was deleted
        return Run.read_claimed(session_id, reply) if reply else None

    def claim_title(self, session_id: str, run_id: str) -> Run | None:
        """Claim the model call for the title of the turn's thread. None if turn or thread is gone, or another job has
        it."""
        args = {"run": run_id, "claim": new_id("claim")}
        fields = from_pairs(self._store.call("claim_title", [redis_keys.session(session_id)], args))
        return Run.read(session_id, fields) if fields else None

    def claim_compaction(self, session_id: str, run_id: str, hold: float) -> Run | None:
        """Claim the summing up of the turn's thread, for `hold` seconds or until `Sessions.end_compaction`. None if
        turn or thread is gone, or another job has it. The run has that job's claim."""
        claim = new_id("compaction")
        args = {"run": run_id, "claim": claim, "hold": int(hold * 1000), "count": FIRST_PAGE_MESSAGES}
        reply = self._store.call("claim_compaction", [redis_keys.session(session_id)], args)
        return replace(Run.read_claimed(session_id, reply), claim=claim) if reply else None

    def get(self, session_id: str, run_id: str) -> Run | None:
        """The turn, or None when it is unknown or no longer kept."""
        fields = self._store.fields(redis_keys.run(session_id, run_id))
        return Run.read(session_id, fields) if "id" in fields else None

    def is_running(self, session_id: str, run_id: str) -> bool:
        """Whether a worker runs the turn, and its end was not claimed."""
        return bool(self._redis.hget(redis_keys.run(session_id, run_id), "status") == b"running")

    def was_sent(self, session_id: str, request: TurnRequest) -> bool:
        """Whether a message with this Idempotency-Key was accepted before, whatever it said, or this very message with
        its `message_id`."""
        if request.idempotency_key and self._redis.exists(self._sent_key(session_id, request)):
            return True
        return bool(request.message_id) and self._had_id(session_id, request)

    def first_batch_number(self) -> int:
        """A number of batches that is greater than those of all processes that began earlier."""
        return int(self._clock.now().timestamp() * 1000) << 8

    def append(self, batches: Sequence[EventBatch]) -> list[bool | None]:
        """Append events to the logs of several turns at once. True for each batch that is in its log.

        False where the turn no longer runs, or another worker has claimed it. None where the log has lost the batch
        before this one, because a master died: send it again together with all batches before it.
        """
        each = [(redis_keys.session(batch.session_id), _append_args(batch)) for batch in starmap(EventBatch, batches)]
        common = (self._settings.session_ttl, self._clock.now_iso())
        return [None if code < 0 else bool(code) for code in self._store.call_each("append", common, each)]

    def seal(
        self, session_id: str, run_id: str, outcome: Outcome, *, expect: Collection[RunStatus], claim: str = ""
    ) -> Run | None:
        """Claim the end of a turn that has one of the statuses in `expect`, and its worker's `claim` if one is given.

        None if there is no such turn: another process has ended it. After a Run, call `settle`.
        """
        args = {
            "run": run_id,
            "outcome": outcome,
            "expect": sorted(expect),
            "claim": claim,
            "seal": new_id("seal"),
            "now": self._clock.now_iso(),
            "channel": self._store.control,
            "stop": "" if outcome == "complete" else StopTurn(run_id, outcome).encode(),
        }
        fields = from_pairs(self._store.call("seal", [redis_keys.session(session_id)], args))
        return Run.read(session_id, fields) if fields else None

    def withdraw(self, session_id: str, run_id: str) -> Run | None:
        """As `seal`, of a turn that no worker has claimed: its message leaves the history in the same step."""
        return withdrawal.seal_unbegun(self._store, session_id, run_id)

    def settle(self, run: Run, terminal: sse.Event) -> str | None:
        """Close a sealed turn with its terminal event; open tool calls get a result, the log goes into the history.
        Returns the run that is current and queued now, which the caller enqueues."""
        events = list(self._events(run))
        endings: list[sse.Event] = [
            sse.tool_result(call["call_id"], call["name"], transcript.INTERRUPTED)
            for call in transcript.unanswered_tool_calls(transcript.fold(run.id, events, run.started_at))
        ]
        messages = transcript.fold(run.id, events + endings, run.started_at)
        outcome, now = sse.outcome(terminal), self._clock.now_iso()
        if outcome == "interrupted":
            transcript.mark_interrupted(messages)
        if run.response_format and terminal == sse.complete():
            transcript.mark_structured(messages)
        if outcome == "error" and terminal["code"] == "refused":
            messages.append(transcript.refusal_note(run.id, terminal["message"], now, run.message["id"]))
        elif outcome == "error":
            messages.append(transcript.message(f"{run.id}-error", "error", terminal["message"], now))
        args = {
            "terminal": exact_json.dumps(terminal),
            "frames": frame_pairs([*endings, terminal]),
            "messages": [exact_json.dumps(message) for message in messages],
            "updates": frame_pairs([sse.system_error(run.session_id, terminal)] if outcome == "error" else []),
        }
        args |= self._settle_args(run, outcome)
        next_run, threads_are_due = self._store.call("settle", [redis_keys.session(run.session_id)], args)
        self.leases.end(run.session_id, run.id, run.slots)
        if threads_are_due:
            thread_lives.renew(self._store, run.session_id)
        return next_run.decode() or None

    # reading

    def partial(self, run: Run) -> list[transcript.Message]:
        """The messages of a turn so far, out of its log."""
        return transcript.fold(run.id, self._events(run), run.started_at)

    def entries(self, session_id: str, run_id: str, after: int) -> list[StreamEntry]:
        """The events of a turn's log after number `after`."""
        return read_stream(self._store, redis_keys.log(session_id, run_id), after)

    def current(self, session_id: str) -> str:
        """The turn that is current, '' if there is none."""
        raw = self._redis.hget(redis_keys.session(session_id), "run")
        return raw.decode() if raw else ""

    def thread_of(self, session_id: str, run_id: str) -> str:
        """The thread of a turn, '' if there is none."""
        raw = self._redis.hget(redis_keys.run(session_id, run_id), "thread") if run_id else None
        return raw.decode() if raw else ""

    def event(self, session_id: str, run_id: str, number: int) -> StreamEntry | None:
        """One event of a turn's log, or None if it has no such number."""
        entries = read_stream(self._store, redis_keys.log(session_id, run_id), number - 1, count=1)
        return entries[0] if entries and entries[0].number == number else None

    def open_in(self, session_id: str, thread_id: str = "") -> list[str]:
        """The turns of a thread, or of all threads, that wait or run. The last one is first, so that ending one starts
        none of them."""
        waiting = [raw.decode() for raw in self._redis.lrange(redis_keys.waiting(session_id), 0, -1)]
        runs = (self.get(session_id, run_id) for run_id in reversed([self.current(session_id), *waiting]))
        return [run.id for run in runs if run and thread_id in ("", run.thread_id)]

    def _events(self, run: Run) -> Iterator[sse.Event]:
        return (sse.parse(entry.frame) for entry in self.entries(run.session_id, run.id, 0))

    def _had_id(self, session_id: str, request: TurnRequest) -> bool:
        newest = self._redis.zrevrange(redis_keys.threads(session_id), 0, 0)
        thread_id = request.thread_id or "".join(raw.decode() for raw in newest)
        field = f"sent:{exact_json.dumps(request.message_id)}"
        sent = self._redis.hget(redis_keys.message_ids(session_id, thread_id), field) or b""
        return bool(sent.endswith(sha256_hex(request.body).encode()))

    def _sent_key(self, session_id: str, request: TurnRequest) -> str:
        return redis_keys.sent(session_id, sha256_hex(request.idempotency_key.encode()))

    def _start_args(self, session_id: str, run_id: str, request: TurnRequest) -> dict[str, Any]:
        now, title = self._clock.now_iso(), first_words(request.text)
        role = "system" if request.answers else "user"
        closed = sse.client_request_closed(session_id, request.answers, "answered")
        return {
            "run": run_id,
            "message": exact_json.dumps(_message(role, request, now)),
            "app": request.app,
            "model": request.model,
            "thread": request.thread_id,
            "new_thread": new_id("thread"),
            "session": to_pairs(new_session_fields(session_id, now)),
            "title": title,
            "user_state": "" if request.user_state is None else exact_json.dumps(request.user_state),
            "client": request.principal.client,
            "address": request.principal.address,
            "key": request.principal.api_key_id,
            "budget": request.principal.budget,
            "origin": exact_json.dumps(request.trace_context),
            "answers": [str(number) for number in request.answers],
            "on_busy": request.on_busy,
            "branch": request.branch.kind if request.branch else "",
            "target": _as_text(request.branch.target) if request.branch else "",
            "client_id": _as_text(request.message_id),
            "max_siblings": MAX_SIBLINGS,
            "response_format": exact_json.dumps(request.response_format) if request.response_format else "",
            "max_waiting": self._settings.max_waiting,
            "body": sha256_hex(request.body),
            "now": now,
            "ttl": self._settings.session_ttl,
            "sent_ttl": self._settings.idempotency_ttl,
            "max_updates": self._settings.updates_kept,
            "title_frame": sse.frame(sse.title_changed(session_id, title)).decode(),
            "state_frame": sse.frame(sse.state(session_id, "processing", run_id=run_id)).decode(),
            "closed_frame": sse.frame(closed).decode(),
        }

    def _settle_args(self, run: Run, outcome: Outcome) -> dict[str, Any]:
        free: Status = "interrupted" if outcome == "interrupted" else "idle"
        return {
            "run": run.id,
            "thread": run.thread_id,
            "outcome": outcome,
            "busy_frame": sse.frame(sse.state(run.session_id, "processing")).decode(),
            "free_frame": sse.frame(sse.state(run.session_id, free)).decode(),
            "now": self._clock.now_iso(),
            "ttl": self._settings.session_ttl,
            "log_ttl": self._settings.log_ttl,
            "run_kept": max(self._settings.log_ttl, 2 * self._settings.failed_job_ttl),  # its job may fail later
            "max_updates": self._settings.updates_kept,
        }


def _append_args(batch: EventBatch) -> list[Any]:
    frames = [item for event in batch.events for item in (event["type"], sse.frame(event))]
    return [batch.run_id, batch.claim, batch.number, batch.after, len(batch.events), *frames]


def _message(role: str, request: TurnRequest, now: str) -> transcript.Message:
    """The id of the client follows ours: lua/branches.lua finds both without decoding the rest."""
    attached = {"attachments": request.attachments} if request.attachments else {}
    ids = {"id": new_id("msg")} | ({"client_id": request.message_id} if request.message_id else {})
    return ids | transcript.message(ids["id"], role, request.text, now) | attached


def _as_text(message_id: str) -> str:
    """An id as it is in the JSON of its message."""
    return exact_json.dumps(message_id) if message_id else ""
