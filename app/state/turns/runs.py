"""Turns: accepted, begun, ended. One turn runs at a time in a session; others wait there, first in, first out.

`seal` claims the end of a turn: the first caller (worker, interrupt, reaper) wins it. From then on its log is closed;
the winner folds the log into the history and calls `settle` with the terminal event.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import starmap
from typing import Any, cast

from redis.exceptions import ResponseError

from app import exact_json
from app.events import sse
from app.events.entries import StreamEntry
from app.events.types import Outcome, Status
from app.state import redis_keys, thread_lives
from app.state.clock import iso
from app.state.conversation import transcript
from app.state.ids import new_id, sha256_hex
from app.state.open_calls.ending import ending_of
from app.state.open_calls.records import Asked, stored_asks
from app.state.open_calls.store import OpenCallStore
from app.state.pairs import frame_pairs, from_pairs, text_fields
from app.state.scripts import Store
from app.state.turns import sent_before, withdrawal
from app.state.turns.control_messages import StopTurn
from app.state.turns.half_loaded import HalfLoaded
from app.state.turns.leases import Leases
from app.state.turns.run_records import EventBatch, Known, NotKnown, Run
from app.state.turns.run_status import RunStatus
from app.state.turns.slots import Slots
from app.state.turns.start_args import start_args
from app.state.turns.streams import READ_AT_ONCE, read_behind, read_stream
from app.state.turns.taking import FIRST_PAGE_MESSAGES, Taking
from app.state.turns.turn_queue import TurnQueue
from app.state.turns.turn_requests import Accepted, AcceptOutcome, TurnRequest
from app.state.webhooks.outbox import WebhookOf, WebhookOutbox, no_webhook, put_args


class RunStore:
    """The turns of all sessions. `webhook_of` an app says who is told about their ends."""

    def __init__(self, store: Store, webhook_of: WebhookOf = no_webhook) -> None:
        self._store = store
        self._redis = store.redis
        self._settings = store.settings
        self._clock = store.clock
        self.leases = Leases(store)
        self.taking = Taking(store, self.leases)
        self._slots = Slots(store, self.leases)
        self.open_calls = OpenCallStore(store)
        self.half_loaded = HalfLoaded(store)
        self._webhooks = WebhookOutbox(store, webhook_of)

    def start(self, session_id: str, request: TurnRequest, queue: TurnQueue | None = None) -> Accepted:
        """Accept a message; creates the session and a thread where there is none. The job of a run that `started` joins
        the `queue` in the same step; without one the caller enqueues it. A run that waits is returned by the `settle`
        of the turn before it."""
        run_id = request.run_id or new_id("run")
        exceeded = self._slots.take(session_id, run_id, request.limits)
        if exceeded and not self.was_sent(session_id, request):
            return Accepted("limit_reached", exceeded=exceeded)
        slots = [] if exceeded else [limit.redis_key for limit in request.limits]
        keys = [redis_keys.session(session_id)]
        if request.idempotency_key:
            keys.append(sent_before.sent_key(session_id, request))
        args = start_args(self._settings, self._clock.now_iso(), (session_id, run_id), request, slots, queue)
        script = "answer_calls" if request.call_answers else "start"
        lease = self.leases.first(session_id, run_id)
        before = None if lease else self.leases.renewal(session_id, run_id)
        try:
            reply = self._store.call(script, keys, args | {"lease": lease}, before)
        except ResponseError:  # refused, so no turn needs its slots; behind another error it may run
            self.leases.free(session_id, run_id, slots)
            raise
        outcome, *ids = ((raw or b"").decode() for raw in reply)
        kind = cast(AcceptOutcome, outcome)
        if outcome in ("started", "waiting"):
            thread, current, heard, *superseded = ids
            is_heard = bool(heard) and not self._store.is_cluster  # there, a process listens at several nodes
            return Accepted(kind, run_id, thread, current, tuple(superseded), is_heard=is_heard)
        if before or slots:
            self.leases.drop(session_id, run_id, slots)
        if outcome == "kept":
            return Accepted("kept", awaiting=tuple(ids))
        return Accepted(kind, "".join(ids))

    def claim(
        self, session_id: str, run_id: str, worker: str, known: Known | None = None, queue: TurnQueue | None = None
    ) -> Run | None:
        """Begin a queued turn, and take its job off the `queue` in the same step; without one the caller takes it off.
        None if the turn has ended or another worker has it. Raises `NotKnown` if its app or its model is not among the
        `known` ones; then nothing has changed."""
        apps, models = known or ("", "")
        args = {
            "run": run_id,
            "worker": worker,
            "claim": new_id("claim"),
            "apps": apps,
            "models": models,
            "count": FIRST_PAGE_MESSAGES,
            "now": self._clock.now_iso(),
            "job": queue.removing(session_id, run_id) if queue else [],
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

    def get_each(self, session_id: str, run_ids: Collection[str]) -> list[Run]:
        """Those of the turns that are kept, in one round trip."""
        pipeline = self._redis.pipeline(transaction=False)
        for run_id in run_ids:
            pipeline.hgetall(redis_keys.run(session_id, run_id))
        found = map(text_fields, pipeline.execute())
        return [Run.read(session_id, fields) for fields in found if "id" in fields]

    def is_running(self, session_id: str, run_id: str) -> bool:
        """Whether a worker runs the turn, and its end was not claimed."""
        return bool(self._redis.hget(redis_keys.run(session_id, run_id), "status") == b"running")

    def was_sent(self, session_id: str, request: TurnRequest) -> bool:
        """Whether a message with this Idempotency-Key was accepted before, whatever it said, or this very message with
        its `message_id`."""
        return sent_before.was_sent(self._store, session_id, request)

    def sent_with(self, session_id: str, idempotency_key: str) -> str:
        """The turn of the message that was sent with this Idempotency-Key, '' if there is none."""
        raw = self._redis.hget(redis_keys.sent(session_id, sha256_hex(idempotency_key.encode())), "run")
        return raw.decode() if raw else ""

    def earlier(self, session_id: str, idempotency_key: str, body: bytes) -> Accepted | None:
        """The outcome of answers to calls with this key: the turn that went on (`again`), or `reused` if the body was
        another one. None if they are new, or other calls of the turn have no answer yet."""
        key = redis_keys.sent(session_id, sha256_hex(idempotency_key.encode()))
        run_id, digest, kept = self._redis.hmget(key, "run", "body", "kept")
        if run_id is None:
            return None
        if digest != sha256_hex(body).encode():
            return Accepted("reused")
        if kept:
            run_id = self._redis.hget(redis_keys.run(session_id, run_id.decode()), "went_on")
        return Accepted("again", run_id.decode()) if run_id else None

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
        self,
        session_id: str,
        run_id: str,
        outcome: Outcome,
        *,
        expect: Collection[RunStatus],
        claim: str = "",
        asks: Sequence[Asked] = (),
    ) -> Run | None:
        """Claim the end of a turn, '' for the current one, that has one of the statuses in `expect`, and its worker's
        `claim` if one is given. It `asks` a person about these calls.

        None if there is no such turn: another process has ended it. After a Run, call `settle`.
        """
        args = {
            "run": run_id,
            "outcome": outcome,
            "expect": sorted(expect),
            "claim": claim,
            "asks": stored_asks(asks),
            "seal": new_id("seal"),
            "now": self._clock.now_iso(),
            "channel": self._store.control,
            "stop": "" if outcome == "complete" else StopTurn("%s", outcome).encode(),
            "count": READ_AT_ONCE,
        }
        reply = self._store.call("seal", [redis_keys.session(session_id)], args)
        return Run.read_sealed(session_id, reply) if reply else None

    def withdraw(self, session_id: str, run_id: str) -> Run | None:
        """As `seal`, of a turn that no worker has claimed: its message leaves the history in the same step."""
        return withdrawal.seal_unbegun(self._store, session_id, run_id)

    def settle(self, run: Run, terminal: sse.Event) -> str | None:
        """Close a sealed turn with its terminal event; open tool calls get a result, the log goes into the history.
        Returns the run that is current and queued now, which the caller enqueues."""
        now = self._clock.now()
        ending = ending_of(run, list(self._events(run)), terminal, iso(now))
        outcome = sse.outcome(terminal)
        args = {
            "terminal": exact_json.dumps(terminal),
            "frames": frame_pairs([*ending.endings, terminal]),
            "messages": [exact_json.dumps(message) for message in ending.messages],
            "results": [exact_json.dumps(result) for result in ending.results],
            "updates": frame_pairs([sse.system_error(run.session_id, terminal)] if outcome == "error" else []),
        }
        args |= ending.open_args(run, now, self._settings.answer_ttl)
        webhook = self._webhooks.of_turn(run, terminal, ending.messages, iso(now))
        lease = self.leases.ending(run.session_id, run.id, run.slots)
        args |= self._settle_args(run, outcome) | {"webhook": put_args(webhook), "lease": lease}
        if ending.asked:
            self.open_calls.expect(run.session_id, run.id)
        expect, keys = self._webhooks.expect(webhook), [redis_keys.session(run.session_id)]
        next_run, threads_are_due, has_put = self._store.call("settle", keys, args, expect)
        if webhook and has_put:
            self._webhooks.release(webhook)
        if self._store.is_cluster:
            self.leases.free(run.session_id, run.id, run.slots)
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

    def last(self, session_id: str) -> str:
        """The turn that was current last, '' if there was none."""
        raw = self._redis.hget(redis_keys.session(session_id), "last_run")
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
        log = redis_keys.log(run.session_id, run.id)
        known = run.first_entries
        entries = read_stream(self._store, log, 0) if known is None else read_behind(self._store, log, known)
        return (sse.parse(entry.frame) for entry in entries)

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
