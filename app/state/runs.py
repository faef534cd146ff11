"""Turns: accepted, begun, ended. One turn runs at a time in a session; others wait there, first in, first out.

waiting ──> queued ──> running ──> ending ──> complete | interrupted | error

`seal` takes the end of a turn: whoever asks first (worker, interrupt, reaper) wins it. From then on its log is
closed; the winner folds the log into the history and `settle`s with the terminal event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import starmap
from typing import Any, NamedTuple

from app import exact_json
from app.events import sse
from app.events.entries import StreamEntry
from app.events.types import Status
from app.state import redis_keys, transcript
from app.state.clock import now_iso, now_us
from app.state.control_messages import StopTurn
from app.state.ids import new_id, sha256_hex
from app.state.leases import Leases
from app.state.pairs import frame_pairs, from_pairs, to_pairs
from app.state.scripts import Store
from app.state.session_fields import new_session_fields
from app.state.slots import ConcurrencyLimit, Slots
from app.state.streams import read_stream


@dataclass(frozen=True)
class TurnRequest:
    """A message as chat accepted it. `thread_id` None is the newest thread; `user_state` None leaves it.

    With an `idempotency_key`, `body` is all that was sent, by which another message is told from a repeated one.
    `client` is the SHA-256 of its client's id; '' is the one that the session belongs to, if to any. `key` is the id of
    the API key it came with, if with any, and `budget` what that may cost a month, in US$, '' if it is not bounded.
    `origin` is what asked for it, for logs and traces. With `answers` it is the client's answer to these open requests:
    it closes them, and waits in any queue. Its turn needs a slot of each of its `limits`.
    """

    text: str
    app: str
    model: str
    thread_id: str | None = None
    user_state: dict[str, Any] | None = None
    on_busy: str = "enqueue"
    idempotency_key: str = ""
    body: bytes = b""
    client: str = ""
    key: str = ""
    budget: str = ""
    answers: tuple[int, ...] = ()
    origin: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[ConcurrencyLimit, ...] = ()


@dataclass(frozen=True)
class Accepted:
    """What became of a message: `started`, `waiting` (behind the run `current`), `again` (it was accepted before),
    or refused: `busy`, `full`, `no_thread`, `reused` (its Idempotency-Key belongs to another message), `unasked` (what
    it answers is not open), `no_slot` (of the holder `exceeded`)."""

    outcome: str
    run_id: str = ""
    thread_id: str = ""
    current: str = ""
    exceeded: ConcurrencyLimit | None = None


@dataclass(frozen=True)
class Run:
    """One turn."""

    session_id: str
    id: str
    thread_id: str
    status: str
    app: str
    model: str
    started_at: str
    message: dict[str, Any]
    outcome: str = ""
    client: str = ""
    key: str = ""
    budget: str = ""
    origin: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, str] = field(default_factory=dict)
    """When it was `queued_at`, `current_at`, `started_at`, `first_at`, `ended_at`, as far as it came."""
    slots: tuple[str, ...] = ()

    @classmethod
    def read(cls, session_id: str, fields: dict[str, str]) -> Run:
        """Out of the fields of its hash."""
        return cls(
            session_id=session_id,
            id=fields["id"],
            thread_id=fields["thread"],
            status=fields["status"],
            app=fields["app"],
            model=fields["model"],
            started_at=fields.get("started_at") or fields["queued_at"],
            message=exact_json.loads(fields["message"]),
            outcome=fields.get("outcome", ""),
            client=fields.get("client", ""),
            key=fields.get("key", ""),
            budget=fields.get("budget", ""),
            origin=exact_json.loads(fields.get("origin", "{}")),
            times={name: value for name, value in fields.items() if name.endswith("_at")},
            slots=tuple(fields.get("slots", "").split()),
        )


class EventBatch(NamedTuple):
    """Events of a running turn that are appended together. `number` is greater than that of the turn's last one, and
    the same when it is sent again. `after` is the number of the one that the log must hold already, 0 for none."""

    session_id: str
    run_id: str
    number: int
    events: Sequence[sse.Event]
    after: int = 0


class RunStore:
    """The turns of all sessions."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis
        self._settings = store.settings
        self.leases = Leases(store)
        self._slots = Slots(store, self.leases)

    def start(self, session_id: str, message: TurnRequest) -> Accepted:
        """Accept a message, making the session and a thread where there is none. The caller enqueues a run that
        `started`; one that waits is returned by the `settle` of the turn before it."""
        moment, run_id, title = now_iso(), new_id("run"), first_words(message.text)
        exceeded = self._slots.take(session_id, run_id, message.limits)
        if exceeded and not self.was_sent(session_id, message):
            return Accepted("no_slot", exceeded=exceeded)
        slots = [] if exceeded else [limit.slots for limit in message.limits]
        role = "system" if message.answers else "user"
        said = transcript.message(new_id("msg"), role, message.text, moment)
        fields = to_pairs(new_session_fields(session_id))
        values = {
            "thread": message.thread_id,
            "new_thread": new_id("thread"),
            "run": run_id,
            "message": exact_json.dumps(said),
            "app": message.app,
            "model": message.model,
            "on_busy": message.on_busy,
            "max_waiting": self._settings.max_waiting,
            "user_state": "" if message.user_state is None else exact_json.dumps(message.user_state),
            "title": title,
            "title_frame": sse.frame(sse.title_changed(session_id, title)),
            "state_frame": sse.frame(sse.state(session_id, "processing", run_id=run_id)),
            "now": moment,
            "opened": now_us(),
            "ttl": self._settings.session_ttl,
            "cap": self._settings.updates_kept,
            "body": sha256_hex(message.body),
            "sent_ttl": self._settings.idempotency_ttl,
            "client": message.client,
            "key": message.key,
            "origin": exact_json.dumps(message.origin),
            "budget": message.budget,
            "slots": " ".join(slots),
            "answers": " ".join(map(str, message.answers)),
            "closed_frame": sse.frame(sse.client_request_closed(session_id, message.answers, "answered")),
        }
        args = (len(fields), *fields, *to_pairs(values))
        names = [redis_keys.session(session_id)]
        if message.idempotency_key:
            names.append(redis_keys.sent(session_id, sha256_hex(message.idempotency_key.encode())))
        answer = self._store.call("start", names, *args, first_command=self.leases.renewal(session_id, run_id))
        outcome, *found = (raw.decode() for raw in answer if raw)
        if outcome in ("started", "waiting"):
            return Accepted(outcome, run_id, *found)
        self.leases.drop(session_id, run_id, slots)
        return Accepted(outcome, *found)

    def claim(self, session_id: str, run_id: str, worker: str) -> Run | None:
        """Begin a queued turn. None if it has ended or another worker has it."""
        args = (run_id, worker, now_iso(), new_id("claim"))
        answer = self._store.call(
            "claim", [redis_keys.session(session_id)], *args, first_command=self.leases.renewal(session_id, run_id)
        )
        if not answer and self.get(session_id, run_id) is None:
            self.leases.drop(session_id, run_id)  # its session was deleted
        return Run.read(session_id, from_pairs(answer)) if answer else None

    def get(self, session_id: str, run_id: str) -> Run | None:
        """The turn, or None when it is unknown or no longer kept."""
        fields = self._store.fields(redis_keys.run(session_id, run_id))
        return Run.read(session_id, fields) if "id" in fields else None

    def was_sent(self, session_id: str, message: TurnRequest) -> bool:
        """Whether a message with this Idempotency-Key was accepted before, whatever it said."""
        key = message.idempotency_key
        return bool(key) and bool(self._redis.exists(redis_keys.sent(session_id, sha256_hex(key.encode()))))

    def append(self, batches: Sequence[EventBatch]) -> list[bool | None]:
        """Append events to the logs of several turns at once. True for each batch that is in its log.

        False where the turn no longer runs; None where the log has lost what the batch comes after, as a master died:
        send it again with all that went before.
        """
        each = [
            (redis_keys.session(batch.session_id), [batch.run_id, batch.number, batch.after, len(frames) // 2, *frames])
            for batch, frames in ((batch, frame_pairs(batch.events)) for batch in starmap(EventBatch, batches))
        ]
        common = (self._settings.session_ttl, now_iso())
        return [None if found < 0 else bool(found) for found in self._store.call_each("append", common, each)]

    def seal(self, session_id: str, run_id: str, outcome: str, *, expect: str) -> Run | None:
        """Take the end of a turn that has one of the statuses in `expect`.

        None if there is none such: somebody else has ended it. After a Run, call `settle`.
        """
        stop = StopTurn(run_id, outcome).encode()
        args = (run_id, outcome, now_iso(), expect, redis_keys.CONTROL, new_id("seal"), stop)
        answer = self._store.call("seal", [redis_keys.session(session_id)], *args)
        return Run.read(session_id, from_pairs(answer)) if answer else None

    def settle(self, run: Run, terminal: sse.Event) -> str | None:
        """Close a sealed turn with its terminal event; open tool calls get their result, the log goes into the
        history. Returns the run that is current now, which the caller enqueues."""
        events = list(self._events(run))
        endings: list[sse.Event] = [
            sse.tool_result(call["call_id"], call["name"], transcript.INTERRUPTED)
            for call in transcript.unanswered_tool_calls(transcript.fold(run.id, events, run.started_at))
        ]
        messages = transcript.fold(run.id, events + endings, run.started_at)
        outcome = terminal["type"] if not terminal.get("interrupted") else "interrupted"
        if outcome == "interrupted" and messages:
            messages[-1]["interrupted"] = True
        if outcome == "error" and terminal["code"] == "refused":
            messages.append(transcript.refusal_note(run.id, terminal["message"], now_iso(), run.message["id"]))
        elif outcome == "error":
            messages.append(transcript.message(f"{run.id}-error", "error", terminal["message"], now_iso()))
        frames = frame_pairs([*endings, terminal])
        stored = [exact_json.dumps(message) for message in messages]
        news = frame_pairs([sse.system_error(run.session_id, terminal)] if outcome == "error" else [])
        free: Status = "interrupted" if outcome == "interrupted" else "idle"
        values = {
            "run": run.id,
            "thread": run.thread_id,
            "outcome": outcome,
            "now": now_iso(),
            "log_ttl": self._settings.log_ttl,
            "run_kept": max(self._settings.log_ttl, 2 * self._settings.failed_job_ttl),  # its job may fail later
            "ttl": self._settings.session_ttl,
            "cap": self._settings.updates_kept,
            "busy_frame": sse.frame(sse.state(run.session_id, "processing")),
            "free_frame": sse.frame(sse.state(run.session_id, free)),
        }
        args = (len(frames), len(stored), len(news), *frames, *stored, *news, *to_pairs(values))
        answer = self._store.call("settle", [redis_keys.session(run.session_id)], *args)
        self.leases.end(run.session_id, run.id, run.slots)
        following = answer[1] if len(answer) > 1 else None
        return following.decode() if following else None

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

    def event(self, session_id: str, run_id: str, number: int) -> StreamEntry | None:
        """One event of a turn's log, or None if it has no such number."""
        found = read_stream(self._store, redis_keys.log(session_id, run_id), number - 1, count=1)
        return found[0] if found and found[0].number == number else None

    def open_in(self, session_id: str, thread_id: str) -> list[str]:
        """The turns of a thread that wait or run, the last one first, so that ending one starts none of them."""
        waiting = [raw.decode() for raw in self._redis.lrange(redis_keys.waiting(session_id), 0, -1)]
        found = (self.get(session_id, run_id) for run_id in reversed([self.current(session_id), *waiting]))
        return [run.id for run in found if run and run.thread_id == thread_id]

    def _events(self, run: Run) -> Iterator[sse.Event]:
        return (sse.parse(entry.frame) for entry in self.entries(run.session_id, run.id, 0))


def first_words(text: str, limit: int = 60) -> str:
    """A title out of the first words of a message."""
    words = " ".join(text.split())
    if len(words) <= limit:
        return words
    return words[: limit + 1].rsplit(" ", 1)[0][:limit].rstrip(",.;: ") + "…"
