"""What must hold when all is over, read from Redis and the API."""

from __future__ import annotations

import json
from collections import Counter
from statistics import median
from typing import Any

import httpx
import redis as redis_py

from app.config import Settings
from app.state.accounts.ledger import Ledger
from app.state.inspection import Inspection
from app.state.scripts import Store
from app.usage import Totals
from app.usage.report import total
from tests.chaos.answers_verdict import check_answers
from tests.chaos.erasing import APP as APP_OF_THE_ERASED
from tests.chaos.front_ends_verdict import check_front_end
from tests.chaos.people import Listener, Person
from tests.chaos.reader import Sent
from tests.chaos.site import Site
from tests.support.moments import this_month
from tests.support.patience import patient, until
from tests.support.remains import without_life

INDEXES = ("leases", "model-calls", "client-requests", "open-calls", "sleeping-calls")
"""The indexes of all sessions."""

FAULTS_OF_THE_SITE = {"worker_lost", "shutdown"}
"""Codes of errors that killed and stopped workers may give a turn of any kind."""


class Verdict:
    """Counts what was checked (`held`) and says what was not as it must be (`broken`)."""

    def __init__(self, site: Site, people: list[Person], listeners: list[Listener]) -> None:
        self.held: Counter[str] = Counter()
        self.broken: list[str] = []
        self._site = site
        self._people = people
        self._listeners = listeners
        self._messages: dict[str, list[dict]] = {}
        self._counted = 0

    def reach(self) -> None:
        """Check everything."""
        with self._site.store() as store:
            until(lambda: _answers(store), 30, "Redis to be back")
            self._settled(store)
            for person in self._people:
                self._messages[person.session_id] = self._state(person.session_id)["messages"]
                for approval in person.approvals:
                    state = self._state(approval.session_id)
                    self._messages[approval.session_id] = state["messages"]
                    check_answers(self._check, store, approval, state)
                for front_end in person.front_ends:
                    check_front_end(self._check, front_end, self._state(front_end.session_id), self._asked_for)
                for sent in person.sent:
                    if not sent.refused:
                        self._turn(store, sent)
            for listener, person in zip(self._listeners, self._people, strict=True):
                self._updates(store, listener, person)
            self._erased(store)
            self._keys(store)
        self._bills()

    def figures(self) -> dict[str, str]:
        """What was measured on the way."""
        stops = sorted(stop for person in self._people for stop in person.stops)
        lost = [seconds for person in self._people for sent in person.sent if (seconds := self._lost_after(sent))]
        return {
            "interrupt to the stream's end, median / 95 % / max s": _spread(stops),
            "worker killed or frozen to worker_lost, median / 95 % / max s": _spread(sorted(lost)),
            "model calls counted, and seen by the provider": f"{self._counted} / {len(self._site.provider.seen)}",
            "streams resumed": str(sum(sent.reconnects for person in self._people for sent in person.sent)),
        }

    def _check(self, promise: str, fine: bool, otherwise: object) -> None:
        self.held[promise] += fine
        if not fine:
            self.broken.append(f"{promise}: {otherwise}")

    def _settled(self, store: redis_py.Redis) -> None:
        """Multi-step tools go on when their turn is over, and the reaper settles calls of lost workers: wait until no
        job and no model call is left."""
        try:
            until(lambda: not _open_jobs(store) and not store.zcard("leases"), 100, "the last jobs")
            until(lambda: not store.zcard("model-calls"), 60, "the last model calls")
            until(lambda: not store.zcard("open-calls"), self._site.answer_ttl + 30, "the last calls to be closed")
        except AssertionError as error:
            self.broken.append(f"{error}: jobs {_open_jobs(store)}, leases {store.zrange('leases', 0, -1)}")
        try:
            channels = {"control", "feed", "__sentinel__:hello"}
            channels |= {f"session:{{{person.session_id}}}:updates" for person in self._people}
            until(lambda: set(store.pubsub_channels()) <= channels, 30, "subscriptions of streams that are over")
            self.held["subscriptions go with their streams"] += 1
        except AssertionError as error:
            clients = store.client_list(_type="pubsub")
            listening = [(one["name"], one["age"], one["idle"], one["sub"]) for one in clients]
            self.broken.append(f"{error}: {store.pubsub_channels()}; name, age, idle, channels: {listening}")

    def _turn(self, store: redis_py.Redis, sent: Sent) -> None:
        log = f"session:{{{sent.session_id}}}:run:{sent.run_id}:log"
        events = [json.loads(entry["frame"][6:]) for _, entry in store.xrange(log)]
        ends = [event["type"] for event in events if event["type"] in ("complete", "error")]
        self._check("exactly one end, and it is last", len(ends) == 1 and events[-1]["type"] == ends[0], events)
        self._check("the stream is the log", sent.events == events, f"{sent} but {events}")
        self._check("the turn ended as its kind must", _allowed(sent), sent)
        history = [m for m in self._messages[sent.session_id] if m["id"].startswith(f"{sent.run_id}-")]
        told = "".join(message["content"] for message in history if message["role"] == "assistant")
        self._check("the history is the log", told == sent.said(), f"{told!r} but {sent}")
        self._check("the model was asked once", self._asked(sent), sent)
        status = store.hget(f"session:{{{sent.session_id}}}:run:{sent.run_id}", "status")
        self._check("no run without an end", status in ("complete", "interrupted", "error"), f"{status}: {sent}")
        if sent.kind == "steps":
            self._steps(sent)
        if sent.kind == "answer":
            self._answered(store, sent)

    def _asked(self, sent: Sent) -> bool:
        return self._asked_for(sent.text) <= (2 if sent.kind == "retry" else 1)

    def _asked_for(self, text: str) -> int:
        return len([seen for seen in self._site.provider.requests(text) if seen.messages[-1]["role"] == "user"])

    def _steps(self, sent: Sent) -> None:
        """A tool whose first step reached the model comes to its end, each step once."""
        if not any(event["type"] == "tool_result" and event["result"] == {"left": 4} for event in sent.events):
            return
        call_id = next(event["call_id"] for event in sent.events if event["type"] == "tool_call")
        told = [m["tool_results"] for m in self._messages[sent.session_id] if m["role"] == "tool"]
        steps = [result["result"] for (result,) in told if result["call_id"] == call_id]
        expected = [{"left": 3}, {"left": 2}, {"left": 1}]
        self._check("steps come once and to their end", [s for s in steps if s] == expected, f"{steps}: {sent}")

    def _answered(self, store: redis_py.Redis, sent: Sent) -> None:
        """A wallet's answer is told once, in one turn, and its request is over."""
        told = [m for m in self._messages[sent.session_id] if m["role"] == "system" and m["content"] == sent.text]
        runs = store.scan_iter(f"session:{{{sent.session_id}}}:run:*", count=1000, _type="hash")
        begun = [run for run in runs if json.loads(store.hget(run, "message"))["content"] == sent.text]
        once = len(told) == len(begun) == 1 and begun[0].endswith(sent.run_id)
        self._check("an answer begins one turn", once, f"{told}, {begun}: {sent}")

    def _updates(self, store: redis_py.Redis, listener: Listener, person: Person) -> None:
        last = int(store.hget(f"session:{{{person.session_id}}}", "updates") or 0)
        until(lambda: listener.numbers and listener.numbers[-1] >= last, 20, "the last update")
        numbers = listener.numbers
        whole = numbers == list(range(numbers[0], last + 1))
        self._check("updates without hole or double", whole, f"{numbers} of {last}")

    def _erased(self, store: redis_py.Redis) -> None:
        """Nothing is left of the sessions that were deleted at work, and nothing has come back."""
        for session_id in (session_id for person in self._people for session_id in person.erased):
            left = list(store.scan_iter(f"*{session_id}*", count=1000))
            left += [index for index in INDEXES if any(session_id in name for name in store.zrange(index, 0, -1))]
            self._check("nothing is left of a session deleted at work", not left, left)

    def _keys(self, store: redis_py.Redis) -> None:
        lasting = set(without_life(store))
        for key in store.scan_iter(count=1000):
            self._check("every key has a life", key not in lasting, key)

    def _bills(self) -> None:
        """Every model call is settled, once: the turns, the sessions and the API keys tell of the same."""
        with redis_py.Redis.from_url(self._site.redis.master_url) as connection:
            store = Store(connection, Settings())
            inspection, ledger = Inspection(store), Ledger(store)
            runs = list(inspection.runs())
            turns = [charge.totals() for pair in runs for charge in inspection.charges(*pair)]
            sessions = [total(ledger.of_session(session_id)) for session_id in {session for session, _ in runs}]
            keys = total(row for row in ledger.of_all(this_month()) if row.app != APP_OF_THE_ERASED)
            told = [sum(turns, Totals()), sum(sessions, Totals()), keys]
            self._check("turns, sessions and keys have used the same", told == [keys] * 3, told)
            left = [pair for pair in runs if ledger.unsettled_calls(*pair)]
            self._check("no model call is left open", not left, left)
        self._counted = keys.calls

    def _state(self, session_id: str) -> dict[str, Any]:
        url = f"{self._site.url(self._people[0]._rng)}/api/state"
        state = httpx.get(url, params={"session_id": session_id}, timeout=patient(10)).raise_for_status().json()
        self._check("no session is processing", state["status"] != "processing", state["status"])
        return state

    def _lost_after(self, sent: Sent) -> float | None:
        """Seconds from a worker's death to the end that its reader saw."""
        if not sent.end or sent.end.get("code") != "worker_lost":
            return None
        with self._site.store() as store:
            worker = store.hget(f"session:{{{sent.session_id}}}:run:{sent.run_id}", "worker") or ""
        died = self._site.stricken.get(int(worker.split("-")[-2])) if worker else None
        return sent.ended_at - died if died else None


def _answers(store: redis_py.Redis) -> bool:
    try:
        return store.ping()
    except redis_py.RedisError:
        return False


def _open_jobs(store: redis_py.Redis) -> list[str]:
    """Jobs that wait or run; those of killed workers stay for a day, as failed."""
    found = [store.hgetall(key) for key in store.keys("rq:job:*")]
    return [str(job) for job in found if job and job.get("status") != "failed"]


def _allowed(sent: Sent) -> bool:
    end = sent.end or {}
    if end.get("code") in FAULTS_OF_THE_SITE:
        return True
    if sent.kind == "cut":
        return end.get("code") == "provider_error"
    if sent.kind in ("stop", "barged"):
        return end.get("type") == "complete"
    if sent.kind == "asks":
        return end.get("type") == "complete" and bool(end["awaiting"])
    return end == {"type": "complete"} or (sent.kind == "goes on" and set(end) == {"type", "awaiting"})


def _spread(values: list[float]) -> str:
    if not values:
        return "none"
    return f"{median(values):.3f} / {values[int(len(values) * 0.95)]:.3f} / {values[-1]:.3f} ({len(values)})"
