"""The state's contract, held over fakeredis, a real Redis, the Valkey of `make run` and a Redis Cluster alike. That of
the Valkey has a prefix; test_prefix.py has a cluster with one."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import fakeredis
import pytest
import redis as redis_py

from app.catalog import Webhook
from app.config import Settings
from app.events import sse
from app.metrics.instruments import Metrics
from app.state.accounts.ledger import Ledger
from app.state.accounts.owners import Owners
from app.state.accounts.vault import Vault
from app.state.connection import clients
from app.state.connection.cluster import Cluster
from app.state.connection.prefix import PrefixedRedis
from app.state.conversation.feedback import Feedback, FeedbackStore
from app.state.pages import WantedPage
from app.state.scripts import Store
from app.state.sessions import Sessions
from app.state.tools.client_requests import ClientRequests
from app.state.tools.step_calls import StepToolCall, StepToolCalls
from app.state.turns.run_records import Run
from app.state.turns.runs import RunStore
from app.state.turns.turn_requests import BranchPoint, TurnRequest
from app.state.uploads.files import Files
from app.tokens.user import User
from app.turns.queue import Jobs
from app.turns.service import TurnService
from app.usage import ModelCall
from tests.support.backend import redis_running, redis_server
from tests.support.engines import RedisCluster, server, stopped_at_last
from tests.support.moments import now
from tests.support.talk import Talk

ALL = WantedPage(100)
"""A page that holds all of a list."""

SITE = "site:"
"""The prefix of a site."""

WEBHOOK = Webhook(url="https://receiver.example", secret="os.environ/SECRET", include=("messages",))

WORDS = "my words"
NOTE = {"app": "default"}
"""What makes a message a request of OpenAI's API."""
"""What the person of `full` says."""


class Repeated(Store):
    """Sends every script twice, as a client does whose connection broke before the answer was there."""

    def call(self, *args: Any, **more: Any) -> Any:
        super().call(*args, **more)
        return super().call(*args, **more)

    def call_each(self, *args: Any) -> list[Any]:
        super().call_each(*args)
        return super().call_each(*args)


@pytest.fixture(scope="session")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of three masters."""
    with stopped_at_last(RedisCluster(redis_server(), tmp_path_factory.mktemp("cluster"))) as nodes:
        yield nodes.url


@pytest.fixture(scope="session")
def cluster(cluster_url: str) -> Cluster:
    """A client of them, as the backend has it."""
    return clients.commands(Settings(REDIS_URL=cluster_url, queue_redis_url="redis://queue"))


@pytest.fixture(scope="session")
def shared(cluster_url: str, redis_url: str) -> Settings:
    """Settings of a site on that cluster and a Redis that it shares with others."""
    return Settings(REDIS_URL=cluster_url, queue_redis_url=redis_url.replace("/0", "/1"), redis_prefix=SITE)


@pytest.fixture(scope="session")
def prefixed(shared: Settings) -> Cluster:
    """A client of its state."""
    return clients.commands(shared)


@pytest.fixture(scope="session")
def single(redis_url: str) -> Iterator[redis_py.Redis]:
    """A real Redis, in a database of its own."""
    with redis_py.Redis.from_url(redis_url.replace("/0", "/1")) as client:
        yield client


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefixedRedis]:
    """A client of a site on a real Valkey."""
    with (
        redis_running(tmp_path_factory.mktemp("valkey"), server("valkey-server")) as url,
        clients.commands(Settings(REDIS_URL=url, redis_prefix=SITE)) as client,
    ):
        yield client


ENGINES = (
    "redis",
    pytest.param("fakeredis", marks=pytest.mark.exhaustive),  # three times the CPU: it compiles a script each time
    pytest.param("cluster", marks=pytest.mark.long),
    pytest.param("valkey", marks=pytest.mark.exhaustive),
)


@pytest.fixture(params=ENGINES)
def connection(request: pytest.FixtureRequest) -> Iterator[redis_py.Redis]:
    if request.param == "fakeredis":
        yield fakeredis.FakeRedis(server=fakeredis.FakeServer(), lua_modules=set())
        return
    client = request.getfixturevalue({"redis": "single"}.get(request.param, request.param))
    whole = without_prefix(client)
    whole.flushdb()
    yield client
    if whole is not client:
        assert all(name.startswith(SITE.encode()) for name in whole.scan_iter())


def without_prefix(client: redis_py.Redis) -> redis_py.Redis:
    """A client of all that is in that Redis, not of one site."""
    return redis_py.Redis(connection_pool=client.connection_pool) if isinstance(client, PrefixedRedis) else client


def empty(client: redis_py.Redis) -> None:
    """Delete all keys of a site."""
    if names := list(client.scan_iter(count=1000)):
        client.unlink(*names)


@pytest.fixture
def queue(request: pytest.FixtureRequest, connection: redis_py.Redis) -> redis_py.Redis:
    """Where the queue is: beside the state, but never on a cluster."""
    if not isinstance(connection, Cluster):
        return connection
    single = request.getfixturevalue("single")
    single.flushdb()
    return single


@pytest.fixture
def settings(connection: redis_py.Redis) -> Settings:
    prefix = connection.prefix.text if isinstance(connection, Cluster | PrefixedRedis) else ""
    return Settings(max_waiting=2, updates_kept=10, lease=60, redis_prefix=prefix)


@pytest.fixture
def subscribe(connection: redis_py.Redis, settings: Settings) -> Callable[[str], Any]:
    """Subscribes to a channel of the site; returns redis-py's `PubSub`."""

    def subscribed(channel: str) -> Any:
        listener = without_prefix(connection).pubsub(ignore_subscribe_messages=True)
        listener.subscribe(settings.redis_prefix + channel)
        listener.get_message(timeout=1)
        return listener

    return subscribed


@pytest.fixture
def store(connection: redis_py.Redis, settings: Settings) -> Store:
    return Store(connection, settings)


@pytest.fixture
def sessions(store: Store) -> Sessions:
    return Sessions(store)


@pytest.fixture
def runs(store: Store) -> RunStore:
    return RunStore(store)


@pytest.fixture
def session_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def said():
    """Makes a message."""

    def message(text: str = "hello", **more) -> TurnRequest:
        return TurnRequest(**{"text": text, "app": "default", "model": "demo"} | more)

    return message


@pytest.fixture
def full(sessions, runs, store, said) -> tuple[Run, StepToolCall]:
    """A session `s` with everything a session can have, its running turn and that turn's call."""
    sessions.create("s", {"public_key": "0xabc", "user_state": '{"address":"0xfeed"}'})
    Vault(store).bind("s", "digest-of-a-client")
    Owners(store).claim("s", User("the sub of a user", 0))
    runs = RunStore(store, lambda app: WEBHOOK)
    done = runs.start("s", said(WORDS, idempotency_key="key", body=b"body", message_id="an id", note=NOTE))
    settled = runs.claim("s", done.run_id, "worker")
    runs.append([("s", settled.id, 1, [sse.text("an answer")])])
    runs.settle(runs.seal("s", settled.id, "complete", expect={"running"}), sse.complete())
    edited = runs.start("s", said(WORDS, branch=BranchPoint("edit", "an id")))
    runs.claim("s", edited.run_id, "worker")
    runs.append([("s", edited.run_id, 1, [sse.text("another answer")])])
    runs.settle(runs.seal("s", edited.run_id, "complete", expect={"running"}), sse.complete())
    FeedbackStore(store).give(sessions.get("s"), "", f"{edited.run_id}-0", Feedback("user", "up", 1, WORDS))
    sessions.open_thread("s", "Other")
    Files(store).add("s", f"{WORDS}.txt", [WORDS.encode()], len(WORDS))
    run_id = runs.start("s", said(WORDS)).run_id
    run = runs.claim("s", run_id, "worker")
    call = StepToolCall("s", run_id, "c:1", run.thread_id, "default", "T", {"a": WORDS}, address="digest-of-an-address")
    StepToolCalls(store).record(call)
    StepToolCalls(store).set_first_step(call, "first")
    requests = ClientRequests(store)
    requests.ask(run, "c2", "Ask", "kind", {"what": WORDS})
    requests.fetch_events("s")
    requests.ask(run, "c3", "Ask", "kind", {"what": WORDS})
    runs.append([("s", run_id, 1, [sse.text("an answer")])])
    runs.start("s", said(WORDS))
    asked = ModelCall("1", "2026-11-24", "key1", "default", "demo", 10, None)
    Ledger(store).open("s", run_id, asked)
    Ledger(store).settle("s", settled.id, asked.estimated(10))
    return run, call


@pytest.fixture(params=[Store, Repeated])
def talk(request, connection, settings, sessions, said) -> Talk:
    """Two messages with their answers in session `s`."""
    talk = Talk(request.param(connection, settings), sessions, said)
    talk.say("one", "1")
    talk.say("two", "2")
    return talk


@pytest.fixture
def talk_turns(talk, queue, settings, connection) -> TurnService:
    """The turns of that conversation."""
    return TurnService(talk.runs, Jobs(queue, settings.failed_job_ttl, connection), Metrics(now))
