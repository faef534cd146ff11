"""The messages of threads, as models and as clients read them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from app import exact_json
from app.events import sse
from app.state import redis_keys
from app.state.conversation import transcript
from app.state.conversation.message_pages import MessagePage, WantedMessages, backward, read_messages
from app.state.conversation.siblings import Forks
from app.state.open_calls.records import OpenCalls
from app.state.pairs import from_pairs
from app.state.scripts import Store
from app.state.session_fields import Fields
from app.state.turns.run_records import Run
from app.state.turns.streams import read_stream
from app.state.turns.turn_requests import BranchPoint

SUMMARY_FIELDS = (
    *("id", "title", "is_archived", "created_at", "updated_at"),
    *("run", "last_outcome", "updates", "news", "seen"),
)
"""Of a session in a list."""

THREAD_FIELDS = ("id", "title", "created_at", "updated_at", "last_outcome", "news", "seen")

_SNAPSHOT_PAGE = 200
"""Messages, and frames of a running turn's log, that a snapshot reads in one atomic step; it reads the others before
them, which do not change any more, in steps of their own."""


@dataclass(frozen=True)
class WaitingTurn:
    """A turn that waits, with its message; whether it answers a message again, or `goes_on` with answered calls: then
    the message is in the history already."""

    run_id: str
    message: transcript.Message
    regenerates: bool
    goes_on: bool = False


@dataclass(frozen=True)
class Snapshot:
    """A session as of one moment. `thread_id` is None when it has no such thread, '' when it has none at all.

    `messages` are those of the active branch, behind `older` stored ones that were not read. The last ones are of the
    `waiting` turns; `running` says whether the turn before those runs. A turn that waits to answer a message again has
    none there."""

    session: Fields
    thread_id: str | None
    messages: list[transcript.Message]
    running: bool = False
    waiting: tuple[WaitingTurn, ...] = ()
    forks: Forks = field(default_factory=Forks)
    older: int = 0
    open_calls: OpenCalls | None = None
    """The calls of the thread that wait for a person."""
    has_feedback: bool = False
    """Whether any reply of the thread has feedback."""

    def joining(self) -> frozenset[str]:
        """The ids of the messages of waiting turns at the end of `messages`."""
        return frozenset(turn.message["id"] for turn in self.waiting if not (turn.regenerates or turn.goes_on))

    def placed(self) -> list[transcript.Message]:
        """The messages with `parent_id` and `siblings`."""
        return self.place(self.messages)

    def place(self, messages: Iterable[transcript.Message]) -> list[transcript.Message]:
        """Successive messages of the thread with `parent_id` and `siblings`; the first one counts as the first of the
        thread."""
        return self.forks.placed(messages, self.joining())


class Histories:
    """Reads the messages of all threads, those of turns that run or wait included."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._redis = store.redis

    def messages(self, session_id: str, thread_id: str) -> list[transcript.Message]:
        """A thread's stored messages as models may read them, oldest first; a running turn's are in its log."""
        stored = self._redis.lrange(redis_keys.messages(session_id, thread_id), 0, -1)
        return transcript.for_models([exact_json.loads(raw) for raw in stored])

    def history(self, run: Run, max_bytes: float = math.inf) -> list[transcript.Message]:
        """The messages of a claimed turn's thread as models may read them, oldest first, its own message the last. Only
        the newest of them, somewhat more than `max_bytes` bytes: not all of a long history is read."""
        key = redis_keys.messages(run.session_id, run.thread_id)
        stored, left = list(run.newest.stored), run.newest.left
        read = sum(map(len, stored))
        while left and read <= max_bytes:
            page = self._redis.lrange(key, max(0, left - len(stored)), left - 1)  # as many again
            stored, left, read = page + stored, left - len(page), read + sum(map(len, page))
        return transcript.for_models([exact_json.loads(raw) for raw in stored])

    def snapshot(self, session_id: str, thread_id: str | None, *, whole: bool = True) -> Snapshot | None:
        """The session and a thread's messages (None: the newest thread) as of one moment, with the text so far
        of a running turn and what waits behind it. None if the session is unknown. Unless `whole`, a long history's
        older messages are not read (`message_page` does)."""
        args = {"thread": thread_id, "count": _SNAPSHOT_PAGE}
        reply = self._store.call("snapshot", [redis_keys.session(session_id)], args)
        if not reply:
            return None
        session = from_pairs(reply[0])
        if len(reply) == 1:
            return Snapshot(session, None, [])
        _, thread, left, newest, run, frames, waiting, branches, asking, has_feedback = reply
        older, forks = 0 if whole else left, Forks.read(from_pairs(branches))
        stored = [*self._oldest(session_id, thread.decode(), left - older), *newest]
        if left > older and self._cuts(session_id, thread.decode()) != forks.cuts:
            return self.snapshot(session_id, thread_id)  # another branch became active in between
        messages = [exact_json.loads(raw) for raw in stored]
        if fields := from_pairs(run):
            events = [sse.parse(frame) for frame in (*frames, *self._later_frames(session_id, fields, len(frames)))]
            _add_results(messages, OpenCalls.answered_in(fields), events)
            messages += transcript.fold(fields["id"], events, fields.get("started_at") or fields["queued_at"])
        turns = tuple(map(_waiting_turn, waiting[::3], waiting[1::3], waiting[2::3]))
        messages += [turn.message for turn in turns if not (turn.regenerates or turn.goes_on)]
        open_calls = OpenCalls.waiting_in(from_pairs(asking))
        found = (bool(fields), turns, forks, older, open_calls, bool(has_feedback))
        return Snapshot(session, thread.decode(), messages, *found)

    def message_page(self, session_id: str, snapshot: Snapshot, wanted: WantedMessages) -> MessagePage | None:
        """A page of the thread of a snapshot, which need not be whole. None if no message has the id `before`."""
        thread_id = snapshot.thread_id or ""
        older = backward(self._redis, redis_keys.messages(session_id, thread_id), snapshot.older)
        page = read_messages(snapshot.messages, older, wanted, snapshot.place)
        if snapshot.older and self._cuts(session_id, thread_id) != snapshot.forks.cuts:
            fresh = self.snapshot(session_id, thread_id, whole=False)  # another branch became active in between
            return self.message_page(session_id, fresh, wanted) if fresh and fresh.thread_id else None
        return page

    def target(self, session_id: str, thread_id: str | None, branch: BranchPoint) -> transcript.Message | None:
        """The message that a turn at a branch point replaces or answers again. None if there is none."""
        target = exact_json.dumps(branch.target) if branch.target else ""
        args = {"thread": thread_id, "branch": branch.kind, "target": target}
        stored = self._store.call("find_target", [redis_keys.session(session_id)], args)
        return exact_json.loads(stored) if stored else None

    def _oldest(self, session_id: str, thread_id: str, count: int) -> Iterator[bytes]:
        """The first `count` messages of a thread. They stay as long as its branch is active: they need not be read with
        the others."""
        key = redis_keys.messages(session_id, thread_id)
        for first in range(0, count, _SNAPSHOT_PAGE):
            yield from self._redis.lrange(key, first, min(first + _SNAPSHOT_PAGE, count) - 1)

    def _cuts(self, session_id: str, thread_id: str) -> int:
        """How often the active branch of a thread was cut."""
        return int(self._redis.hget(redis_keys.branches(session_id, thread_id), "cuts") or 0)

    def _later_frames(self, session_id: str, run: Fields, read: int) -> Iterator[bytes]:
        """The frames of a turn's log after the first `read` ones, as of the moment when it had these fields."""
        last = int(run.get("events", "0"))
        if read < _SNAPSHOT_PAGE or read >= last:
            return
        for entry in read_stream(self._store, redis_keys.log(session_id, run["id"]), read):
            if entry.number <= last:
                yield entry.frame


def _waiting_turn(run_id: bytes, message: bytes, branch: bytes) -> WaitingTurn:
    place = branch.decode()
    return WaitingTurn(run_id.decode(), exact_json.loads(message), place == "regenerate", place == "goes_on")


def _add_results(messages: list[transcript.Message], goes_on: OpenCalls | None, events: Iterable[sse.Event]) -> None:
    """Add the results so far of the calls with which the running turn goes on to their message."""
    for message in reversed(messages) if goes_on else ():
        if goes_on and message["id"] == goes_on.message_id:
            message["tool_results"] = [*message.get("tool_results", ()), *transcript.leading_results(events)]
            return
