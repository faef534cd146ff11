"""The backend under chaos: two webs and two workers on an append-only Redis, or on one with a replica that Sentinels
watch. Their clocks differ by minutes.

Whatever is killed is started again, as a supervisor does; nobody waits for it.
"""

from __future__ import annotations

import itertools
import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis as redis_py
import yaml

from app.config import Settings
from app.state.accounts.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.backend import AppendOnlyRedis, Backend, Process, redis_server, until
from tests.support.backend import configuration as configured
from tests.support.engines import Watched
from tests.support.patience import patient, setting
from tests.support.servers import Provider, serving

ALIVE = 2
"""Webs and workers that are kept."""

Servers = AppendOnlyRedis | Watched

ASKING = {
    "id": "signing",
    "name": "Asks before it writes",
    "model": "scripted",
    "tools": ["tests.support.tools:Jot", "tests.support.tools:Add"],
    "approve": ["Jot"],
    "client_tools": True,
}
"""The app whose turns wait for people."""

ANSWER_TTL = 20
"""Seconds that a call waits for its answer."""

SKEWS = (60.0, -60.0, 0.0)
"""Seconds by which the clocks of webs, one after the other, and of the first worker are off."""


class Site:
    """Real processes. `stricken` holds when a worker, by its process id, was killed or frozen (monotonic seconds)."""

    def __init__(self, folder: Path, provider: Provider, redis: Servers, backend: Backend) -> None:
        self.provider = provider
        self.redis = redis
        self.stricken: dict[int, float] = {}
        self._backend = backend
        self.answer_ttl = float(backend.environment["AOMI_ANSWER_TTL"])  # as patient as the machine was busy
        self.folder = folder
        self.front = ""
        """The address of what stands before the webs, if anything does."""
        self.misfortunes = 0
        """How many faults there were so far."""
        self._skews = itertools.cycle(SKEWS)
        self._workers = [backend.begin_worker(skew=skew) for skew in (SKEWS[0], 0)]
        self._webs = [self._new_web() for _ in range(ALIVE)]
        until(lambda: all(map(takes_jobs, self._workers)), 60, "the workers")
        with self.store() as store:
            self.key = ApiKeys(Store(store, Settings())).issue(("*",), "chaos")

    def store(self) -> redis_py.Redis:
        """A client of the site's Redis, of the master if there are several."""
        return redis_py.Redis.from_url(self.redis.master_url, decode_responses=True)

    def url(self, rng: random.Random) -> str:
        """The address of one of the webs; it may be gone by the time one asks it. That before them, if there is one."""
        return self.front or rng.choice(self._webs)[1]

    def ready_workers(self) -> list[Process]:
        """The workers that take jobs."""
        return [worker for worker in self._workers if takes_jobs(worker)]

    def logs(self) -> str:
        """All that the processes have logged."""
        return "\n".join(process.log() for process in self._backend.processes)

    def replace_worker(self, worker: Process) -> None:
        self._workers[self._workers.index(worker)] = self._backend.begin_worker()

    def replace_web(self, rng: random.Random, end: Callable[[Process], None]) -> None:
        """Start another web, then end one."""
        place = rng.randrange(len(self._webs))
        process = self._webs[place][0]
        self._webs[place] = self._new_web()
        end(process)

    def restart_web(self, place: int) -> None:
        """End a web as a deploy does, then start another one at its address."""
        process, url = self._webs[place]
        assert process.stop() == 0, process.log()
        self._webs[place] = self._backend.web(int(url.rpartition(":")[2]))

    def restart_worker(self, place: int) -> None:
        """End a worker as a deploy does, and start another one meanwhile; returns when that takes jobs."""
        worker = self._workers[place]
        worker.send(signal.SIGTERM)
        self.replace_worker(worker)
        until(lambda: takes_jobs(self._workers[place]), 60, "the new worker")
        assert worker.wait() == 0, worker.log()

    def _new_web(self) -> tuple[Process, str]:
        return self._backend.web(skew=next(self._skews))

    def web_addresses(self) -> list[str]:
        return [url for _, url in self._webs]

    def any_web(self, rng: random.Random) -> Process:
        return rng.choice(self._webs)[0]


def takes_jobs(worker: Process) -> bool:
    return worker.alive and "takes jobs" in worker.log()


@contextmanager
def standing(folder: Path, lease: float, *, watched: bool = False, **more: str) -> Iterator[Site]:
    """A site that is up, with `more` in its environment; it is torn down at the end. `watched`: with Sentinels, which
    do nothing until they are asked to fail over."""
    redis = Watched(redis_server(), folder, down_after=600) if watched else AppendOnlyRedis(folder)
    provider = Provider()
    config = folder / "aomi.yaml"
    environment = {
        "AOMI_CONFIG": str(config),
        "TEST_API_KEY": "sk-chaos",
        "AOMI_LEASE": setting(lease),
        "AOMI_GRACE": "1.5",
        "AOMI_KEEP_ALIVE": "1",
        "AOMI_RETRY_PAUSE": "0.05",
        "AOMI_ANSWER_TTL": f"{patient(ANSWER_TTL):.0f}",
    }
    with serving(provider.handle) as url:
        catalog = configured(url)
        catalog["apps"].append(ASKING)
        config.write_text(yaml.safe_dump(catalog))
        backend = Backend(folder, redis.url, environment | more)
        try:
            yield Site(folder, provider, redis, backend)
        finally:
            backend.stop()
            redis.stop()
