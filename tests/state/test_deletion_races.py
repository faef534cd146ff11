"""A session that is deleted while something is done for it: nothing comes back, whenever the deletion comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_py

from app import services
from app.config import Settings
from app.events import sse
from app.services import Services
from app.state.conversation.summary import Summary
from app.state.tools.client_requests import TurnOver
from app.state.tools.request_expiry import RequestExpiry
from app.state.tools.step_calls import StepToolCall
from app.state.turns.turn_requests import TurnRequest
from app.turns.erasing import erase, erase_thread
from app.usage import ModelCall
from app.web.access.admission import Admission
from app.web.access.caller import Caller
from tests.support.remains import standing_in

ROOT = Path(__file__).parents[2]
SESSION, OWNER, WORDS = "session-that-goes", "owner-that-goes", "words-that-go"
CALLER = Caller(client="client-that-goes", address="192.0.2.1")

Step = Callable[[Services, dict[str, Any]], object]


class Interrupting:
    """A client of Redis that calls `between` before the command number `at`. A pipeline counts as one command."""

    def __init__(self, redis: redis_py.Redis, at: int, between: Callable[[], None]) -> None:
        self._redis, self._left, self._between = redis, at, between

    @property
    def has_interrupted(self) -> bool:
        return self._left < 0

    def count(self) -> None:
        self._left -= 1
        if self._left == -1:
            self._between()

    def pipeline(self, *args: Any, **more: Any) -> Any:
        pipeline = self._redis.pipeline(*args, **more)
        execute = pipeline.execute

        def counted() -> Any:
            self.count()
            return execute()

        pipeline.execute = counted
        return pipeline

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._redis, name)
        if not callable(found) or name.startswith("_"):
            return found

        def counted(*args: Any, **more: Any) -> Any:
            self.count()
            return found(*args, **more)

        return counted


def made(backend: Services, life: dict[str, Any]) -> None:
    backend.sessions.create(SESSION, {"public_key": OWNER, "user_state": f'{{"word":"{WORDS}"}}'})


def said(backend: Services, life: dict[str, Any]) -> None:
    request = TurnRequest(text=WORDS, app="default", model="demo/assistant", idempotency_key="key")
    life["run"] = Admission.of(backend).admit(SESSION, request, CALLER).run_id


def begun(backend: Services, life: dict[str, Any]) -> None:
    life["turn"] = backend.runs.claim(SESSION, life["run"], "worker")
    if life["turn"]:
        backend.jobs.title(SESSION, life["run"], life["turn"].thread_id, "model")


def titled(backend: Services, life: dict[str, Any]) -> None:
    if run := backend.runs.claim_title(SESSION, life["run"]):
        call = ModelCall("title", "2026-11-24", "-", "default", "demo", 10, None)
        if backend.ledger.open(SESSION, run.id, call):
            backend.sessions.suggest_title(SESSION, run.thread_id, WORDS)
        backend.ledger.settle(SESSION, run.id, call.estimated(5))


def summed_up(backend: Services, life: dict[str, Any]) -> None:
    backend.jobs.compaction(SESSION, life["run"])
    if job := backend.runs.claim_compaction(SESSION, life["run"], 600):
        backend.sessions.end_compaction(job, Summary(WORDS, "msg_1", "demo", ""))


def answered(backend: Services, life: dict[str, Any]) -> None:
    backend.runs.append([(SESSION, life["run"], 1, [sse.text(WORDS)])])


def asked(backend: Services, life: dict[str, Any]) -> None:
    try:
        backend.client_requests.ask(life["turn"], "call", "Ask", "kind", {"what": WORDS})
    except TurnOver:
        return
    backend.client_requests.fetch_events(SESSION)


def stepped(backend: Services, life: dict[str, Any]) -> None:
    turn, calls = life["turn"], backend.step_calls
    call = StepToolCall(SESSION, turn.id, "c:1", turn.thread_id, "default", "T", {"a": WORDS}, address="address")
    if not calls.record(call):
        return
    backend.jobs.steps(SESSION, turn.id, "c:1")
    if claimed := calls.claim(SESSION, turn.id, "c:1"):
        calls.set_first_step(claimed, WORDS)
        calls.deliver(claimed, 2, WORDS, False, sleep=lambda _: None)
        calls.suspend(claimed, 1, 3600)


def expired(backend: Services, life: dict[str, Any]) -> None:
    RequestExpiry(backend.sessions._store).handle(SESSION, 1)


def polled(backend: Services, life: dict[str, Any]) -> None:
    backend.vault.introduce(SESSION, "client-that-goes-too")
    backend.sessions.set_public_key(SESSION, OWNER)
    backend.sessions.change(SESSION, {"user_state": f'{{"word":"{WORDS}"}}'}, [sse.system_notice(SESSION, WORDS)])


def ended(backend: Services, life: dict[str, Any]) -> None:
    backend.turns.end(SESSION, life["run"], sse.complete())


def branched(backend: Services, life: dict[str, Any]) -> None:
    if thread := backend.sessions.open_thread(SESSION, WORDS):
        backend.sessions.rename_thread(SESSION, thread["id"], WORDS)
        erase_thread(backend.sessions, backend.turns, backend.jobs, SESSION, thread["id"])


LIFE: tuple[Step, ...] = (
    made, said, begun, titled, summed_up, answered, asked, stepped, expired, polled, ended, branched
)  # fmt: skip


@pytest.fixture
def redis(single: redis_py.Redis) -> redis_py.Redis:
    single.flushdb()
    return single


def built(redis: Any) -> Services:
    settings = Settings(config=ROOT / "aomi.yaml", turns_per_address=5, tools_per_address=5, metrics=False)
    return services.build(settings, redis, redis, redis)


def erased(backend: Services) -> None:
    erase(backend.sessions, backend.turns, backend.usage_recovery, backend.jobs, backend.files, SESSION)


def remains(redis: redis_py.Redis) -> list[str]:
    """What is left. A job may be: it holds ids alone, and goes when a worker takes it. So may the client that named the
    session when it was gone, for a minute, under a digest of its id."""
    found = standing_in(redis, SESSION, OWNER, WORDS, "client-that-goes")
    jobs = ("b'rq:", "b'session:introduced:")
    assert not [one for one in found if WORDS in one and one.startswith("b'rq:")]
    return [one for one in found if not one.startswith(jobs)]


def stored(redis: redis_py.Redis) -> dict[bytes, tuple[bytes, int]]:
    """Value and life of every key."""
    names = list(redis.scan_iter(count=1000))
    pipeline = redis.pipeline()
    for name in names:
        pipeline.dump(name).pttl(name)
    found = pipeline.execute()
    return dict(zip(names, zip(found[::2], found[1::2], strict=True), strict=True))


def restore(redis: redis_py.Redis, keys: dict[bytes, tuple[bytes, int]]) -> None:
    pipeline = redis.pipeline()
    pipeline.flushdb()
    for name, (value, life) in keys.items():
        pipeline.restore(name, max(0, life), value)
    pipeline.execute()


def interruptions(redis: redis_py.Redis, step: Step, life: dict[str, Any]) -> Iterator[int]:
    """Does the step again and again, from what is in Redis now, with a deletion before each of its commands; at last
    without any. Yields the number of the command, when the step is done."""
    before, at, plain = stored(redis), 0, built(redis)
    while True:
        restore(redis, before)
        client = Interrupting(redis, at, lambda: erased(plain))
        step(built(client), life)
        if not client.has_interrupted:
            return
        yield at
        at += 1


@pytest.mark.long
def test_what_a_deletion_meets_brings_nothing_back(redis):
    plain, life = built(redis), {}
    for step in LIFE:
        for number in interruptions(redis, step, life):
            if plain.sessions.get(SESSION):  # a message that came behind the deletion, or a request to create it
                assert step in (made, said), (step.__name__, number)
                erased(plain)
            assert remains(redis) == [], (step.__name__, number)
