"""The backend under chaos: two webs and two workers on an append-only Redis, and the faults that may befall them.

Whatever is killed is started again, as a supervisor does; nobody waits for it.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis as redis_py
import yaml

from app.config import Settings
from app.state.api_keys import ApiKeys
from app.state.scripts import Store
from tests.support.backend import AppendOnlyRedis, Backend, Process, until
from tests.support.backend import configuration as configured
from tests.support.patience import setting
from tests.support.servers import Provider, serving

ALIVE = 2
"""Webs and workers that are kept."""


class Site:
    """Real processes. `stricken` holds when a worker, by its process id, was killed or frozen (monotonic seconds)."""

    def __init__(self, folder: Path, provider: Provider, redis: AppendOnlyRedis, backend: Backend) -> None:
        self.provider = provider
        self.redis = redis
        self.stricken: dict[int, float] = {}
        self._backend = backend
        self._folder = folder
        self.front = ""
        """The address of what stands before the webs, if anything does."""
        self._workers = [backend.begin_worker() for _ in range(ALIVE)]
        self._webs = [backend.web() for _ in range(ALIVE)]
        until(lambda: all(map(takes_jobs, self._workers)), 60, "the workers")
        with self.store() as store:
            self.key = ApiKeys(Store(store, Settings())).issue(("*",), "chaos")

    def store(self) -> redis_py.Redis:
        """A client of the site's Redis."""
        return redis_py.Redis.from_url(self.redis.url, decode_responses=True)

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
        self._webs[place] = self._backend.web()
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

    def web_addresses(self) -> list[str]:
        return [url for _, url in self._webs]

    def any_web(self, rng: random.Random) -> Process:
        return rng.choice(self._webs)[0]


def takes_jobs(worker: Process) -> bool:
    return worker.alive and "takes jobs" in worker.log()


@contextmanager
def standing(folder: Path, lease: float, **more: str) -> Iterator[Site]:
    """A site that is up, with `more` in its environment; it is torn down at the end."""
    provider, redis = Provider(), AppendOnlyRedis(folder)
    config = folder / "aomi.yaml"
    environment = {
        "AOMI_CONFIG": str(config),
        "TEST_API_KEY": "sk-chaos",
        "AOMI_LEASE": setting(lease),
        "AOMI_GRACE": "1.5",
        "AOMI_KEEP_ALIVE": "1",
        "AOMI_RETRY_PAUSE": "0.05",
    }
    with serving(provider.handle) as url:
        config.write_text(yaml.safe_dump(configured(url)))
        backend = Backend(folder, redis.url, environment | more)
        try:
            yield Site(folder, provider, redis, backend)
        finally:
            backend.stop()
            redis.stop()


# What may befall it


def kill_worker(site: Site, rng: random.Random) -> None:
    worker = rng.choice(site.ready_workers())
    site.stricken[worker.pid] = time.monotonic()
    worker.kill()
    site.replace_worker(worker)


def stop_worker(site: Site, rng: random.Random) -> None:
    worker = rng.choice(site.ready_workers())
    worker.send(signal.SIGTERM)
    site.replace_worker(worker)


def freeze_worker(site: Site, rng: random.Random) -> None:
    """For longer than its leases last: it comes back late, and must not overwrite what was ended meanwhile."""
    worker = rng.choice(site.ready_workers())
    site.stricken[worker.pid] = time.monotonic()
    worker.send(signal.SIGSTOP)
    time.sleep(float(site._backend.environment["AOMI_LEASE"]) * 1.5)
    worker.send(signal.SIGCONT)


def kill_web(site: Site, rng: random.Random) -> None:
    site.replace_web(rng, Process.kill)


def stop_web(site: Site, rng: random.Random) -> None:
    site.replace_web(rng, lambda process: process.send(signal.SIGTERM))


def crash_web(site: Site, rng: random.Random) -> None:
    """gunicorn's worker dies; its master starts another one on the same port."""
    for child in site.any_web(rng).children():
        child.kill()


def drop_pubsub(site: Site, rng: random.Random) -> None:
    with site.store() as store:
        store.client_kill_filter(_type="pubsub")


def drop_connections(site: Site, rng: random.Random) -> None:
    with site.store() as store:
        store.client_kill_filter(_type="normal", skipme=True)


def restart_redis(site: Site, rng: random.Random) -> None:
    site.redis.stop(rng.choice([signal.SIGTERM, signal.SIGKILL]))
    time.sleep(rng.uniform(0, 1.5))
    site.redis.start()


def freeze_redis(site: Site, rng: random.Random) -> None:
    site.redis.process.send_signal(signal.SIGSTOP)
    time.sleep(rng.uniform(0.2, 2))
    site.redis.process.send_signal(signal.SIGCONT)


FAULTS = {
    kill_worker: 4,
    stop_worker: 2,
    freeze_worker: 1,
    kill_web: 2,
    stop_web: 2,
    crash_web: 2,
    drop_pubsub: 4,
    drop_connections: 3,
    restart_redis: 3,
    freeze_redis: 2,
}
"""How often each happens, beside the others."""

OF_WORKERS = (kill_worker, stop_worker, freeze_worker)


def misfortune(site: Site, rng: random.Random, done: Counter[str]) -> None:
    """Let one thing go wrong; a worker is struck only when the others are at work, as else no turn would go on."""
    possible = {
        fault: weight
        for fault, weight in FAULTS.items()
        if len(site.ready_workers()) == ALIVE or fault not in OF_WORKERS
    }
    (fault,) = rng.choices(list(possible), list(possible.values()))
    fault(site, rng)
    done[fault.__name__.replace("_", " ")] += 1
