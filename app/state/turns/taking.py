"""How a worker takes the next turn where one Redis holds queue and state: the command that waits for a job is sent
together with the script that claims its turn. Redis runs the script once the command has a job, so the claim takes no
round trip of its own."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, cast

from app import exact_json
from app.state import redis_keys
from app.state.ids import new_id
from app.state.scripts import Call, Store
from app.state.turns.leases import Leases
from app.state.turns.run_records import Known, Run

FIRST_PAGE_MESSAGES = 64
"""Messages of a thread that come with a turn that is claimed; each further read of its history doubles them."""

MOST_PUT_BACK = 3
"""Times that a turn is given back to the queue: one that kills its worker must end."""


PutBack = Literal["queued", "over", "begun"]
"""A turn waits again, or is none of this worker's any more, or was begun and must go on."""


class TurnLists(NamedTuple):
    """Names of the queue: jobs that wait, those that workers have just taken, and RQ's list of those that they go on
    with. `any_job` is that of a job's hash, with `*` in the place of the id."""

    waiting: str
    taken: str
    intermediate: str
    any_job: str


class Taken(NamedTuple):
    """A job that was taken, and its turn as the script returns it; () if the turn is not claimed yet."""

    job_id: str
    claimed: Any = ()


class Taking:
    """Takes turns, and gives them back."""

    def __init__(self, store: Store, leases: Leases) -> None:
        self._store = store
        self._leases = leases

    def next(self, redis: Any, lists: TurnLists, seconds: int, worker: str, known: Known) -> Taken | None:
        """The next turn, if there is one within so many seconds. A turn that the worker does not know is not claimed.
        `redis` is a client of the same server whose commands may block. Raises `Unavailable`; a turn that was claimed
        then, and of which nobody knows, is put back when its lease is over."""
        args = {
            "worker": worker,
            "claim": new_id("claim"),
            "apps": known.apps,
            "models": known.models,
            "count": FIRST_PAGE_MESSAGES,
            "lease": int(self._leases.seconds * 1000),
        }
        names = (lists.taken, lists.intermediate, redis_keys.LEASES, redis_keys.session("*"), lists.any_job)
        waiting = redis.pipeline(transaction=False)
        waiting.blmove(lists.waiting, lists.taken, seconds)
        reply = self._store.run_behind(waiting, Call("take_turn", (len(names), *names, exact_json.dumps(args))))
        return Taken(reply[0].decode(), *reply[1:]) if reply else None

    def is_still_claimed(self, run: Run) -> bool:
        """Whether the turn still runs for the claim that it was read with."""
        stored = self._store.redis.hmget(redis_keys.run(run.session_id, run.id), "status", "claim")
        return bool(stored == [b"running", run.claim.encode()])

    def put_back(self, run: Run, redis: Any = None) -> PutBack:
        """Have a claimed turn wait again, if nothing was done for it and it was not given back too often. The caller
        enqueues its job. `redis` is a client that gives up sooner than that of the state."""
        args = exact_json.dumps({"run": run.id, "claim": run.claim, "most": MOST_PUT_BACK})
        call = Call("put_back", (1, redis_keys.session(run.session_id), args))
        reply = self._store.run_behind(redis.pipeline(transaction=False), call) if redis else self._store.run(call)
        return cast(PutBack, reply.decode())
