"""The state's contract, held over fakeredis and a real Redis alike."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import fakeredis
import pytest
import redis as redis_py

from app.config import Settings
from app.state.runs import Message, Runs
from app.state.sessions import Sessions
from app.state.store import Store


class Repeated(Store):
    """Sends every script twice, as a client does whose connection broke before the answer was there."""

    def call(self, *args: Any, **more: Any) -> Any:
        super().call(*args, **more)
        return super().call(*args, **more)


@pytest.fixture(params=["fakeredis", "redis"])
def connection(request: pytest.FixtureRequest) -> Iterator[redis_py.Redis]:
    if request.param == "fakeredis":
        yield fakeredis.FakeRedis(server=fakeredis.FakeServer(), lua_modules=set())
        return
    with redis_py.Redis.from_url(request.getfixturevalue("redis_url").replace("/0", "/1")) as client:
        client.flushdb()
        yield client


@pytest.fixture
def settings() -> Settings:
    return Settings(max_waiting=2, updates_kept=10, lease=1)


@pytest.fixture
def store(connection: redis_py.Redis, settings: Settings) -> Store:
    return Store(connection, settings)


@pytest.fixture
def sessions(store: Store) -> Sessions:
    return Sessions(store)


@pytest.fixture
def runs(store: Store) -> Runs:
    return Runs(store)


@pytest.fixture
def session_id() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def said():
    """Makes a message."""

    def message(text: str = "hello", **more) -> Message:
        return Message(**{"text": text, "app": "default", "model": "demo"} | more)

    return message
