"""Sites: web and worker on a kind of Redis that is more than one plain server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.connection import clients
from app.state.scripts import Store
from tests.support.backend import Backend, until
from tests.support.client import Client
from tests.support.engines import server
from tests.support.patience import setting


@dataclass
class Site:
    """A web and a worker; `servers` is what they stand on."""

    backend: Backend
    address: str
    servers: Any
    key: str

    def client(self) -> Client:
        """A session of its own."""
        return Client(self.address, self.key)


@pytest.fixture(scope="package", params=["redis-server", pytest.param("valkey-server", marks=pytest.mark.exhaustive)])
def program(request: pytest.FixtureRequest) -> str:
    return server(request.param)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, config_file: Path) -> Callable[..., Any]:
    """Starts a site on the given URLs, with more settings if there are any."""

    @contextmanager
    def start(servers: Any, **urls: str) -> Iterator[Site]:
        environment = {
            "AOMI_CONFIG": str(config_file),
            "TEST_API_KEY": "x",
            "AOMI_LEASE": setting(10),
            "AOMI_KEEP_ALIVE": "1",
        }
        backend = Backend(tmp_path_factory.mktemp("site"), urls["REDIS_URL"], environment | urls)
        try:
            worker = backend.begin_worker()
            address = backend.web()[1]
            until(lambda: "takes jobs" in worker.log() or not worker.alive, 40, "worker process")
            assert worker.alive, worker.log()
            settings = Settings(
                REDIS_URL=urls["REDIS_URL"],
                queue_redis_url=urls.get("AOMI_QUEUE_REDIS_URL", ""),
                redis_prefix=urls.get("AOMI_REDIS_PREFIX", ""),
            )
            key = ApiKeys(Store(clients.commands(settings), settings)).issue(("*",), "tests")
            yield Site(backend, address, servers, key)
        finally:
            backend.stop()

    return start
